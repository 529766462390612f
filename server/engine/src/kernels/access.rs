//! The elements of values.

use super::{Outcome, elements, fail};
use crate::graph::Literal;
pub use crate::value::{Element, Memory, Output, Value};
use crate::{DType, EngineError};
use half::{bf16, f16};

/// A value of these elements.
pub fn make<T: Element>(data: impl Into<Memory<T>>, shape: &[usize]) -> Outcome {
    Value::of(data, shape)
}

/// Elements that lie behind each other in bytes, the lowest byte first, as a value.
pub fn of_bytes(bytes: &[u8], dtype: DType, shape: &[usize]) -> Outcome {
    fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|c| read(*c)).collect()
    }
    match dtype {
        DType::F32 => make(each(bytes, f32::from_le_bytes), shape),
        DType::F16 => make(each(bytes, |b| f16::from_le_bytes(b).to_f32()), shape),
        DType::BF16 => make(each(bytes, |b| bf16::from_le_bytes(b).to_f32()), shape),
        DType::F64 => make(each(bytes, f64::from_le_bytes), shape),
        DType::I64 | DType::U64 => make(each(bytes, i64::from_le_bytes), shape),
        DType::I32 => make(each(bytes, |b| i64::from(i32::from_le_bytes(b))), shape),
        DType::U32 => make(each(bytes, |b| i64::from(u32::from_le_bytes(b))), shape),
        DType::I16 => make(each(bytes, |b| i64::from(i16::from_le_bytes(b))), shape),
        DType::U16 => make(each(bytes, |b| i64::from(u16::from_le_bytes(b))), shape),
        DType::I8 => make(each(bytes, |b| i64::from(i8::from_le_bytes(b))), shape),
        DType::U8 => make(each(bytes, |b| i64::from(u8::from_le_bytes(b))), shape),
        DType::Bool => make(each(bytes, |b: [u8; 1]| u8::from(b[0] != 0)), shape),
        DType::String => Err(fail("strings of bytes without lengths")),
    }
}

/// Memory for as many elements as a shape has, to be written whole.
pub fn output<T: Element>(shape: &[usize]) -> Result<Output<T>, EngineError> {
    let count = elements(shape)?;
    there_is_room(count.saturating_mul(size_of::<T>()))?;
    Ok(Output::new(count))
}

/// An allocation that fails ends the process: one that is large is tried before, and is an error if there is no room.
fn there_is_room(bytes: usize) -> Result<(), EngineError> {
    const LARGE: usize = 64 << 20;
    let tried = if bytes < LARGE { Ok(()) } else { Vec::<u8>::new().try_reserve_exact(bytes) };
    tried.map_err(|_| fail(format!("there is no memory for {bytes} bytes")))
}

/// Memory for as many elements as a shape has, all zero.
pub fn zeros<T: Element>(shape: &[usize]) -> Result<Output<T>, EngineError> {
    let mut out = output(shape)?;
    out.fill(T::default());
    Ok(out)
}

/// A few integers: a shape, axes, an index.
pub fn ints(value: &Value) -> Result<Vec<i64>, EngineError> {
    value.slice().map(<[i64]>::to_vec)
}

/// One integer.
pub fn int(value: &Value) -> Result<i64, EngineError> {
    value.slice()?.first().copied().ok_or_else(|| fail("expected an integer, got none"))
}

/// Sizes: integers that are not negative.
pub fn sizes(value: &Value) -> Result<Vec<usize>, EngineError> {
    let sizes: Option<Vec<usize>> = value.slice::<i64>()?.iter().map(|n| usize::try_from(*n).ok()).collect();
    sizes.ok_or_else(|| fail("a size is negative"))
}

/// An axis of a value, counted from the end if negative.
pub fn axis(axis: i64, rank: usize) -> Result<usize, EngineError> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = from_start.and_then(|a| usize::try_from(a).ok()).filter(|a| *a < rank);
    found.ok_or_else(|| fail(format!("axis {axis} of a value with {rank} dimensions")))
}

/// A constant as a value.
pub fn literal(literal: &Literal) -> Outcome {
    into_value(literal.clone())
}

/// A constant that is not needed elsewhere, as a value.
pub fn into_value(literal: Literal) -> Outcome {
    match literal {
        Literal::F32(v, shape) => make(v, &shape),
        Literal::F64(v, shape) => make(v, &shape),
        Literal::I64(v, shape) => make(v, &shape),
        Literal::Bool(v, shape) => make(v, &shape),
        Literal::Text(v, shape) => Value::text(v, &shape),
    }
}
