//! Square matrices: factors, inverses, equations. Computed in 64 bits.

use super::super::access::make;
use super::super::elementwise::{broadcast_shape, offsets, steps};
use super::super::{Outcome, Value, elements, fail};
use super::{Values, at, bands, float, matrix_functions, narrowed, wide};
use crate::EngineError;
use crate::graph::Matrix;

pub fn run(kind: Matrix, inputs: &[&Value]) -> Outcome {
    let (a, b) = (at(inputs, 0)?, inputs.get(1).copied());
    match (kind, b) {
        (Matrix::SquareRoot, _) => matrix_functions::square_root(a),
        (Matrix::Exponential, _) => matrix_functions::exponential(a),
        (Matrix::LeastSquares { weighted }, Some(b)) => {
            let weight = if weighted { float(at(inputs, 2)?)? } else { 0.0 };
            matrix_functions::least_squares(a, b, weight)
        }
        (Matrix::TridiagonalSolve { pivoting }, Some(b)) => bands::tridiagonal_solve(a, b, pivoting),
        (Matrix::TridiagonalProduct, _) => bands::tridiagonal_product(inputs),
        (Matrix::BandedSolve { lower, adjoint }, Some(b)) => bands::banded_solve(a, b, lower, adjoint),
        (Matrix::Cholesky, _) => {
            let (mut data, n) = square(a)?;
            for m in matrices(&mut data, n) {
                cholesky(m, n)?;
            }
            narrowed(a.kind(), data, a.dims())
        }
        (Matrix::Inverse { adjoint }, _) => {
            let (mut data, n) = square(a)?;
            for m in matrices(&mut data, n) {
                let mut unit = vec![0.0; n * n];
                (0..n).for_each(|i| unit[i * n + i] = 1.0);
                solve(m, &mut unit, n, n, adjoint)?;
                m.copy_from_slice(&unit);
            }
            narrowed(a.kind(), data, a.dims())
        }
        (Matrix::Determinant, _) => {
            let (mut data, n) = square(a)?;
            let found: Vec<f64> = determinants(&mut data, n, elements(&a.dims()[..a.rank() - 2])?)
                .into_iter()
                .map(|(sign, log)| sign * log.exp())
                .collect();
            narrowed(a.kind(), found, &a.dims()[..a.rank() - 2])
        }
        (Matrix::Solve { adjoint }, Some(b)) => {
            equations(a, b, |m, right, n, columns| solve(&mut m.to_vec(), right, n, columns, adjoint))
        }
        (Matrix::TriangularSolve { lower, adjoint }, Some(b)) => {
            equations(a, b, |m, right, n, columns| triangular(m, right, n, columns, lower, adjoint))
        }
        _ => Err(fail("an equation lacks its right side")),
    }
}

pub fn log_determinant(a: &Value) -> Values {
    let (mut data, n) = square(a)?;
    let shape = &a.dims()[..a.rank() - 2];
    let (signs, logs) = determinants(&mut data, n, elements(shape)?).into_iter().unzip();
    Ok(vec![narrowed(a.kind(), signs, shape)?, narrowed(a.kind(), logs, shape)?])
}

pub(super) fn square(a: &Value) -> Result<(Vec<f64>, usize), EngineError> {
    match a.dims() {
        [.., m, n] if m == n => Ok((wide(a)?, *n)),
        other => Err(fail(format!("shape {other:?} is not of square matrices"))),
    }
}

pub(super) fn matrices(data: &mut [f64], n: usize) -> std::slice::ChunksExactMut<'_, f64> {
    data.chunks_exact_mut((n * n).max(1))
}

/// The lower triangle whose square this is.
fn cholesky(m: &mut [f64], n: usize) -> Result<(), EngineError> {
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = m[i * n + j] - (0..j).map(|k| m[i * n + k] * m[j * n + k]).sum::<f64>();
            if i != j {
                m[i * n + j] = sum / m[j * n + j];
            } else if sum > 0.0 {
                m[i * n + i] = sum.sqrt();
            } else {
                return Err(fail("a matrix that is not positive definite"));
            }
        }
        m[i * n + i + 1..(i + 1) * n].fill(0.0);
    }
    Ok(())
}

/// Brings the largest of a column to its place; its row before.
fn pivot(m: &[f64], n: usize, column: usize) -> usize {
    (column..n).max_by(|a, b| m[a * n + column].abs().total_cmp(&m[b * n + column].abs())).unwrap_or(column)
}

fn swap_rows(m: &mut [f64], width: usize, a: usize, b: usize) {
    if a != b {
        (0..width).for_each(|i| m.swap(a * width + i, b * width + i));
    }
}

/// Gauss and Jordan: the matrix becomes the unit, the right side the solution.
pub(super) fn solve(
    m: &mut [f64],
    right: &mut [f64],
    n: usize,
    columns: usize,
    adjoint: bool,
) -> Result<(), EngineError> {
    if adjoint {
        for i in 0..n {
            (0..i).for_each(|j| m.swap(i * n + j, j * n + i));
        }
    }
    for c in 0..n {
        let row = pivot(m, n, c);
        swap_rows(m, n, c, row);
        swap_rows(right, columns, c, row);
        let head = m[c * n + c];
        if head == 0.0 {
            return Err(fail("a matrix that has no inverse"));
        }
        for r in (0..n).filter(|r| *r != c) {
            let factor = m[r * n + c] / head;
            if factor != 0.0 {
                (c..n).for_each(|i| m[r * n + i] -= factor * m[c * n + i]);
                (0..columns).for_each(|i| right[r * columns + i] -= factor * right[c * columns + i]);
            }
        }
        (c..n).for_each(|i| m[c * n + i] /= head);
        (0..columns).for_each(|i| right[c * columns + i] /= head);
    }
    Ok(())
}

pub(super) fn triangular(
    m: &[f64],
    right: &mut [f64],
    n: usize,
    columns: usize,
    lower: bool,
    adjoint: bool,
) -> Result<(), EngineError> {
    let entry = |r: usize, c: usize| if adjoint { m[c * n + r] } else { m[r * n + c] };
    let downwards = lower != adjoint;
    for step in 0..n {
        let r = if downwards { step } else { n - 1 - step };
        let known = if downwards { 0..r } else { r + 1..n };
        if entry(r, r) == 0.0 {
            return Err(fail("a matrix that has no inverse"));
        }
        for i in 0..columns {
            let sum: f64 = known.clone().map(|c| entry(r, c) * right[c * columns + i]).sum();
            right[r * columns + i] = (right[r * columns + i] - sum) / entry(r, r);
        }
    }
    Ok(())
}

/// Solves for each pair of matrices of two batches, broadcast.
fn equations(
    a: &Value,
    b: &Value,
    solve: impl Fn(&[f64], &mut [f64], usize, usize) -> Result<(), EngineError>,
) -> Outcome {
    let (_, n) = square(a)?;
    equations_of(a, b, n, |m, right, columns| solve(m, right, n, columns))
}

/// The same where the left sides are told by other numbers than all of a matrix of `n` rows.
pub(super) fn equations_of(
    a: &Value,
    b: &Value,
    n: usize,
    solve: impl Fn(&[f64], &mut [f64], usize) -> Result<(), EngineError>,
) -> Outcome {
    let left = wide(a)?;
    let [outer_b @ .., rows, columns] = b.dims() else { return Err(fail("a right side that is no matrix")) };
    if *rows != n {
        return Err(fail(format!("equations of {:?} and {:?}", a.dims(), b.dims())));
    }
    let outer_a = &a.dims()[..a.rank() - 2];
    let batch = broadcast_shape(outer_a, outer_b)?;
    let shape = [&batch[..], &[n, *columns]].concat();
    elements(&shape)?;
    let right = wide(b)?;
    let (size_a, size_b) = (a.dims()[a.rank() - 2..].iter().product::<usize>(), n * columns);
    let mut out = Vec::with_capacity(elements(&shape)?);
    let places_a = offsets(&batch, &steps(outer_a, &batch));
    for (at_a, at_b) in places_a.into_iter().zip(offsets(&batch, &steps(outer_b, &batch))) {
        let mut side = right[at_b * size_b..(at_b + 1) * size_b].to_vec();
        solve(&left[at_a * size_a..(at_a + 1) * size_a], &mut side, *columns)?;
        out.extend(side);
    }
    narrowed(a.kind(), out, &shape)
}

/// Of each matrix the sign of its determinant and the logarithm of its size.
fn determinants(data: &mut [f64], n: usize, count: usize) -> Vec<(f64, f64)> {
    if n == 0 {
        return vec![(1.0, 0.0); count];
    }
    matrices(data, n)
        .map(|m| {
            let (mut sign, mut log) = (1.0, 0.0);
            for c in 0..n {
                let row = pivot(m, n, c);
                if row != c {
                    sign = -sign;
                    swap_rows(m, n, c, row);
                }
                let head = m[c * n + c];
                if head == 0.0 {
                    return (0.0, f64::NEG_INFINITY);
                }
                sign *= head.signum();
                log += head.abs().ln();
                for r in c + 1..n {
                    let factor = m[r * n + c] / head;
                    (c..n).for_each(|i| m[r * n + i] -= factor * m[c * n + i]);
                }
            }
            (sign, log)
        })
        .collect()
}

/// Of vectors of three numbers.
pub fn cross(a: &Value, b: &Value) -> Outcome {
    if a.dims() != b.dims() || a.dims().last() != Some(&3) {
        return Err(fail("a cross product needs vectors of three numbers"));
    }
    let (x, y) = (wide(a)?, wide(b)?);
    let mut out = Vec::with_capacity(x.len());
    for (x, y) in x.as_chunks::<3>().0.iter().zip(y.as_chunks::<3>().0) {
        out.extend([x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]);
    }
    if a.kind() == crate::value::Kind::I64 {
        return make(out.into_iter().map(|x| x as i64).collect::<Vec<i64>>(), a.dims());
    }
    narrowed(a.kind(), out, a.dims())
}
