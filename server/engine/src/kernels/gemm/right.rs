//! The right operand of a product: packed, or as an artifact has it.

use super::{Matrix, Packed, Panels};
use crate::value::Memory;

/// The weights of a dense layer.
#[derive(Debug, Clone)]
pub enum Dense {
    /// In panels.
    Packed(Packed),
    /// Row-major.
    Stored(Stored),
}

/// A row-major matrix that stays where it is: in a mapped file.
#[derive(Debug, Clone)]
pub struct Stored {
    memory: Memory<f32>,
    inner: usize,
    columns: usize,
}

impl Stored {
    /// None: there are not as many numbers.
    pub fn new(memory: Memory<f32>, [inner, columns]: [usize; 2]) -> Option<Self> {
        (inner.checked_mul(columns)? == memory.len()).then_some(Self { memory, inner, columns })
    }
}

impl Dense {
    /// What products read.
    pub fn right(&self) -> Right<'_> {
        match self {
            Self::Packed(packed) => Right::Panels(packed.panels()),
            Self::Stored(stored) => Right::Rows(Matrix::new(&stored.memory, stored.inner, stored.columns)),
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
    /// Row-major: what a product reads of it is packed as it goes.
    Rows(Matrix<'a>),
}

impl Right<'_> {
    /// Rows of the matrix.
    pub fn inner(&self) -> usize {
        match self {
            Self::Panels(panels) => panels.inner,
            Self::Rows(matrix) => matrix.rows,
        }
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        match self {
            Self::Panels(panels) => panels.columns,
            Self::Rows(matrix) => matrix.columns,
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
