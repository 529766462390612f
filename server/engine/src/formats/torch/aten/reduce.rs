//! Sums, means, extremes, norms over axes; running sums.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float, place};
use super::super::value::{Result, Val};
use super::Outcome;
use super::pointwise::{floating, like, one, with};
use crate::DType;
use crate::graph::{Binary as B, Compare, Op, Rare, Reduce as R, Running, Unary as U, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "sum" | "mean" | "prod" | "nansum" => total(b, c)?,
        "amax" | "amin" => {
            let x = c.x(b)?;
            let keep = c.flag(2, "keepdim", false)?;
            over(b, if c.name == "amax" { R::Max } else { R::Min }, x, c, 1, keep)?
        }
        "any" | "all" => {
            let x = c.x(b)?;
            let x = b.cast(x, DType::Bool)?;
            let keep = c.flag(2, "keepdim", false)?;
            over(b, if c.name == "any" { R::Any } else { R::All }, x, c, 1, keep)?
        }
        "count_nonzero" => {
            let x = c.x(b)?;
            let truth = b.cast(x, DType::Bool)?;
            let ones = b.cast(truth, DType::I64)?;
            over(b, R::Sum, ones, c, 1, false)?
        }
        "var" | "std" | "var_mean" | "std_mean" => return spread(b, c),
        "logsumexp" | "special_logsumexp" => logsumexp(b, c)?,
        "norm" | "linalg_vector_norm" | "linalg_norm" => norm(b, c)?,
        "frobenius_norm" => {
            let x = c.x(b)?;
            let square = one(b, U::Square, x)?;
            let keep = c.flag(2, "keepdim", false)?;
            let sum = over(b, R::Sum, square, c, 1, keep)?;
            one(b, U::Sqrt, sum)?
        }
        "cumsum" | "cumprod" | "logcumsumexp" => running(b, c)?,
        _ => return Ok(None),
    };
    b.give(value)
}

/// A reduction over the axes that an argument names, or over all.
fn over(b: &mut Builder, kind: R, x: ValueId, c: &Call, place: usize, keep: bool) -> Result<ValueId> {
    let dims = match c.get(place, "dim") {
        Some(Val::Bool(_)) | None => None,
        _ => c.maybe_ints(b, place, "dim")?,
    };
    reduced(b, kind, x, dims.as_deref(), keep)
}

/// A reduction over axes; none named: over all.
pub fn reduced(b: &mut Builder, kind: R, x: ValueId, dims: Option<&[i64]>, keep: bool) -> Result<ValueId> {
    let dtype = b.dtype(x);
    let rank = b.shape(x).map_or(0, <[_]>::len);
    if let Some(dims) = dims
        && b.to.has_channels_last(x)
        && (2..rank).all(|at| dims.iter().any(|d| place(*d, rank).is_ok_and(|d| d == at)))
        && dims.len() + 2 == rank
    {
        // Over all that lies between batch and channels: these follow each other either way.
        let y = b.made(dtype, |to| to.global_pool(x, kind, rank))?;
        return if keep { Ok(y) } else { b.squeeze(y, (2..rank as i64).collect()) };
    }
    let axes = match dims {
        Some(dims) if !dims.is_empty() => b.ints(dims)?,
        _ if b.shape(x).is_some() => {
            let all: Vec<i64> = (0..b.rank(x)? as i64).collect();
            b.ints(&all)?
        }
        _ => {
            let rank = b.op(Op::Rank, &[x], DType::I64)?;
            let (zero, one) = (b.int(0)?, b.int(1)?);
            b.op(Op::Range, &[zero, rank, one], DType::I64)?
        }
    };
    b.op(Op::Reduce { kind, keep }, &[x, axes], dtype)
}

fn total(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let mut x = c.x(b)?;
    // Without axes the type may come second.
    let whole = matches!(c.overload.as_str(), "default") || c.arguments.len() < 2;
    let named = c.arguments.iter().any(|(name, _)| name.as_deref() == Some("dtype"));
    match if whole && !named { None } else { c.dtype(3, "dtype")? } {
        Some(dtype) => x = b.cast(x, dtype)?,
        None if c.name != "mean" && !is_float(b.dtype(x)) => x = b.cast(x, DType::I64)?,
        None => {}
    }
    let kind = match c.name.as_str() {
        "mean" => R::Mean,
        "prod" => R::Prod,
        _ => R::Sum,
    };
    if c.name == "nansum" {
        let is_nan = b.op(Op::Compare(Compare::NotEqual), &[x, x], DType::Bool)?;
        let zero = like(b, x, 0.0)?;
        x = super::pointwise::choose(b, is_nan, zero, x)?;
    }
    let keep = c.flag(2, "keepdim", false)?;
    over(b, kind, x, c, 1, keep)
}

/// Variance or deviation, and the mean where it is asked for too.
fn spread(b: &mut Builder, c: &Call) -> Outcome {
    let x = c.x(b)?;
    let dims = match c.get(1, "dim") {
        Some(Val::Bool(_)) | None => None,
        _ => c.maybe_ints(b, 1, "dim")?,
    };
    let unbiased = match c.get(1, "unbiased") {
        Some(Val::Bool(flag)) => *flag,
        _ => c.flag(2, "unbiased", true)?,
    };
    let correction = match c.get(usize::MAX, "correction") {
        Some(Val::None) | None => {
            if unbiased {
                1.0
            } else {
                0.0
            }
        }
        Some(_) => c.float_or(usize::MAX, "correction", 1.0)?,
    };
    let keep = c.flag(if c.get(usize::MAX, "correction").is_some() { 2 } else { 3 }, "keepdim", false)?;
    let mean = reduced(b, R::Mean, x, dims.as_deref(), true)?;
    let square = b.binary(B::SquaredDifference, x, mean)?;
    let mut y = if correction == 0.0 {
        reduced(b, R::Mean, square, dims.as_deref(), keep)?
    } else {
        let sum = reduced(b, R::Sum, square, dims.as_deref(), keep)?;
        let count = count(b, x, dims.as_deref())?;
        let dtype = b.dtype(x);
        let count = b.cast(count, dtype)?;
        let less = with(b, B::Sub, count, correction)?;
        b.binary(B::Div, sum, less)?
    };
    if c.name.starts_with("std") {
        y = one(b, U::Sqrt, y)?;
    }
    if !c.name.ends_with("_mean") {
        return b.give(y);
    }
    let mean = reduced(b, R::Mean, x, dims.as_deref(), keep)?;
    b.give_all(&[y, mean])
}

/// How many elements lie along axes.
fn count(b: &mut Builder, x: ValueId, dims: Option<&[i64]>) -> Result<ValueId> {
    let Some(dims) = dims.filter(|d| !d.is_empty()) else { return b.op(Op::Size, &[x], DType::I64) };
    let mut product: Option<ValueId> = None;
    for dim in dims {
        let extent = b.extent(x, *dim)?;
        let extent = b.scalar(&extent)?;
        product = Some(match product {
            Some(so_far) => b.binary(B::Mul, so_far, extent)?,
            None => extent,
        });
    }
    match product {
        Some(product) => Ok(product),
        None => b.int(1),
    }
}

fn logsumexp(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let x = floating(b, x)?;
    let dims = c.ints(b, 1, "dim")?;
    let keep = c.flag(2, "keepdim", false)?;
    let most = reduced(b, R::Max, x, Some(&dims), true)?;
    let less = b.binary(B::Sub, x, most)?;
    let exp = one(b, U::Exp, less)?;
    let sum = reduced(b, R::Sum, exp, Some(&dims), keep)?;
    let log = one(b, U::Log, sum)?;
    let most = if keep { most } else { reduced(b, R::Max, x, Some(&dims), false)? };
    b.binary(B::Add, log, most)
}

fn norm(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    if is_of_matrices(b, c, x)? {
        let x = Val::Tensor(c.first()?);
        let made = super::factors::norm(b, c, &x)?;
        return b.of(&made);
    }
    let place = if c.name == "norm" { "p" } else { "ord" };
    let order = match c.get(1, place) {
        Some(Val::Text(_)) => 2.0,
        _ => c.float_or(1, place, 2.0)?,
    };
    let dims = c.maybe_ints(b, 2, "dim")?;
    let keep = c.flag(3, "keepdim", false)?;
    let dims = dims.as_deref();
    let size = one(b, U::Abs, x)?;
    if order.is_infinite() {
        return reduced(b, if order > 0.0 { R::Max } else { R::Min }, size, dims, keep);
    }
    if order == 0.0 {
        let (dtype, is_there) = (b.dtype(x), b.cast(x, DType::Bool)?);
        let ones = b.cast(is_there, dtype)?;
        return reduced(b, R::Sum, ones, dims, keep);
    }
    if order == 1.0 {
        return reduced(b, R::Sum, size, dims, keep);
    }
    if order == 2.0 {
        let square = one(b, U::Square, x)?;
        let sum = reduced(b, R::Sum, square, dims, keep)?;
        return one(b, U::Sqrt, sum);
    }
    let power = with(b, B::Pow, size, order)?;
    let sum = reduced(b, R::Sum, power, dims, keep)?;
    with(b, B::Pow, sum, 1.0 / order)
}

/// Whether a norm is one of matrices: an order is told, and two axes.
fn is_of_matrices(b: &Builder, c: &Call, x: ValueId) -> Result<bool> {
    Ok(c.name == "linalg_norm"
        && c.some(1, "ord").is_some()
        && match c.maybe_ints(b, 2, "dim")? {
            Some(dims) => dims.len() == 2,
            None => b.rank(x)? == 2,
        })
}

fn running(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let mut x = c.x(b)?;
    match c.dtype(2, "dtype")? {
        Some(dtype) => x = b.cast(x, dtype)?,
        None if !is_float(b.dtype(x)) => x = b.cast(x, DType::I64)?,
        None => {}
    }
    let kind = match c.name.as_str() {
        "cumsum" => Running::Sum,
        "cumprod" => Running::Product,
        _ => Running::LogSumExp,
    };
    let dim = c.int(b, 1, "dim")?;
    let axis = b.int(dim)?;
    let dtype = b.dtype(x);
    b.op(Op::Rare(Box::new(Rare::Running { kind, exclusive: false, reverse: false })), &[x, axis], dtype)
}
