//! Matrix products over the `gemm` crate: the one place that calls it.

use crate::graph::Activation;
use gemm::Parallelism;

/// A matrix in memory: rows, columns, and the steps between them.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_step: usize,
    pub column_step: usize,
}

impl<'a> View<'a> {
    /// Row-major, without gaps.
    pub fn rows(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { data, rows, columns, row_step: columns, column_step: 1 }
    }

    /// The same memory read by columns.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// Whether every element lies in the memory.
    fn fits(&self) -> bool {
        let last = (self.rows.max(1) - 1) * self.row_step + (self.columns.max(1) - 1) * self.column_step;
        self.rows == 0 || self.columns == 0 || last < self.data.len()
    }
}

/// `out = a · b`, row-major without gaps; `threads`: on how many.
#[allow(unsafe_code)]
pub fn product(out: &mut [f32], a: View<'_>, b: View<'_>, threads: usize) {
    assert!(a.columns == b.rows && a.fits() && b.fits() && out.len() == a.rows * b.columns);
    if a.columns == 0 {
        out.fill(0.0);
        return;
    }
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    // SAFETY: the views were checked against their slices just above, `out` has exactly the elements that are written, and
    // being borrowed for writing it overlaps neither.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            b.columns.cast_signed(),
            false,
            a.data.as_ptr(),
            a.column_step.cast_signed(),
            a.row_step.cast_signed(),
            b.data.as_ptr(),
            b.column_step.cast_signed(),
            b.row_step.cast_signed(),
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// What comes after a product: a bias for each column, and an activation.
#[derive(Clone, Copy)]
pub struct Activate<'a> {
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Activate<'_> {
    /// Works on whole rows.
    pub fn apply(&self, rows: &mut [f32], columns: usize) {
        if columns == 0 {
            return;
        }
        for row in rows.chunks_exact_mut(columns) {
            if let Some(bias) = self.bias {
                row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
            }
            if self.activation != Activation::None {
                row.iter_mut().for_each(|x| *x = super::activate::scalar(self.activation, *x));
            }
        }
    }
}

/// Threads for a product of so many multiplications.
pub fn threads(work: usize) -> usize {
    if work < super::PARALLEL_WORK { 1 } else { rayon::current_num_threads() }
}
