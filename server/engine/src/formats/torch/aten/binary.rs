//! Two numbers → one, after both have the type that PyTorch promotes them to.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::dtypes::{Operand, promoted};
use super::super::value::{Result, Val};
use super::Outcome;
use super::pointwise::{choose, floating, like, one, with};
use crate::DType;
use crate::graph::{Binary as B, Compare as C, Op, Pairing, Rare, Unary as U, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    if let Some(op) = compare(name) {
        let [x, y] = pair(b, c)?;
        let value = b.op(Op::Compare(op), &[x, y], DType::Bool)?;
        return b.give(value);
    }
    let value = match name {
        "add" | "sub" | "subtract" | "rsub" => sum(b, c)?,
        "mul" | "multiply" => {
            let [x, y] = pair(b, c)?;
            b.binary(B::Mul, x, y)?
        }
        "div" | "divide" | "true_divide" | "floor_divide" => quotient(b, c)?,
        "remainder" | "fmod" => remainder(b, c)?,
        "pow" | "float_power" => power(b, c)?,
        "maximum" | "minimum" | "fmax" | "fmin" => {
            let [x, y] = pair(b, c)?;
            b.binary(if name.ends_with("max") || name == "maximum" { B::Max } else { B::Min }, x, y)?
        }
        "atan2" | "arctan2" | "xlogy" | "special_xlogy" => {
            let [x, y] = pair(b, c)?;
            let (x, y) = (floating(b, x)?, floating(b, y)?);
            rare(b, if name.contains("xlogy") { Pairing::Xlogy } else { Pairing::Atan2 }, x, y)?
        }
        "logical_and" | "logical_or" | "logical_xor" => {
            let [x, y] = pair(b, c)?;
            let (x, y) = (b.cast(x, DType::Bool)?, b.cast(y, DType::Bool)?);
            match name {
                "logical_and" => b.binary(B::And, x, y)?,
                "logical_or" => b.binary(B::Or, x, y)?,
                _ => b.op(Op::Compare(C::NotEqual), &[x, y], DType::Bool)?,
            }
        }
        "bitwise_and" | "bitwise_or" | "bitwise_xor" | "__and__" | "__or__" | "__xor__" => bits(b, c)?,
        "bitwise_left_shift" | "__lshift__" | "bitwise_right_shift" | "__rshift__" => {
            let [x, y] = pair(b, c)?;
            let left = name.contains("left") || name == "__lshift__";
            let made = rare(b, if left { Pairing::LeftShift(64) } else { Pairing::RightShift(64) }, x, y)?;
            b.wrapped(made)?
        }
        "where" if c.arguments.len() >= 3 => {
            let condition = c.value(b, 0, "condition")?;
            let condition = b.cast(condition, DType::Bool)?;
            let [yes, no] = both(b, c, [(1, "self"), (2, "other")])?;
            choose(b, condition, yes, no)?
        }
        "clamp" | "clip" | "clamp_min" | "clamp_max" => clamp(b, c)?,
        "lerp" | "addcmul" | "addcdiv" => blend(b, c)?,
        "prelu" | "_prelu_kernel" => prelu(b, c)?,
        _ => return Ok(None),
    };
    b.give(value)
}

/// Part of a second value, or of the product or ratio of two others, added to the first.
fn blend(b: &mut Builder, c: &Call) -> Result<ValueId> {
    if c.name == "lerp" {
        let [x, y] = both(b, c, [(0, "self"), (1, "end")])?;
        let weight = operand(b, c, 2, "weight", x)?;
        let span = b.binary(B::Sub, y, x)?;
        let part = b.binary(B::Mul, span, weight)?;
        return b.binary(B::Add, x, part);
    }
    let x = c.x(b)?;
    let [y, z] = both(b, c, [(1, "tensor1"), (2, "tensor2")])?;
    let part = b.binary(if c.name == "addcmul" { B::Mul } else { B::Div }, y, z)?;
    let part = with(b, B::Mul, part, c.float_or(3, "value", 1.0)?)?;
    b.binary(B::Add, x, part)
}

fn compare(name: &str) -> Option<C> {
    Some(match name {
        "eq" => C::Equal,
        "ne" | "not_equal" => C::NotEqual,
        "lt" | "less" => C::Less,
        "le" | "less_equal" => C::LessEqual,
        "gt" | "greater" => C::Greater,
        "ge" | "greater_equal" => C::GreaterEqual,
        _ => return None,
    })
}

/// The two operands, of one type.
fn pair(b: &mut Builder, c: &Call) -> Result<[ValueId; 2]> {
    let second = if c.get(1, "exponent").is_some() && c.name.contains("pow") { "exponent" } else { "other" };
    let first = if c.get(0, "input").is_some() && c.get(0, "self").is_none() { "input" } else { "self" };
    both(b, c, [(0, first), (1, second)])
}

/// Two operands, numbers or tensors, of the type that both together have.
fn both(b: &mut Builder, c: &Call, places: [(usize, &str); 2]) -> Result<[ValueId; 2]> {
    let mut operands = Vec::new();
    for (place, name) in places {
        operands.push(match c.get(place, name) {
            Some(Val::Tensor(handle)) => {
                let value = b.value(*handle)?;
                Operand::tensor(b, value)
            }
            Some(Val::Float(_)) => Operand::number(DType::F32),
            Some(Val::Int(_) | Val::Symbol(_)) => Operand::number(DType::I64),
            Some(Val::Bool(_)) => Operand::number(DType::Bool),
            _ => return c.wrong(name, "a tensor or a number"),
        });
    }
    let dtype = promoted(&operands);
    let mut values = [0; 2];
    for (to, (place, name)) in values.iter_mut().zip(places) {
        *to = typed(b, c, place, name, dtype)?;
    }
    Ok(values)
}

/// A tensor or number as a value of a type.
pub fn typed(b: &mut Builder, c: &Call, place: usize, name: &str, dtype: DType) -> Result<ValueId> {
    match c.get(place, name) {
        Some(Val::Tensor(handle)) => {
            let value = b.value(*handle)?;
            b.cast(value, dtype)
        }
        Some(Val::Symbol(value)) => b.cast(*value, dtype),
        Some(Val::Int(n)) if !is_float(dtype) && dtype != DType::Bool => b.int(*n).map(|v| b.typed(v, dtype)),
        Some(_) => match c.float(place, name)? {
            Some(number) => b.number(number, dtype),
            None => c.wrong(name, "a tensor or a number"),
        },
        None => c.wrong(name, "a tensor or a number"),
    }
}

/// A tensor or number as a value of another's type.
fn operand(b: &mut Builder, c: &Call, place: usize, name: &str, like: ValueId) -> Result<ValueId> {
    let dtype = b.dtype(like);
    typed(b, c, place, name, dtype)
}

fn sum(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let [x, y] = pair(b, c)?;
    let (x, y) = if c.name == "rsub" { (y, x) } else { (x, y) };
    if b.dtype(x) == DType::Bool && c.name == "add" {
        return b.binary(B::Or, x, y);
    }
    let scaled = match c.some(2, "alpha") {
        Some(Val::Tensor(_)) | None | Some(Val::Int(1)) => None,
        Some(_) => Some(operand(b, c, 2, "alpha", x)?),
    };
    let (mut first, mut second) = (x, y);
    if let Some(alpha) = scaled {
        second = b.binary(B::Mul, second, alpha)?;
    }
    if c.name == "add" {
        return b.binary(B::Add, first, second);
    }
    first = if b.dtype(first) == DType::Bool { b.cast(first, DType::I64)? } else { first };
    b.binary(B::Sub, first, second)
}

fn quotient(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let [x, y] = pair(b, c)?;
    let mode = if c.name == "floor_divide" { Some("floor".into()) } else { c.text(2, "rounding_mode") };
    let integers = !is_float(b.dtype(x));
    match mode.as_deref() {
        Some("floor") => b.binary(B::FloorDiv, x, y),
        Some("trunc") if integers => b.binary(B::Div, x, y),
        Some("trunc") => {
            let ratio = b.binary(B::Div, x, y)?;
            let (sign, size) = (one(b, U::Sign, ratio)?, one(b, U::Abs, ratio)?);
            let size = one(b, U::Floor, size)?;
            b.binary(B::Mul, sign, size)
        }
        _ => {
            let (x, y) = (floating(b, x)?, floating(b, y)?);
            b.binary(B::Div, x, y)
        }
    }
}

fn remainder(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let [x, y] = pair(b, c)?;
    if c.name == "remainder" {
        return b.binary(B::FloorMod, x, y);
    }
    rare(b, Pairing::TruncateMod, x, y)
}

fn rare(b: &mut Builder, op: Pairing, x: ValueId, y: ValueId) -> Result<ValueId> {
    let dtype = b.dtype(x);
    b.op(Op::Rare(Box::new(Rare::Pairing(op))), &[x, y], dtype)
}

fn power(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let exponent = match c.get(1, "exponent") {
        Some(Val::Int(n)) => Some(*n as f64),
        Some(Val::Float(x)) => Some(*x),
        _ => None,
    };
    let [x, y] = pair(b, c)?;
    let is_real = is_float(b.dtype(x));
    match exponent {
        Some(2.0) => one(b, U::Square, x),
        Some(0.5) if is_real => one(b, U::Sqrt, x),
        Some(-0.5) if is_real => one(b, U::Rsqrt, x),
        Some(-1.0) if is_real => one(b, U::Reciprocal, x),
        Some(1.0) => Ok(x),
        _ => b.binary(B::Pow, x, y),
    }
}

fn bits(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let [x, y] = pair(b, c)?;
    let truth = b.dtype(x) == DType::Bool;
    let op = if c.name.contains("and") {
        Pairing::BitAnd
    } else if c.name.contains("xor") {
        Pairing::BitXor
    } else {
        Pairing::BitOr
    };
    match op {
        Pairing::BitAnd if truth => b.binary(B::And, x, y),
        Pairing::BitOr if truth => b.binary(B::Or, x, y),
        _ if truth => b.op(Op::Compare(C::NotEqual), &[x, y], DType::Bool),
        _ => rare(b, op, x, y),
    }
}

fn clamp(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let limits: &[(usize, &str, B)] = match c.name.as_str() {
        "clamp_min" => &[(1, "min", B::Max)],
        "clamp_max" => &[(1, "max", B::Min)],
        _ => &[(1, "min", B::Max), (2, "max", B::Min)],
    };
    let mut x = c.x(b)?;
    for (place, name, op) in limits {
        if c.some(*place, name).is_some() {
            let [value, limit] = both(b, c, [(0, "self"), (*place, name)])?;
            let dtype = b.dtype(value);
            let value = b.cast(x, dtype)?;
            x = b.binary(*op, value, limit)?;
        }
    }
    Ok(x)
}

/// Below zero a factor of each channel.
fn prelu(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, mut weight) = (c.x(b)?, c.value(b, 1, "weight")?);
    let zero = like(b, x, 0.0)?;
    let is_below = b.op(Op::Compare(C::Less), &[x, zero], DType::Bool)?;
    let rank = b.rank(x)?;
    if rank > 2 && b.rank(weight)? == 1 {
        let shape = [vec![Val::Int(-1)], vec![Val::Int(1); rank - 2]].concat();
        weight = b.reshape(weight, &shape)?;
    }
    let below = b.binary(B::Mul, x, weight)?;
    choose(b, is_below, below, x)
}
