//! Attention: `softmax(scale · q kᵀ + mask) v`, a block of scores at a time.
//!
//! Sixteen queries lie side by side in the lanes of a vector, so that the largest score, the exponentials and their sum are plain
//! vector operations, and numbers of keys and values are read one by one as they lie. The largest score and the sum are corrected as
//! blocks come: the matrix of scores never exists. Rows are found by steps: heads may lie between each other, as a projection
//! leaves them.

use super::math;
use crate::kernels::gemm::{Shared, share};
use crate::kernels::simd::{Kernel, LANES, Lanes, Simd, load_all, run, store_all};

/// Keys of a block.
const KEYS: usize = 64;
/// Rows of keys, or columns of values, whose sums are held at once.
const HELD: usize = 8;
/// The same where there are not the registers for so many.
const FEW: usize = 4;

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

/// Where the rows of the result go.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    batch: usize,
    head: usize,
    row: usize,
}

impl Steps {
    /// Of a result of so many batches, heads, queries and numbers; heads of a query side by side, or queries of a head.
    pub fn of([_, heads, queries, width]: [usize; 4], interleaved: bool) -> Self {
        let batch = heads * queries * width;
        if interleaved {
            Self { batch, head: width, row: heads * width }
        } else {
            Self { batch, head: queries * width, row: width }
        }
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
}

/// Attends, on as many threads. A query that sees nothing gives NaN, as its softmax does.
pub fn attention(a: &Attention<'_>, qkv: [Rows<'_>; 3], out: &mut [f32], to: Steps, threads: usize) {
    assert!(out.len() == a.batch * a.heads * a.queries * a.value_width);
    let blocks = a.queries.div_ceil(LANES);
    let out = Shared::new(out);
    share(threads, a.batch * a.heads * blocks, |n| {
        let (batch, head, first) = (n / blocks / a.heads, n / blocks % a.heads, n % blocks * LANES);
        run(Block { a, qkv, batch, head, first, out, to });
    });
}

/// Sixteen queries of one head, or what is left of them.
struct Block<'a> {
    a: &'a Attention<'a>,
    qkv: [Rows<'a>; 3],
    batch: usize,
    head: usize,
    first: usize,
    out: Shared,
    to: Steps,
}

impl Kernel for Block<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let a = self.a;
        let queries = self.turned();
        let mut sums = vec![[0.0; LANES]; a.value_width];
        let mut scores = [[0.0; LANES]; KEYS];
        let low = S::splat(f32::NEG_INFINITY);
        let (mut most, mut total) = (low, S::splat(0.0));
        for start in (0..a.keys).step_by(KEYS) {
            let scores = &mut scores[..KEYS.min(a.keys - start)];
            if S::TILE[1] == 2 {
                self.products::<S, HELD>(&queries, start, scores);
            } else {
                self.products::<S, FEW>(&queries, start, scores);
            }
            self.masked(start, scores);
            let mut largest = most;
            for score in scores.iter() {
                largest = S::max(S::load(score), largest);
            }
            // Where nothing was seen yet, any shift leaves zeros.
            let shift = S::select(S::equal(largest, low), S::splat(0.0), largest);
            let less = math::exp_below::<S>(S::sub(most, shift));
            total = S::mul(total, less);
            for score in scores.iter_mut() {
                let e = math::exp_below::<S>(S::sub(S::load(score), shift));
                total = S::add(total, e);
                S::store(e, score);
            }
            if S::TILE[1] == 2 {
                self.values::<S, HELD>(scores, start, less, &mut sums);
            } else {
                self.values::<S, FEW>(scores, start, less, &mut sums);
            }
            most = largest;
        }
        let inverse = S::div(S::splat(1.0), total);
        for sum in &mut sums {
            S::store(S::mul(S::load(sum), inverse), sum);
        }
        self.write(&sums);
    }
}

impl Block<'_> {
    fn count(&self) -> usize {
        LANES.min(self.a.queries - self.first)
    }

    /// The queries with the queries innermost, times the factor of the scores.
    #[inline(always)]
    fn turned(&self) -> Vec<Lanes> {
        let mut turned = vec![[0.0; LANES]; self.a.width];
        for n in 0..self.count() {
            let query = self.qkv[0].at(self.batch, self.head, self.first + n, self.a.width);
            for (to, x) in turned.iter_mut().zip(query) {
                to[n] = *x * self.a.scale;
            }
        }
        turned
    }

    /// The products of the queries with a block of keys.
    #[inline(always)]
    fn products<S: Simd, const N: usize>(&self, queries: &[Lanes], start: usize, scores: &mut [Lanes]) {
        let (many, rest) = scores.as_chunks_mut::<N>();
        let place = start + many.len() * N;
        for (n, scores) in many.iter_mut().enumerate() {
            self.some_products::<S, N>(queries, start + n * N, scores);
        }
        for (n, scores) in rest.iter_mut().enumerate() {
            self.some_products::<S, 1>(queries, place + n, std::array::from_mut(scores));
        }
    }

    #[inline(always)]
    fn some_products<S: Simd, const N: usize>(&self, queries: &[Lanes], first: usize, to: &mut [Lanes; N]) {
        let keys: [&[f32]; N] =
            std::array::from_fn(|n| self.qkv[1].at(self.batch, self.head, first + n, queries.len()));
        let mut sums = [S::splat(0.0); N];
        for (i, query) in queries.iter().enumerate() {
            let query = S::load(query);
            for (sum, key) in sums.iter_mut().zip(&keys) {
                *sum = S::fma(S::splat(key[i]), query, *sum);
            }
        }
        store_all::<S, N>(&sums, to);
    }

    /// Adds the mask.
    #[inline(always)]
    fn masked(&self, start: usize, scores: &mut [Lanes]) {
        let Some(mask) = &self.a.mask else { return };
        for lane in 0..self.count() {
            let row = &mask.at(self.batch, self.head, self.first + lane, self.a.keys)[start..];
            for (score, m) in scores.iter_mut().zip(row) {
                score[lane] += m;
            }
        }
    }

    /// Adds a block of values, weighted by their scores, to the sums, which are made less first.
    #[inline(always)]
    fn values<S: Simd, const N: usize>(
        &self,
        scores: &[Lanes],
        start: usize,
        less: S::V,
        sums: &mut [Lanes],
    ) {
        let (many, rest) = sums.as_chunks_mut::<N>();
        let place = many.len() * N;
        for (n, sums) in many.iter_mut().enumerate() {
            self.some_values::<S, N>(scores, start, n * N, less, sums);
        }
        for (n, sums) in rest.iter_mut().enumerate() {
            self.some_values::<S, 1>(scores, start, place + n, less, std::array::from_mut(sums));
        }
    }

    #[inline(always)]
    fn some_values<S: Simd, const N: usize>(
        &self,
        scores: &[Lanes],
        start: usize,
        column: usize,
        less: S::V,
        to: &mut [Lanes; N],
    ) {
        let mut sums = load_all::<S, N>(to);
        for sum in &mut sums {
            *sum = S::mul(*sum, less);
        }
        for (n, score) in scores.iter().enumerate() {
            let row = self.qkv[2].at(self.batch, self.head, start + n, self.a.value_width);
            let score = S::load(score);
            if let Some(values) = row[column..].first_chunk::<N>() {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = S::fma(S::splat(*value), score, *sum);
                }
            }
        }
        store_all::<S, N>(&sums, to);
    }

    /// Rows of the result, each query's own.
    #[inline(always)]
    fn write(&self, sums: &[Lanes]) {
        let begin = self.batch * self.to.batch + self.head * self.to.head;
        for n in 0..self.count() {
            let at = begin + (self.first + n) * self.to.row;
            // SAFETY: each query of each head has a row of its own, which belongs to one block, and the result outlives the blocks.
            #[allow(unsafe_code)]
            let to = unsafe { self.out.part(at, sums.len()) };
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum[n]);
        }
    }
}

#[cfg(test)]
mod tests;
