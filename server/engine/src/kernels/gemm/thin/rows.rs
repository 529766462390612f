//! A matrix that lies row after row: rows are added up, each times a number; not those for which all rows of `a` have zeros.

use super::super::super::simd::{Kernel, Simd};
use super::super::{Matrix, Shared};
use super::{FOUR, WIDE, vectors};
use std::ops::Range;

/// The sums over some rows of the matrix, of some columns.
pub struct Part<'a> {
    /// Of all columns of the same rows.
    pub to: Shared,
    pub a: Matrix<'a>,
    pub b: Matrix<'a>,
    pub depth: Range<usize>,
    pub columns: Range<usize>,
}

impl Kernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        for start in self.columns.clone().step_by(WIDE) {
            let columns = start..(start + WIDE).min(self.columns.end);
            for row in 0..self.a.rows {
                self.sums(row, &columns).fill(0.0);
            }
            let (mut rows, mut count) = ([0; FOUR], 0);
            for k in self.depth.clone() {
                if (0..self.a.rows).all(|row| self.number(row, k) == 0.0) {
                    continue;
                }
                rows[count] = k;
                count += 1;
                if count == FOUR {
                    self.add::<S, FOUR>(rows, &columns);
                    count = 0;
                }
            }
            for k in &rows[..count] {
                self.add::<S, 1>([*k], &columns);
            }
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    fn number(&self, row: usize, k: usize) -> f32 {
        self.a.data[row * self.a.row_step + k]
    }

    /// Sums of one row of the result.
    #[inline(always)]
    fn sums(&mut self, row: usize, columns: &Range<usize>) -> &mut [f32] {
        // SAFETY: these columns of these sums are the work of one call, which uses one row at a time.
        #[allow(unsafe_code)]
        unsafe {
            self.to.part(row * self.b.columns + columns.start, columns.len())
        }
    }

    /// Adds some rows of the matrix, each times a number.
    #[inline(always)]
    fn add<S: Simd, const N: usize>(&mut self, rows: [usize; N], columns: &Range<usize>) {
        let b = self.b;
        let mut weights: [&[f32]; N] = [&[]; N];
        for (weights, k) in weights.iter_mut().zip(rows) {
            *weights = &b.data[k * b.columns..][columns.clone()];
        }
        for row in 0..self.a.rows {
            let mut x = [S::splat(0.0); N];
            for (x, k) in x.iter_mut().zip(rows) {
                *x = S::splat(self.number(row, k));
            }
            add_rows::<S, N>(self.sums(row, columns), x, weights);
        }
    }
}

#[inline(always)]
fn add_rows<S: Simd, const N: usize>(to: &mut [f32], x: [S::V; N], weights: [&[f32]; N]) {
    let whole = vectors(weights);
    let (lanes, rest) = to.as_chunks_mut::<16>();
    for (n, to) in lanes.iter_mut().enumerate() {
        let mut sum = S::load(to);
        for (x, weights) in x.iter().zip(whole) {
            sum = S::fma(*x, S::load(&weights[n]), sum);
        }
        S::store(sum, to);
    }
    if !rest.is_empty() {
        let mut sum = S::load_part(rest);
        for (x, weights) in x.iter().zip(weights) {
            sum = S::fma(*x, S::load_part(&weights[lanes.len() * 16..]), sum);
        }
        S::store_part(sum, rest);
    }
}
