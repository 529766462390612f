//! The different elements of a value, or the different slices along an axis.

use super::super::access::{axis, make};
use super::super::{Value, fail};
use super::along::{slices, together};
use super::{Values, by_kind};
use crate::EngineError;
use crate::value::{Contents, Element};
use std::cmp::Ordering;

pub fn unique(x: &Value, along: Option<i64>, sorted: bool) -> Values {
    let (x, along) = match along {
        Some(along) => (x.clone(), axis(along, x.rank())?),
        None => (x.flatten_all(), 0),
    };
    let parts = slices(&x, along)?;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // Equal ones stay in their order: the first of them is the first there was.
    let mut failed = None;
    order.sort_by(|a, b| {
        compare(&parts[*a], &parts[*b]).unwrap_or_else(|e| {
            failed = Some(e);
            Ordering::Equal
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for n in order {
        match groups.last_mut() {
            Some(last) if compare(&parts[last[0]], &parts[n])? == Ordering::Equal => last.push(n),
            _ => groups.push(vec![n]),
        }
    }
    if !sorted {
        groups.sort_by_key(|g| g[0]);
    }
    let firsts: Vec<i64> = groups.iter().map(|g| g[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|g| g.len() as i64).collect();
    let mut inverse = vec![0i64; parts.len()];
    for (number, group) in groups.iter().enumerate() {
        group.iter().for_each(|n| inverse[*n] = number as i64);
    }
    let kept: Vec<Value> = groups.iter().map(|g| parts[g[0]].clone()).collect();
    let values = if kept.is_empty() { x.clone() } else { together(&kept, along)? };
    let row = |v: Vec<i64>| {
        let length = v.len();
        make(v, &[length])
    };
    Ok(vec![values, row(firsts)?, row(inverse)?, row(counts)?])
}

fn compare(a: &Value, b: &Value) -> Result<Ordering, EngineError> {
    if let (Contents::Text(a), Contents::Text(b)) = (a.contents(), b.contents()) {
        return Ok(a.cmp(b));
    }
    by_kind!(a, numbers(a, b))
}

fn numbers<T: Element>(a: &Value, b: &Value) -> Result<Ordering, EngineError> {
    let (a, b) = (a.slice::<T>()?, b.slice::<T>()?);
    if a.len() != b.len() {
        return Err(fail("slices of different sizes"));
    }
    let pairs = a.iter().zip(b).map(|(a, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok(pairs.into_iter().find(|o| *o != Ordering::Equal).unwrap_or(Ordering::Equal))
}
