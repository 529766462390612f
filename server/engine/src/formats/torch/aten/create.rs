//! Tensors made of nothing: counted, filled, like others.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken};
use super::Outcome;
use crate::DType;
use crate::graph::{Literal, Op, ValueId};

/// Lists in lists.
const DEEPEST: usize = 8;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    let value = match name {
        "arange" | "range" => arange(b, c)?,
        "zeros" | "ones" | "empty" | "full" | "new_zeros" | "new_ones" | "new_empty" | "new_full"
        | "zeros_like" | "ones_like" | "empty_like" | "full_like" | "empty_permuted" | "empty_strided"
        | "new_empty_strided" | "zero" | "fill" => filled(b, c)?,
        "scalar_tensor" | "tensor" | "as_tensor" | "NumToTensor" | "_local_scalar_dense_tensor" => {
            let Some(given) = c.arguments.first().map(|(_, v)| v.clone()) else {
                return c.wrong("data", "a number");
            };
            let dtype = c.dtype(1, "dtype")?;
            of_numbers(b, &given, dtype, 0)?
        }
        "eye" => {
            let Some(rows) = c.get(0, "n").cloned() else { return c.wrong("n", "an int") };
            let columns = match c.get(1, "m") {
                Some(columns @ (Val::Int(_) | Val::Symbol(_))) => columns.clone(),
                _ => rows.clone(),
            };
            let dtype = c.dtype(2, "dtype")?.unwrap_or(DType::F32);
            let (indices, depth) = (counted(b, &rows)?, b.scalar(&columns)?);
            let (on, off) = (b.number(1.0, dtype)?, b.number(0.0, dtype)?);
            b.op(Op::OneHot(-1), &[indices, depth, on, off], dtype)?
        }
        "linspace" => {
            let (start, end) = (c.float_or(0, "start", 0.0)?, c.float_or(1, "end", 0.0)?);
            let steps = c.int(b, 2, "steps")?;
            linspace(b, start, end, steps, c.dtype(3, "dtype")?.unwrap_or(DType::F32))?
        }
        "copy" => {
            let (to, from) = (c.x(b)?, c.value(b, 1, "src")?);
            let dtype = b.dtype(to);
            let from = b.cast(from, dtype)?;
            let shape = b.extents(to)?;
            b.broadcast(from, &shape)?
        }
        "to" | "_to_copy" | "type_as" | "float" | "double" | "half" | "long" | "int" | "bool" | "cpu"
        | "type" | "to_device" | "byte" | "bfloat16" => converted(b, c)?,
        _ => return Ok(None),
    };
    b.give(value)
}

/// 0, 1, … so many integers.
pub fn counted(b: &mut Builder, count: &Val) -> Result<ValueId> {
    let (zero, count, one) = (b.int(0)?, b.scalar(count)?, b.int(1)?);
    b.op(Op::Range, &[zero, count, one], DType::I64)
}

/// `arange(end)`, `arange(start, end)`, `arange(start, end, step)`.
fn arange(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let named = c.arguments.iter().any(|(name, _)| matches!(name.as_deref(), Some("end")));
    let numbers: Vec<Val> = if named {
        ["start", "end", "step"]
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let default = Val::Int(i64::from(n == 2));
                c.some(usize::MAX, name).cloned().unwrap_or(default)
            })
            .collect()
    } else {
        let given: Vec<Val> =
            c.arguments.iter().filter(|(name, _)| name.is_none()).map(|(_, v)| v.clone()).collect();
        // Type, layout, device and pinning may follow by their places.
        let count = match given.len() {
            1 | 5 => 1,
            2 | 6 => 2,
            _ => 3,
        };
        let mut given: Vec<Val> = given.into_iter().take(count).collect();
        if given.len() == 1 {
            given.insert(0, Val::Int(0));
        }
        if given.len() == 2 {
            given.push(Val::Int(1));
        }
        given
    };
    let wanted = match c.some(usize::MAX, "dtype") {
        Some(_) => c.dtype(usize::MAX, "dtype")?,
        None => positional_dtype(c)?,
    };
    let real = numbers.iter().any(|n| matches!(n, Val::Float(_)));
    let dtype = wanted.unwrap_or(if real { DType::F32 } else { DType::I64 });
    if !real {
        let scalars = numbers.iter().map(|n| b.scalar(n)).collect::<Result<Vec<_>>>()?;
        let value = b.op(Op::Range, &scalars, DType::I64)?;
        return b.cast(value, dtype);
    }
    let mut scalars = Vec::new();
    for number in &numbers {
        scalars.push(match number {
            Val::Float(x) => b.number(*x, DType::F64)?,
            other => {
                let value = b.scalar(other)?;
                b.cast(value, DType::F64)?
            }
        });
    }
    let value = b.op(Op::Range, &scalars, DType::F64)?;
    b.cast(value, dtype)
}

/// The type, where all arguments are given by their places: the fourth from the end.
fn positional_dtype(c: &Call) -> Result<Option<DType>> {
    let count = c.arguments.iter().filter(|(name, _)| name.is_none()).count();
    match count.checked_sub(4).filter(|n| (1..=3).contains(n)) {
        Some(at) => c.dtype(at, "dtype"),
        None => Ok(None),
    }
}

fn filled(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let name = c.name.as_str();
    let like = name.ends_with("_like") || name.starts_with("new_") || matches!(name, "zero" | "fill");
    let own = if like { Some(c.x(b)?) } else { None };
    let (size_at, size_name) = (usize::from(name.starts_with("new_")), "size");
    let fill_at = if name == "full" || matches!(name, "full_like" | "fill") { 1 } else { 2 };
    let fill_name = if name == "fill" { "value" } else { "fill_value" };
    let has_fill = name.contains("full") || name == "fill";
    let fill = if has_fill { c.get(fill_at, fill_name).cloned() } else { None };
    let told = if matches!(name, "zero" | "fill") { None } else { c.dtype(usize::MAX, "dtype")? };
    let dtype = told.or(own.map(|v| b.dtype(v))).unwrap_or(match fill {
        Some(Val::Int(_) | Val::Symbol(_)) => DType::I64,
        Some(Val::Bool(_)) => DType::Bool,
        _ => DType::F32,
    });
    let value = match fill {
        Some(_) => super::binary::typed(b, c, fill_at, fill_name, dtype)?,
        None => b.number(f64::from(u8::from(name.contains("ones"))), dtype)?,
    };
    let shape = match own {
        Some(own) if !name.starts_with("new_") => b.extents(own)?,
        _ => c.sizes(size_at, size_name)?,
    };
    let shape = b.vector(&shape)?;
    b.op(Op::Fill, &[shape, value], dtype)
}

/// A tensor of numbers, or of lists of them.
fn of_numbers(b: &mut Builder, given: &Val, dtype: Option<DType>, depth: usize) -> Result<ValueId> {
    if depth > DEEPEST {
        return broken("lists in lists, too deep");
    }
    match given {
        Val::Tensor(handle) => {
            let value = b.value(*handle)?;
            dtype.map_or(Ok(value), |dtype| b.cast(value, dtype))
        }
        Val::Symbol(value) => b.cast(*value, dtype.unwrap_or(DType::I64)),
        Val::Int(n) => {
            let value = b.int(*n)?;
            b.cast(value, dtype.unwrap_or(DType::I64))
        }
        Val::Bool(flag) => b
            .number(f64::from(u8::from(*flag)), DType::Bool)
            .and_then(|v| b.cast(v, dtype.unwrap_or(DType::Bool))),
        Val::Float(x) => {
            let value = b.number(*x, DType::F64)?;
            b.cast(value, dtype.unwrap_or(DType::F32))
        }
        Val::List(_) | Val::Tuple(_) => {
            let items = given.items().unwrap_or_default();
            if items.is_empty() {
                let empty = b.literal(Literal::F32(Vec::new(), vec![0]), DType::F32)?;
                return b.cast(empty, dtype.unwrap_or(DType::F32));
            }
            // One number decides for all lists.
            let dtype = dtype.or(has_float(given, depth).then_some(DType::F32));
            let parts =
                items.iter().map(|item| of_numbers(b, item, dtype, depth + 1)).collect::<Result<Vec<_>>>()?;
            let kind = b.dtype(parts[0]);
            b.op(Op::Pack(0), &parts, kind)
        }
        other => broken(format!("a tensor of {}", other.describe())),
    }
}

fn has_float(given: &Val, depth: usize) -> bool {
    let is_one =
        |item: &Val| matches!(item, Val::Float(_)) || (depth < DEEPEST && has_float(item, depth + 1));
    given.items().is_some_and(|items| items.iter().any(is_one))
}

fn linspace(b: &mut Builder, start: f64, end: f64, steps: i64, dtype: DType) -> Result<ValueId> {
    const MOST: i64 = 1 << 24;
    if !(0..=MOST).contains(&steps) {
        return broken(format!("{steps} numbers in a row"));
    }
    let step = if steps > 1 { (end - start) / (steps - 1) as f64 } else { 0.0 };
    let at =
        |n: i64| if 2 * n < steps { start + step * n as f64 } else { end - step * (steps - 1 - n) as f64 };
    let numbers: Vec<f64> = (0..steps).map(|n| if steps == 1 { start } else { at(n) }).collect();
    let count = numbers.len();
    let value = b.literal(Literal::F64(numbers, vec![count]), DType::F64)?;
    b.cast(value, dtype)
}

fn converted(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let dtype = match c.name.as_str() {
        "float" => Some(DType::F32),
        "double" => Some(DType::F64),
        "half" => Some(DType::F16),
        "bfloat16" => Some(DType::BF16),
        "long" => Some(DType::I64),
        "int" => Some(DType::I32),
        "byte" => Some(DType::U8),
        "bool" => Some(DType::Bool),
        "cpu" => None,
        "type_as" => Some(b.dtype(c.value(b, 1, "other")?)),
        _ => told(b, c)?,
    };
    dtype.map_or(Ok(x), |dtype| b.cast(x, dtype))
}

/// The type among a conversion's arguments, which also name devices and other tensors.
fn told(b: &Builder, c: &Call) -> Result<Option<DType>> {
    if c.some(usize::MAX, "dtype").is_some() {
        return c.dtype(usize::MAX, "dtype");
    }
    if let Some(Val::Tensor(other)) = c.some(usize::MAX, "other") {
        return Ok(Some(b.dtype(b.value(*other)?)));
    }
    for (name, value) in c.arguments.iter().skip(1).take(2) {
        match value {
            _ if name.is_some() => {}
            Val::Tensor(other) => return Ok(Some(b.dtype(b.value(*other)?))),
            Val::Type(dtype) => return Ok(Some(*dtype)),
            Val::Int(number) => return Ok(super::super::dtypes::of_number(*number)),
            _ => {}
        }
    }
    Ok(None)
}
