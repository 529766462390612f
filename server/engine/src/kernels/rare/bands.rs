//! Matrices of which only a few diagonals are told. Computed in 64 bits.

use super::super::{Outcome, Value, fail};
use super::matrices::{equations_of, triangular};
use super::{at, narrowed, wide};
use crate::EngineError;

/// The diagonal above, the middle one and the one below `[..., 3, n]`, and right sides.
pub fn tridiagonal_solve(diagonals: &Value, b: &Value, pivoting: bool) -> Outcome {
    let [.., 3, n] = *diagonals.dims() else {
        return Err(fail(format!("three diagonals are needed, not {:?}", diagonals.dims())));
    };
    equations_of(diagonals, b, n, |bands, right, columns| eliminate(bands, right, columns, pivoting))
}

/// By Gauss, with rows changed so that what is divided by is large.
fn eliminate(bands: &[f64], right: &mut [f64], columns: usize, pivoting: bool) -> Result<(), EngineError> {
    let n = bands.len() / 3;
    let (above, middle, below) = (&bands[..n], &bands[n..2 * n], &bands[2 * n..]);
    // Of each row what lies on the diagonal and the two numbers behind it.
    let full = |i: usize| [middle[i], if i + 1 < n { above[i] } else { 0.0 }, 0.0];
    let mut rows: Vec<[f64; 3]> = (0..n).map(full).collect();
    for i in 0..n {
        if let Some(next) = (i + 1 < n).then(|| [below[i + 1], rows[i + 1][0], rows[i + 1][1]]) {
            let mut next = next;
            if pivoting && next[0].abs() > rows[i][0].abs() {
                std::mem::swap(&mut next, &mut rows[i]);
                (0..columns).for_each(|c| right.swap(i * columns + c, (i + 1) * columns + c));
            }
            let factor = next[0] / rows[i][0];
            rows[i + 1] = [next[1] - factor * rows[i][1], next[2] - factor * rows[i][2], 0.0];
            (0..columns).for_each(|c| right[(i + 1) * columns + c] -= factor * right[i * columns + c]);
        }
        if rows[i][0] == 0.0 {
            return Err(fail("a matrix that has no inverse"));
        }
    }
    for i in (0..n).rev() {
        for c in 0..columns {
            let behind = |k: usize| if i + k < n { rows[i][k] * right[(i + k) * columns + c] } else { 0.0 };
            let known = behind(1) + behind(2);
            right[i * columns + c] = (right[i * columns + c] - known) / rows[i][0];
        }
    }
    Ok(())
}

/// The diagonals above, in the middle and below, `[..., 1, n]` each, times a matrix.
pub fn tridiagonal_product(inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 3)?;
    let [outer @ .., n, columns] = x.dims() else { return Err(fail("a product with what is no matrix")) };
    let wanted = [outer, &[1, *n]].concat();
    let mut diagonals = Vec::new();
    for diagonal in &inputs[..3] {
        if diagonal.dims() != wanted {
            return Err(fail(format!("a diagonal {:?} of a matrix for {:?}", diagonal.dims(), x.dims())));
        }
        diagonals.push(wide(diagonal)?);
    }
    let (data, size) = (wide(x)?, n * columns);
    let mut out = Vec::with_capacity(data.len());
    for place in 0..data.len() {
        let (number, i, c) = (place / size, place % size / columns, place % columns);
        let term = |which: usize, row: Option<usize>| match row.filter(|row| row < n) {
            Some(row) => diagonals[which][number * n + i] * data[number * size + row * columns + c],
            None => 0.0,
        };
        out.push(term(0, Some(i + 1)) + term(1, Some(i)) + term(2, i.checked_sub(1)));
    }
    narrowed(x.kind(), out, x.dims())
}

/// A triangle whose diagonals `[..., bands, n]` begin with the longest one if it is the lower, end with it if it is the upper.
pub fn banded_solve(bands: &Value, b: &Value, lower: bool, adjoint: bool) -> Outcome {
    let [.., count, n] = *bands.dims() else { return Err(fail("diagonals without an axis of their own")) };
    if count == 0 || count > n {
        return Err(fail(format!("{count} diagonals of a matrix of {n} rows")));
    }
    super::super::elements(&[n, n])?;
    equations_of(bands, b, n, |bands, right, columns| {
        let mut whole = vec![0.0; n * n];
        for k in 0..count {
            for i in k..n {
                if lower {
                    whole[i * n + i - k] = bands[k * n + i];
                } else {
                    whole[(i - k) * n + i] = bands[(count - 1 - k) * n + i - k];
                }
            }
        }
        triangular(&whole, right, n, columns, lower, adjoint)
    })
}
