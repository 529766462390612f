//! Lists as sequences: items between others, parts along any axis.

use super::super::access::{axis, int, sizes};
use super::super::{Outcome, Value, elements, fail, moves};
use super::making::bounded;
use super::{Inputs, MOST_ITEMS, within};
use crate::EngineError;
use crate::value::List;

pub fn insert(inputs: &mut Inputs) -> Result<List, EngineError> {
    let mut list = inputs.list()?;
    let (index, item) = (int(&inputs.next()?)?, inputs.next()?);
    let at = within(index, list.items.len() + 1)?;
    bounded(&list, &item)?;
    list.items.insert(at, Some(item));
    Ok(list)
}

pub fn erase(inputs: &mut Inputs) -> Result<List, EngineError> {
    let mut list = inputs.list()?;
    let at = within(int(&inputs.next()?)?, list.items.len())?;
    list.items.remove(at);
    Ok(list)
}

pub fn cut(inputs: &mut Inputs, along: i64, keep: bool) -> Result<List, EngineError> {
    let x = inputs.next()?;
    let at = axis(along, x.rank())?;
    let size = x.dims()[at];
    let lengths: Vec<usize> = match inputs.0.next() {
        None => return parts(&x, at, &vec![1; size.min(MOST_ITEMS + 1)], keep),
        Some(length) if length.rank() == 0 => {
            let each = usize::try_from(int(&length)?).ok().filter(|n| *n > 0);
            let each = each.ok_or_else(|| fail("parts of no length"))?;
            let count = size.div_ceil(each).min(MOST_ITEMS + 1);
            (0..count).map(|n| each.min(size - n * each)).collect()
        }
        Some(lengths) => {
            let lengths = sizes(&lengths)?;
            if lengths.iter().try_fold(0usize, |n, l| n.checked_add(*l)) != Some(size) {
                return Err(fail(format!("lengths that do not sum up to {size}")));
            }
            lengths
        }
    };
    parts(&x, at, &lengths, true)
}

fn parts(x: &Value, at: usize, lengths: &[usize], keep: bool) -> Result<List, EngineError> {
    if lengths.len() > MOST_ITEMS {
        return Err(fail(format!("a list may have at most {MOST_ITEMS} items")));
    }
    let mut from = 0;
    let mut items = Vec::with_capacity(lengths.len());
    let mut shape = x.dims().to_vec();
    shape.remove(at);
    for length in lengths {
        let part = moves::narrow(x, at, from, *length)?;
        items.push(Some(if keep { part } else { part.reshape(&shape)? }));
        from += length;
    }
    Ok(List { items, shape: None })
}

/// Items one after another, along an axis that they have or along a new one.
pub fn along(items: &[Value], along: i64, stacked: bool) -> Outcome {
    let first = items.first().ok_or_else(|| fail("a concatenation of no arrays"))?;
    let all: Vec<&Value> = items.iter().collect();
    if stacked {
        elements(&[items.len(), first.elem_count()])?;
        return moves::stack(&all, axis(along, first.rank() + 1)?);
    }
    moves::cat(&all, axis(along, first.rank())?)
}
