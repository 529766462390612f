//! Lists that are made of arrays, and items that are put into them.

use super::super::access::{int, ints};
use super::super::{fail, moves};
use super::{Inputs, MOST_BYTES, MOST_ITEMS, within};
use crate::EngineError;
use crate::value::{Kind, List, Value};

/// The slices of a value along its first axis.
pub fn slices(x: &Value) -> Result<List, EngineError> {
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

pub fn scatter(inputs: &mut Inputs) -> Result<List, EngineError> {
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

pub fn scatter_into(mut list: List, x: &Value, places: &[i64]) -> Result<List, EngineError> {
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

pub fn split(x: &Value, lengths: &[usize]) -> Result<List, EngineError> {
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

pub fn set(inputs: &mut Inputs, grows: bool) -> Result<List, EngineError> {
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

pub fn push(inputs: &mut Inputs) -> Result<List, EngineError> {
    let mut list = inputs.list()?;
    let item = inputs.next()?;
    bounded(&list, &item)?;
    list.items.push(Some(item));
    Ok(list)
}

/// Items of a list are of one size as a rule: so many of this one must be no more than may be held.
pub fn bounded(list: &List, item: &Value) -> Result<(), EngineError> {
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
