//! What moves elements or looks at their bits.

use super::super::access::make;
use super::super::{Outcome, Value, fail};
use super::{at, gather, sorting};
use crate::graph::Rare;
use crate::value::Contents;
use crate::{DType, EngineError};
use half::{bf16, f16};

pub fn run(op: &Rare, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    match op {
        Rare::Roll => gather::roll(x, second()?, third()?),
        Rare::ReverseSequence { sequence, batch } => {
            gather::reverse_sequence(x, second()?, *sequence, *batch)
        }
        Rare::UnravelIndex => gather::unravel(x, second()?),
        Rare::InvertPermutation => gather::invert(x),
        Rare::SearchSorted { upper } => sorting::search(x, second()?, *upper),
        Rare::LinSpace => gather::line(x, second()?, third()?),
        Rare::BroadcastArgs => gather::broadcast_args(inputs),
        Rare::DynamicStitch => gather::stitch(inputs),
        Rare::SelectRows => select_rows(x, second()?, third()?),
        Rare::Bitcast { from, to } => bitcast(x, *from, *to),
        Rare::EnsureShape(shape) => ensure(x, shape),
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}

/// The older choice: a condition of one axis is of whole rows.
fn select_rows(condition: &Value, yes: &Value, no: &Value) -> Outcome {
    let mut shape = condition.dims().to_vec();
    if shape.len() == 1 && yes.rank() > 1 {
        shape.resize(yes.rank(), 1);
    }
    let condition = super::super::moves::expand(&condition.reshape(&shape)?, yes.dims())?;
    super::super::moves::choose(&condition, yes, no)
}

/// The value, if its shape is the one that is wanted; extents below 0 may be any.
fn ensure(x: &Value, shape: &[i64]) -> Outcome {
    let same = |(have, want): (&usize, &i64)| *want < 0 || usize::try_from(*want) == Ok(*have);
    if x.rank() == shape.len() && x.dims().iter().zip(shape).all(same) {
        return Ok(x.clone());
    }
    Err(fail(format!("shape {:?} where {shape:?} is wanted", x.dims())))
}

/// Bytes of an element.
fn width(dtype: DType) -> usize {
    match dtype {
        DType::F64 | DType::I64 | DType::U64 => 8,
        DType::F32 | DType::I32 | DType::U32 => 4,
        DType::F16 | DType::BF16 | DType::I16 | DType::U16 => 2,
        _ => 1,
    }
}

/// The same bytes as elements of another type.
fn bitcast(x: &Value, from: DType, to: DType) -> Outcome {
    let (wide, narrow) = (width(from), width(to));
    let mut shape = x.dims().to_vec();
    if narrow < wide {
        shape.push(wide / narrow);
    } else if narrow > wide && shape.pop() != Some(narrow / wide) {
        return Err(fail(format!("{:?} as {to}", x.dims())));
    }
    super::super::elements(&shape)?;
    let bytes = bytes(x, from)?;
    fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|c| read(*c)).collect()
    }
    match to {
        DType::F32 => make(each(&bytes, f32::from_le_bytes), &shape),
        DType::F16 => make(each(&bytes, |b| f16::from_le_bytes(b).to_f32()), &shape),
        DType::BF16 => make(each(&bytes, |b| bf16::from_le_bytes(b).to_f32()), &shape),
        DType::F64 => make(each(&bytes, f64::from_le_bytes), &shape),
        DType::I64 | DType::U64 => make(each(&bytes, i64::from_le_bytes), &shape),
        DType::I32 => make(each(&bytes, |b| i64::from(i32::from_le_bytes(b))), &shape),
        DType::U32 => make(each(&bytes, |b| i64::from(u32::from_le_bytes(b))), &shape),
        DType::I16 => make(each(&bytes, |b| i64::from(i16::from_le_bytes(b))), &shape),
        DType::U16 => make(each(&bytes, |b| i64::from(u16::from_le_bytes(b))), &shape),
        DType::I8 => make(each(&bytes, |b| i64::from(i8::from_le_bytes(b))), &shape),
        DType::U8 => make(each(&bytes, |b| i64::from(u8::from_le_bytes(b))), &shape),
        DType::Bool | DType::String => Err(fail(format!("bits as {to}"))),
    }
}

/// The elements in the width of their type.
fn bytes(x: &Value, from: DType) -> Result<Vec<u8>, EngineError> {
    Ok(match (x.contents(), from) {
        (Contents::F32(m), DType::F16) => m.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        (Contents::F32(m), DType::BF16) => m.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        (Contents::F32(m), DType::F32) => m.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Contents::F64(m), DType::F64) => m.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Contents::I64(m), _) if !matches!(from, DType::Bool | DType::String) => {
            let count = width(from);
            m.iter().flat_map(|x| x.to_le_bytes().into_iter().take(count)).collect()
        }
        _ => return Err(fail(format!("the bits of {:?} as {from}", x.kind()))),
    })
}
