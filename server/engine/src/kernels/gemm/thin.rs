//! Few rows times a large row-major matrix: it is read once, from its start to its end, and not at all where all rows have zeros, as
//! half of the numbers after a ReLU are. What is infinite in such a row of weights does not come through.

use super::super::simd::{Isa, Kernel, Lanes, Simd, run_on};
use super::{Epilogue, Matrix, Scratch, Shared, load, share, workers};
use std::ops::Range;

/// Most rows that are multiplied so: more are worth the packing.
pub const MOST: usize = 4;
/// Parts of the work: of wide matrices by columns, of others by rows too, so that sums are made in parts. They are as many on any number of
/// threads, so that results are the same.
const PARTS: usize = 16;
/// Rows of the matrix that are added at a time.
const FOUR: usize = 4;
/// Columns that are summed at a time: four rows and the sums lie in the first cache.
const WIDE: usize = 2048;

thread_local! {
    static SUMS: Scratch = const { Scratch::new() };
}

/// `out = epilogue(a · b)`.
pub fn product(
    isa: Isa,
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    assert!(a.columns == b.rows && a.column_step == 1 && b.column_step == 1 && b.row_step == b.columns);
    assert!(a.fits() && b.fits() && out.len() == a.rows * b.columns && epilogue.fits(b.columns));
    let threads = workers(threads, out.len().saturating_mul(b.rows));
    let wide = (b.columns / WIDE).clamp(1, PARTS);
    let (deep, size) = (PARTS / wide, out.len());
    Scratch::lend::<1, _>(&SUMS, deep * size, |sums| {
        let sums = sums.as_flattened_mut();
        let to = Shared::new(sums);
        share(threads, deep * wide, |n| {
            let (d, w) = (n / wide, n % wide);
            let depth = b.rows * d / deep..b.rows * (d + 1) / deep;
            let column = |w: usize| b.columns * w / wide;
            run_on(isa, Part { to: to.from(d * size), a, b, depth, columns: column(w)..column(w + 1) });
        });
        run_on(isa, Finish { out, sums, columns: b.columns, epilogue });
    });
}

/// The sums over some rows of the matrix, of some columns.
struct Part<'a> {
    /// Of all columns of the same rows.
    to: Shared,
    a: Matrix<'a>,
    b: Matrix<'a>,
    depth: Range<usize>,
    columns: Range<usize>,
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
    let mut whole: [&[Lanes]; N] = [&[]; N];
    for (whole, weights) in whole.iter_mut().zip(weights) {
        *whole = weights.as_chunks().0;
    }
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

/// Adds the parts up.
struct Finish<'a> {
    out: &'a mut [f32],
    sums: &'a [f32],
    columns: usize,
    epilogue: &'a Epilogue<'a>,
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let size = self.out.len();
        for (row, out) in self.out.chunks_mut(self.columns.max(1)).enumerate() {
            for (n, out) in out.chunks_mut(16).enumerate() {
                let (at, places) = (row * self.columns + n * 16, out.len());
                let mut v = if self.epilogue.adds { load::<S>(out) } else { S::splat(0.0) };
                for sums in self.sums.chunks_exact(size) {
                    v = S::add(v, load::<S>(&sums[at..at + places]));
                }
                v = self.epilogue.apply::<S>(v, n * 16, places);
                match <&mut Lanes>::try_from(&mut *out) {
                    Ok(lanes) => S::store(v, lanes),
                    Err(_) => S::store_part(v, out),
                }
            }
        }
    }
}
