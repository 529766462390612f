//! Pooling of channels-last images, and what it shares with reductions.

mod reduce;

pub use reduce::reduce;

use super::{in_parts, piece};
use crate::kernels::simd::{Kernel, LANES, Simd, run};
use crate::kernels::spatial::Geometry;

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
/// The larger of two; NaN if one of them is.
#[inline(always)]
pub fn larger<S: Simd>(a: S::V, b: S::V) -> S::V {
    S::select(S::equal(a, a), S::max(a, b), a)
}

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
        larger::<S>(a, b)
    }
}
impl Way for Smallest {
    #[inline(always)]
    fn join<S: Simd>(a: S::V, b: S::V) -> S::V {
        S::select(S::equal(a, a), S::min(a, b), a)
    }
}

/// A kernel that is compiled for each way.
trait Folding: Sized {
    /// How it puts numbers together.
    fn fold(&self) -> Fold;
    fn by<S: Simd, W: Way>(self);
}

/// Runs a kernel by the way of its fold.
#[inline(always)]
fn by_way<S: Simd>(kernel: impl Folding) {
    match kernel.fold() {
        Fold::Sum | Fold::Mean => kernel.by::<S, Add>(),
        Fold::Max => kernel.by::<S, Largest>(),
        Fold::Min => kernel.by::<S, Smallest>(),
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
        in_parts(threads, rows * row, out, |n, to| {
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
        by_way::<S>(self);
    }
}

impl Folding for Row<'_> {
    fn fold(&self) -> Fold {
        self.fold
    }

    #[inline(always)]
    fn by<S: Simd, W: Way>(self) {
        let (g, c) = (self.g, self.g.channels);
        let (image, oy) = (self.n / g.out_height, self.n % g.out_height);
        let mut places = Vec::with_capacity(g.window[0] * g.window[1]);
        for (ox, to) in self.to.chunks_exact_mut(c).enumerate() {
            places.clear();
            for y in (0..g.window[0]).filter_map(|ky| g.place(0, oy, ky)) {
                let columns = (0..g.window[1]).filter_map(|kx| g.place(1, ox, kx));
                places.extend(columns.map(|at| ((image * g.height + y) * g.width + at) * c));
            }
            let by = if self.fold == Fold::Mean { Some(1.0 / places.len() as f32) } else { None };
            let (held, rest) = to.as_chunks_mut::<{ HELD * LANES }>();
            let first = held.len() * HELD * LANES;
            for (n, to) in held.iter_mut().enumerate() {
                let rows = places.iter().map(|at| &self.x[at + n * HELD * LANES..]);
                joined::<S, W, HELD>(rows, self.fold.start(), by, to);
            }
            for (n, to) in rest.chunks_mut(LANES).enumerate() {
                let rows = places.iter().map(|at| &self.x[at + first + n * LANES..]);
                joined::<S, W, 1>(rows, self.fold.start(), by, to);
            }
        }
    }
}

/// Vectors whose sums are held in registers at once.
const HELD: usize = 4;

/// The first numbers of some slices put together, and multiplied at last: `N` vectors of them, or a part of one.
#[inline(always)]
fn joined<'x, S: Simd, W: Way, const N: usize>(
    rows: impl Iterator<Item = &'x [f32]>,
    start: f32,
    by: Option<f32>,
    to: &mut [f32],
) {
    let mut sums = [S::splat(start); N];
    if to.len() == N * LANES {
        for row in rows {
            let (lanes, _) = row[..N * LANES].as_chunks::<LANES>();
            for (sum, x) in sums.iter_mut().zip(lanes) {
                *sum = W::join::<S>(*sum, S::load(x));
            }
        }
    } else {
        for row in rows {
            sums[0] = W::join::<S>(sums[0], S::load_part(&row[..to.len()]));
        }
    }
    for (sum, to) in sums.iter().zip(to.chunks_mut(LANES)) {
        S::store_part(by.map_or(*sum, |by| S::mul(*sum, S::splat(by))), to);
    }
}

#[cfg(test)]
mod tests;
