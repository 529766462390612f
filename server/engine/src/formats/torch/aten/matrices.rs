//! Equations, inverses and other things of linear algebra, and diagonals.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::moves::triangle;
use crate::graph::{Matrix, Op, Rare, ValueId};

/// Matrices that are multiplied in a row.
const MOST_FACTORS: i64 = 64;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    let y = match c.name.as_str() {
        "linalg_inv" | "inverse" => matrix(b, Matrix::Inverse { adjoint: false }, &[&x])?,
        "_linalg_det" => {
            let made = matrix(b, Matrix::Determinant, &[&x])?;
            return Ok(Some(vec![made, Val::None, Val::None]));
        }
        "linalg_det" | "det" => matrix(b, Matrix::Determinant, &[&x])?,
        "linalg_inv_ex" => {
            let made = matrix(b, Matrix::Inverse { adjoint: false }, &[&x])?;
            return Ok(Some(vec![made, Val::None]));
        }
        "linalg_slogdet" | "slogdet" | "_linalg_slogdet" => return log_determinant(b, &x).map(Some),
        "linalg_cholesky" | "cholesky" | "linalg_cholesky_ex" => {
            let made = matrix(b, Matrix::Cholesky, &[&x])?;
            let upper = c.flag(1, "upper", false)?;
            let made = if upper { b.apply("mT", &[&made])? } else { made };
            return Ok(Some(if c.name.ends_with("_ex") { vec![made, Val::None] } else { vec![made] }));
        }
        "linalg_solve" | "linalg_solve_triangular" => solved(b, c, &x)?,
        "linalg_solve_ex" | "_linalg_solve_ex" => {
            let made = solved(b, &Call { name: "linalg_solve".to_owned(), ..c.clone() }, &x)?;
            return Ok(Some(vec![made, Val::None, Val::None, Val::None]));
        }
        "matrix_power" | "linalg_matrix_power" => power(b, c, &x)?,
        "linalg_multi_dot" | "chain_matmul" => {
            let Some(items) = x.items() else { return c.wrong("tensors", "a list of tensors") };
            let mut items = items.into_iter();
            let Some(mut product) = items.next() else { return broken("a product of nothing") };
            for item in items {
                product = b.apply("matmul", &[&product, &item])?;
            }
            product
        }
        "linalg_vecdot" | "vdot" => {
            let product = b.apply("mul", &[&x, argument(c, 1, "other")?])?;
            let dim = Val::list(vec![Val::Int(c.int_or(b, 2, "dim", -1)?)]);
            b.apply("sum", &[&product, &dim])?
        }
        "cross" | "linalg_cross" => cross(b, c, &x)?,
        "diag_embed" => embedded(b, c, &x)?,
        "diag" => {
            let value = b.of(&x)?;
            let flat = b.rank(value)? == 1;
            let offset = Val::Int(c.int_or(b, 1, "diagonal", 0)?);
            b.apply(if flat { "diag_embed" } else { "diagonal" }, &[&x, &offset])?
        }
        "trace" => {
            let diagonal = b.apply("diagonal", &[&x])?;
            b.apply("sum", &[&diagonal])?
        }
        "block_diag" => blocks(b, c, &x)?,
        "addr" => {
            let product = b.apply("outer", &[argument(c, 1, "vec1")?, argument(c, 2, "vec2")?])?;
            let alpha = Val::Float(c.float_or(usize::MAX, "alpha", 1.0)?);
            let beta = Val::Float(c.float_or(usize::MAX, "beta", 1.0)?);
            let (own, product) = (b.apply("mul", &[&x, &beta])?, b.apply("mul", &[&product, &alpha])?);
            b.apply("add", &[&own, &product])?
        }
        "kron" => kron(b, &x, argument(c, 1, "other")?)?,
        "bilinear" => bilinear(b, c, &x)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![y]))
}

/// An argument by its place or name; a list or a number may be one too.
pub fn argument<'a>(c: &'a Call, place: usize, name: &str) -> Result<&'a Val> {
    c.get(place, name)
        .or_else(|| c.arguments.get(place).map(|(_, v)| v))
        .map_or_else(|| c.wrong(name, "a tensor"), Ok)
}

/// An operation on the last two axes.
pub fn matrix(b: &mut Builder, kind: Matrix, inputs: &[&Val]) -> Result<Val> {
    let values = inputs.iter().map(|v| b.of(v)).collect::<Result<Vec<ValueId>>>()?;
    let dtype = b.dtype(values[0]);
    let made = b.op(Op::Rare(Box::new(Rare::Matrix(kind))), &values, dtype)?;
    let last = values[values.len() - 1];
    if let Some(mut shape) = b.shape(last).map(<[_]>::to_vec) {
        if kind == Matrix::Determinant {
            shape.truncate(shape.len().saturating_sub(2));
        }
        b.shaped(made, shape);
    }
    Ok(b.as_tensor(made))
}

fn log_determinant(b: &mut Builder, x: &Val) -> Result<Vec<Val>> {
    let value = b.of(x)?;
    let dtype = b.dtype(value);
    let found = b.ops(Op::Rare(Box::new(Rare::Matrix(Matrix::LogDeterminant))), &[value], &[dtype; 2])?;
    if let Some(shape) = b.shape(value).and_then(|s| s.get(..s.len().checked_sub(2)?).map(<[_]>::to_vec)) {
        b.shaped(found[0], shape.clone());
        b.shaped(found[1], shape);
    }
    Ok(vec![b.as_tensor(found[0]), b.as_tensor(found[1])])
}

/// `A X = B`; by a triangle alone where it is told.
fn solved(b: &mut Builder, c: &Call, a: &Val) -> Result<Val> {
    let right = argument(c, 1, "B")?.clone();
    let by_triangle = c.name != "linalg_solve";
    let upper = by_triangle && c.flag(usize::MAX, "upper", false)?;
    let mut a = a.clone();
    if by_triangle && c.flag(usize::MAX, "unitriangular", false)? {
        a = super::triangles::with_ones(b, &a, upper)?;
    }
    let from_left = c.flag(if by_triangle { usize::MAX } else { 2 }, "left", true)?;
    let kind = if by_triangle {
        Matrix::TriangularSolve { lower: upper != from_left, adjoint: false }
    } else {
        Matrix::Solve { adjoint: false }
    };
    if !from_left {
        // From the right it is an equation of the transposes.
        let (a, right) = (b.apply("mT", &[&a])?, b.apply("mT", &[&right])?);
        let made = matrix(b, kind, &[&a, &right])?;
        return b.apply("mT", &[&made]);
    }
    let (own, other) = (b.of(&a)?, b.of(&right)?);
    if b.rank(other)? < b.rank(own)? {
        // The right side is a vector of each matrix.
        let column = b.apply("unsqueeze", &[&right, &Val::Int(-1)])?;
        let made = matrix(b, kind, &[&a, &column])?;
        return b.apply("squeeze", &[&made, &Val::Int(-1)]);
    }
    matrix(b, kind, &[&a, &right])
}

fn power(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let exponent = c.int(b, 1, "n")?;
    let mut base = x.clone();
    if exponent < 0 {
        base = b.apply("linalg_inv", &[x])?;
    }
    let count = exponent.checked_abs().filter(|n| (1..=MOST_FACTORS).contains(n));
    let Some(count) = count else { return unsupported(format!("of {exponent}")) };
    let mut product = base.clone();
    for _ in 1..count {
        product = b.apply("matmul", &[&product, &base])?;
    }
    Ok(product)
}

fn cross(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let y = argument(c, 1, "other")?.clone();
    let dim = match c.some(2, "dim") {
        Some(dim) => dim.clone(),
        None if c.name == "linalg_cross" => Val::Int(-1),
        None => {
            let value = b.of(x)?;
            let at = b.shape(value).and_then(|s| s.iter().position(|d| *d == Some(3)));
            Val::Int(at.map_or_else(|| unsupported("along an axis that is not told"), |at| Ok(at as i64))?)
        }
    };
    let mut turned = |value: &Val, by: i64| b.apply("roll", &[value, &Val::Int(by), &dim]);
    let (x1, x2, y1, y2) = (turned(x, -1)?, turned(x, -2)?, turned(&y, -1)?, turned(&y, -2)?);
    let (plus, minus) = (b.apply("mul", &[&x1, &y2])?, b.apply("mul", &[&x2, &y1])?);
    b.apply("sub", &[&plus, &minus])
}

/// Vectors as diagonals of matrices.
fn embedded(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let (offset, first) = (c.int_or(b, 1, "offset", 0)?, c.int_or(b, 2, "dim1", -2)?);
    let second = c.int_or(b, 3, "dim2", -1)?;
    if offset.unsigned_abs() > 1 << 16 {
        return broken(format!("a diagonal {offset} beside the first"));
    }
    let value = b.of(x)?;
    let (before, after) = (offset.max(0), (-offset).max(0));
    let pads = Val::list([before, 0, after, 0].map(Val::Int).to_vec());
    let column = b.apply("unsqueeze", &[x, &Val::Int(-1)])?;
    // Every row has its number where the column is the same.
    let extent = b.apply("size", &[x, &Val::Int(-1)])?;
    let shape = Val::list(vec![extent.clone(), extent]);
    let ones = b.apply("new_ones", &[x, &shape])?;
    let ones = b.of(&ones)?;
    let lower = triangle(b, ones, true, 0)?;
    let unit = triangle(b, lower, false, 0)?;
    let unit = b.as_tensor(unit);
    let square = b.apply("mul", &[&column, &unit])?;
    let square = b.apply("constant_pad_nd", &[&square, &pads])?;
    let pads = Val::list([0, after, 0, before].map(Val::Int).to_vec());
    let made = b.apply("constant_pad_nd", &[&square, &pads])?;
    let rank = b.rank(value)? as i64;
    let place = |dim: i64| if dim < 0 { dim + rank + 1 } else { dim };
    if (place(first), place(second)) == (rank - 1, rank) {
        return Ok(made);
    }
    let list = |a: i64, z: i64| Val::list(vec![Val::Int(a), Val::Int(z)]);
    b.apply("movedim", &[&made, &list(-2, -1), &list(first, second)])
}

fn blocks(b: &mut Builder, c: &Call, all: &Val) -> Result<Val> {
    let Some(items) = all.items() else { return c.wrong("tensors", "a list of tensors") };
    let mut widths = Vec::new();
    for item in &items {
        let value = b.of(item)?;
        match b.dims(value).as_deref() {
            Some([_, columns]) => widths.push(*columns as i64),
            _ => return unsupported("of what are no matrices of known shape"),
        }
    }
    let total: i64 = widths.iter().sum();
    let (mut rows, mut before) = (Vec::new(), 0);
    for (item, width) in items.iter().zip(widths) {
        let pads = Val::list(vec![Val::Int(before), Val::Int(total - before - width)]);
        rows.push(b.apply("constant_pad_nd", &[item, &pads])?);
        before += width;
    }
    b.apply("cat", &[&Val::list(rows), &Val::Int(0)])
}

/// Every element of one matrix times the other one.
fn kron(b: &mut Builder, x: &Val, y: &Val) -> Result<Val> {
    let (left, right) = (b.of(x)?, b.of(y)?);
    let (Ok([m, n]), Ok([p, q])) =
        (<[Val; 2]>::try_from(b.extents(left)?), <[Val; 2]>::try_from(b.extents(right)?))
    else {
        return unsupported("of what are no matrices");
    };
    let x = b.reshape(left, &[m.clone(), Val::Int(1), n.clone(), Val::Int(1)])?;
    let y = b.reshape(right, &[Val::Int(1), p.clone(), Val::Int(1), q.clone()])?;
    let product = b.binary(crate::graph::Binary::Mul, x, y)?;
    let (rows, columns) = (super::combined(b, "mul", &m, &p)?, super::combined(b, "mul", &n, &q)?);
    let made = b.reshape(product, &[rows, columns])?;
    Ok(b.as_tensor(made))
}

/// `x A y` for each matrix of the weights.
fn bilinear(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let all =
        Val::list(vec![x.clone(), argument(c, 2, "weight")?.clone(), argument(c, 1, "input2")?.clone()]);
    let made = b.apply("einsum", &[&Val::text("...i,oij,...j->...o"), &all])?;
    match c.some(3, "bias") {
        Some(bias) => b.apply("add", &[&made, bias]),
        None => Ok(made),
    }
}
