//! Elements from places that indices name, and to them. Indices count from the end if they are negative.

use super::super::access::{axis, make};
use super::super::{Outcome, Value, elements, fail};
use super::along::{advance, strides};
use super::scatter::{self, Combine};
use super::{by_kind, copied};
use crate::EngineError;
use crate::graph::Update;
use crate::value::{Element, Kind};

/// An index along an axis, counted from the end if negative.
fn index(n: i64, extent: usize) -> Result<usize, EngineError> {
    let from_start = if n < 0 { n.saturating_add(extent as i64) } else { n };
    let found = usize::try_from(from_start).ok().filter(|n| *n < extent);
    found.ok_or_else(|| fail(format!("index {n} along an axis of {extent}")))
}

/// Where in x each element that the indices name is: they replace the place along one axis.
fn element_places(along: i64, x: &Value, indices: &Value) -> Result<Vec<usize>, EngineError> {
    let along = axis(along, x.rank())?;
    let fits = indices.rank() == x.rank()
        && indices.dims().iter().zip(x.dims()).enumerate().all(|(n, (i, d))| n == along || i <= d);
    if !fits {
        return Err(fail(format!("indices of shape {:?} for {:?}", indices.dims(), x.dims())));
    }
    let (strides, numbers) = (strides(x.dims()), indices.slice::<i64>()?);
    let mut place = vec![0; x.rank()];
    let mut found = Vec::with_capacity(numbers.len());
    for number in numbers {
        let at: usize = place.iter().zip(&strides).map(|(p, s)| p * s).sum();
        let own = place[along] * strides[along];
        found.push(at - own + index(*number, x.dims()[along])? * strides[along]);
        advance(&mut place, indices.dims());
    }
    Ok(found)
}

pub fn gather_elements(along: i64, x: &Value, indices: &Value) -> Outcome {
    let places = element_places(along, x, indices)?;
    if x.kind() == Kind::Text {
        let from = x.texts()?;
        return Value::text(places.iter().map(|p| from[*p].clone()).collect(), indices.dims());
    }
    by_kind!(x, taken(x, &places, indices.dims()))
}

fn taken<T: Element>(x: &Value, places: &[usize], shape: &[usize]) -> Outcome {
    let from = x.slice::<T>()?;
    make(places.iter().map(|p| from[*p]).collect::<Vec<T>>(), shape)
}

pub fn scatter_elements<T: Combine>(
    along: i64,
    update: Update,
    x: &Value,
    indices: &Value,
    updates: &Value,
) -> Outcome {
    let places = updated_places(along, x, indices, updates)?;
    let mut out = copied::<T>(x)?;
    for (place, new) in places.iter().zip(updates.slice::<T>()?) {
        scatter::update(update, &mut out[*place], *new);
    }
    make(out, x.dims())
}

/// Texts are only replaced.
pub fn scatter_texts(along: i64, update: Update, x: &Value, indices: &Value, updates: &Value) -> Outcome {
    let places = updated_places(along, x, indices, updates)?;
    let mut out = x.texts()?.to_vec();
    scatter::write_texts(update, &mut out, places.into_iter(), updates.texts()?)?;
    Value::text(out, x.dims())
}

fn updated_places(
    along: i64,
    x: &Value,
    indices: &Value,
    updates: &Value,
) -> Result<Vec<usize>, EngineError> {
    if updates.dims() != indices.dims() {
        return Err(fail(format!("updates of shape {:?} for {:?}", updates.dims(), indices.dims())));
    }
    element_places(along, x, indices)
}

pub fn gather_nd(batch: usize, x: &Value, indices: &Value) -> Outcome {
    let wrong = || fail(format!("indices of shape {:?} into {:?}", indices.dims(), x.dims()));
    let (depth, outer) = indices.dims().split_last().ok_or_else(wrong)?;
    let common = x.dims().get(..batch).filter(|c| outer.get(..batch) == Some(*c)).ok_or_else(wrong)?;
    let rest = x.dims().get(batch + depth..).ok_or_else(wrong)?;
    let (groups, piece) = (elements(common)?, elements(rest)?);
    let within = &x.dims()[batch..batch + depth];
    let each = elements(&outer[batch..])?;
    let mut places = Vec::new();
    let numbers = indices.slice::<i64>()?;
    for group in 0..groups {
        for n in 0..each {
            let own = &numbers[(group * each + n) * depth..][..*depth];
            let mut at = group;
            for (number, extent) in own.iter().zip(within) {
                at = at * extent + index(*number, *extent)?;
            }
            places.extend((0..piece).map(|p| at * piece + p));
        }
    }
    let shape: Vec<usize> = outer.iter().chain(rest).copied().collect();
    elements(&shape)?;
    if x.kind() == Kind::Text {
        let from = x.texts()?;
        return Value::text(places.iter().map(|p| from[*p].clone()).collect(), &shape);
    }
    by_kind!(x, taken(x, &places, &shape))
}

/// A part of an axis replaced, from a place on that each batch has of its own.
pub fn overlay<T: Element>(along: i64, circular: bool, x: &Value, update: &Value, places: &Value) -> Outcome {
    let along = axis(along, x.rank())?;
    let fits = along > 0
        && update.rank() == x.rank()
        && (0..x.rank()).all(|n| n == along || update.dims()[n] == x.dims()[n]);
    if !fits {
        return Err(fail(format!("an update {:?} of {:?}", update.dims(), x.dims())));
    }
    let (own, new) = (x.dims()[along], update.dims()[along]);
    let inner: usize = x.dims()[along + 1..].iter().product();
    let outer: usize = x.dims()[1..along].iter().product();
    let (starts, mut out) = (places.slice::<i64>()?, copied::<T>(x)?);
    for (block, part) in update.slice::<T>()?.chunks_exact((new * inner).max(1)).enumerate() {
        let batch = block / outer.max(1);
        let start = *starts.get(batch).or(starts.first()).ok_or_else(|| fail("no places to write to"))?;
        for (n, row) in part.chunks_exact(inner.max(1)).enumerate() {
            let place = start.saturating_add(n as i64);
            let place = if circular { place.rem_euclid((own as i64).max(1)) } else { place };
            let to = (block * own + index(place, own)?) * inner;
            out[to..to + inner].copy_from_slice(row);
        }
    }
    make(out, x.dims())
}
