//! Many queries as a product of matrices.

use super::nearest::Nearest;
use crate::graph::{Metric, Vectors};
use crate::kernels::gemm::{Epilogue, Packed, product};
use crate::kernels::simd::{Kernel, LANES, Lanes, Simd, run};
use std::ops::Range;

/// Vectors of one product.
const ROWS: usize = 256;
/// Vectors that are looked at together.
const GROUP: usize = 8;

/// Queries, packed.
pub struct Queries {
    metric: Metric,
    packed: Packed,
    columns: usize,
}

impl Queries {
    /// Packs rows, times what makes their product a key. Columns are whole vectors.
    pub fn new(metric: Metric, x: &[f32], width: usize) -> Self {
        let factor = match metric {
            Metric::Squared => -2.0,
            Metric::Product => -1.0,
        };
        let columns = (x.len() / width).next_multiple_of(LANES);
        let mut scaled: Vec<f32> = x.iter().map(|x| x * factor).collect();
        scaled.resize(columns * width, 0.0);
        Self { metric, packed: Packed::transposed(&scaled, width, columns), columns }
    }

    /// Shows some vectors to all queries.
    pub fn nearest(
        &self,
        vectors: &Vectors,
        items: Range<usize>,
        room: &mut Vec<f32>,
        found: &mut [Nearest],
    ) {
        let width = vectors.width();
        room.resize(ROWS * self.columns, 0.0);
        let mut limits = vec![[f32::NEG_INFINITY; LANES]; self.columns / LANES];
        let set = |limits: &mut [Lanes], found: &[Nearest]| {
            limits.as_flattened_mut().iter_mut().zip(found).for_each(|(to, found)| *to = found.limit());
        };
        set(&mut limits, found);
        for begin in items.clone().step_by(ROWS) {
            let end = (begin + ROWS).min(items.end);
            let rows = &vectors.values()[begin * width..end * width];
            let keys = &mut room[..(end - begin) * self.columns];
            product(keys, rows, end - begin, width, (&self.packed).into(), &Epilogue::NONE, 1);
            let squares = match self.metric {
                Metric::Squared => &vectors.squares()[begin..end],
                Metric::Product => &[],
            };
            for first in (0..end - begin).step_by(GROUP) {
                let keys = &keys[first * self.columns..][..GROUP.min(end - begin - first) * self.columns];
                let squares = squares.get(first..).unwrap_or_default();
                if run(Group { keys: keys.as_chunks().0, squares, limits: &limits }) {
                    for (n, keys) in keys.chunks_exact(self.columns).enumerate() {
                        let (item, square) = ((begin + first + n) as u32, square_of(squares, n));
                        found.iter_mut().zip(keys).for_each(|(found, key)| found.show(*key + square, item));
                    }
                    set(&mut limits, found);
                }
            }
        }
    }
}

/// What is added to the keys of a vector.
#[inline(always)]
fn square_of(squares: &[f32], n: usize) -> f32 {
    squares.get(n).copied().unwrap_or(0.0)
}

/// Some vectors' keys, but for their squares. Gives whether one is below its query's limit.
struct Group<'a> {
    keys: &'a [Lanes],
    squares: &'a [f32],
    limits: &'a [Lanes],
}

impl Kernel for Group<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<S: Simd>(self) -> bool {
        let mut below = S::splat(0.0);
        for (n, keys) in self.keys.chunks_exact(self.limits.len()).enumerate() {
            let square = S::splat(square_of(self.squares, n));
            for (key, limit) in keys.iter().zip(self.limits) {
                let v = S::add(S::load(key), square);
                below = S::select(S::less(v, S::load(limit)), S::splat(1.0), below);
            }
        }
        S::largest(below) > 0.0
    }
}
