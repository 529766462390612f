//! What moves elements or looks at their bits.

use super::super::access::of_bytes;
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

/// The same bytes as elements of another type.
fn bitcast(x: &Value, from: DType, to: DType) -> Outcome {
    let (wide, narrow) = (from.width(), to.width());
    let mut shape = x.dims().to_vec();
    if narrow < wide {
        shape.push(wide / narrow);
    } else if narrow > wide && shape.pop() != Some(narrow / wide) {
        return Err(fail(format!("{:?} as {to}", x.dims())));
    }
    super::super::elements(&shape)?;
    let bytes = bytes(x, from)?;
    if matches!(to, DType::Bool | DType::String) {
        return Err(fail(format!("bits as {to}")));
    }
    of_bytes(&bytes, to, &shape)
}

/// The elements in the width of their type.
pub fn bytes(x: &Value, from: DType) -> Result<Vec<u8>, EngineError> {
    Ok(match (x.contents(), from) {
        (Contents::F32(m), DType::F16) => m.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        (Contents::F32(m), DType::BF16) => m.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        (Contents::F32(m), DType::F32) => m.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Contents::Bool(m), DType::Bool) => m.to_vec(),
        (Contents::F64(m), DType::F64) => m.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Contents::I64(m), _) if !matches!(from, DType::Bool | DType::String) => {
            let count = from.width();
            m.iter().flat_map(|x| x.to_le_bytes().into_iter().take(count)).collect()
        }
        _ => return Err(fail(format!("the bits of {:?} as {from}", x.kind()))),
    })
}
