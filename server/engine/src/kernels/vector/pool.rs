//! Pooling of channels-last images, and reductions of `[outer, middle, inner]` over the middle.

use super::{Map, piece};
use crate::kernels::simd::{Kernel, LANES, Simd, run};
use crate::kernels::spatial::Geometry;
use rayon::prelude::*;

/// How numbers are put together. NaN wins in the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fold {
    /// All together.
    Sum,
    /// The sum by the count.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Fold {
    fn start(self) -> f32 {
        match self {
            Self::Sum | Self::Mean => 0.0,
            Self::Max => f32::NEG_INFINITY,
            Self::Min => f32::INFINITY,
        }
    }
}

/// A way to put two numbers together.
trait Way: Copy + Send + Sync {
    fn join<S: Simd>(a: S::V, b: S::V) -> S::V;
}

#[derive(Clone, Copy)]
struct Add;
#[derive(Clone, Copy)]
struct Largest;
#[derive(Clone, Copy)]
struct Smallest;

impl Way for Add {
    #[inline(always)]
    fn join<S: Simd>(a: S::V, b: S::V) -> S::V {
        S::add(a, b)
    }
}
impl Way for Largest {
    #[inline(always)]
    fn join<S: Simd>(a: S::V, b: S::V) -> S::V {
        S::select(S::equal(a, a), S::max(a, b), a)
    }
}
impl Way for Smallest {
    #[inline(always)]
    fn join<S: Simd>(a: S::V, b: S::V) -> S::V {
        S::select(S::equal(a, a), S::min(a, b), a)
    }
}

#[derive(Clone, Copy)]
struct Times(f32);
impl Map for Times {
    #[inline(always)]
    fn call<S: Simd>(self, x: S::V) -> S::V {
        S::mul(x, S::splat(self.0))
    }
}

/// Joins numbers to those of `to`.
#[inline(always)]
fn join_in<S: Simd, W: Way>(x: &[f32], to: &mut [f32]) {
    let ((xs, x_rest), (whole, rest)) = (x.as_chunks::<LANES>(), to.as_chunks_mut::<LANES>());
    for (x, to) in xs.iter().zip(whole) {
        S::store(W::join::<S>(S::load(to), S::load(x)), to);
    }
    if !rest.is_empty() {
        S::store_part(W::join::<S>(S::load_part(rest), S::load_part(x_rest)), rest);
    }
}

/// Pools `[batch, height, width, channels]`, whole rows at a time; padding counts in neither the extreme nor the mean. `fold` is `Max`
/// or `Mean`; slices have the sizes of the geometry.
pub fn pool(g: &Geometry, fold: Fold, x: &[f32], out: &mut [f32], threads: usize) {
    let row = g.out_width * g.channels;
    if row == 0 || g.out_height == 0 {
        return;
    }
    let work = |(n, to): (usize, &mut [f32])| run(Row { g, fold, x, n, to });
    if threads > 1 {
        let rows = piece(out.len(), row, threads, g.window[0] * g.window[1]) / row;
        out.par_chunks_mut(rows * row).enumerate().for_each(|(n, to)| {
            to.chunks_exact_mut(row).enumerate().for_each(|(i, to)| work((n * rows + i, to)));
        });
    } else {
        out.chunks_exact_mut(row).enumerate().for_each(work);
    }
}

/// One row of the output.
struct Row<'a> {
    g: &'a Geometry,
    fold: Fold,
    x: &'a [f32],
    n: usize,
    to: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.fold {
            Fold::Sum | Fold::Mean => self.slide::<S, Add>(),
            Fold::Max => self.slide::<S, Largest>(),
            Fold::Min => self.slide::<S, Smallest>(),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn slide<S: Simd, W: Way>(self) {
        let (g, c) = (self.g, self.g.channels);
        let (image, oy) = (self.n / g.out_height, self.n % g.out_height);
        for (ox, to) in self.to.chunks_exact_mut(c).enumerate() {
            let mut count = 0u32;
            to.fill(self.fold.start());
            for ky in 0..g.window[0] {
                let Some(y) = g.place(0, oy, ky) else { continue };
                for kx in 0..g.window[1] {
                    let Some(at) = g.place(1, ox, kx) else { continue };
                    join_in::<S, W>(&self.x[((image * g.height + y) * g.width + at) * c..][..c], to);
                    count += 1;
                }
            }
            if self.fold == Fold::Mean {
                super::map_in::<S, Times>(Times(1.0 / count as f32), to);
            }
        }
    }
}

/// Reduces `[outer, middle, inner]` over the middle into `[outer, inner]`, on as many threads. A global average pooling is the mean of
/// `[batch, height * width, channels]`.
pub fn reduce(fold: Fold, x: &[f32], [outer, middle, inner]: [usize; 3], to: &mut [f32], threads: usize) {
    if outer * inner == 0 {
        return;
    }
    if middle == 0 {
        to.fill(if fold == Fold::Mean { f32::NAN } else { fold.start() });
        return;
    }
    let work = |(x, to): (&[f32], &mut [f32])| run(Reduce { fold, x, middle, inner, to });
    if threads > 1 {
        let rows = piece(outer * inner * middle, inner * middle, threads, 1) / (inner * middle);
        x.par_chunks(rows * middle * inner).zip(to.par_chunks_mut(rows * inner)).for_each(work);
    } else {
        work((x, to));
    }
}

struct Reduce<'a> {
    fold: Fold,
    x: &'a [f32],
    middle: usize,
    inner: usize,
    to: &'a mut [f32],
}

impl Kernel for Reduce<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.fold {
            Fold::Sum | Fold::Mean => self.with::<S, Add>(),
            Fold::Max => self.with::<S, Largest>(),
            Fold::Min => self.with::<S, Smallest>(),
        }
    }
}

/// Rows that are summed before their sum is added to the others: errors grow with the number of blocks, not of rows.
const ROWS: usize = 64;

impl Reduce<'_> {
    #[inline(always)]
    fn with<S: Simd, W: Way>(self) {
        let Self { fold, x, middle, inner, to } = self;
        let mut block = vec![0.0; if inner > 1 { inner } else { 0 }];
        for (x, to) in x.chunks_exact(middle * inner).zip(to.chunks_exact_mut(inner)) {
            if inner == 1 {
                to[0] = along::<S, W>(x, fold.start());
            } else {
                to.fill(fold.start());
                for rows in x.chunks(ROWS * inner) {
                    block.fill(fold.start());
                    for row in rows.chunks_exact(inner) {
                        join_in::<S, W>(row, &mut block);
                    }
                    join_in::<S, W>(&block, to);
                }
            }
            if fold == Fold::Mean {
                super::map_in::<S, Times>(Times(1.0 / middle as f32), to);
            }
        }
    }
}

/// All numbers of a slice together: blocks of them in sixteen lanes of four, then the blocks.
#[inline(always)]
fn along<S: Simd, W: Way>(x: &[f32], start: f32) -> f32 {
    let mut total = [start; LANES];
    for block in x.chunks(ROWS * LANES) {
        let mut sums = [S::splat(start); 4];
        let (whole, rest) = block.as_chunks::<LANES>();
        for four in whole.chunks(4) {
            for (x, sum) in four.iter().zip(&mut sums) {
                *sum = W::join::<S>(*sum, S::load(x));
            }
        }
        let sum = W::join::<S>(W::join::<S>(sums[0], sums[1]), W::join::<S>(sums[2], sums[3]));
        S::store(W::join::<S>(S::load(&total), sum), &mut total);
        join_in::<S, W>(rest, &mut total[..rest.len()]);
    }
    // Halves are put together: lane 0 has everything at the end.
    for width in [8, 4, 2, 1] {
        let (low, high) = total.split_at_mut(width);
        join_in::<S, W>(&high[..width], low);
    }
    total[0]
}

#[cfg(test)]
mod tests;
