//! What is not zero, and what differs.

use super::super::access::{axis, make};
use super::super::moves::{index_select, permute};
use super::super::{Outcome, Value, fail};
use super::{Values, by_kind};
use crate::EngineError;
use crate::value::{Contents, Element, Kind};
use std::collections::HashMap;

/// The indices of the elements that are not zero, of texts those that are not empty, in order.
pub fn places(x: &Value) -> Outcome {
    if x.kind() == Kind::Text {
        let texts = x.texts()?;
        let there: Vec<u8> = texts.iter().map(|t| u8::from(!t.is_empty())).collect();
        return places_of::<u8>(&make(there, x.dims())?);
    }
    by_kind!(x, places_of(x))
}

fn places_of<T: Element>(x: &Value) -> Outcome {
    let rank = x.rank();
    let mut found = Vec::new();
    let mut count = 0;
    for (n, _) in x.slice::<T>()?.iter().enumerate().filter(|(_, v)| **v != T::default()) {
        count += 1;
        let first = found.len();
        found.resize(first + rank, 0);
        let mut rest = n;
        for (place, extent) in found[first..].iter_mut().zip(x.dims()).rev() {
            *place = (rest % extent) as i64;
            rest /= extent;
        }
    }
    make(found, &[count, rank])
}

/// Each slice along an axis once, in the order in which they come; which of them each slice is; how often each is there.
pub fn unique(x: &Value, along: Option<&Value>) -> Values {
    let along = along.map(super::super::access::ints).transpose()?.and_then(|a| a.first().copied());
    let at = match (along, x.rank()) {
        (None, 1) => 0,
        (None, rank) => return Err(fail(format!("different elements of a value with {rank} dimensions"))),
        (Some(along), rank) => axis(along, rank)?,
    };
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order[..=at].rotate_right(1);
    let turned = permute(x, &order)?;
    let count = x.dims()[at];
    let keys = keys(&turned, count)?;
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    let (mut firsts, mut numbers, mut counts) = (Vec::new(), Vec::with_capacity(count), Vec::<i64>::new());
    for (n, key) in keys.iter().enumerate() {
        let number = *known.entry(key).or_insert(firsts.len());
        if number == firsts.len() {
            firsts.push(n as i64);
            counts.push(0);
        }
        counts[number] += 1;
        numbers.push(number as i64);
    }
    let found = counts.len();
    Ok(vec![index_select(x, &firsts, at)?, make(numbers, &[count])?, make(counts, &[found])?])
}

/// What tells the slices of the first axis apart.
fn keys(x: &Value, count: usize) -> Result<Vec<Vec<u8>>, EngineError> {
    let size = x.elem_count() / count.max(1);
    // Each is more than its element.
    super::super::elements(&[x.elem_count(), 8])?;
    let slices = |bytes: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        (0..count).map(|n| bytes[n * size..(n + 1) * size].concat()).collect()
    };
    Ok(match x.contents() {
        // Zero has two signs.
        Contents::F32(m) => slices(m.iter().map(|v| (v + 0.0).to_bits().to_le_bytes().to_vec()).collect()),
        Contents::F64(m) => slices(m.iter().map(|v| (v + 0.0).to_bits().to_le_bytes().to_vec()).collect()),
        Contents::I64(m) => slices(m.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
        Contents::Bool(m) => slices(m.iter().map(|v| vec![*v]).collect()),
        Contents::Text(t) if size == 1 => t.to_vec(),
        Contents::Text(t) => {
            let long = |t: &Vec<u8>| [&t.len().to_le_bytes()[..], t].concat();
            slices(t.iter().map(long).collect())
        }
        Contents::List(_) => return Err(fail("different lists")),
    })
}
