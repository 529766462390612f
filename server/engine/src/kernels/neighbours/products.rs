//! Many queries as a product of matrices.

use super::nearest::Nearest;
use crate::graph::{Metric, Vectors};
use crate::kernels::gemm::{Epilogue, Packed, product_streamed};
use crate::kernels::simd::{Kernel, LANES, Lanes, Simd, run};
use std::ops::Range;

/// Vectors of one product.
const ROWS: usize = 128;

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
        limits.as_flattened_mut().iter_mut().zip(&*found).for_each(|(to, found)| *to = found.limit());
        for begin in items.clone().step_by(ROWS) {
            let end = (begin + ROWS).min(items.end);
            let rows = &vectors.values()[begin * width..end * width];
            let keys = &mut room[..(end - begin) * self.columns];
            product_streamed(keys, rows, end - begin, (&self.packed).into(), &Epilogue::NONE, 1);
            let squares = match self.metric {
                Metric::Squared => &vectors.squares()[begin..end],
                Metric::Product => &[],
            };
            let next = &vectors.values()[end * width..(end + ROWS).min(vectors.len()) * width];
            let first = begin as u32;
            run(Show { keys: keys.as_chunks().0, squares, first, limits: &mut limits, found, next });
        }
    }
}

/// Shows some vectors' keys, to which their squares are added. Sixteen queries are looked at together: seldom is one below its limit.
struct Show<'a> {
    keys: &'a [Lanes],
    squares: &'a [f32],
    /// The first vector's number.
    first: u32,
    limits: &'a mut [Lanes],
    found: &'a mut [Nearest],
    /// The vectors that come next, to be fetched meanwhile.
    next: &'a [f32],
}

impl Kernel for Show<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (next, _) = self.next.as_chunks();
        let rows = self.keys.len() / self.limits.len().max(1);
        let mut next = next.chunks(next.len().div_ceil(rows.max(1)).max(1));
        for (n, keys) in (0..).zip(self.keys.chunks_exact(self.limits.len().max(1))) {
            for line in next.next().unwrap_or_default() {
                S::prefetch(line);
            }
            let square = S::splat(self.squares.get(n as usize).copied().unwrap_or(0.0));
            for (at, (key, limits)) in keys.iter().zip(&mut *self.limits).enumerate() {
                let v = S::add(S::load(key), square);
                if S::any(S::less(v, S::load(limits))) {
                    let mut keys = [0.0; LANES];
                    S::store(v, &mut keys);
                    show(keys, self.first + n, limits, &mut self.found[at * LANES..]);
                }
            }
        }
    }
}

/// Shows a vector to up to sixteen queries.
fn show(keys: Lanes, item: u32, limits: &mut Lanes, found: &mut [Nearest]) {
    for ((key, limit), found) in keys.into_iter().zip(limits).zip(found) {
        found.show(key, item);
        *limit = found.limit();
    }
}
