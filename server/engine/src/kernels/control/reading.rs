//! What lists are asked for: their items, one by one or as an array.

use super::super::access::{ints, make};
use super::super::{Outcome, elements, fail, moves};
use super::{Inputs, MOST_ITEMS, Values, place, ragged, sequences, sparse, within};
use crate::EngineError;
use crate::graph::Listing;
use crate::value::{Kind, List, Value};

/// What reads a list.
pub fn read(op: &Listing, inputs: &mut Inputs) -> Values {
    let list = inputs.next()?;
    let one = |value: Value| Ok(vec![value]);
    match op {
        Listing::Length => one(make(vec![list.items()?.items.len() as i64], &[])?),
        Listing::Shape => one(shape_of(list.items()?)?),
        Listing::Stack(kind) => one(stack(list.items()?, *kind, inputs.shape()?.as_deref())?),
        Listing::Along { kind, axis, stacked } => {
            one(sequences::along(&filled(list.items()?, *kind, None)?, *axis, *stacked)?)
        }
        Listing::Unwrap { kind, levels } => ragged::unwrap(list.items()?, *kind, *levels),
        Listing::UnwrapSparse(kind) => sparse::unwrap(list.items()?, *kind),
        Listing::Concat(kind) => concat(list.items()?, *kind, inputs.shape()?.as_deref()),
        Listing::Get(kind) => {
            let at = place(&inputs.next()?, list.items()?.items.len())?;
            one(item(list.items()?, at, *kind, inputs.shape()?.as_deref())?)
        }
        Listing::Gather(kind) => {
            let (list, places) = (list.items()?, ints(&inputs.next()?)?);
            if places.len() > MOST_ITEMS {
                return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
            }
            let found = places.iter().map(|p| Ok(list.items[within(*p, list.items.len())?].clone()));
            let items = found.collect::<Result<_, EngineError>>()?;
            one(stack(&List { items, shape: list.shape.clone() }, *kind, inputs.shape()?.as_deref())?)
        }
        Listing::Pop(kind) => {
            let mut list = list.into_items()?;
            let last = list.items.len().checked_sub(1).ok_or_else(|| fail("the list is empty"))?;
            let x = item(&list, last, *kind, inputs.shape()?.as_deref())?;
            list.items.truncate(last);
            Ok(vec![Value::list(list), x])
        }
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}

/// What is known of the shape of all items: what is said of it, and what those that are there have.
fn known_shape(list: &List, said: Option<&[i64]>) -> Result<Option<Vec<i64>>, EngineError> {
    let first = list.items.iter().flatten().next();
    if let Some(first) = first {
        return Ok(Some(first.dims().iter().map(|d| *d as i64).collect()));
    }
    match (said, list.shape.as_deref()) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            Ok(Some(a.iter().zip(b).map(|(a, b)| if *a < 0 { *b } else { *a }).collect()))
        }
        (Some(a), Some(b)) => Err(fail(format!("items of shape {b:?} where {a:?} is wanted"))),
        (a, b) => Ok(a.or(b).map(<[i64]>::to_vec)),
    }
}

/// Zeros, which stand where nothing was written.
fn zeros(kind: Kind, shape: Option<&[i64]>) -> Outcome {
    let unknown = || fail("an item that nothing was written to, and whose shape is not known");
    let dims: Option<Vec<usize>> =
        shape.ok_or_else(unknown)?.iter().map(|d| usize::try_from(*d).ok()).collect();
    moves::blank(kind, &dims.ok_or_else(unknown)?)
}

fn item(list: &List, at: usize, kind: Kind, said: Option<&[i64]>) -> Outcome {
    match &list.items[at] {
        Some(item) => Ok(item.clone()),
        None if kind == Kind::List => Ok(Value::list(List::default())),
        None => zeros(kind, known_shape(list, said)?.as_deref()),
    }
}

fn shape_of(list: &List) -> Outcome {
    match known_shape(list, None)? {
        Some(shape) => {
            let rank = shape.len();
            make(shape, &[rank])
        }
        None => make(vec![-1i64], &[]),
    }
}

/// All items; zeros where nothing was written.
pub fn filled(list: &List, kind: Kind, said: Option<&[i64]>) -> Result<Vec<Value>, EngineError> {
    if list.items.iter().all(Option::is_some) {
        return Ok(list.items.iter().flatten().cloned().collect());
    }
    let zeros = zeros(kind, known_shape(list, said)?.as_deref())?;
    Ok(list.items.iter().map(|i| i.as_ref().unwrap_or(&zeros).clone()).collect())
}

fn stack(list: &List, kind: Kind, said: Option<&[i64]>) -> Outcome {
    if kind == Kind::List {
        let empty = Value::list(List::default());
        let items = list.items.iter().map(|i| Some(i.as_ref().unwrap_or(&empty).clone())).collect();
        return Ok(Value::list(List { items, shape: None }));
    }
    if list.items.is_empty() {
        let mut shape = known_shape(list, said)?
            .ok_or_else(|| fail("an empty list, the shape of whose items is not known"))?;
        shape.insert(0, 0);
        return zeros(kind, Some(&shape));
    }
    let items = filled(list, kind, said)?;
    let size = items.first().map_or(0, Value::elem_count);
    elements(&[items.len(), size])?;
    moves::stack(&items.iter().collect::<Vec<_>>(), 0)
}

fn concat(list: &List, kind: Kind, said: Option<&[i64]>) -> Values {
    if list.items.is_empty() || kind == Kind::List {
        return Err(fail("a concatenation of no arrays"));
    }
    let items = filled(list, kind, said)?;
    let lengths: Option<Vec<i64>> = items.iter().map(|i| i.dims().first().map(|d| *d as i64)).collect();
    let lengths = lengths.ok_or_else(|| fail("a concatenation of scalars"))?;
    let whole = moves::cat(&items.iter().collect::<Vec<_>>(), 0)?;
    let count = lengths.len();
    Ok(vec![whole, make(lengths, &[count])?])
}
