//! Vectors measured one by one.

use super::nearest::{Nearest, Place};
use crate::graph::{Metric, Vectors};
use crate::kernels::simd::{Kernel, LANES, Simd, run};
use std::ops::Range;

/// Vectors whose measures are looked at together.
const BLOCK: usize = 256;

/// Shows some vectors to all queries.
pub fn nearest(
    metric: Metric,
    vectors: &Vectors,
    items: Range<usize>,
    x: &[f32],
    room: &mut Vec<f32>,
    found: &mut [Nearest],
) {
    let width = vectors.width();
    room.resize(BLOCK, 0.0);
    for begin in items.clone().step_by(BLOCK) {
        let end = (begin + BLOCK).min(items.end);
        let rows = &vectors.values()[begin * width..end * width];
        for (query, found) in x.chunks_exact(width).zip(found.iter_mut()) {
            let keys = &mut room[..end - begin];
            run(Keys { metric, query, rows, keys });
            for (item, key) in (begin..end).zip(keys) {
                found.show(*key, item as u32);
            }
        }
    }
}

/// Measures places anew.
pub fn measure(metric: Metric, vectors: &Vectors, query: &[f32], places: &mut [Place]) {
    for place in places {
        let rows = vectors.at(place.item as usize);
        run(Keys { metric, query, rows, keys: std::slice::from_mut(&mut place.key) });
    }
}

/// Key of each row for a query.
pub struct Keys<'a> {
    pub metric: Metric,
    pub query: &'a [f32],
    pub rows: &'a [f32],
    pub keys: &'a mut [f32],
}

impl Kernel for Keys<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.metric {
            Metric::Squared => all::<S, true>(self.query, self.rows, self.keys, 1.0),
            Metric::Product => all::<S, false>(self.query, self.rows, self.keys, -1.0),
        }
    }
}

/// Rows whose sums go side by side, as each waits for itself. They are far from each other: the processor fetches ahead in several places
/// at once then, and gets more from memory than in one.
const ABREAST: usize = 4;

#[inline(always)]
fn all<S: Simd, const SQUARED: bool>(query: &[f32], rows: &[f32], keys: &mut [f32], sign: f32) {
    let width = query.len();
    let each = keys.len() / ABREAST;
    let (whole, last) = rows.split_at(each * ABREAST * width);
    let (keys, rest) = keys.split_at_mut(each * ABREAST);
    for n in 0..each {
        let row = |part: usize| &whole[(part * each + n) * width..][..width];
        let sums = sums::<S, SQUARED, ABREAST>(query, [row(0), row(1), row(2), row(3)]);
        for (part, sum) in sums.into_iter().enumerate() {
            keys[part * each + n] = sign * S::sum(sum);
        }
    }
    for (row, key) in last.chunks_exact(width).zip(rest) {
        *key = sign * S::sum(sums::<S, SQUARED, 1>(query, [row])[0]);
    }
}

/// Squares of differences, or products, of a query and some rows.
#[inline(always)]
fn sums<S: Simd, const SQUARED: bool, const N: usize>(query: &[f32], rows: [&[f32]; N]) -> [S::V; N] {
    let mut sums = [S::splat(0.0); N];
    let (whole, rest) = query.as_chunks::<LANES>();
    let rows = rows.map(|row| row.as_chunks::<LANES>());
    for (n, query) in whole.iter().enumerate() {
        let query = S::load(query);
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum = step::<S, SQUARED>(query, S::load(&row.0[n]), *sum);
        }
    }
    if !rest.is_empty() {
        let query = S::load_part(rest);
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum = step::<S, SQUARED>(query, S::load_part(row.1), *sum);
        }
    }
    sums
}

#[inline(always)]
fn step<S: Simd, const SQUARED: bool>(a: S::V, b: S::V, sum: S::V) -> S::V {
    if SQUARED {
        let difference = S::sub(a, b);
        S::fma(difference, difference, sum)
    } else {
        S::fma(a, b, sum)
    }
}
