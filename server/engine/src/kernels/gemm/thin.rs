//! Few rows times a large matrix as it is stored: it is read once, in order; where it lies row after row, not at all where all rows of
//! `a` have zeros, as half of the numbers after a ReLU are. What is infinite in such a row of weights does not come through.

mod columns;
mod rows;

use super::super::simd::{Isa, Kernel, Lanes, Simd, run_on};
use super::{Epilogue, Matrix, Scratch, Shared, load, share, store, workers};
use std::ops::Range;

/// Most rows that are multiplied so: more are worth the packing.
pub const MOST: usize = 4;
/// Parts of the work: of wide matrices by columns, of others by rows too, so that sums are made in parts. They are as many on any number of
/// threads, so that results are the same.
const PARTS: usize = 16;
/// Rows or columns of the matrix that are read at a time.
const FOUR: usize = 4;
/// Numbers of a row or a column that are summed at a time: those of four, and the sums, lie in the first cache.
const WIDE: usize = 2048;

thread_local! {
    static SUMS: Scratch = const { Scratch::new() };
}

/// `out = epilogue(a · b)`, where `b` lies row after row or column after column.
pub fn product(
    isa: Isa,
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let by_rows = (b.row_step, b.column_step) == (b.columns, 1);
    assert!(by_rows || (b.row_step, b.column_step) == (1, b.rows));
    assert!(a.columns == b.rows && a.column_step == 1 && a.fits() && b.fits() && a.rows <= MOST);
    assert!(out.len() == a.rows * b.columns && epilogue.fits(b.columns));
    let threads = workers(threads, out.len().saturating_mul(b.rows));
    let wide = if by_rows { (b.columns / WIDE).clamp(1, PARTS) } else { PARTS };
    let (deep, size) = (PARTS / wide, out.len());
    Scratch::lend::<1, _>(&SUMS, deep * size, |sums| {
        let sums = sums.as_flattened_mut();
        let to = Shared::new(sums);
        share(threads, deep * wide, |n| {
            let (d, w) = (n / wide, n % wide);
            let columns = part(b.columns, w, wide);
            if by_rows {
                let (to, depth) = (to.from(d * size), part(b.rows, d, deep));
                run_on(isa, rows::Part { to, a, b, depth, columns });
            } else {
                run_on(isa, columns::Part { to, a, b, columns });
            }
        });
        run_on(isa, Finish { out, sums, columns: b.columns, epilogue });
    });
}

/// One of so many even parts.
fn part(length: usize, n: usize, parts: usize) -> Range<usize> {
    length * n / parts..length * (n + 1) / parts
}

/// The whole vectors of each row or column.
#[inline(always)]
fn vectors<const N: usize>(of: [&[f32]; N]) -> [&[Lanes]; N] {
    let mut whole: [&[Lanes]; N] = [&[]; N];
    for (whole, of) in whole.iter_mut().zip(of) {
        *whole = of.as_chunks().0;
    }
    whole
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
                store::<S>(v, out);
            }
        }
    }
}
