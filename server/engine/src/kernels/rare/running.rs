//! Sums and products along an axis, up to each place.

use super::super::access::{axis, int, make};
use super::super::{Outcome, Value, fail};
use super::{copied, narrowed, wide};
use crate::graph::Running;
use crate::value::{Element, Kind};

pub fn run(kind: Running, exclusive: bool, reverse: bool, x: &Value, along: &Value) -> Outcome {
    let at = axis(int(along)?, x.rank())?;
    let walk = Walk { size: x.dims()[at], inner: x.dims()[at + 1..].iter().product(), exclusive, reverse };
    match (kind, x.kind()) {
        (Running::Sum, Kind::F32) => walk.numbers::<f32>(x, 0.0, |a, b| a + b),
        (Running::Sum, Kind::F64) => walk.numbers::<f64>(x, 0.0, |a, b| a + b),
        (Running::Sum, Kind::I64) => walk.numbers::<i64>(x, 0, i64::wrapping_add),
        (Running::Product, Kind::F32) => walk.numbers::<f32>(x, 1.0, |a, b| a * b),
        (Running::Product, Kind::F64) => walk.numbers::<f64>(x, 1.0, |a, b| a * b),
        (Running::Product, Kind::I64) => walk.numbers::<i64>(x, 1, i64::wrapping_mul),
        (Running::LogSumExp, Kind::F32 | Kind::F64) => {
            let mut data = wide(x)?;
            walk.over(&mut data, f64::NEG_INFINITY, |a, b| {
                let most = f64::max(a, b);
                if most.is_infinite() { most } else { most + ((a - most).exp() + (b - most).exp()).ln() }
            });
            narrowed(x.kind(), data, x.dims())
        }
        (Running::Max | Running::Min, Kind::F32) => walk.extremes::<f32>(kind, x),
        (Running::Max | Running::Min, Kind::F64) => walk.extremes::<f64>(kind, x),
        (Running::Max | Running::Min, Kind::I64) => walk.extremes::<i64>(kind, x),
        (_, other) => Err(fail(format!("a running {kind:?} of {other:?}"))),
    }
}

struct Walk {
    size: usize,
    inner: usize,
    exclusive: bool,
    reverse: bool,
}

impl Walk {
    fn numbers<T: Element>(&self, x: &Value, start: T, f: impl Fn(T, T) -> T) -> Outcome {
        let mut out = copied::<T>(x)?;
        self.over(&mut out, start, f);
        make(out, x.dims())
    }

    /// What is no number stays so.
    fn extremes<T: Element + PartialOrd>(&self, kind: Running, x: &Value) -> Outcome {
        let mut data: Vec<Option<T>> = copied::<T>(x)?.iter().copied().map(Some).collect();
        self.over(&mut data, None, |so_far, next| {
            let (Some(a), Some(b)) = (so_far, next) else { return so_far.or(next) };
            let stays = a.partial_cmp(&a).is_none() || if kind == Running::Max { b < a } else { b > a };
            Some(if stays { a } else { b })
        });
        make(data.into_iter().map(Option::unwrap_or_default).collect::<Vec<T>>(), x.dims())
    }

    fn over<T: Copy>(&self, data: &mut [T], start: T, f: impl Fn(T, T) -> T) {
        let (size, inner) = (self.size, self.inner);
        if size == 0 || inner == 0 {
            return;
        }
        let mut sums = vec![start; inner];
        for block in data.chunks_exact_mut(size * inner) {
            sums.fill(start);
            for n in 0..size {
                let place = if self.reverse { size - 1 - n } else { n };
                for (sum, x) in sums.iter_mut().zip(&mut block[place * inner..(place + 1) * inner]) {
                    let next = f(*sum, *x);
                    *x = if self.exclusive { *sum } else { next };
                    *sum = next;
                }
            }
        }
    }
}
