//! Vectors as they are.

use crate::EngineError;

/// Numbers of a vector.
const WIDEST: usize = 1 << 34;

/// Vectors of one width, one after the other.
pub struct Vectors {
    width: usize,
    values: Vec<f32>,
    /// The square of each one's length.
    squares: Vec<f32>,
}

impl Vectors {
    /// Puts them together.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, EngineError> {
        if width == 0 || width > WIDEST || !values.len().is_multiple_of(width) {
            return Err(EngineError::broken(format!("{} numbers are no vectors of {width}", values.len())));
        }
        let square = |v: &[f32]| v.iter().map(|x| x * x).sum();
        let squares = values.chunks_exact(width).map(square).collect();
        Ok(Self { width, values, squares })
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// All numbers.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The square of each one's length.
    pub fn squares(&self) -> &[f32] {
        &self.squares
    }

    /// One of them.
    pub fn at(&self, n: usize) -> &[f32] {
        &self.values[n * self.width..][..self.width]
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.values[..]) + size_of_val(&self.squares[..])
    }
}
