//! Ragged arrays as items of lists: one is a list of its splits, outermost first, and its values; many are a list of such lists.

use super::super::access::make;
use super::super::moves::{blank, cat, narrow};
use super::super::{Value, elements, fail};
use super::{Inputs, MOST_ITEMS, Values};
use crate::EngineError;
use crate::value::{Kind, List};

fn single(parts: Vec<Value>) -> Value {
    Value::list(List { items: parts.into_iter().map(Some).collect(), shape: None })
}

fn begin(splits: &[i64], row: usize) -> Result<usize, EngineError> {
    let found = splits.get(row).and_then(|n| usize::try_from(*n).ok());
    found.ok_or_else(|| fail("ragged rows that do not fit their values"))
}

/// Splits…, values → one item, or one for each row.
pub fn wrap(inputs: &mut Inputs, batched: bool) -> Result<Value, EngineError> {
    let parts: Vec<Value> = inputs.0.by_ref().collect();
    if !batched {
        return Ok(single(parts));
    }
    let Some((first, inner)) = parts.split_first() else { return Err(fail("a ragged array without values")) };
    let splits: Vec<i64> = match inner {
        // An array that is not ragged has rows of one each.
        [] => (0..=first.dims().first().copied().unwrap_or(0) as i64).collect(),
        _ => first.slice::<i64>()?.to_vec(),
    };
    let rows = splits.len().saturating_sub(1);
    if rows > MOST_ITEMS {
        return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
    }
    let mut items = Vec::with_capacity(rows);
    for row in 0..rows {
        items.push(Some(single(row_of(&splits, row, if inner.is_empty() { &parts } else { inner })?)));
    }
    Ok(Value::list(List { items, shape: None }))
}

/// What lies below one row.
fn row_of(splits: &[i64], row: usize, parts: &[Value]) -> Result<Vec<Value>, EngineError> {
    let (mut from, mut to) = (begin(splits, row)?, begin(splits, row + 1)?);
    let mut made = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        if from > to {
            return Err(fail("ragged rows that do not fit their values"));
        }
        if n + 1 == parts.len() {
            let count = part.dims().first().copied().unwrap_or(0);
            if to > count {
                return Err(fail("ragged rows that do not fit their values"));
            }
            made.push(narrow(part, 0, from, to - from)?);
            break;
        }
        let own = part.slice::<i64>()?;
        let (first, last) = (begin(own, from)?, begin(own, to)?);
        let moved: Vec<i64> = own[from..=to].iter().map(|n| n.saturating_sub(first as i64)).collect();
        let count = moved.len();
        made.push(make(moved, &[count])?);
        (from, to) = (first, last);
    }
    Ok(made)
}

/// One item, or many of them as rows of one array → splits…, values.
pub fn unwrap(list: &List, kind: Kind, levels: usize) -> Values {
    let all: Option<Vec<&Value>> = list.items.iter().map(Option::as_ref).collect();
    let all = all.ok_or_else(|| fail("a ragged array that nothing was written to"))?;
    let is_one = all.first().is_some_and(|first| first.kind() != Kind::List);
    if is_one {
        return if all.len() == levels + 1 {
            Ok(all.into_iter().cloned().collect())
        } else {
            Err(fail("a ragged array of other levels"))
        };
    }
    if levels == 0 {
        return Err(fail("a ragged array of other levels"));
    }
    let mut rows: Vec<Vec<&Value>> = Vec::with_capacity(all.len());
    for item in all {
        let parts: Vec<&Value> = item.items()?.items.iter().flatten().collect();
        if parts.len() != levels {
            return Err(fail("a ragged array of other levels"));
        }
        rows.push(parts);
    }
    let mut made = Vec::with_capacity(levels + 1);
    let lengths = rows.iter().map(|parts| match parts[..] {
        [values] => values.dims().first().copied().unwrap_or(0),
        _ => parts[0].elem_count().saturating_sub(1),
    });
    made.push(sums(lengths)?);
    for level in 0..levels - 1 {
        let mut counts = Vec::new();
        for parts in &rows {
            let splits = parts[level].slice::<i64>()?;
            counts.extend(splits.windows(2).map(|w| usize::try_from(w[1].saturating_sub(w[0])).unwrap_or(0)));
        }
        made.push(sums(counts.into_iter())?);
    }
    let values: Vec<&Value> = rows.iter().map(|parts| parts[levels - 1]).collect();
    made.push(if values.is_empty() { blank(kind, &[0])? } else { cat(&values, 0)? });
    Ok(made)
}

/// Where each of so many rows begins.
fn sums(counts: impl Iterator<Item = usize>) -> Result<Value, EngineError> {
    let mut splits = vec![0i64];
    let mut total = 0usize;
    for count in counts {
        total = total.saturating_add(count);
        elements(&[total.max(splits.len())])?;
        splits.push(total as i64);
    }
    let count = splits.len();
    make(splits, &[count])
}
