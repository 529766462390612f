//! Attention: `softmax(q k^T * scale + mask) v`, a block of scores at a time.
//!
//! The largest score and the sum of a row are corrected as blocks come, so the matrix of scores never exists. Rows are found by
//! strides: heads may lie between each other, as a projection leaves them.

use super::{math, softmax};
use crate::kernels::simd::{Kernel, LANES, Simd, run};
use rayon::prelude::*;

/// Queries of a block.
const QUERIES: usize = 16;
/// Keys of a block.
const KEYS: usize = 64;

/// Rows of a matrix for each batch and head.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// All numbers.
    pub data: &'a [f32],
    /// From one batch to the next.
    pub batch: usize,
    /// From one head to the next.
    pub head: usize,
    /// From one row to the next.
    pub row: usize,
}

impl<'a> Rows<'a> {
    /// `width` numbers of a row.
    #[inline(always)]
    fn at(&self, batch: usize, head: usize, row: usize, width: usize) -> &'a [f32] {
        &self.data[batch * self.batch + head * self.head + row * self.row..][..width]
    }
}

/// Sizes and ways of an attention.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Batches.
    pub batch: usize,
    /// Heads of each.
    pub heads: usize,
    /// Queries.
    pub queries: usize,
    /// Keys and values.
    pub keys: usize,
    /// Width of a query and of a key.
    pub width: usize,
    /// Width of a value.
    pub value_width: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Added to the scores: a row of `keys` numbers for each query; steps may be 0.
    pub mask: Option<Rows<'a>>,
    /// Whether a query sees no keys after its own place, counted from the end if there are more keys than queries.
    pub causal: bool,
}

/// Attends into `out` of `[batch, queries, heads, value_width]`, on as many threads. A query that sees nothing gives zeros.
pub fn attention(a: &Attention<'_>, q: Rows<'_>, k: Rows<'_>, v: Rows<'_>, out: &mut [f32], threads: usize) {
    let row = a.heads * a.value_width;
    if row == 0 || out.is_empty() {
        return;
    }
    // Blocks of queries of all heads: what a thread writes lies together.
    for (batch, out) in out.chunks_exact_mut(a.queries * row).enumerate() {
        let work = |(n, to): (usize, &mut [f32])| run(Block { a, q, k, v, batch, first: n * QUERIES, to });
        if threads > 1 {
            out.par_chunks_mut(QUERIES * row).enumerate().for_each(work);
        } else {
            out.chunks_mut(QUERIES * row).enumerate().for_each(work);
        }
    }
}

/// Some queries of one batch, all heads.
struct Block<'a> {
    a: &'a Attention<'a>,
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    batch: usize,
    first: usize,
    to: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (a, width) = (self.a, self.a.value_width);
        let rows = self.to.len() / (a.heads * width);
        self.to.fill(0.0);
        let (mut keys, mut scores) = (vec![0.0; a.width * KEYS], [0.0; KEYS]);
        for head in 0..a.heads {
            let mut state = [(f32::NEG_INFINITY, 0.0f32); QUERIES];
            for start in (0..a.keys).step_by(KEYS) {
                let count = (a.keys - start).min(KEYS);
                self.turn(head, start, count, &mut keys);
                for (n, state) in state.iter_mut().enumerate().take(rows) {
                    let query = self.first + n;
                    let seen = if a.causal { (query + 1 + a.keys).saturating_sub(a.queries) } else { a.keys };
                    let count = seen.saturating_sub(start).min(count);
                    if count == 0 {
                        continue;
                    }
                    let scores = &mut scores[..];
                    products::<S>(self.q.at(self.batch, head, query, a.width), &keys, a.scale, scores);
                    if let Some(mask) = &a.mask {
                        let mask = &mask.at(self.batch, head, query, a.keys)[start..start + count];
                        scores.iter_mut().zip(mask).for_each(|(s, m)| *s += m);
                    }
                    let to = &mut self.to[(n * a.heads + head) * width..][..width];
                    let values = Values { v: &self.v, batch: self.batch, head, start };
                    absorb::<S>(&mut scores[..count], state, &values, to);
                }
            }
            for (n, (_, sum)) in state.iter().enumerate().take(rows) {
                let to = &mut self.to[(n * a.heads + head) * width..][..width];
                softmax::scale::<S>(to, if *sum == 0.0 { 0.0 } else { 1.0 / sum });
            }
        }
    }
}

impl Block<'_> {
    /// A block of keys with the keys innermost, so that sixteen scores come at once; zeros where there are no keys.
    #[inline(always)]
    fn turn(&self, head: usize, start: usize, count: usize, keys: &mut [f32]) {
        if count < KEYS {
            keys.fill(0.0);
        }
        for n in 0..count {
            let key = self.k.at(self.batch, head, start + n, self.a.width);
            for (to, x) in keys.chunks_exact_mut(KEYS).zip(key) {
                to[n] = *x;
            }
        }
    }
}

/// The products of a query with a block of keys.
#[inline(always)]
fn products<S: Simd>(query: &[f32], keys: &[f32], scale: f32, scores: &mut [f32]) {
    let mut sums = [S::splat(0.0); KEYS / LANES];
    for (q, row) in query.iter().zip(keys.chunks_exact(KEYS)) {
        let q = S::splat(*q);
        for (sum, k) in sums.iter_mut().zip(row.as_chunks::<LANES>().0) {
            *sum = S::fma(q, S::load(k), *sum);
        }
    }
    for (sum, to) in sums.iter().zip(scores.as_chunks_mut::<LANES>().0) {
        S::store(S::mul(*sum, S::splat(scale)), to);
    }
}

/// Where a block of values lies.
struct Values<'a> {
    v: &'a Rows<'a>,
    batch: usize,
    head: usize,
    start: usize,
}

/// Adds a block of values, weighted by their scores, to a row of the result.
#[inline(always)]
fn absorb<S: Simd>(scores: &mut [f32], state: &mut (f32, f32), values: &Values<'_>, to: &mut [f32]) {
    let most = softmax::largest::<S>(scores).max(state.0);
    if most == f32::NEG_INFINITY {
        return;
    }
    if most > state.0 && state.1 != 0.0 {
        let less = (state.0 - most).exp();
        state.1 *= less;
        softmax::scale::<S>(to, less);
    }
    state.0 = most;
    let shift = S::splat(most);
    for part in scores.chunks_mut(LANES) {
        S::store_part(math::exp_below::<S>(S::sub(S::load_part(part), shift)), part);
    }
    state.1 += scores.iter().sum::<f32>();
    let width = to.len();
    let row = |n: usize| values.v.at(values.batch, values.head, values.start + n, width);
    // Two vectors of the result stay in registers while all values go by.
    for (at, to) in to.chunks_mut(2 * LANES).enumerate() {
        let from = at * 2 * LANES;
        let count = to.len();
        let (low, high) = to.split_at_mut(count.min(LANES));
        let (mut a, mut b) = (S::load_part(low), S::load_part(high));
        for (n, score) in scores.iter().enumerate() {
            let (x, y) = row(n)[from..from + count].split_at(low.len());
            let score = S::splat(*score);
            a = S::fma(score, S::load_part(x), a);
            if !y.is_empty() {
                b = S::fma(score, S::load_part(y), b);
            }
        }
        S::store_part(a, low);
        S::store_part(b, high);
    }
}

#[cfg(test)]
mod tests;
