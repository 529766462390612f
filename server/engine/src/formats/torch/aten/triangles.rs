//! Matrices as a lower times an upper triangle, and what is solved and made by triangles and reflections.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::matrices::{argument, matrix};
use super::{Outcome, combined};
use crate::DType;
use crate::graph::{Matrix, Op, Rare};

/// Reflections that are multiplied.
const MOST_REFLECTIONS: i64 = 256;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    Ok(Some(match c.name.as_str() {
        "linalg_lu_factor" | "linalg_lu_factor_ex" | "_lu_with_info" => {
            let [both, pivots] = factors(b, &x)?;
            let pivots = b.apply("int", &[&pivots])?;
            let mut made = vec![both, pivots];
            if c.name != "linalg_lu_factor" {
                made.push(faults(b, &x)?);
            }
            made
        }
        "linalg_lu" => {
            let [both, pivots] = factors(b, &x)?;
            unpacked(b, &both, &pivots)?.to_vec()
        }
        "lu_unpack" => unpacked(b, &x, argument(c, 1, "LU_pivots")?)?.to_vec(),
        "linalg_lu_solve" => {
            let right = argument(c, 2, "B")?.clone();
            let (left, adjoint) = (c.flag(3, "left", true)?, c.flag(4, "adjoint", false)?);
            let parts = unpacked(b, &x, argument(c, 1, "pivots")?)?;
            if left {
                vec![solved(b, &parts, &right, adjoint)?]
            } else {
                let right = b.apply("mT", &[&right])?;
                let made = solved(b, &parts, &right, !adjoint)?;
                vec![b.apply("mT", &[&made])?]
            }
        }
        "lu_solve" => {
            let parts = unpacked(b, argument(c, 1, "LU_data")?, argument(c, 2, "LU_pivots")?)?;
            vec![solved(b, &parts, &x, false)?]
        }
        "linalg_householder_product" | "orgqr" => {
            let (rows, columns) = (extent(b, &x, -2)?, extent(b, &x, -1)?);
            let start = b.apply("eye", &[&rows, &columns])?;
            let start = b.apply("type_as", &[&start, &x])?;
            vec![reflected(b, &x, argument(c, 1, "tau")?, start, true)?]
        }
        "ormqr" => {
            if !c.flag(3, "left", true)? {
                return unsupported("but from the left");
            }
            let other = argument(c, 2, "input3").or_else(|_| argument(c, 2, "other"))?.clone();
            vec![reflected(b, &x, argument(c, 1, "input2")?, other, !c.flag(4, "transpose", false)?)?]
        }
        "linalg_tensorinv" => {
            let at = c.int_or(b, 1, "ind", 2)?;
            vec![inverse(b, &x, at)?]
        }
        "linalg_tensorsolve" => vec![quotient(b, c, &x)?],
        _ => return Ok(None),
    }))
}

fn extent(b: &mut Builder, x: &Val, dim: i64) -> Result<Val> {
    b.apply("size", &[x, &Val::Int(dim)])
}

/// Both triangles in one matrix, and the row that each was changed with.
fn factors(b: &mut Builder, x: &Val) -> Result<[Val; 2]> {
    let value = b.of(x)?;
    let dtype = b.dtype(value);
    let found = b.ops(Op::Rare(Box::new(Rare::Lu)), &[value], &[dtype, DType::I64])?;
    if let Some([batch @ .., m, n]) = b.shape(value).map(<[_]>::to_vec).as_deref() {
        b.shaped(found[0], [batch, &[*m, *n]].concat());
        b.shaped(found[1], [batch, &[m.zip(*n).map(|(m, n)| m.min(n))]].concat());
    }
    Ok([b.as_tensor(found[0]), b.as_tensor(found[1])])
}

/// That nothing is wrong with any of the matrices.
fn faults(b: &mut Builder, x: &Val) -> Result<Val> {
    let mut first = x.clone();
    for _ in 0..2 {
        first = b.apply("select", &[&first, &Val::Int(-1), &Val::Int(0)])?;
    }
    let none = b.apply("zeros_like", &[&first])?;
    b.apply("int", &[&none])
}

/// The matrix that puts rows in order, the lower and the upper triangle.
fn unpacked(b: &mut Builder, both: &Val, pivots: &Val) -> Result<[Val; 3]> {
    let (rows, columns) = (extent(b, both, -2)?, extent(b, both, -1)?);
    let least = combined(b, "min", &rows, &columns)?;
    let (zero, one, dims) = (Val::Int(0), Val::Int(1), [Val::Int(-2), Val::Int(-1)]);
    let left = b.apply("slice", &[both, &dims[1], &zero, &least, &one])?;
    let left = with_ones(b, &left, false)?;
    let upper = b.apply("slice", &[both, &dims[0], &zero, &least, &one])?;
    let upper = b.apply("triu", &[&upper])?;
    let (changed, count) = (b.of(pivots)?, b.scalar(&rows)?);
    let changed = b.cast(changed, DType::I64)?;
    let order = b.op(Op::Rare(Box::new(Rare::PivotOrder)), &[changed, count], DType::I64)?;
    if let Some([batch @ .., _]) = b.shape(changed).map(<[_]>::to_vec).as_deref() {
        let rows = b.known(&rows).and_then(|n| usize::try_from(n).ok());
        b.shaped(order, [batch, &[rows]].concat());
    }
    let order = b.as_tensor(order);
    let order = b.apply("unsqueeze", &[&order, &dims[0]])?;
    let places = b.apply("arange", &[&rows])?;
    let places = b.apply("unsqueeze", &[&places, &one])?;
    let is_there = b.apply("eq", &[&places, &order])?;
    Ok([b.apply("type_as", &[&is_there, both])?, left, upper])
}

/// A triangle whose diagonal is of ones.
pub fn with_ones(b: &mut Builder, x: &Val, upper: bool) -> Result<Val> {
    let (rows, columns) = (extent(b, x, -2)?, extent(b, x, -1)?);
    let ones = b.apply("eye", &[&rows, &columns])?;
    let ones = b.apply("type_as", &[&ones, x])?;
    let (name, beside) = if upper { ("triu", 1) } else { ("tril", -1) };
    let rest = b.apply(name, &[x, &Val::Int(beside)])?;
    b.apply("add", &[&rest, &ones])
}

/// `P L U X = B`, or the same of the transpose.
fn solved(b: &mut Builder, [order, left, upper]: &[Val; 3], right: &Val, adjoint: bool) -> Result<Val> {
    let by = |b: &mut Builder, triangle: &Val, lower: bool, right: &Val| {
        matrix(b, Matrix::TriangularSolve { lower, adjoint }, &[triangle, right])
    };
    if adjoint {
        let half = by(b, upper, false, right)?;
        let made = by(b, left, true, &half)?;
        return b.apply("matmul", &[order, &made]);
    }
    let back = b.apply("mT", &[order])?;
    let right = b.apply("matmul", &[&back, right])?;
    let half = by(b, left, true, &right)?;
    by(b, upper, false, &half)
}

/// Reflections, which lie in columns below the diagonal, times a matrix; forwards: the first of them is the leftmost factor.
fn reflected(b: &mut Builder, x: &Val, scales: &Val, mut made: Val, forwards: bool) -> Result<Val> {
    let count = extent(b, scales, -1)?;
    let Some(count) = b.known(&count).filter(|n| (0..=MOST_REFLECTIONS).contains(n)) else {
        return unsupported("of a number of reflections that is not known");
    };
    let (columns, last) = (with_ones(b, x, false)?, Val::Int(-1));
    let order: Vec<i64> = if forwards { (0..count).rev().collect() } else { (0..count).collect() };
    for n in order {
        let at = Val::Int(n);
        let one = b.apply("slice", &[&columns, &last, &at, &Val::Int(n + 1), &Val::Int(1)])?;
        let scale = b.apply("slice", &[scales, &last, &at, &Val::Int(n + 1), &Val::Int(1)])?;
        let scale = b.apply("unsqueeze", &[&scale, &last])?;
        let row = b.apply("mT", &[&one])?;
        let shares = b.apply("matmul", &[&row, &made])?;
        let part = b.apply("matmul", &[&one, &shares])?;
        let part = b.apply("mul", &[&part, &scale])?;
        made = b.apply("sub", &[&made, &part])?;
    }
    Ok(made)
}

/// The extents of a tensor, and the product of some of them.
fn sides(b: &mut Builder, x: &Val, at: usize) -> Result<(Vec<Val>, Val)> {
    let value = b.of(x)?;
    let shape = b.extents(value)?;
    let Some(first) = shape.get(..at) else { return broken("fewer axes than are told") };
    let mut product = Val::Int(1);
    for extent in first {
        product = combined(b, "mul", &product, extent)?;
    }
    Ok((shape, product))
}

fn inverse(b: &mut Builder, x: &Val, at: i64) -> Result<Val> {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let (shape, rows) = sides(b, x, at)?;
    let square = b.apply("reshape", &[x, &Val::list(vec![rows, Val::Int(-1)])])?;
    let made = b.apply("linalg_inv", &[&square])?;
    b.apply("reshape", &[&made, &Val::list([&shape[at..], &shape[..at]].concat())])
}

fn quotient(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    if c.some(2, "dims").is_some() {
        return unsupported("of axes that are moved");
    }
    let right = argument(c, 1, "other")?.clone();
    let value = b.of(&right)?;
    let rank = b.rank(value)?;
    let (shape, rows) = sides(b, x, rank)?;
    let square = b.apply("reshape", &[x, &Val::list(vec![rows, Val::Int(-1)])])?;
    let column = b.apply("reshape", &[&right, &Val::list(vec![Val::Int(-1), Val::Int(1)])])?;
    let made = b.apply("linalg_solve", &[&square, &column])?;
    b.apply("reshape", &[&made, &Val::list(shape[rank..].to_vec())])
}
