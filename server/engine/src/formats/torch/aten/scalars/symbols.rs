//! Arithmetic with numbers that the request decides.

use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, unsupported};
use crate::DType;
use crate::graph::{Binary as B, Compare as C, Op};

/// What comes of two numbers, one of which at least the request decides.
pub fn symbols(b: &mut Builder, name: &str, x: &Val, y: &Val) -> Result<Val> {
    // What does nothing is left out, so that shapes stay as simple as they are.
    match (name, b.known(x), b.known(y)) {
        ("add", Some(0), _) | ("mul", Some(1), _) => return Ok(y.clone()),
        ("add" | "sub", _, Some(0)) | ("mul" | "floordiv" | "floor_divide", _, Some(1)) => {
            return Ok(x.clone());
        }
        ("mul", _, Some(0)) | ("mul", Some(0), _) => return Ok(Val::Int(0)),
        _ => {}
    }
    if let (Val::Symbol(p), Val::Symbol(q)) = (x, y)
        && p == q
        && matches!(name, "eq" | "le" | "ge" | "ne" | "lt" | "gt")
    {
        return Ok(Val::Bool(matches!(name, "eq" | "le" | "ge")));
    }
    let is_float = |v: &Val| matches!(v, Val::Float(_));
    if is_float(x) || is_float(y) || matches!(name, "truediv" | "div") {
        return as_floats(b, name, x, y);
    }
    let (p, q) = (b.scalar(x)?, b.scalar(y)?);
    let op = match name {
        "add" => B::Add,
        "sub" => B::Sub,
        "mul" => B::Mul,
        "floordiv" | "floor_divide" => B::FloorDiv,
        "mod" | "remainder" => B::FloorMod,
        "pow" => B::Pow,
        "sym_max" | "max" | "prim_max" => B::Max,
        "sym_min" | "min" | "prim_min" => B::Min,
        "eq" => return truth(b, C::Equal, p, q),
        "ne" => return truth(b, C::NotEqual, p, q),
        "lt" => return truth(b, C::Less, p, q),
        "le" => return truth(b, C::LessEqual, p, q),
        "gt" => return truth(b, C::Greater, p, q),
        "ge" => return truth(b, C::GreaterEqual, p, q),
        _ => return unsupported("of numbers that depend on the request"),
    };
    let value = b.binary(op, p, q)?;
    Ok(b.symbol(value))
}

/// Arithmetic of which a float comes out that the request decides: a tensor.
fn as_floats(b: &mut Builder, name: &str, x: &Val, y: &Val) -> Result<Val> {
    let mut both = Vec::new();
    for number in [x, y] {
        let value = match number {
            Val::Float(x) => b.number(*x, DType::F64)?,
            other => {
                let whole = b.scalar(other)?;
                b.cast(whole, DType::F64)?
            }
        };
        both.push(b.as_tensor(value));
    }
    let name = match name {
        "truediv" => "div",
        "floordiv" => "floor_divide",
        "mod" => "remainder",
        "sym_max" | "max" | "prim_max" => "maximum",
        "sym_min" | "min" | "prim_min" => "minimum",
        other => other,
    };
    b.apply(name, &[&both[0], &both[1]])
}

/// A truth that a request decides, as a tensor.
fn truth(b: &mut Builder, op: C, p: usize, q: usize) -> Result<Val> {
    let value = b.op(Op::Compare(op), &[p, q], DType::Bool)?;
    Ok(Val::Tensor(b.tensor(value)))
}
