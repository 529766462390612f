//! Lists of values, and what a branch or a loop decides by.

mod ragged;
mod sequences;

use super::access::{int, ints, make, sizes};
use super::{Outcome, Value, elements, fail, moves};
use crate::EngineError;
use crate::graph::Listing;
use crate::value::{Kind, List};

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

/// What reads a list.
fn read(op: &Listing, inputs: &mut Inputs) -> Values {
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

/// The slices of a value along its first axis.
fn slices(x: &Value) -> Result<List, EngineError> {
    // An array of lists is a list of them.
    if x.kind() == Kind::List {
        return x.items().cloned();
    }
    let (count, rest) = x.dims().split_first().ok_or_else(|| fail("a scalar has no slices"))?;
    if *count > MOST_ITEMS {
        return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
    }
    let slice = |n| moves::narrow(x, 0, n, 1)?.reshape(rest).map(Some);
    let items = (0..*count).map(slice).collect::<Result<_, _>>()?;
    Ok(List { items, shape: Some(rest.iter().map(|d| *d as i64).collect()) })
}

fn scatter(inputs: &mut Inputs) -> Result<List, EngineError> {
    let (x, places) = (inputs.next()?, ints(&inputs.next()?)?);
    let longest = places.iter().max().map_or(0, |m| m.saturating_add(1));
    let wanted = match inputs.0.next() {
        Some(length) => int(&length)?.max(longest),
        None => longest,
    };
    let count = usize::try_from(wanted).ok().filter(|n| *n <= MOST_ITEMS);
    let count = count.ok_or_else(|| fail(format!("a list may have at most {MOST_ITEMS} items")))?;
    scatter_into(List { items: vec![None; count], shape: None }, &x, &places)
}

fn scatter_into(mut list: List, x: &Value, places: &[i64]) -> Result<List, EngineError> {
    let from = slices(x)?;
    if from.items.len() != places.len() {
        return Err(fail(format!("{} places for {} items", places.len(), from.items.len())));
    }
    let longest = places.iter().max().map_or(0, |m| m.saturating_add(1));
    let longest = usize::try_from(longest).unwrap_or(0);
    if longest > MOST_ITEMS {
        return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
    }
    if longest > list.items.len() {
        list.items.resize(longest, None);
    }
    for (place, item) in places.iter().zip(from.items) {
        let at = within(*place, list.items.len())?;
        list.items[at] = item;
    }
    list.shape = list.shape.or(from.shape);
    Ok(list)
}

fn split(x: &Value, lengths: &[usize]) -> Result<List, EngineError> {
    let size = x.dims().first().copied().ok_or_else(|| fail("a scalar has no slices"))?;
    let total = lengths.iter().try_fold(0usize, |n, l| n.checked_add(*l));
    if total != Some(size) || lengths.len() > MOST_ITEMS {
        return Err(fail(format!("lengths that do not sum up to {size}")));
    }
    let mut from = 0;
    let mut items = Vec::new();
    for length in lengths {
        items.push(Some(moves::narrow(x, 0, from, *length)?));
        from += length;
    }
    Ok(List { items, shape: None })
}

fn set(inputs: &mut Inputs, grows: bool) -> Result<List, EngineError> {
    let mut list = inputs.list()?;
    let (index, item) = (int(&inputs.next()?)?, inputs.next()?);
    if grows && index >= list.items.len() as i64 && index < MOST_ITEMS as i64 {
        list.items.resize(usize::try_from(index).unwrap_or(0) + 1, None);
    }
    let at = within(index, list.items.len())?;
    bounded(&list, &item)?;
    list.items[at] = Some(item);
    Ok(list)
}

fn push(inputs: &mut Inputs) -> Result<List, EngineError> {
    let mut list = inputs.list()?;
    let item = inputs.next()?;
    bounded(&list, &item)?;
    list.items.push(Some(item));
    Ok(list)
}

/// Items of a list are of one size as a rule: so many of this one must be no more than may be held.
fn bounded(list: &List, item: &Value) -> Result<(), EngineError> {
    // Lists of lists of lists would be as deep as a loop is long.
    if let Ok(inner) = item.items()
        && inner.items.iter().flatten().any(|i| i.kind() == Kind::List)
    {
        return Err(fail("a list of lists of lists"));
    }
    if list.items.len().saturating_add(1).saturating_mul(item.bytes()) > MOST_BYTES {
        return Err(fail(format!("a list of more than {MOST_BYTES} bytes")));
    }
    Ok(())
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
fn filled(list: &List, kind: Kind, said: Option<&[i64]>) -> Result<Vec<Value>, EngineError> {
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

#[cfg(test)]
mod tests;
