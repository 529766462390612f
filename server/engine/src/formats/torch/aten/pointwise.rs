//! One number → one.

mod activations;
mod composed;

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val};
use super::Outcome;
use crate::DType;
use crate::graph::{Binary as B, Compare, Function, Op, Rare, Unary as U, ValueId};

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
        let y = one(b, op, x)?;
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
    if let Some(y) = activations::activation(b, c)? {
        return b.give(y);
    }
    if let Some(y) = composed::composed(b, c)? {
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
    let bessel_i = |order, scaled| Function::BesselI { order, scaled };
    let bessel_k = |order, scaled| Function::BesselK { order, scaled };
    Some(match name {
        "acos" | "arccos" => Function::Acos,
        "acosh" | "arccosh" => Function::Acosh,
        "asin" | "arcsin" => Function::Asin,
        "asinh" | "arcsinh" => Function::Asinh,
        "atanh" | "arctanh" => Function::Atanh,
        "digamma" | "special_digamma" => Function::Digamma,
        "erfinv" | "special_erfinv" => Function::Erfinv,
        "lgamma" | "special_gammaln" => Function::Lgamma,
        "i0" | "special_i0" | "special_modified_bessel_i0" => bessel_i(0, false),
        "special_i0e" => bessel_i(0, true),
        "special_i1" | "special_modified_bessel_i1" => bessel_i(1, false),
        "special_i1e" => bessel_i(1, true),
        "special_bessel_j0" => Function::BesselJ(0),
        "special_bessel_j1" => Function::BesselJ(1),
        "special_bessel_y0" => Function::BesselY(0),
        "special_bessel_y1" => Function::BesselY(1),
        "special_modified_bessel_k0" => bessel_k(0, false),
        "special_modified_bessel_k1" => bessel_k(1, false),
        "special_scaled_modified_bessel_k0" => bessel_k(0, true),
        "special_scaled_modified_bessel_k1" => bessel_k(1, true),
        "special_ndtri" => Function::Ndtri,
        "isfinite" => Function::IsFinite,
        "isinf" => Function::IsInf,
        "isnan" => Function::IsNan,
        _ => return None,
    })
}

/// A function of one value.
pub fn one(b: &mut Builder, op: U, x: ValueId) -> Result<ValueId> {
    let dtype = b.dtype(x);
    let leaves_the_type = matches!(op, U::Neg | U::Abs | U::Square);
    let made = b.op(Op::Unary(op), &[x], dtype)?;
    if leaves_the_type { b.wrapped(made) } else { Ok(made) }
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
