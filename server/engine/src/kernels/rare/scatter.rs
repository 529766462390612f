//! Updates written to places that indices name.

use super::super::access::{make, sizes};
use super::super::moves::{blank, expand};
use super::super::{Outcome, Value, elements, fail, slices};
use super::{at, by_kind, copied, gather};
use crate::EngineError;
use crate::graph::{Masks, Update};
use crate::value::{Element, Kind};

/// Numbers that updates can be added to.
pub trait Combine: Element {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}
macro_rules! combine {
    ($type:ty, $plus:expr, $minus:expr, $times:expr) => {
        impl Combine for $type {
            fn plus(self, other: Self) -> Self {
                $plus(self, other)
            }
            fn minus(self, other: Self) -> Self {
                $minus(self, other)
            }
            fn times(self, other: Self) -> Self {
                $times(self, other)
            }
        }
    };
}
combine!(f32, |a, b| a + b, |a, b| a - b, |a, b| a * b);
combine!(f64, |a, b| a + b, |a, b| a - b, |a, b| a * b);
combine!(i64, i64::wrapping_add, i64::wrapping_sub, i64::wrapping_mul);
combine!(u8, |a, b| a | b, |a: u8, b: u8| a & !b, |a, b| a & b);

/// Sums of the updates in an array of zeros.
pub fn nd(indices: &Value, updates: &Value, shape: &Value) -> Outcome {
    let empty = blank(updates.kind(), &sizes(shape)?)?;
    onto(Update::Add, &empty, indices, updates)
}

pub fn onto(how: Update, x: &Value, indices: &Value, updates: &Value) -> Outcome {
    let Some((width, outer)) = indices.dims().split_last().filter(|(w, _)| **w <= x.rank()) else {
        return Err(fail(format!("tuples {:?} of indices of {:?}", indices.dims(), x.dims())));
    };
    let (leading, slice) = x.dims().split_at(*width);
    let wanted = [outer, slice].concat();
    elements(&wanted)?;
    let updates = if updates.rank() == 0 { expand(updates, &wanted)? } else { updates.clone() };
    if updates.dims() != wanted || updates.kind() != x.kind() {
        return Err(fail(format!("updates {:?} of {:?}", updates.dims(), x.dims())));
    }
    let places = gather::places(indices.slice()?, *width, leading, elements(outer)?)?;
    let inner: usize = slice.iter().product();
    if x.kind() == Kind::Text {
        let each = places.iter().flat_map(|place| {
            let from = usize::try_from(*place).unwrap_or(0) * inner;
            from..from + inner
        });
        let mut out = x.texts()?.to_vec();
        write_texts(how, &mut out, each, updates.texts()?)?;
        return Value::text(out, x.dims());
    }
    by_kind!(x, write(how, x, &places, &updates, inner))
}

fn write<T: Combine>(how: Update, x: &Value, places: &[i64], updates: &Value, inner: usize) -> Outcome {
    let (mut out, updates) = (copied::<T>(x)?, updates.slice::<T>()?);
    if inner == 0 {
        return make(out, x.dims());
    }
    for (place, update) in places.iter().zip(updates.chunks_exact(inner)) {
        let from = usize::try_from(*place).unwrap_or(0) * inner;
        for (to, with) in out[from..from + inner].iter_mut().zip(update) {
            self::update(how, to, *with);
        }
    }
    make(out, x.dims())
}

/// Texts in their places: there is nothing that they could be but replaced.
pub fn write_texts(
    how: Update,
    out: &mut [Vec<u8>],
    places: impl Iterator<Item = usize>,
    updates: &[Vec<u8>],
) -> Result<(), EngineError> {
    if how != Update::Replace {
        return Err(fail("texts are replaced, and nothing else"));
    }
    for (place, update) in places.zip(updates) {
        let to = out.get_mut(place).ok_or_else(|| fail("an update outside of what it updates"))?;
        to.clone_from(update);
    }
    Ok(())
}

/// An element and what comes to it.
pub fn update<T: Combine>(how: Update, to: &mut T, with: T) {
    *to = match how {
        Update::Add => to.plus(with),
        Update::Sub => to.minus(with),
        Update::Mul => to.times(with),
        Update::Max if with > *to => with,
        Update::Min if with < *to => with,
        Update::Max | Update::Min => *to,
        Update::Replace => with,
    };
}

/// x, begin, end, steps, update: the part that a strided slice would take is replaced.
pub fn slice(masks: &Masks, inputs: &[&Value]) -> Outcome {
    let (x, update) = (at(inputs, 0)?, at(inputs, 4)?);
    let count = x.elem_count();
    let numbered = make((0..count as i64).collect::<Vec<i64>>(), x.dims())?;
    let places = slices::strided(&numbered, at(inputs, 1)?, at(inputs, 2)?, at(inputs, 3)?, masks)?;
    if update.kind() != x.kind() {
        return Err(fail("an update of another type"));
    }
    let update = expand(update, places.dims())?;
    by_kind!(x, write(Update::Replace, x, places.slice()?, &update, 1))
}
