//! A matrix that lies column after column: each result is a sum over one of them.

use super::super::super::simd::{Kernel, LANES, Simd};
use super::super::{Matrix, Shared};
use super::{FOUR, MOST, WIDE, vectors};
use std::ops::Range;

/// The sums of some columns.
pub struct Part<'a> {
    /// Of all columns.
    pub to: Shared,
    pub a: Matrix<'a>,
    pub b: Matrix<'a>,
    pub columns: Range<usize>,
}

impl Kernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let whole = self.columns.len() / FOUR * FOUR;
        for n in (0..whole).step_by(FOUR) {
            self.sum::<S, FOUR>(self.columns.start + n);
        }
        for n in whole..self.columns.len() {
            self.sum::<S, 1>(self.columns.start + n);
        }
    }
}

impl Part<'_> {
    /// The sums over some columns that lie beside each other.
    #[inline(always)]
    fn sum<S: Simd, const N: usize>(&self, first: usize) {
        let mut sums = [[S::splat(0.0); N]; MOST];
        for start in (0..self.b.rows).step_by(WIDE) {
            let depth = start..(start + WIDE).min(self.b.rows);
            let mut weights: [&[f32]; N] = [&[]; N];
            for (n, weights) in weights.iter_mut().enumerate() {
                *weights = &self.b.data[(first + n) * self.b.rows..][depth.clone()];
            }
            for (row, sums) in sums.iter_mut().enumerate().take(self.a.rows) {
                let x = &self.a.data[row * self.a.row_step..][depth.clone()];
                *sums = products::<S, N>(x, weights, *sums);
            }
        }
        for (row, sums) in sums.iter().enumerate().take(self.a.rows) {
            // SAFETY: these columns are the work of one call.
            #[allow(unsafe_code)]
            let to = unsafe { self.to.part(row * self.b.columns + first, N) };
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = S::sum(*sum);
            }
        }
    }
}

#[inline(always)]
fn products<S: Simd, const N: usize>(x: &[f32], weights: [&[f32]; N], mut sums: [S::V; N]) -> [S::V; N] {
    let (lanes, rest) = x.as_chunks::<LANES>();
    let whole = vectors(weights);
    for (n, x) in lanes.iter().enumerate() {
        let x = S::load(x);
        for (sum, weights) in sums.iter_mut().zip(whole) {
            *sum = S::fma(x, S::load(&weights[n]), *sum);
        }
    }
    if !rest.is_empty() {
        let x = S::load_part(rest);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = S::fma(x, S::load_part(&weights[lanes.len() * LANES..]), *sum);
        }
    }
    sums
}
