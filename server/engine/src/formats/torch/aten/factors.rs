//! Matrices by their singular values: factors, eigenvalues, inverses of what has none, norms. Most is computed in 64 bits.

mod norms;

pub use norms::norm;

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, Val, unsupported};
use super::matrices::{argument, matrix};
use super::{Outcome, combined};
use crate::graph::{Matrix, Op, Rare};
use crate::value::Kind;

/// How often the exponent of a matrix is halved before its series is summed.
const HALVINGS: i32 = 16;
/// Terms of that series.
const TERMS: i32 = 8;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    // Exports name the same operations with a line before them.
    let (name, inner) = match c.name.strip_prefix('_') {
        Some(name) => (name, true),
        None => (c.name.as_str(), false),
    };
    Ok(Some(match name {
        "linalg_svd" => {
            let [left, values, right] = decomposed(b, &x, c.flag(1, "full_matrices", !inner)?)?;
            vec![left, values, b.apply("mT", &[&right])?]
        }
        "svd" => decomposed(b, &x, !c.flag(1, "some", true)?)?.to_vec(),
        "linalg_svdvals" => vec![values(b, &x)?],
        "linalg_qr" | "qr" => orthogonal(b, c, &x)?,
        "linalg_eigh" | "linalg_eigvalsh" => {
            let [values, vectors] = symmetric(b, &x, c.text(1, "UPLO").as_deref() == Some("U"))?;
            if name == "linalg_eigh" { vec![values, vectors] } else { vec![values] }
        }
        "linalg_pinv" | "pinverse" => vec![inverse(b, c, &x)?],
        "linalg_lstsq" => least_squares(b, &x, argument(c, 1, "B")?)?,
        "linalg_matrix_rank" => vec![rank(b, c, &x)?],
        "linalg_cond" => vec![condition(b, c, &x)?],
        "linalg_matrix_exp" | "matrix_exp" => vec![exponential(b, &x)?],
        "linalg_matrix_norm" => vec![norm(b, c, &x)?],
        "nuclear_norm" => {
            let found = values(b, &x)?;
            vec![b.apply("sum", &[&found, &Val::list(vec![Val::Int(-1)])])?]
        }
        "cholesky_solve" => {
            let upper = c.flag(2, "upper", false)?;
            vec![by_triangles(b, argument(c, 1, "input2")?, &x, upper)?]
        }
        "cholesky_inverse" => {
            let unit = unit_like(b, &x)?;
            vec![by_triangles(b, &x, &unit, c.flag(1, "upper", false)?)?]
        }
        "triangular_solve" => {
            if c.flag(4, "unitriangular", false)? {
                return unsupported("but by a diagonal of its own");
            }
            let (lower, adjoint) = (!c.flag(2, "upper", true)?, c.flag(3, "transpose", false)?);
            let of = argument(c, 1, "A")?.clone();
            vec![matrix(b, Matrix::TriangularSolve { lower, adjoint }, &[&of, &x])?, of]
        }
        "logdet" => vec![log_determinant(b, &x)?],
        _ => return Ok(None),
    }))
}

fn last() -> Val {
    Val::Int(-1)
}

/// x → left vectors as columns, singular values, right vectors as columns.
fn singular(b: &mut Builder, x: &Val) -> Result<[Val; 3]> {
    let value = b.of(x)?;
    let dtype = b.dtype(value);
    let found = b.ops(Op::Rare(Box::new(Rare::Svd { vectors: true })), &[value], &[dtype; 3])?;
    if let Some([batch @ .., m, n]) = b.shape(value).map(<[_]>::to_vec).as_deref() {
        let least = m.zip(*n).map(|(m, n)| m.min(n));
        b.shaped(found[0], [batch, &[least]].concat());
        b.shaped(found[1], [batch, &[*m, least]].concat());
        b.shaped(found[2], [batch, &[*n, least]].concat());
    }
    Ok([b.as_tensor(found[1]), b.as_tensor(found[0]), b.as_tensor(found[2])])
}

fn values(b: &mut Builder, x: &Val) -> Result<Val> {
    singular(b, x).map(|[_, values, _]| values)
}

/// The same, with as many vectors as there are rows and columns where that is asked for.
fn decomposed(b: &mut Builder, x: &Val, full: bool) -> Result<[Val; 3]> {
    let [mut left, values, mut right] = singular(b, x)?;
    let value = b.of(x)?;
    if full {
        let (m, n) = (b.extent(value, -2)?, b.extent(value, -1)?);
        match (b.known(&m), b.known(&n)) {
            (Some(m), Some(n)) if m > n => left = completed(b, &left)?,
            (Some(m), Some(n)) if m < n => right = completed(b, &right)?,
            (Some(_), Some(_)) => {}
            _ => return unsupported("of matrices whose extents are not known"),
        }
    }
    Ok([left, values, right])
}

/// Columns at right angles, and others that fill the space.
fn completed(b: &mut Builder, columns: &Val) -> Result<Val> {
    let value = b.of(columns)?;
    let count = b.extent(value, -1)?;
    let [all, _] = factored(b, columns, true)?;
    let rest = b.apply("slice", &[&all, &last(), &count, &Val::Int(i64::MAX), &Val::Int(1)])?;
    b.apply("cat", &[&Val::list(vec![columns.clone(), rest]), &last()])
}

/// An orthogonal matrix and a triangle.
fn factored(b: &mut Builder, x: &Val, full: bool) -> Result<[Val; 2]> {
    let value = b.of(x)?;
    let dtype = b.dtype(value);
    let found = b.ops(Op::Rare(Box::new(Rare::Qr { full })), &[value], &[dtype; 2])?;
    if let Some([batch @ .., m, n]) = b.shape(value).map(<[_]>::to_vec).as_deref() {
        let kept = if full { *m } else { m.zip(*n).map(|(m, n)| m.min(n)) };
        b.shaped(found[0], [batch, &[*m, kept]].concat());
        b.shaped(found[1], [batch, &[kept, *n]].concat());
    }
    Ok([b.as_tensor(found[0]), b.as_tensor(found[1])])
}

fn orthogonal(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    if c.name == "qr" {
        return factored(b, x, !c.flag(1, "some", true)?).map(|found| found.to_vec());
    }
    match c.text(1, "mode").as_deref() {
        None | Some("reduced") => factored(b, x, false).map(|found| found.to_vec()),
        Some("complete") => factored(b, x, true).map(|found| found.to_vec()),
        Some(other) => unsupported(format!("mode={other:?}")),
    }
}

/// A unit as large as a matrix, of its type.
fn unit_like(b: &mut Builder, x: &Val) -> Result<Val> {
    let extent = b.apply("size", &[x, &last()])?;
    let unit = b.apply("eye", &[&extent])?;
    b.apply("type_as", &[&unit, x])
}

/// Eigenvalues from the least, and eigenvectors, of what one triangle says.
fn symmetric(b: &mut Builder, x: &Val, upper: bool) -> Result<[Val; 2]> {
    let (triangle, beside) = if upper { ("triu", 1) } else { ("tril", -1) };
    let (half, rest) = (b.apply(triangle, &[x])?, b.apply(triangle, &[x, &Val::Int(beside)])?);
    let rest = b.apply("mT", &[&rest])?;
    let whole = b.apply("add", &[&half, &rest])?;
    let whole = b.apply("double", &[&whole])?;
    // Moved so far that none is below zero, eigenvalues are singular values.
    let axes = Val::list(vec![Val::Int(-2), last()]);
    let far = b.apply("linalg_vector_norm", &[&whole, &Val::Int(2), &axes, &Val::Bool(true)])?;
    let unit = unit_like(b, &whole)?;
    let shift = b.apply("mul", &[&unit, &far])?;
    let moved = b.apply("add", &[&whole, &shift])?;
    let [vectors, values, _] = singular(b, &moved)?;
    let far = b.apply("squeeze", &[&far, &last()])?;
    let values = b.apply("sub", &[&values, &far])?;
    let backwards = Val::list(vec![last()]);
    let mut settled = |found: &Val| {
        let turned = b.apply("flip", &[found, &backwards])?;
        b.apply("type_as", &[&turned, x])
    };
    Ok([settled(&values)?, settled(&vectors)?])
}

/// Which singular values are not nothing: they are above a share of the largest.
fn kept(b: &mut Builder, c: &Call, x: &Val, values: &Val) -> Result<Val> {
    let value = b.of(x)?;
    let step = if kind(b.dtype(value)) == Kind::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    let (m, n) = (b.extent(value, -2)?, b.extent(value, -1)?);
    let longest = combined(b, "max", &m, &n)?;
    let (absolute, mut relative) = (c.some(usize::MAX, "atol").cloned(), c.some(usize::MAX, "rtol").cloned());
    if relative.is_none() {
        relative = match (c.name.as_str(), c.some(1, "rcond").or_else(|| c.some(1, "tol"))) {
            ("pinverse", None) => Some(Val::Float(1e-15)),
            (_, Some(told @ (Val::Float(_) | Val::Tensor(_)))) => Some(told.clone()),
            _ if absolute.is_some() => Some(Val::Float(0.0)),
            _ => None,
        };
    }
    let relative = match relative {
        Some(relative) => relative,
        None => combined(b, "mul", &longest, &Val::Float(step))?,
    };
    let column = |b: &mut Builder, limit: Val| match limit {
        Val::Tensor(_) => b.apply("unsqueeze", &[&limit, &last()]),
        number => Ok(number),
    };
    let relative = column(b, relative)?;
    let most = b.apply("amax", &[values, &Val::list(vec![last()]), &Val::Bool(true)])?;
    let mut limit = b.apply("mul", &[&most, &relative])?;
    if let Some(absolute) = absolute {
        let absolute = column(b, absolute)?;
        limit = b.apply("clamp_min", &[&limit, &absolute])?;
    }
    b.apply("gt", &[values, &limit])
}

/// The inverse as far as there is one.
fn inverse(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let wide = b.apply("double", &[x])?;
    let [left, values, right] = singular(b, &wide)?;
    let kept = kept(b, c, x, &values)?;
    let turned = b.apply("reciprocal", &[&values])?;
    let turned = b.apply("where", &[&kept, &turned, &Val::Float(0.0)])?;
    let turned = b.apply("unsqueeze", &[&turned, &Val::Int(-2)])?;
    let (right, left) = (b.apply("mul", &[&right, &turned])?, b.apply("mT", &[&left])?);
    let made = b.apply("matmul", &[&right, &left])?;
    b.apply("type_as", &[&made, x])
}

/// What comes nearest to a solution; what else is told of it is left out.
fn least_squares(b: &mut Builder, x: &Val, right: &Val) -> Result<Vec<Val>> {
    let inverse = b.apply("linalg_pinv", &[x])?;
    let (own, other) = (b.of(x)?, b.of(right)?);
    if b.rank(other)? == b.rank(own)? {
        return Ok(vec![b.apply("matmul", &[&inverse, right])?, Val::None, Val::None, Val::None]);
    }
    let column = b.apply("unsqueeze", &[right, &last()])?;
    let found = b.apply("matmul", &[&inverse, &column])?;
    Ok(vec![b.apply("squeeze", &[&found, &last()])?, Val::None, Val::None, Val::None])
}

fn rank(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let found = values(b, x)?;
    let kept = kept(b, c, x, &found)?;
    b.apply("sum", &[&kept, &Val::list(vec![last()])])
}

/// The largest singular value beside the least.
fn condition(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let turned = match c.some(1, "p") {
        None | Some(Val::Int(2)) => false,
        Some(Val::Int(-2)) => true,
        Some(_) => return unsupported("but by singular values"),
    };
    let found = values(b, x)?;
    let axes = Val::list(vec![last()]);
    let (most, least) = (b.apply("amax", &[&found, &axes])?, b.apply("amin", &[&found, &axes])?);
    if turned { b.apply("div", &[&least, &most]) } else { b.apply("div", &[&most, &least]) }
}

/// The series of a small part of the exponent, squared as often as it was halved.
fn exponential(b: &mut Builder, x: &Val) -> Result<Val> {
    let wide = b.apply("double", &[x])?;
    let unit = unit_like(b, &wide)?;
    let small = b.apply("mul", &[&wide, &Val::Float(0.5f64.powi(HALVINGS))])?;
    let first = b.apply("mul", &[&small, &Val::Float(1.0 / f64::from(TERMS))])?;
    let mut sum = b.apply("add", &[&first, &unit])?;
    for term in (1..TERMS).rev() {
        let part = b.apply("mul", &[&small, &Val::Float(1.0 / f64::from(term))])?;
        let product = b.apply("matmul", &[&part, &sum])?;
        sum = b.apply("add", &[&product, &unit])?;
    }
    for _ in 0..HALVINGS {
        sum = b.apply("matmul", &[&sum, &sum])?;
    }
    b.apply("type_as", &[&sum, x])
}

/// Equations whose matrix is a triangle times its transpose.
fn by_triangles(b: &mut Builder, triangle: &Val, right: &Val, upper: bool) -> Result<Val> {
    let half = matrix(b, Matrix::TriangularSolve { lower: !upper, adjoint: upper }, &[triangle, right])?;
    matrix(b, Matrix::TriangularSolve { lower: !upper, adjoint: !upper }, &[triangle, &half])
}

/// The logarithm of the determinant, which has one if it is above zero.
fn log_determinant(b: &mut Builder, x: &Val) -> Result<Val> {
    let found = b.apply_all("linalg_slogdet", &[x])?;
    let [sign, log] = &found[..] else { return unsupported("of what is no matrix") };
    let is_below = b.apply("lt", &[sign, &Val::Int(0)])?;
    b.apply("masked_fill", &[log, &is_below, &Val::Float(f64::NAN)])
}
