//! Products of `f32` matrices: one operand lies packed in panels of 32 columns, or is packed as the product goes; the other is cut into
//! small blocks then. A bias, a residual that lies where the result comes and an activation are applied while a tile of the result is still in the first cache.
//!
//! The rows of the second operand come from a [`Source`]: lines of a matrix, or the windows of an image (convolution). Blocks are
//! cheap copies of contiguous runs, not transpositions, so even narrow products pay little for them.
#![allow(dead_code, reason = "called by the plan")]

mod block;
mod cut;
mod epilogue;
mod pack;
mod prologue;
mod right;
mod rows;
mod runs;
mod scratch;
mod sums;
#[cfg(test)]
pub(super) mod tests;
mod thin;
mod tile;
mod work;

pub(super) use block::{Block, DEPTH, ROW, Row};
pub(super) use cut::workers;
pub use epilogue::Epilogue;
pub(super) use epilogue::{activate, load, store};
pub use pack::{Matrix, Packed, Panels};
pub use prologue::{Part, Prologued};
pub use right::{Dense, Right, Stored};
pub use rows::{Side, pack_rows};
pub(super) use runs::{copy_run, zero_run};
pub(super) use scratch::Scratch;
pub(super) use tile::{Panel, RowParts, activate_rows};
pub(super) use work::{Problem, Shared, Source, multiply};

pub(super) use super::crew::share;
use super::simd::{Isa, Simd};
use crate::graph::Activation;
use std::ops::Range;

/// Columns of a panel: two vectors.
pub const PANEL: usize = 32;

/// `out = epilogue(a · b)`: `rows` rows of `a`, each `lda` elements after the one before, by weights; `out` is
/// row-major without gaps. `threads`: on how many.
pub fn product(
    out: &mut [f32],
    a: &[f32],
    rows: usize,
    lda: usize,
    b: Right<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let a = Matrix { data: a, rows, columns: b.inner(), row_step: lda, column_step: 1 };
    product_on(Isa::best(), out, a, b, epilogue, threads);
}

/// The same of rows that come from memory and not from a cache, which is quickest if they are read one after the other.
pub fn product_streamed(
    out: &mut [f32],
    a: &[f32],
    rows: usize,
    b: Right<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let a = Matrix::new(a, rows, b.inner());
    assert!(a.fits() && out.len() == rows * b.columns());
    let isa = Isa::best();
    let problem = Problem { isa, rows, right: b, out_step: b.columns(), first_column: 0 };
    multiply(&problem, Shared::new(out), &Streamed(a), epilogue, threads);
}

/// `out = epilogue(a · b)`, whose rows of `a` are made as the product goes.
pub fn product_of(out: &mut [f32], a: &Prologued<'_>, b: Right<'_>, epilogue: &Epilogue<'_>, threads: usize) {
    prologued_on(Isa::best(), out, a, b, epilogue, threads);
}

fn prologued_on(
    isa: Isa,
    out: &mut [f32],
    a: &Prologued<'_>,
    b: Right<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    assert!(a.columns() == b.inner() && out.len() == a.rows() * b.columns());
    let problem = Problem { isa, rows: a.rows(), right: b, out_step: b.columns(), first_column: 0 };
    multiply(&problem, Shared::new(out), a, epilogue, threads);
}

/// `out = epilogue(a · b)` of matrices that lie anyhow in memory: `b` is packed first, into memory that the thread keeps.
pub fn product_unpacked(
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    unpacked_on(Isa::best(), out, a, b, epilogue, threads);
}

fn unpacked_on(
    isa: Isa,
    out: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let threads = workers(threads, b.rows * b.columns * 16);
    Scratch::lend(&PACKED, pack::lines(b.rows, b.columns), |lines| {
        pack::pack(lines, b, threads);
        let panels = Panels { data: lines.as_flattened(), inner: b.rows, columns: b.columns };
        product_on(isa, out, a, panels.into(), epilogue, threads);
    });
}

thread_local! {
    /// The second operand of a product of two activations.
    static PACKED: Scratch = const { Scratch::new() };
}

fn product_on(
    isa: Isa,
    out: &mut [f32],
    a: Matrix<'_>,
    b: Right<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    assert!(a.columns == b.inner() && a.fits() && out.len() == a.rows * b.columns());
    if let Right::Stored(b) = b
        && a.rows <= thin::MOST
    {
        return thin::product(isa, out, a, b, epilogue, threads);
    }
    let problem = Problem { isa, rows: a.rows, right: b, out_step: b.columns(), first_column: 0 };
    multiply(&problem, Shared::new(out), &a, epilogue, threads);
}

/// Rows that are always copied.
struct Streamed<'a>(Matrix<'a>);

impl Source for Streamed<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>) {
        self.0.fill::<S>(block, first, depth);
    }
}

impl Source for Matrix<'_> {
    fn lying(&self) -> Option<(&[f32], usize)> {
        (self.column_step == 1).then_some((self.data, self.row_step))
    }

    #[inline(always)]
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>) {
        let mut at = first * self.row_step;
        for row in block {
            if self.column_step == 1 {
                copy_run::<S>(&self.data[at + depth.start..at + depth.end], row);
            } else if !depth.is_empty() {
                let from = self.data[at + depth.start * self.column_step..].iter().step_by(self.column_step);
                row[..depth.len()].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
            at += self.row_step;
        }
    }
}
