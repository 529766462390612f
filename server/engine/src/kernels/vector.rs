//! What is not a product of matrices, on vectors: plain functions on slices.

#![allow(dead_code, reason = "called by the plan")]

pub mod attention;
pub mod depthwise;
pub mod elementwise;
pub mod math;
pub mod normalise;
pub mod pool;
pub mod recurrent;
pub mod softmax;

use super::gemm::{Shared, share};
use super::simd::{LANES, Simd};

/// Elements of cheap work that are worth a thread.
const PIECE: usize = 32 << 10;

/// Pieces of a thread: one that is held up leaves some to the others.
const EACH: usize = 4;

/// How many elements a thread takes at once, in multiples of `unit`, if `count` elements are shared among `threads`. The work
/// for one element is `cost` times that of an addition.
fn piece(count: usize, unit: usize, threads: usize, cost: usize) -> usize {
    let unit = unit.max(1);
    let least = (PIECE / cost.max(1)).max(1);
    let pieces = if threads > 1 { EACH * threads } else { 1 };
    let share = count.div_ceil(pieces).max(least);
    share.div_ceil(unit).saturating_mul(unit)
}

/// Gives parts of `to`, each with its number, to `work`, on so many threads; all but the last have `part` elements.
fn in_parts(threads: usize, part: usize, to: &mut [f32], work: impl Fn(usize, &mut [f32]) + Sync) {
    let (count, part) = (to.len(), part.max(1));
    let to = Shared::new(to);
    share(threads, count.div_ceil(part), |n| {
        // SAFETY: parts do not overlap, and the slice outlives the work on them.
        #[allow(unsafe_code)]
        work(n, unsafe { to.part(n * part, part.min(count - n * part)) });
    });
}

/// Gives rows of `width` numbers of `x`, and the same of `to`, to `work`, on so many threads; `cost` as in [`piece`].
fn in_rows(
    threads: usize,
    width: usize,
    cost: usize,
    x: &[f32],
    to: &mut [f32],
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    let part = if threads > 1 { piece(to.len(), width, threads, cost) } else { to.len() };
    in_parts(threads, part, to, |n, to| work(&x[n * part..][..to.len()], to));
}

/// One number from each.
trait Map: Copy + Send + Sync {
    fn call<S: Simd>(self, x: S::V) -> S::V;
}

/// One number from each two.
trait Zip: Copy + Send + Sync {
    fn call<S: Simd>(self, a: S::V, b: S::V) -> S::V;
}

/// Applies a map to a slice in place.
#[inline(always)]
fn map_in<S: Simd, F: Map>(f: F, to: &mut [f32]) {
    let (whole, rest) = to.as_chunks_mut::<LANES>();
    for lanes in whole {
        S::store(f.call::<S>(S::load(lanes)), lanes);
    }
    if !rest.is_empty() {
        S::store_part(f.call::<S>(S::load_part(rest)), rest);
    }
}

/// Applies a map to a slice.
#[inline(always)]
fn map_to<S: Simd, F: Map>(f: F, x: &[f32], to: &mut [f32]) {
    let ((xs, x_rest), (whole, rest)) = (x.as_chunks::<LANES>(), to.as_chunks_mut::<LANES>());
    for (x, to) in xs.iter().zip(whole) {
        S::store(f.call::<S>(S::load(x)), to);
    }
    if !rest.is_empty() {
        S::store_part(f.call::<S>(S::load_part(x_rest)), rest);
    }
}

#[cfg(test)]
pub mod testing;
