//! Runs of numbers on their way into the rows of a block.

use super::super::simd::Simd;

/// Copies a run to the start of `to`, which needs 16 numbers more room than the run has.
#[inline(always)]
pub fn copy_run<S: Simd>(from: &[f32], to: &mut [f32]) {
    let (whole, rest) = from.as_chunks::<16>();
    let (to, _) = to.as_chunks_mut::<16>();
    let (to, after) = to.split_at_mut(whole.len());
    for (from, to) in whole.iter().zip(to) {
        S::store(S::load(from), to);
    }
    if let Some(to) = after.first_mut().filter(|_| !rest.is_empty()) {
        S::store(S::load_part(rest), to);
    }
}

/// Zeros at the start of `to`, which needs 16 numbers more room.
#[inline(always)]
pub fn zero_run<S: Simd>(count: usize, to: &mut [f32]) {
    let (to, _) = to.as_chunks_mut::<16>();
    for to in to.iter_mut().take(count.div_ceil(16)) {
        S::store(S::splat(0.0), to);
    }
}
