//! Packed weights: panels of 32 columns, each with all the rows of the matrix one after the other, the last panel filled up
//! with zeros. A product reads a panel from its start to its end.

use super::{PANEL, Shared, share};
use crate::value::{Memory, Output};

/// A matrix in memory: rows, columns, and the steps between them.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Matrix<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_step: usize,
    pub column_step: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major, without gaps.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { data, rows, columns, row_step: columns, column_step: 1 }
    }

    /// The same memory read by columns.
    #[must_use]
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
    pub(super) fn fits(&self) -> bool {
        let last = (self.rows.max(1) - 1) * self.row_step + (self.columns.max(1) - 1) * self.column_step;
        self.rows == 0 || self.columns == 0 || last < self.data.len()
    }
}

/// A packed matrix. Its memory may be a part of a mapped file.
#[derive(Debug, Clone)]
pub struct Packed {
    memory: Memory<f32>,
    inner: usize,
    columns: usize,
}

/// A packed matrix in somebody's memory.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Panels<'a> {
    /// `[panel][inner][32]`
    pub data: &'a [f32],
    pub inner: usize,
    pub columns: usize,
}

impl<'a> Panels<'a> {
    /// Rows of one panel.
    pub(in super::super) fn panel(&self, n: usize) -> &'a [[f32; PANEL]] {
        let size = self.inner * PANEL;
        self.data[n * size..(n + 1) * size].as_chunks().0
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.columns.div_ceil(PANEL)
    }
}

impl Packed {
    /// Packs a row-major matrix `[inner][columns]`.
    pub fn new(weights: &[f32], inner: usize, columns: usize) -> Self {
        Self::of(Matrix::new(weights, inner, columns))
    }

    /// Packs a matrix that lies transposed in memory: `[columns][inner]`.
    pub fn transposed(weights: &[f32], inner: usize, columns: usize) -> Self {
        Self::of(Matrix::new(weights, columns, inner).transposed())
    }

    /// Packs a matrix that lies anyhow.
    pub fn of(matrix: Matrix<'_>) -> Self {
        assert!(matrix.fits());
        let (inner, columns) = (matrix.rows, matrix.columns);
        let mut memory = Output::lasting(lines(inner, columns) * PANEL);
        pack(memory.as_chunks_mut().0, matrix, 1);
        Self { memory: memory.into(), inner, columns }
    }

    /// What was once [`Packed::as_slice`] of a matrix of this size; None if its length is not that of such a matrix.
    pub fn from_memory(memory: Memory<f32>, inner: usize, columns: usize) -> Option<Self> {
        (Self::elements(inner, columns)? == memory.len()).then_some(Self { memory, inner, columns })
    }

    /// Numbers that a packed matrix of this size takes; None: more than there can be.
    pub fn elements(inner: usize, columns: usize) -> Option<usize> {
        inner.checked_mul(columns.div_ceil(PANEL))?.checked_mul(PANEL)
    }

    /// All of it: `[panel][inner][32]`.
    pub fn as_slice(&self) -> &[f32] {
        &self.memory
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }

    /// Rows of the matrix.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What products read.
    pub fn panels(&self) -> Panels<'_> {
        Panels { data: self.as_slice(), inner: self.inner, columns: self.columns }
    }
}

/// Rows of panels that a packed matrix takes.
pub(super) fn lines(inner: usize, columns: usize) -> usize {
    inner * columns.div_ceil(PANEL)
}

/// Packs a matrix; every number of `to` is written.
pub(super) fn pack(to: &mut [[f32; PANEL]], matrix: Matrix<'_>, threads: usize) {
    assert!(matrix.fits() && to.len() == lines(matrix.rows, matrix.columns));
    let size = matrix.rows * PANEL;
    let to = Shared::new(to.as_flattened_mut());
    share(threads, matrix.columns.div_ceil(PANEL), |n| {
        // SAFETY: every panel is the work of one call.
        #[allow(unsafe_code)]
        let panel = unsafe { to.part(n * size, size) };
        pack_panel(panel.as_chunks_mut().0, matrix, n * PANEL);
    });
}

/// Packs the columns of a panel, from `first` on; every number is written.
pub(super) fn pack_panel(panel: &mut [[f32; PANEL]], m: Matrix<'_>, first: usize) {
    let width = (m.columns - first).min(PANEL);
    if m.column_step == 1 {
        for (k, to) in panel.iter_mut().enumerate() {
            let at = k * m.row_step + first;
            to[..width].copy_from_slice(&m.data[at..at + width]);
            to[width..].fill(0.0);
        }
        return;
    }
    // Few rows at a time, so that what is written stays in the first cache while the columns pass.
    for (n, rows) in panel.chunks_mut(64).enumerate() {
        for j in 0..PANEL {
            if j >= width {
                rows.iter_mut().for_each(|to| to[j] = 0.0);
                continue;
            }
            let column = &m.data[n * 64 * m.row_step + (first + j) * m.column_step..];
            rows.iter_mut().zip(column.iter().step_by(m.row_step)).for_each(|(to, x)| to[j] = *x);
        }
    }
}
