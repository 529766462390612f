//! Lists of values, and what a branch or a loop decides by.

mod making;
mod ragged;
mod reading;
mod sequences;
mod sparse;
mod sums;

use super::access::{int, ints, sizes};
use super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::Listing;
use crate::value::{Kind, List};
use making::{push, scatter, scatter_into, set, slices, split};
use reading::read;

/// What an operation gives.
type Values = Result<Vec<Value>, EngineError>;

/// Most items of a list.
const MOST_ITEMS: usize = 1 << 20;
/// Most bytes that the items of a list may have when many of them are made at once or added one by one.
const MOST_BYTES: usize = 1 << 30;

/// Whether a value counts as true: a number that is not zero, a text that is not empty, an array that is not empty.
pub fn truth(value: &Value) -> Result<bool, EngineError> {
    if value.rank() > 0 {
        return Ok(value.elem_count() > 0);
    }
    match value.kind() {
        Kind::F32 => Ok(value.slice::<f32>()?.first().is_some_and(|x| *x != 0.0)),
        Kind::F64 => Ok(value.slice::<f64>()?.first().is_some_and(|x| *x != 0.0)),
        Kind::I64 => Ok(value.slice::<i64>()?.first().is_some_and(|x| *x != 0)),
        Kind::Bool => Ok(value.slice::<u8>()?.first().is_some_and(|x| *x != 0)),
        Kind::Text => Ok(value.texts()?.first().is_some_and(|t| !t.is_empty())),
        Kind::List => Err(fail("a list is neither true nor false")),
    }
}

/// The inputs of an operation, taken one by one.
pub struct Inputs(std::vec::IntoIter<Value>);

impl Inputs {
    fn next(&mut self) -> Outcome {
        self.0.next().ok_or_else(|| fail("an operation on a list lacks an input"))
    }

    fn list(&mut self) -> Result<List, EngineError> {
        self.next()?.into_items()
    }

    fn shape(&mut self) -> Result<Option<Vec<i64>>, EngineError> {
        self.0.next().map_or(Ok(None), |v| shape(&v))
    }

    fn length(&mut self) -> Result<usize, EngineError> {
        let length = int(&self.next()?)?;
        let length = usize::try_from(length).ok().filter(|n| *n <= MOST_ITEMS);
        length.ok_or_else(|| fail(format!("a list may have at most {MOST_ITEMS} items")))
    }
}

/// A shape as far as it is known; a scalar: nothing is known of it.
fn shape(value: &Value) -> Result<Option<Vec<i64>>, EngineError> {
    if value.rank() == 0 { Ok(None) } else { ints(value).map(Some) }
}

/// Runs an operation on lists. A list that nobody else holds is changed in place.
pub fn listing(op: &Listing, inputs: Vec<Value>) -> Values {
    let mut inputs = Inputs(inputs.into_iter());
    let made = match op {
        Listing::Empty => List { items: Vec::new(), shape: inputs.shape()? },
        Listing::Reserve => List { shape: inputs.shape()?, items: vec![None; inputs.length()?] },
        Listing::FromTensor => slices(&inputs.next()?)?,
        Listing::Scatter => scatter(&mut inputs)?,
        Listing::ScatterInto => {
            let list = inputs.list()?;
            let (x, places) = (inputs.next()?, inputs.next()?);
            scatter_into(list, &x, &ints(&places)?)?
        }
        Listing::Split => split(&inputs.next()?, &sizes(&inputs.next()?)?)?,
        Listing::Set { grows } => set(&mut inputs, *grows)?,
        Listing::Push => push(&mut inputs)?,
        Listing::Resize => {
            let mut list = inputs.list()?;
            list.items.resize(inputs.length()?, None);
            list
        }
        Listing::Wrap { batched } => return ragged::wrap(&mut inputs, *batched).map(|v| vec![v]),
        Listing::WrapSparse { batched } => return sparse::wrap(&mut inputs, *batched).map(|v| vec![v]),
        Listing::Zeros => sums::zeros(inputs.list()?)?,
        Listing::Sum => sums::sum(&mut inputs)?,
        Listing::Join => {
            let mut list = inputs.list()?;
            list.items.extend(inputs.list()?.items);
            list
        }
        Listing::Insert => sequences::insert(&mut inputs)?,
        Listing::Erase => sequences::erase(&mut inputs)?,
        Listing::Cut { axis, keep } => sequences::cut(&mut inputs, *axis, *keep)?,
        reading => return read(reading, &mut inputs),
    };
    check(&made)?;
    Ok(vec![Value::list(made)])
}

fn within(place: i64, length: usize) -> Result<usize, EngineError> {
    let found = usize::try_from(place).ok().filter(|p| *p < length);
    found.ok_or_else(|| fail(format!("item {place} of a list of {length}")))
}

fn place(index: &Value, length: usize) -> Result<usize, EngineError> {
    within(int(index)?, length)
}

/// Refuses what is too large.
fn check(list: &List) -> Result<(), EngineError> {
    if list.items.len() > MOST_ITEMS {
        return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
