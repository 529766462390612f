//! One number → one.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float, kind};
use super::super::value::{Result, Val};
use super::Outcome;
use crate::DType;
use crate::graph::{Activation, Binary as B, Compare, Function, Op, Rare, Unary as U, ValueId};
use crate::value::Kind;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    if let Some(op) = unary(name) {
        let x = c.x(b)?;
        let x = floating(b, x)?;
        let dtype = b.dtype(x);
        let y = b.op(Op::Unary(op), &[x], dtype)?;
        return b.give(y);
    }
    if let Some(op) = of_any(name) {
        let x = c.x(b)?;
        let dtype = b.dtype(x);
        let y = b.op(Op::Unary(op), &[x], dtype)?;
        return b.give(y);
    }
    if let Some(f) = function(name) {
        let x = c.x(b)?;
        let x = floating(b, x)?;
        let truth = matches!(f, Function::IsFinite | Function::IsInf | Function::IsNan);
        let dtype = if truth { DType::Bool } else { b.dtype(x) };
        let shape = b.shape(x).map(<[_]>::to_vec);
        let y = b.op(Op::Rare(Box::new(Rare::Function(f))), &[x], dtype)?;
        let y = shape.map_or(y, |shape| b.shaped(y, shape));
        return b.give(y);
    }
    if let Some(y) = activation(b, c)? {
        return b.give(y);
    }
    if let Some(y) = composed(b, c)? {
        return b.give(y);
    }
    Ok(None)
}

/// A float; of anything else the default one.
pub fn floating(b: &mut Builder, x: ValueId) -> Result<ValueId> {
    if is_float(b.dtype(x)) { Ok(x) } else { b.cast(x, DType::F32) }
}

/// What makes floats of anything.
fn unary(name: &str) -> Option<U> {
    Some(match name {
        "cos" => U::Cos,
        "erf" | "special_erf" => U::Erf,
        "erfc" | "special_erfc" => U::Erfc,
        "exp" => U::Exp,
        "expm1" | "special_expm1" => U::Expm1,
        "tan" => U::Tan,
        "atan" | "arctan" => U::Atan,
        "sinh" => U::Sinh,
        "cosh" => U::Cosh,
        "log" => U::Log,
        "log1p" | "special_log1p" => U::Log1p,
        "reciprocal" => U::Reciprocal,
        "rsqrt" => U::Rsqrt,
        "selu" => U::Selu,
        "sigmoid" | "special_expit" => U::Sigmoid,
        "sin" => U::Sin,
        "softsign" => U::Softsign,
        "sqrt" => U::Sqrt,
        "tanh" => U::Tanh,
        _ => return None,
    })
}

/// What leaves the type as it is.
fn of_any(name: &str) -> Option<U> {
    Some(match name {
        "abs" | "absolute" => U::Abs,
        "neg" | "negative" => U::Neg,
        "sign" | "sgn" => U::Sign,
        "square" => U::Square,
        "relu" => U::Relu,
        "relu6" => U::Relu6,
        _ => return None,
    })
}

fn function(name: &str) -> Option<Function> {
    Some(match name {
        "acos" | "arccos" => Function::Acos,
        "acosh" | "arccosh" => Function::Acosh,
        "asin" | "arcsin" => Function::Asin,
        "asinh" | "arcsinh" => Function::Asinh,
        "atanh" | "arctanh" => Function::Atanh,
        "digamma" | "special_digamma" => Function::Digamma,
        "erfinv" | "special_erfinv" => Function::Erfinv,
        "lgamma" | "special_gammaln" => Function::Lgamma,
        "isfinite" => Function::IsFinite,
        "isinf" => Function::IsInf,
        "isnan" => Function::IsNan,
        _ => return None,
    })
}

/// Functions that the graph has as one operation on 32-bit floats.
fn activation(b: &mut Builder, c: &Call) -> Result<Option<ValueId>> {
    let activation = match c.name.as_str() {
        "silu" => Activation::Swish,
        "hardsigmoid" => Activation::HardSigmoid,
        "hardswish" => Activation::HardSwish,
        "gelu" if c.text(1, "approximate").as_deref() == Some("tanh") => Activation::GeluTanh,
        "gelu" => Activation::Gelu,
        "elu" => {
            let rest = [
                c.float_or(1, "alpha", 1.0)?,
                c.float_or(2, "scale", 1.0)?,
                c.float_or(3, "input_scale", 1.0)?,
            ];
            return elu(b, c, rest).map(Some);
        }
        "celu" => {
            let alpha = c.float_or(1, "alpha", 1.0)?;
            return elu(b, c, [alpha, 1.0, 1.0 / alpha]).map(Some);
        }
        "leaky_relu" => {
            let slope = c.float_or(1, "negative_slope", 0.01)?;
            let x = c.x(b)?;
            let dtype = b.dtype(x);
            return b.op(Op::Unary(U::LeakyRelu(slope as f32)), &[x], dtype).map(Some);
        }
        _ => return Ok(None),
    };
    let x = c.x(b)?;
    let dtype = b.dtype(x);
    if kind(dtype) == Kind::F32 {
        return b.op(Op::Activate(activation), &[x], dtype).map(Some);
    }
    written_out(b, activation, x).map(Some)
}

/// The same on wider floats.
fn written_out(b: &mut Builder, activation: Activation, x: ValueId) -> Result<ValueId> {
    match activation {
        Activation::Swish => {
            let gate = one(b, U::Sigmoid, x)?;
            b.binary(B::Mul, x, gate)
        }
        Activation::HardSigmoid | Activation::HardSwish => {
            let shifted = with(b, B::Add, x, 3.0)?;
            let clipped = one(b, U::Relu6, shifted)?;
            let gate = with(b, B::Div, clipped, 6.0)?;
            if activation == Activation::HardSigmoid { Ok(gate) } else { b.binary(B::Mul, x, gate) }
        }
        Activation::GeluTanh => {
            let square = one(b, U::Square, x)?;
            let cube = b.binary(B::Mul, square, x)?;
            let part = with(b, B::Mul, cube, 0.044_715)?;
            let sum = b.binary(B::Add, x, part)?;
            let inner = with(b, B::Mul, sum, std::f64::consts::FRAC_2_PI.sqrt())?;
            let inner = one(b, U::Tanh, inner)?;
            half_of(b, x, inner)
        }
        _ => {
            let inner = with(b, B::Mul, x, std::f64::consts::FRAC_1_SQRT_2)?;
            let inner = one(b, U::Erf, inner)?;
            half_of(b, x, inner)
        }
    }
}

fn half_of(b: &mut Builder, x: ValueId, part: ValueId) -> Result<ValueId> {
    let sum = with(b, B::Add, part, 1.0)?;
    let half = with(b, B::Mul, x, 0.5)?;
    b.binary(B::Mul, half, sum)
}

fn elu(b: &mut Builder, c: &Call, [alpha, scale, input_scale]: [f64; 3]) -> Result<ValueId> {
    let x = c.x(b)?;
    if [alpha, scale, input_scale] == [1.0; 3] {
        return one(b, U::Elu, x);
    }
    let inner = with(b, B::Mul, x, input_scale)?;
    let inner = one(b, U::Expm1, inner)?;
    let below = with(b, B::Mul, inner, alpha * scale)?;
    let above = with(b, B::Mul, x, scale)?;
    let is_below = against(b, Compare::Less, x, 0.0)?;
    choose(b, is_below, below, above)
}

/// What is written with several operations.
fn composed(b: &mut Builder, c: &Call) -> Result<Option<ValueId>> {
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

/// A function of one value.
pub fn one(b: &mut Builder, op: U, x: ValueId) -> Result<ValueId> {
    let dtype = b.dtype(x);
    b.op(Op::Unary(op), &[x], dtype)
}

/// A number of a value's type.
pub fn like(b: &mut Builder, x: ValueId, number: f64) -> Result<ValueId> {
    let dtype = b.dtype(x);
    b.number(number, dtype)
}

/// A value and a number.
pub fn with(b: &mut Builder, op: B, x: ValueId, number: f64) -> Result<ValueId> {
    let number = like(b, x, number)?;
    b.binary(op, x, number)
}

/// A value compared with a number.
pub fn against(b: &mut Builder, op: Compare, x: ValueId, number: f64) -> Result<ValueId> {
    let number = like(b, x, number)?;
    b.op(Op::Compare(op), &[x, number], DType::Bool)
}

/// The first where a condition holds, else the second.
pub fn choose(b: &mut Builder, condition: ValueId, yes: ValueId, no: ValueId) -> Result<ValueId> {
    let dtype = b.dtype(yes);
    let inputs = aligned(b, &[condition, yes, no])?;
    b.op(Op::Select, &inputs, dtype)
}

/// Values of as many axes. A choice by a condition of one axis would be one of rows.
fn aligned(b: &mut Builder, values: &[ValueId]) -> Result<Vec<ValueId>> {
    let condition = values[0];
    let ranks: Option<Vec<usize>> = values.iter().map(|v| b.shape(*v).map(<[_]>::len)).collect();
    let Some(ranks) = ranks else { return Ok(values.to_vec()) };
    let most = ranks.iter().copied().max().unwrap_or(0);
    if ranks[0] != 1 || most < 2 {
        return Ok(values.to_vec());
    }
    let extent = b.extent(condition, 0)?;
    let shape = [vec![Val::Int(1); most - 1], vec![extent]].concat();
    let mut all = values.to_vec();
    all[0] = b.reshape(condition, &shape)?;
    Ok(all)
}
