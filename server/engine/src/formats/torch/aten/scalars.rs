//! Numbers of the program: what is asked of shapes, and arithmetic with it. What a request decides is computed by the graph.

mod symbols;

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::DType;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    if let Some(asked) = asked(b, c)? {
        return Ok(Some(vec![asked]));
    }
    let plain = |v: &Val| matches!(v, Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Symbol(_));
    if c.arguments.is_empty() || !c.arguments.iter().all(|(_, v)| plain(v)) {
        return Ok(None);
    }
    let all: Vec<&Val> = c.arguments.iter().map(|(_, v)| v).collect();
    let found = match all[..] {
        [x] => single(b, &c.name, x)?,
        [x, y] if is_arithmetic(&c.name) => Some(combine(b, &c.name, x, y)?),
        _ => None,
    };
    Ok(found.map(|v| vec![v]))
}

/// What is asked of a tensor.
fn asked(b: &mut Builder, c: &Call) -> Result<Option<Val>> {
    let Some((_, Val::Tensor(handle))) = c.arguments.first() else { return Ok(None) };
    let x = b.value(*handle)?;
    Ok(Some(match c.name.as_str() {
        "size" | "sym_size" if c.get(1, "dim").is_some() => {
            let dim = c.int(b, 1, "dim")?;
            b.extent(x, dim)?
        }
        "size" | "sym_size" => Val::list(b.extents(x)?),
        "dim" => Val::Int(b.rank(x)? as i64),
        "len" => b.extent(x, 0)?,
        "numel" | "sym_numel" => {
            let mut product = Val::Int(1);
            for extent in b.extents(x)? {
                product = combine(b, "mul", &product, &extent)?;
            }
            product
        }
        "_shape_as_tensor" => {
            let extents = b.extents(x)?;
            let shape = b.vector(&extents)?;
            b.as_tensor(shape)
        }
        "is_floating_point" => Val::Bool(is_float(b.dtype(x))),
        "is_complex" | "is_cuda" | "requires_grad" | "is_nested" | "is_sparse" | "is_quantized" => {
            Val::Bool(false)
        }
        "is_contiguous" => Val::Bool(true),
        "item"
        | "_local_scalar_dense"
        | "Int"
        | "IntImplicit"
        | "ScalarImplicit"
        | "FloatImplicit"
        | "Float"
        | "sym_int"
        | "Bool" => scalar_of(b, c, *handle)?,
        "get_device" => Val::Int(-1),
        "sym_stride" | "stride" => strides(b, c, x)?,
        "sym_storage_offset" | "storage_offset" => Val::Int(0),
        _ => return Ok(None),
    }))
}

fn strides(b: &mut Builder, c: &Call, x: crate::graph::ValueId) -> Result<Val> {
    let extents = b.extents(x)?;
    let mut strides = vec![Val::Int(1)];
    for extent in extents.iter().skip(1).rev() {
        let next = combine(b, "mul", &strides[0], extent)?;
        strides.insert(0, next);
    }
    if c.get(1, "dim").is_none() {
        return Ok(Val::list(strides));
    }
    let dim = c.int(b, 1, "dim")?;
    Ok(strides[super::super::build::place(dim, extents.len())?].clone())
}

/// The only element of a tensor as a number of the program.
fn scalar_of(b: &mut Builder, c: &Call, handle: usize) -> Result<Val> {
    let x = b.value(handle)?;
    if let Some(n) = b.known(&Val::Tensor(handle)) {
        return Ok(if c.name.contains("Float") { Val::Float(n as f64) } else { Val::Int(n) });
    }
    if is_float(b.dtype(x)) || b.dtype(x) == DType::Bool {
        return match b.to.constant(x) {
            Some(crate::graph::Literal::F32(v, _)) if v.len() == 1 => Ok(Val::Float(f64::from(v[0]))),
            Some(crate::graph::Literal::F64(v, _)) if v.len() == 1 => Ok(Val::Float(v[0])),
            Some(crate::graph::Literal::Bool(v, _)) if v.len() == 1 => Ok(Val::Bool(v[0] != 0)),
            // As an integer it is one of the graph.
            _ if matches!(c.name.as_str(), "Int" | "IntImplicit" | "sym_int") => {
                let flat = b.reshape(x, &[])?;
                Ok(Val::Symbol(b.cast(flat, DType::I64)?))
            }
            // A number is a tensor of it without axes: where others have some, these say of which type the result is.
            _ => {
                let flat = b.reshape(x, &[])?;
                let wide = if b.dtype(flat) == DType::Bool { flat } else { b.cast(flat, DType::F64)? };
                Ok(b.as_tensor(wide))
            }
        };
    }
    let flat = if b.shape(x).is_some_and(<[_]>::is_empty) { x } else { b.reshape(x, &[])? };
    let wide = b.cast(flat, DType::I64)?;
    Ok(Val::Symbol(wide))
}

fn single(b: &mut Builder, name: &str, x: &Val) -> Result<Option<Val>> {
    let real = |v: &Val| match v {
        Val::Float(x) => Some(*x),
        Val::Int(n) => Some(*n as f64),
        _ => None,
    };
    Ok(Some(match (name, x) {
        ("neg", Val::Int(n)) => Val::Int(n.wrapping_neg()),
        ("neg", Val::Float(x)) => Val::Float(-x),
        ("neg", Val::Symbol(_)) => combine(b, "mul", x, &Val::Int(-1))?,
        ("sym_int" | "Int" | "int" | "trunc" | "IntImplicit", Val::Float(x)) => Val::Int(*x as i64),
        ("sym_int" | "Int" | "int" | "trunc" | "sym_sum" | "IntImplicit", Val::Int(_) | Val::Symbol(_)) => {
            x.clone()
        }
        ("Int" | "int", Val::Bool(flag)) => Val::Int(i64::from(*flag)),
        ("ceil" | "floor" | "sym_ceil" | "sym_floor", Val::Int(_) | Val::Symbol(_)) => x.clone(),
        ("ceil" | "sym_ceil", Val::Float(x)) => Val::Int(x.ceil() as i64),
        ("floor" | "sym_floor", Val::Float(x)) => Val::Int(x.floor() as i64),
        ("sqrt" | "sym_sqrt" | "_sym_sqrt", _) => match real(x) {
            Some(x) => Val::Float(x.sqrt()),
            None => return Ok(None),
        },
        ("sym_float" | "Float" | "float" | "FloatImplicit", _) => match real(x) {
            Some(x) => Val::Float(x),
            // As whole a number as it is; what is divided by it comes out the same.
            None => x.clone(),
        },
        ("log", _) => match real(x) {
            Some(x) => Val::Float(x.ln()),
            None => return Ok(None),
        },
        ("abs", Val::Int(n)) => Val::Int(n.wrapping_abs()),
        ("abs", Val::Float(x)) => Val::Float(x.abs()),
        ("round", Val::Float(x)) => Val::Float(x.round_ties_even()),
        ("Bool" | "bool", Val::Int(n)) => Val::Bool(*n != 0),
        ("Bool" | "bool", Val::Bool(flag)) => Val::Bool(*flag),
        ("Bool" | "bool", Val::Float(x)) => Val::Bool(*x != 0.0),
        ("__not__" | "not_" | "sym_not", Val::Bool(flag)) => Val::Bool(!flag),
        _ => return Ok(None),
    }))
}

fn is_arithmetic(name: &str) -> bool {
    const NAMES: [&str; 31] = [
        "add",
        "sub",
        "mul",
        "floordiv",
        "floor_divide",
        "truediv",
        "div",
        "mod",
        "remainder",
        "pow",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "and_",
        "or_",
        "__and__",
        "__or__",
        "sym_max",
        "sym_min",
        "max",
        "min",
        "prim_max",
        "prim_min",
        "__xor__",
        "xor",
        "__is__",
        "fmod",
        "__isnot__",
    ];
    NAMES.contains(&name)
}

/// Arithmetic with two numbers.
pub fn combine(b: &mut Builder, name: &str, x: &Val, y: &Val) -> Result<Val> {
    match (b.known(x), b.known(y)) {
        (Some(x), Some(y)) => integers(name, x, y),
        _ if matches!(x, Val::Symbol(_)) || matches!(y, Val::Symbol(_)) => symbols::symbols(b, name, x, y),
        (x_known, y_known) => {
            let of = |v: &Val, known: Option<i64>| match v {
                Val::Float(x) => *x,
                _ => known.unwrap_or(0) as f64,
            };
            reals(name, of(x, x_known), of(y, y_known))
        }
    }
}

fn integers(name: &str, x: i64, y: i64) -> Result<Val> {
    let by_zero = || broken("an integer division by zero");
    Ok(match name {
        "add" => Val::Int(x.wrapping_add(y)),
        "sub" => Val::Int(x.wrapping_sub(y)),
        "mul" => Val::Int(x.wrapping_mul(y)),
        "floordiv" | "floor_divide" | "mod" | "remainder" | "fmod" if y == 0 => return by_zero(),
        "floordiv" | "floor_divide" => {
            let (whole, rest) = (x.wrapping_div(y), x.wrapping_rem(y));
            Val::Int(if rest != 0 && (rest < 0) != (y < 0) { whole - 1 } else { whole })
        }
        "mod" | "remainder" => {
            let rest = x.wrapping_rem(y);
            Val::Int(if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest })
        }
        "truediv" | "div" => Val::Float(x as f64 / y as f64),
        "pow" => match u32::try_from(y) {
            Ok(y) => Val::Int(x.wrapping_pow(y)),
            Err(_) => Val::Float((x as f64).powf(y as f64)),
        },
        "sym_max" | "max" | "prim_max" => Val::Int(x.max(y)),
        "sym_min" | "min" | "prim_min" => Val::Int(x.min(y)),
        "and_" | "__and__" => Val::Bool(x != 0 && y != 0),
        "or_" | "__or__" => Val::Bool(x != 0 || y != 0),
        "xor" | "__xor__" => Val::Bool((x != 0) != (y != 0)),
        "__is__" => Val::Bool(x == y),
        "__isnot__" => Val::Bool(x != y),
        _ => return compared(name, Some(x.cmp(&y))),
    })
}

fn reals(name: &str, x: f64, y: f64) -> Result<Val> {
    Ok(Val::Float(match name {
        "add" => x + y,
        "sub" => x - y,
        "mul" => x * y,
        "truediv" | "div" => x / y,
        "floordiv" | "floor_divide" => (x / y).floor(),
        "mod" | "remainder" => x - (x / y).floor() * y,
        "pow" => x.powf(y),
        "sym_max" | "max" | "prim_max" => x.max(y),
        "sym_min" | "min" | "prim_min" => x.min(y),
        _ => return compared(name, x.partial_cmp(&y)),
    }))
}

fn compared(name: &str, order: Option<std::cmp::Ordering>) -> Result<Val> {
    let Some(order) = order else { return Ok(Val::Bool(name == "ne")) };
    Ok(Val::Bool(match name {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        _ => return unsupported(format!("{name} of numbers")),
    }))
}
