//! Over one or more axes: sums, means, extremes, softmax, the place of the extreme, the top k.

use super::access::{Element, axis, int, ints, make, output};
use super::threads::threads;
use super::vector::pool::{self, Fold};
use super::vector::softmax;
use super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::Reduce;
use crate::value::Kind;
use num_traits::Float;

pub fn reduce(kind: Reduce, keep: bool, x: &Value, axes: &Value) -> Outcome {
    let rank = x.rank();
    let mut over = vec![false; rank];
    for a in ints(axes)? {
        over[axis(a, rank)?] = true;
    }
    let shape = |one: bool| -> Vec<usize> {
        let kept = x.dims().iter().zip(&over);
        kept.filter(|(_, o)| one || !**o).map(|(d, o)| if *o { 1 } else { *d }).collect()
    };
    let wanted = shape(keep);
    if !over.contains(&true) {
        return Ok(x.clone());
    }
    let (x, [outer, middle, inner]) = grouped(x, &over)?;
    let out = match (x.kind(), kind) {
        (Kind::F32, Reduce::Sum | Reduce::Mean | Reduce::Max | Reduce::Min) => {
            vectorised(kind, &x, [outer, middle, inner])?
        }
        (Kind::F32, _) => numbers::<f32>(kind, &x, outer, middle, inner)?,
        (Kind::F64, _) => numbers::<f64>(kind, &x, outer, middle, inner)?,
        (Kind::I64, Reduce::Mean) => integer_mean(&x, outer, middle, inner)?,
        (Kind::I64, _) => integers(kind, &x, outer, middle, inner)?,
        (_, Reduce::All | Reduce::Min) => fold::<u8>(&x, outer, middle, inner, 1, |a, b| a & b)?,
        (_, Reduce::Any | Reduce::Max) => fold::<u8>(&x, outer, middle, inner, 0, |a, b| a | b)?,
        (other, _) => return Err(fail(format!("{kind:?} of {other:?}"))),
    };
    out.reshape(&wanted)
}

fn vectorised(kind: Reduce, x: &Value, sizes: [usize; 3]) -> Outcome {
    let fold = match kind {
        Reduce::Sum => Fold::Sum,
        Reduce::Mean => Fold::Mean,
        Reduce::Max => Fold::Max,
        _ => Fold::Min,
    };
    let shape = [sizes[0], sizes[2]];
    let mut out = output::<f32>(&shape)?;
    let work = x.elem_count().saturating_mul(4);
    pool::reduce(fold, x.slice()?, sizes, &mut out, threads(work));
    make(out, &shape)
}

/// The value as [outer, reduced, inner], moved so if the axes are apart.
fn grouped(x: &Value, over: &[bool]) -> Result<(Value, [usize; 3]), EngineError> {
    let first = over.iter().position(|o| *o).unwrap_or(0);
    let last = over.iter().rposition(|o| *o).unwrap_or(0);
    let dims = x.dims();
    if over[first..=last].iter().all(|o| *o) {
        let size = |d: &[usize]| d.iter().product();
        return Ok((x.clone(), [size(&dims[..first]), size(&dims[first..=last]), size(&dims[last + 1..])]));
    }
    let mut order: Vec<usize> = (0..over.len()).collect();
    order.sort_by_key(|a| over[*a]);
    let size = |wanted: bool| dims.iter().zip(over).filter(|(_, o)| **o == wanted).map(|(d, _)| *d).product();
    Ok((super::moves::permute(x, &order)?, [size(false), size(true), 1]))
}

fn fold<T: Element>(
    x: &Value,
    outer: usize,
    middle: usize,
    inner: usize,
    start: T,
    f: impl Fn(T, T) -> T,
) -> Outcome {
    let x = x.slice::<T>()?;
    let mut out = vec![start; outer * inner];
    for o in 0..outer {
        let row = &mut out[o * inner..(o + 1) * inner];
        for m in 0..middle {
            let from = &x[(o * middle + m) * inner..(o * middle + m + 1) * inner];
            row.iter_mut().zip(from).for_each(|(a, b)| *a = f(*a, *b));
        }
    }
    make(out, &[outer, inner])
}

fn numbers<T: Element + Float>(
    kind: Reduce,
    x: &Value,
    outer: usize,
    middle: usize,
    inner: usize,
) -> Outcome {
    match kind {
        Reduce::Sum => fold::<T>(x, outer, middle, inner, T::zero(), |a, b| a + b),
        Reduce::Mean => {
            let sum = fold::<T>(x, outer, middle, inner, T::zero(), |a, b| a + b)?;
            let count = T::from(middle).unwrap_or_else(T::nan);
            make(sum.slice::<T>()?.iter().map(|s| *s / count).collect::<Vec<T>>(), sum.dims())
        }
        Reduce::Max => {
            let pick = |a: T, b: T| if b > a || b.is_nan() { b } else { a };
            fold::<T>(x, outer, middle, inner, T::neg_infinity(), pick)
        }
        Reduce::Min => {
            let pick = |a: T, b: T| if b < a || b.is_nan() { b } else { a };
            fold::<T>(x, outer, middle, inner, T::infinity(), pick)
        }
        Reduce::Prod => fold::<T>(x, outer, middle, inner, T::one(), |a, b| a * b),
        Reduce::All | Reduce::Any => Err(fail(format!("{kind:?} of floats"))),
    }
}

fn integers(kind: Reduce, x: &Value, outer: usize, middle: usize, inner: usize) -> Outcome {
    match kind {
        Reduce::Sum => fold::<i64>(x, outer, middle, inner, 0, i64::wrapping_add),
        Reduce::Max => fold::<i64>(x, outer, middle, inner, i64::MIN, i64::max),
        Reduce::Min => fold::<i64>(x, outer, middle, inner, i64::MAX, i64::min),
        Reduce::Prod => fold::<i64>(x, outer, middle, inner, 1, i64::wrapping_mul),
        _ => Err(fail(format!("{kind:?} of integers"))),
    }
}

fn integer_mean(x: &Value, outer: usize, middle: usize, inner: usize) -> Outcome {
    let sum = fold::<i64>(x, outer, middle, inner, 0, i64::wrapping_add)?;
    let count = i64::try_from(middle).unwrap_or(i64::MAX).max(1);
    make(sum.slice::<i64>()?.iter().map(|s| s / count).collect::<Vec<i64>>(), sum.dims())
}

/// Over the last axis, shifted by its maximum so that nothing overflows.
pub fn softmax(x: &Value, log: bool) -> Outcome {
    match x.kind() {
        Kind::F64 => softmax_of::<f64>(x, log),
        _ => {
            let width = x.dims().last().copied().ok_or_else(|| fail("softmax of a scalar"))?;
            let mut out = output::<f32>(x.dims())?;
            let work = out.len().saturating_mul(16);
            softmax::softmax(log, x.slice()?, width, &mut out, threads(work));
            make(out, x.dims())
        }
    }
}

fn softmax_of<T: Element + Float>(x: &Value, log: bool) -> Outcome {
    let Some(width) = x.dims().last().copied() else { return Err(fail("softmax of a scalar")) };
    let mut out = x.slice::<T>()?.to_vec();
    for row in out.chunks_exact_mut(width.max(1)) {
        let most = row.iter().copied().fold(T::neg_infinity(), Float::max);
        let mut sum = T::zero();
        for x in row.iter_mut() {
            let e = (*x - most).exp();
            sum = sum + e;
            *x = if log { *x - most } else { e };
        }
        let ln = sum.ln();
        row.iter_mut().for_each(|x| *x = if log { *x - ln } else { *x / sum });
    }
    make(out, x.dims())
}

/// The place of the first extreme along an axis.
pub fn arg_extreme(max: bool, x: &Value, along: &Value) -> Outcome {
    match x.kind() {
        Kind::F32 => arg_of::<f32>(max, x, along),
        Kind::F64 => arg_of::<f64>(max, x, along),
        Kind::I64 => arg_of::<i64>(max, x, along),
        _ => arg_of::<u8>(max, x, along),
    }
}

fn arg_of<T: Element>(max: bool, x: &Value, along: &Value) -> Outcome {
    let dims = x.dims();
    let at = axis(int(along)?, dims.len())?;
    let (outer, middle, inner) =
        (dims[..at].iter().product::<usize>(), dims[at], dims[at + 1..].iter().product::<usize>());
    let x = x.slice::<T>()?;
    let place = |o: usize, i: usize| {
        let at = |m: usize| x[(o * middle + m) * inner + i];
        (1..middle).fold(0, |best, m| {
            let better = if max { at(m) > at(best) } else { at(m) < at(best) };
            if better { m } else { best }
        }) as i64
    };
    let out = (0..outer)
        .flat_map(|o| (0..inner).map(move |i| (o, i)))
        .map(|(o, i)| place(o, i))
        .collect::<Vec<i64>>();
    make::<i64>(out, &[&dims[..at], &dims[at + 1..]].concat())
}
