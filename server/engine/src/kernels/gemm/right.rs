//! The right operand of a product: packed, or as an artifact has it.

use super::{Matrix, Packed, Panels};
use crate::value::Memory;

/// The weights of a dense layer.
#[derive(Debug, Clone)]
pub enum Dense {
    /// In panels.
    Packed(Packed),
    /// As they lie in a mapped file.
    Stored(Stored),
}

/// A matrix that stays where it is: in a mapped file.
#[derive(Debug, Clone)]
pub struct Stored {
    memory: Memory<f32>,
    inner: usize,
    columns: usize,
    /// It lies column after column, not row after row.
    turned: bool,
}

impl Stored {
    /// Of rows and columns; `turned`: it lies column after column. None: there are not as many numbers.
    pub fn new(memory: Memory<f32>, [inner, columns]: [usize; 2], turned: bool) -> Option<Self> {
        (inner.checked_mul(columns)? == memory.len()).then_some(Self { memory, inner, columns, turned })
    }

    fn matrix(&self) -> Matrix<'_> {
        if self.turned {
            Matrix::new(&self.memory, self.columns, self.inner).transposed()
        } else {
            Matrix::new(&self.memory, self.inner, self.columns)
        }
    }
}

impl Dense {
    /// What products read.
    pub fn right(&self) -> Right<'_> {
        match self {
            Self::Packed(packed) => Right::Panels(packed.panels()),
            Self::Stored(stored) => Right::Stored(stored.matrix()),
        }
    }

    /// Where they begin in memory.
    pub fn place(&self) -> usize {
        self.numbers().as_ptr().addr()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.numbers())
    }

    fn numbers(&self) -> &[f32] {
        match self {
            Self::Packed(packed) => packed.as_slice(),
            Self::Stored(stored) => &stored.memory,
        }
    }
}

/// A matrix that rows are multiplied by.
#[derive(Debug, Clone, Copy)]
pub enum Right<'a> {
    /// Packed.
    Panels(Panels<'a>),
    /// As it lies in memory: what a product reads of it is packed as it goes.
    Stored(Matrix<'a>),
}

impl Right<'_> {
    /// Rows of the matrix.
    pub fn inner(&self) -> usize {
        match self {
            Self::Panels(panels) => panels.inner,
            Self::Stored(matrix) => matrix.rows,
        }
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        match self {
            Self::Panels(panels) => panels.columns,
            Self::Stored(matrix) => matrix.columns,
        }
    }
}

impl<'a> From<Panels<'a>> for Right<'a> {
    fn from(panels: Panels<'a>) -> Self {
        Self::Panels(panels)
    }
}

impl<'a> From<&'a Packed> for Right<'a> {
    fn from(packed: &'a Packed) -> Self {
        Self::Panels(packed.panels())
    }
}
