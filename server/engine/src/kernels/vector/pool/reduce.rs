//! Reductions of `[outer, middle, inner]` over the middle.

use super::super::{Map, in_parts, map_in, piece};
use super::{Fold, Folding, HELD, Way, by_way, joined};
use crate::kernels::gemm::{Shared, share};
use crate::kernels::simd::{Kernel, LANES, Simd, run};

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
    if inner > 1 {
        // Columns are shared out: one image has as many of them as several.
        let wide = piece(inner, HELD * LANES, threads.div_ceil(outer), middle).min(WIDEST);
        let columns = inner.div_ceil(wide);
        let to = Shared::new(to);
        share(threads, outer * columns, |n| {
            let (row, first) = (n / columns, n % columns * wide);
            let width = wide.min(inner - first);
            // SAFETY: each piece has columns of its own, and the result outlives the pieces.
            #[allow(unsafe_code)]
            let to = unsafe { to.part(row * inner + first, width) };
            let x = &x[row * middle * inner + first..][..(middle - 1) * inner + width];
            run(Columns { fold, x, middle, inner, to });
        });
    } else if threads > 1 {
        let rows = piece(outer * middle, middle, threads, 1) / middle;
        in_parts(threads, rows, to, |n, to| {
            run(Along { fold, x: &x[n * rows * middle..][..to.len() * middle], middle, to });
        });
    } else {
        run(Along { fold, x, middle, to });
    }
}

/// Columns that one piece of a reduction has at most.
const WIDEST: usize = 1024;

/// Rows of neighbouring numbers, each put together.
pub struct Along<'a> {
    pub fold: Fold,
    pub x: &'a [f32],
    pub middle: usize,
    pub to: &'a mut [f32],
}

impl Kernel for Along<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        by_way::<S>(self);
    }
}

/// Rows that are summed before their sum is added to the others: errors grow with the number of blocks, not of rows.
const ROWS: usize = 64;

impl Folding for Along<'_> {
    fn fold(&self) -> Fold {
        self.fold
    }

    #[inline(always)]
    fn by<S: Simd, W: Way>(self) {
        for (x, to) in self.x.chunks_exact(self.middle).zip(self.to) {
            *to = along::<S, W>(x, self.fold.start());
            if self.fold == Fold::Mean {
                *to *= 1.0 / self.middle as f32;
            }
        }
    }
}

/// Some columns of rows that lie `inner` apart.
pub struct Columns<'a> {
    pub fold: Fold,
    pub x: &'a [f32],
    pub middle: usize,
    pub inner: usize,
    pub to: &'a mut [f32],
}

impl Kernel for Columns<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        by_way::<S>(self);
    }
}

impl Folding for Columns<'_> {
    fn fold(&self) -> Fold {
        self.fold
    }

    #[inline(always)]
    fn by<S: Simd, W: Way>(self) {
        let Self { fold, x, middle, inner, to } = self;
        let mut block = [0.0; HELD * LANES];
        for (n, to) in to.chunks_mut(HELD * LANES).enumerate() {
            to.fill(fold.start());
            let block = &mut block[..to.len()];
            for first in (0..middle).step_by(ROWS) {
                let rows = first..(first + ROWS).min(middle);
                let row = |r: usize, at: usize| &x[r * inner + n * HELD * LANES + at..];
                if block.len() == HELD * LANES {
                    joined::<S, W, HELD>(rows.map(|r| row(r, 0)), fold.start(), None, block);
                } else {
                    for (i, block) in block.chunks_mut(LANES).enumerate() {
                        let rows = rows.clone().map(|r| row(r, i * LANES));
                        joined::<S, W, 1>(rows, fold.start(), None, block);
                    }
                }
                join_in::<S, W>(block, to);
            }
            if fold == Fold::Mean {
                map_in::<S, Times>(Times(1.0 / middle as f32), to);
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
