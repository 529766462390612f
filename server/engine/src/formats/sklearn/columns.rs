//! Rows in the forms that estimators need, and matrices of their attributes.

use super::builder::{Builder, Columns};
use super::estimator::Part;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Literal, Op, Rare, Rows, ValueId};
use crate::{DType, EngineError};

/// A matrix that an estimator keeps is no larger than that.
const LARGEST: usize = 1 << 27;

/// Rows of numbers.
pub fn dense(to: &mut Builder<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    match x {
        Columns::Numbers(id, width) => Ok((*id, *width)),
        Columns::Sparse([indices, values, shape], width) => {
            let zero = to.number(0.0)?;
            let all = to.rows(Rows::SparseToDense, &[*indices, *shape, *values, zero], 1)?;
            Ok((all[0], *width))
        }
        Columns::Frame(parts) => {
            let parts = parts.iter().map(|part| dense(to, part)).collect::<Result<Vec<_>, _>>()?;
            let width = parts.iter().map(|(_, width)| width).sum();
            let ids: Vec<ValueId> = parts.into_iter().map(|(id, _)| id).collect();
            Ok((to.beside(&ids)?, width))
        }
        Columns::Texts(..) | Columns::Documents(_) => {
            Err(EngineError::broken("an estimator that takes numbers is given texts"))
        }
    }
}

/// Rows of numbers, of a width that an estimator was fitted to.
pub fn numbers(to: &mut Builder<'_>, x: &Columns, width: usize) -> Result<ValueId, EngineError> {
    let (id, given) = dense(to, x)?;
    if given != width {
        return Err(EngineError::broken(format!("an estimator of {width} features is given {given}")));
    }
    Ok(id)
}

/// Rows as indices, values and shape.
pub fn sparse(to: &mut Builder<'_>, x: &Columns) -> Result<([ValueId; 3], usize), EngineError> {
    if let Columns::Sparse(parts, width) = x {
        return Ok((*parts, *width));
    }
    let (id, width) = dense(to, x)?;
    let there = to.compare_with(Compare::NotEqual, id, 0.0)?;
    let places = to.rows(Rows::Where, &[there], 1)?[0];
    let values = to.add(Op::Rare(Box::new(Rare::GatherNd)), &[id, places])?;
    let shape = to.add(Op::Shape, &[id])?;
    Ok(([places, values, shape], width))
}

/// Tables beside each other; sparse if one of them is.
pub fn beside(to: &mut Builder<'_>, parts: &[Columns]) -> Result<Columns, EngineError> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    if parts.iter().all(|part| matches!(part, Columns::Texts(..) | Columns::Frame(_))) && !parts.is_empty() {
        return Ok(Columns::Frame(parts.to_vec()));
    }
    if !parts.iter().any(|part| matches!(part, Columns::Sparse(..))) {
        let parts = parts.iter().map(|part| dense(to, part)).collect::<Result<Vec<_>, _>>()?;
        let width = parts.iter().map(|(_, width)| width).sum();
        let ids: Vec<ValueId> = parts.into_iter().filter(|(_, width)| *width > 0).map(|(id, _)| id).collect();
        if ids.is_empty() {
            return Err(EngineError::broken("a table without columns"));
        }
        return Ok(Columns::Numbers(to.beside(&ids)?, width));
    }
    let parts = parts.iter().map(|part| sparse(to, part)).collect::<Result<Vec<_>, _>>()?;
    let width = parts.iter().map(|(_, width)| width).sum();
    let inputs: Vec<ValueId> = (0..3).flat_map(|n| parts.iter().map(move |(ids, _)| ids[n])).collect();
    let all = to.rows(Rows::SparseConcat(1), &inputs, 3)?;
    Ok(Columns::Sparse([all[0], all[1], all[2]], width))
}

/// Some columns.
pub fn picked(to: &mut Builder<'_>, x: &Columns, columns: &[usize]) -> Result<Columns, EngineError> {
    let check = |width: usize| match columns.iter().find(|column| **column >= width) {
        Some(column) => Err(EngineError::broken(format!("column {column} of {width}"))),
        None => Ok(()),
    };
    match x {
        Columns::Frame(parts) => {
            check(parts.len())?;
            beside_frame(to, columns.iter().map(|column| parts[*column].clone()).collect())
        }
        Columns::Texts(id, width) => {
            check(*width)?;
            Ok(Columns::Texts(to.pick(*id, columns)?, columns.len()))
        }
        Columns::Documents(_) => Err(EngineError::broken("columns of documents")),
        _ => {
            let (id, width) = dense(to, x)?;
            check(width)?;
            if columns.iter().copied().eq(0..width) {
                return Ok(x.clone());
            }
            Ok(Columns::Numbers(to.pick(id, columns)?, columns.len()))
        }
    }
}

/// Columns of one type are a table.
fn beside_frame(to: &mut Builder<'_>, parts: Vec<Columns>) -> Result<Columns, EngineError> {
    if parts.iter().all(|part| matches!(part, Columns::Numbers(..))) && !parts.is_empty() {
        return beside(to, &parts);
    }
    let texts: Option<Vec<ValueId>> =
        parts.iter().map(|part| if let Columns::Texts(id, _) = part { Some(*id) } else { None }).collect();
    match texts {
        Some(ids) if !ids.is_empty() => Ok(Columns::Texts(to.beside(&ids)?, ids.len())),
        _ => Ok(Columns::Frame(parts)),
    }
}

/// One column: [rows, 1].
pub fn column(to: &mut Builder<'_>, x: &Columns, n: usize) -> Result<ValueId, EngineError> {
    match picked(to, x, &[n])? {
        Columns::Numbers(id, _) | Columns::Texts(id, _) => Ok(id),
        _ => Err(EngineError::broken("a column that is none")),
    }
}

/// Number of columns.
pub fn width(x: &Columns) -> usize {
    match x {
        Columns::Numbers(_, width) | Columns::Texts(_, width) | Columns::Sparse(_, width) => *width,
        Columns::Documents(_) => 1,
        Columns::Frame(parts) => parts.len(),
    }
}

/// An answer as rows that another estimator takes.
pub fn of_part(to: &mut Builder<'_>, part: Part) -> Result<Columns, EngineError> {
    let id = if part.width.is_none() { to.expand(part.id, 1)? } else { part.id };
    let width = part.width.unwrap_or(1);
    match part.dtype {
        DType::String => Ok(Columns::Texts(id, width)),
        DType::F64 => Ok(Columns::Numbers(id, width)),
        _ => Ok(Columns::Numbers(to.float(id)?, width)),
    }
}

/// A matrix that an estimator keeps, row by row; one axis is one row. Sparse ones are filled.
pub fn matrix(view: View<'_>) -> Result<(Vec<f64>, [usize; 2]), EngineError> {
    if let Some("csr_matrix" | "csr_array" | "csc_matrix" | "csc_array") = view.class() {
        return filled(view);
    }
    let array = view.array()?;
    let shape = match array.shape[..] {
        [] => [1, 1],
        [width] => [1, width],
        [rows, width] => [rows, width],
        _ => {
            return Err(EngineError::broken(format!(
                "an array of shape {:?} where a matrix is expected",
                array.shape
            )));
        }
    };
    Ok((array.floats()?, shape))
}

/// A matrix of a sparse one.
fn filled(view: View<'_>) -> Result<(Vec<f64>, [usize; 2]), EngineError> {
    let broken = || EngineError::broken("a sparse matrix does not fit its shape");
    let shape = view.any(&["_shape", "shape"]).ok_or_else(broken)?;
    // A tuple in pickles, an array in skops.
    let shape: Vec<usize> = match shape.array() {
        Ok(array) => array.ints()?.into_iter().filter_map(|n| usize::try_from(n).ok()).collect(),
        Err(_) => shape.items().into_iter().map(View::size).collect::<Result<_, _>>()?,
    };
    let [rows, width] = shape[..] else { return Err(broken()) };
    let count = rows.checked_mul(width).filter(|n| *n <= LARGEST).ok_or_else(broken)?;
    let values = view.get("data")?.array()?.floats()?;
    let (inner, splits) = (view.get("indices")?.array()?.ints()?, view.get("indptr")?.array()?.ints()?);
    let by_row = view.class().is_some_and(|class| class.starts_with("csr"));
    let mut out = vec![0.0; count];
    for (outer, ends) in splits.windows(2).enumerate() {
        let range = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok());
        let (from, until) = range.ok_or_else(broken)?;
        let entries = inner.get(from..until).zip(values.get(from..until)).ok_or_else(broken)?;
        for (at, value) in entries.0.iter().zip(entries.1) {
            let at = usize::try_from(*at).map_err(|_| broken())?;
            let (row, column) = if by_row { (outer, at) } else { (at, outer) };
            if row >= rows || column >= width {
                return Err(broken());
            }
            out[row * width + column] += value;
        }
    }
    Ok((out, [rows, width]))
}

/// Rows as columns.
pub fn transposed((data, [rows, width]): &(Vec<f64>, [usize; 2])) -> (Vec<f64>, [usize; 2]) {
    let turned = (0..*width).flat_map(|column| (0..*rows).map(move |row| data[row * width + column]));
    (turned.collect(), [*width, *rows])
}

/// `x · w`, of whatever form x is.
pub fn product(
    to: &mut Builder<'_>,
    x: &Columns,
    (data, shape): (Vec<f64>, [usize; 2]),
) -> Result<ValueId, EngineError> {
    if width(x) != shape[0] {
        return Err(EngineError::broken(format!(
            "an estimator of {} features is given {}",
            shape[0],
            width(x)
        )));
    }
    let w = to.constant(data, &shape)?;
    if let Columns::Sparse([indices, values, extents], _) = x {
        let op = Rows::SparseMatMul { adjoint_a: false, adjoint_b: false };
        return Ok(to.rows(op, &[*indices, *values, *extents, w], 1)?[0]);
    }
    let (x, _) = dense(to, x)?;
    to.product(x, w)
}

/// `x · coefficientsᵀ + intercepts`, coefficients in rows: [rows, outputs].
pub fn linear(
    to: &mut Builder<'_>,
    x: &Columns,
    coefficients: &(Vec<f64>, [usize; 2]),
    intercepts: Vec<f64>,
) -> Result<ValueId, EngineError> {
    let outputs = coefficients.1[0];
    let sums = product(to, x, transposed(coefficients))?;
    match intercepts.len() {
        1 => to.with(Binary::Add, sums, intercepts[0]),
        n if n == outputs => to.with_row(Binary::Add, sums, intercepts),
        n => Err(EngineError::broken(format!("{n} intercepts of {outputs} outputs"))),
    }
}

/// Where floats are NaN.
pub fn is_nan(to: &mut Builder<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    to.add(Op::Rare(Box::new(Rare::Function(crate::graph::Function::IsNan))), &[x])
}

/// A text as a constant.
pub fn text(to: &mut Builder<'_>, text: &str) -> Result<ValueId, EngineError> {
    to.literal(Literal::Text(vec![text.as_bytes().to_vec()], Vec::new()))
}

/// An attribute's numbers.
pub fn floats(of: View<'_>, name: &str) -> Result<Vec<f64>, EngineError> {
    of.get(name)?.array()?.floats()
}
