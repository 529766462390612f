//! The memory of values.

use super::{Outcome, Value, elements, fail};
use crate::EngineError;
use crate::graph::Literal;
use candle_core::{CpuStorage, DType, Device, Storage, WithDType};

/// Types that values have.
pub trait Element: WithDType + PartialOrd + Default {
    fn of(storage: &CpuStorage) -> Option<&[Self]>;
}

macro_rules! element {
    ($type:ty, $variant:ident) => {
        impl Element for $type {
            fn of(storage: &CpuStorage) -> Option<&[Self]> {
                match storage {
                    CpuStorage::$variant(v) => Some(v),
                    _ => None,
                }
            }
        }
    };
}
element!(f32, F32);
element!(f64, F64);
element!(i64, I64);
element!(u8, U8);

/// Lends a value's elements.
pub fn with<T: Element, R>(value: &Value, work: impl FnOnce(&[T]) -> R) -> Result<R, EngineError> {
    if !value.is_contiguous() {
        return with(&value.contiguous()?, work);
    }
    let (storage, layout) = value.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { return Err(fail("a value is not on the CPU")) };
    let all =
        T::of(storage).ok_or_else(|| fail(format!("expected {:?}, got {:?}", T::DTYPE, value.dtype())))?;
    let start = layout.start_offset();
    let end = start + layout.shape().elem_count();
    Ok(work(all.get(start..end).ok_or_else(|| fail("a value is not where it should be"))?))
}

/// A value of these elements.
pub fn make<T: Element>(data: Vec<T>, shape: &[usize]) -> Outcome {
    Ok(Value::from_vec(data, shape, &Device::Cpu)?)
}

/// Memory for as many elements as a shape has, all zero.
pub fn zeros<T: Element>(shape: &[usize]) -> Result<Vec<T>, EngineError> {
    Ok(vec![T::default(); elements(shape)?])
}

/// A few integers: a shape, axes, an index.
pub fn ints(value: &Value) -> Result<Vec<i64>, EngineError> {
    match value.dtype() {
        DType::I64 => with(value, <[i64]>::to_vec),
        other => Err(fail(format!("expected integers, got {other:?}"))),
    }
}

/// One integer.
pub fn int(value: &Value) -> Result<i64, EngineError> {
    ints(value)?.first().copied().ok_or_else(|| fail("expected an integer, got none"))
}

/// Sizes: integers that are not negative.
pub fn sizes(value: &Value) -> Result<Vec<usize>, EngineError> {
    let sizes: Option<Vec<usize>> = ints(value)?.into_iter().map(|n| usize::try_from(n).ok()).collect();
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
    match literal {
        Literal::F32(v, shape) => make(v.clone(), shape),
        Literal::F64(v, shape) => make(v.clone(), shape),
        Literal::I64(v, shape) => make(v.clone(), shape),
        Literal::Bool(v, shape) => make(v.clone(), shape),
    }
}

/// A constant that is not needed elsewhere, as a value.
pub fn into_value(literal: Literal) -> Outcome {
    match literal {
        Literal::F32(v, shape) => make(v, &shape),
        Literal::F64(v, shape) => make(v, &shape),
        Literal::I64(v, shape) => make(v, &shape),
        Literal::Bool(v, shape) => make(v, &shape),
    }
}

/// Bytes of a value.
pub fn scalar_bytes(value: &Value) -> usize {
    value.elem_count() * value.dtype().size_in_bytes()
}
