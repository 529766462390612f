//! Functions that are written with several operations.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, is_float, kind};
use super::super::super::value::Result;
use super::{against, choose, floating, like, one, with};
use crate::DType;
use crate::graph::{Binary as B, Compare, Op, Unary as U, ValueId};
use crate::value::Kind;

/// What is written with several operations.
pub fn composed(b: &mut Builder, c: &Call) -> Result<Option<ValueId>> {
    let name = c.name.as_str();
    if !matches!(
        name,
        "floor"
            | "ceil"
            | "round"
            | "trunc"
            | "fix"
            | "frac"
            | "softplus"
            | "mish"
            | "hardtanh"
            | "logit"
            | "log2"
            | "log10"
            | "exp2"
            | "log_sigmoid"
            | "logical_not"
            | "bitwise_not"
            | "threshold"
            | "hardshrink"
            | "softshrink"
            | "tanhshrink"
            | "nan_to_num"
            | "deg2rad"
            | "rad2deg"
            | "special_logit"
    ) {
        return Ok(None);
    }
    let x = c.x(b)?;
    let y = match name {
        "floor" | "ceil" | "round" | "trunc" | "fix" | "frac" => rounded(b, c, x)?,
        "logical_not" => {
            let truth = b.cast(x, DType::Bool)?;
            b.op(Op::Unary(U::LogicalNot), &[truth], DType::Bool)?
        }
        "bitwise_not" if b.dtype(x) == DType::Bool => b.op(Op::Unary(U::LogicalNot), &[x], DType::Bool)?,
        "bitwise_not" => {
            let negative = one(b, U::Neg, x)?;
            with(b, B::Sub, negative, 1.0)?
        }
        "hardtanh" => {
            let low = with(b, B::Max, x, c.float_or(1, "min_val", -1.0)?)?;
            with(b, B::Min, low, c.float_or(2, "max_val", 1.0)?)?
        }
        "threshold" => {
            let above = against(b, Compare::Greater, x, c.float_or(1, "threshold", 0.0)?)?;
            let other = like(b, x, c.float_or(2, "value", 0.0)?)?;
            choose(b, above, x, other)?
        }
        _ => {
            let x = floating(b, x)?;
            smooth(b, c, x)?
        }
    };
    Ok(Some(y))
}

fn rounded(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    if !is_float(b.dtype(x)) {
        return Ok(x);
    }
    match c.name.as_str() {
        "floor" => one(b, U::Floor, x),
        "ceil" => one(b, U::Ceil, x),
        "round" => {
            let decimals = c.int_or(b, 1, "decimals", 0)?;
            if decimals == 0 {
                return one(b, U::Round, x);
            }
            let factor = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
            let scaled = with(b, B::Mul, x, factor)?;
            let whole = one(b, U::Round, scaled)?;
            with(b, B::Div, whole, factor)
        }
        name => {
            let (sign, size) = (one(b, U::Sign, x)?, one(b, U::Abs, x)?);
            let size = one(b, U::Floor, size)?;
            let whole = b.binary(B::Mul, sign, size)?;
            if name == "frac" { b.binary(B::Sub, x, whole) } else { Ok(whole) }
        }
    }
}

fn smooth(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    use std::f64::consts::{LN_2, LN_10, PI};
    match c.name.as_str() {
        "softplus" => {
            let (beta, threshold) = (c.float_or(1, "beta", 1.0)?, c.float_or(2, "threshold", 20.0)?);
            let scaled = with(b, B::Mul, x, beta)?;
            let soft = one(b, U::Softplus, scaled)?;
            let soft = with(b, B::Div, soft, beta)?;
            let above = against(b, Compare::Greater, scaled, threshold)?;
            choose(b, above, x, soft)
        }
        "mish" => {
            let soft = one(b, U::Softplus, x)?;
            let gate = one(b, U::Tanh, soft)?;
            b.binary(B::Mul, x, gate)
        }
        "logit" | "special_logit" => {
            let x = match c.float(1, "eps")? {
                Some(eps) => {
                    let low = with(b, B::Max, x, eps)?;
                    with(b, B::Min, low, 1.0 - eps)?
                }
                None => x,
            };
            let one_ = like(b, x, 1.0)?;
            let rest = b.binary(B::Sub, one_, x)?;
            let odds = b.binary(B::Div, x, rest)?;
            one(b, U::Log, odds)
        }
        "log2" | "log10" => {
            let log = one(b, U::Log, x)?;
            with(b, B::Mul, log, 1.0 / if c.name == "log2" { LN_2 } else { LN_10 })
        }
        "exp2" => {
            let scaled = with(b, B::Mul, x, LN_2)?;
            one(b, U::Exp, scaled)
        }
        "log_sigmoid" => {
            let negative = one(b, U::Neg, x)?;
            let soft = one(b, U::Softplus, negative)?;
            one(b, U::Neg, soft)
        }
        "tanhshrink" => {
            let tanh = one(b, U::Tanh, x)?;
            b.binary(B::Sub, x, tanh)
        }
        "deg2rad" => with(b, B::Mul, x, PI / 180.0),
        "rad2deg" => with(b, B::Mul, x, 180.0 / PI),
        "nan_to_num" => nan_to_num(b, c, x),
        name => shrunk(b, c, name, x),
    }
}

fn shrunk(b: &mut Builder, c: &Call, name: &str, x: ValueId) -> Result<ValueId> {
    let lambda = c.float_or(1, "lambd", 0.5)?;
    let size = one(b, U::Abs, x)?;
    let is_inside = against(b, Compare::LessEqual, size, lambda)?;
    let zero = like(b, x, 0.0)?;
    let outside = if name == "hardshrink" {
        x
    } else {
        let (less, sign) = (with(b, B::Sub, size, lambda)?, one(b, U::Sign, x)?);
        b.binary(B::Mul, less, sign)?
    };
    choose(b, is_inside, zero, outside)
}

fn nan_to_num(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    let most = if kind(b.dtype(x)) == Kind::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let number = like(b, x, c.float_or(1, "nan", 0.0)?)?;
    let is_nan = b.op(Op::Compare(Compare::NotEqual), &[x, x], DType::Bool)?;
    let mut y = choose(b, is_nan, number, x)?;
    for (limit, name, place, default) in
        [(f64::INFINITY, "posinf", 2, most), (f64::NEG_INFINITY, "neginf", 3, -most)]
    {
        let is_limit = against(b, Compare::Equal, x, limit)?;
        let other = like(b, x, c.float_or(place, name, default)?)?;
        y = choose(b, is_limit, other, y)?;
    }
    Ok(y)
}
