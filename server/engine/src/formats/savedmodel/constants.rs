//! Constant tensors and raw weights as values of the graph.

use super::proto::{Dim, TensorProto, TensorShape, dtype};
use crate::graph::Literal;
use crate::{DType, EngineError};
use half::{bf16, f16};
use prost::Message as _;

/// A constant that is written as one repeated value may be this long.
const LONGEST_SPLAT: usize = 1 << 24;

/// A serialized tensor, which has to be of a type.
pub fn tensor(bytes: &[u8], wanted: DType) -> Result<Literal, EngineError> {
    let tensor = TensorProto::decode(bytes);
    let tensor = tensor.map_err(|e| EngineError::Execution(format!("a string that is no tensor: {e}")))?;
    if dtype(tensor.dtype) != Some(wanted) {
        return Err(EngineError::Execution(format!("a serialized tensor that is not of {wanted}")));
    }
    let whole = literal(&tensor).map_err(|e| EngineError::Execution(format!("a serialized tensor: {e}")))?;
    whole.ok_or_else(|| {
        EngineError::Execution("a serialized tensor of a type that is not supported".to_owned())
    })
}

/// A tensor as bytes that [`tensor`] reads: its elements' own, or texts.
pub fn serialized(of: DType, shape: &[usize], bytes: Vec<u8>, texts: Vec<Vec<u8>>) -> Vec<u8> {
    let dim = shape.iter().map(|extent| Dim { size: *extent as i64 }).collect();
    let tensor = TensorProto {
        dtype: (1..).find(|number| dtype(*number) == Some(of)).unwrap_or_default(),
        tensor_shape: Some(TensorShape { dim, unknown_rank: false }),
        tensor_content: bytes,
        string_val: texts,
        ..TensorProto::default()
    };
    tensor.encode_to_vec()
}

/// A constant of the graph; None: its type is not supported.
pub fn literal(tensor: &TensorProto) -> Result<Option<Literal>, EngineError> {
    let Some(dtype) = dtype(tensor.dtype) else { return Ok(None) };
    let dims = tensor.tensor_shape.iter().flat_map(|s| &s.dim).map(|d| usize::try_from(d.size).ok());
    let shape: Option<Vec<usize>> = dims.collect();
    let elements = shape.as_ref().and_then(|s| s.iter().try_fold(1usize, |n, d| n.checked_mul(*d)));
    let (Some(shape), Some(elements)) = (shape, elements) else {
        return Err(EngineError::broken("a constant's shape is not a shape"));
    };
    if dtype == DType::String {
        let text = splat(tensor.string_val.clone(), elements)?;
        return Ok(Some(Literal::Text(text, shape)));
    }
    if !tensor.tensor_content.is_empty() {
        if elements.checked_mul(dtype.width()) != Some(tensor.tensor_content.len()) {
            return Err(EngineError::broken("a constant's bytes do not fill its shape"));
        }
        return Ok(Some(from_bytes(dtype, shape, &tensor.tensor_content)));
    }
    let floats = |v: Vec<f32>| splat(v, elements).map(|v| Literal::F32(v, shape.clone()));
    let ints = |v: Vec<i64>| splat(v, elements).map(|v| Literal::I64(v, shape.clone()));
    let t = tensor;
    let value = match dtype {
        DType::F32 => floats(t.float_val.clone())?,
        DType::F16 => floats(t.half_val.iter().map(|h| f16::from_bits(*h as u16).to_f32()).collect())?,
        DType::BF16 => floats(t.half_val.iter().map(|h| bf16::from_bits(*h as u16).to_f32()).collect())?,
        DType::F64 => Literal::F64(splat(t.double_val.clone(), elements)?, shape.clone()),
        DType::I64 => ints(t.int64_val.clone())?,
        DType::U32 => ints(t.uint32_val.iter().map(|n| i64::from(*n)).collect())?,
        DType::U64 => ints(t.uint64_val.iter().map(|n| n.cast_signed()).collect())?,
        DType::Bool => {
            Literal::Bool(splat(t.bool_val.iter().map(|b| u8::from(*b)).collect(), elements)?, shape.clone())
        }
        _ => ints(t.int_val.iter().map(|n| i64::from(*n)).collect())?,
    };
    Ok(Some(value))
}

/// Fewer values than elements: the last one is repeated; none: zeros.
fn splat<T: Clone + Default>(mut values: Vec<T>, elements: usize) -> Result<Vec<T>, EngineError> {
    if values.len() > elements || values.len() < elements && elements > LONGEST_SPLAT {
        return Err(EngineError::broken("a constant's values do not fill its shape"));
    }
    values.resize(elements, values.last().cloned().unwrap_or_default());
    Ok(values)
}

/// Little-endian bytes of any type, widened to one of the few that graphs compute with. The length must fit.
pub fn from_bytes(dtype: DType, shape: Vec<usize>, bytes: &[u8]) -> Literal {
    fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|c| read(*c)).collect()
    }
    match dtype {
        DType::F32 => Literal::F32(each(bytes, f32::from_le_bytes), shape),
        DType::F16 => Literal::F32(each(bytes, |b| f16::from_le_bytes(b).to_f32()), shape),
        DType::BF16 => Literal::F32(each(bytes, |b| bf16::from_le_bytes(b).to_f32()), shape),
        DType::F64 => Literal::F64(each(bytes, f64::from_le_bytes), shape),
        DType::I64 | DType::U64 => Literal::I64(each(bytes, i64::from_le_bytes), shape),
        DType::I32 => Literal::I64(each(bytes, |b| i64::from(i32::from_le_bytes(b))), shape),
        DType::U32 => Literal::I64(each(bytes, |b| i64::from(u32::from_le_bytes(b))), shape),
        DType::I16 => Literal::I64(each(bytes, |b| i64::from(i16::from_le_bytes(b))), shape),
        DType::U16 => Literal::I64(each(bytes, |b| i64::from(u16::from_le_bytes(b))), shape),
        DType::I8 => Literal::I64(each(bytes, |b| i64::from(i8::from_le_bytes(b))), shape),
        DType::U8 => Literal::I64(each(bytes, |b: [u8; 1]| i64::from(b[0])), shape),
        DType::Bool | DType::String => Literal::Bool(each(bytes, |b: [u8; 1]| u8::from(b[0] != 0)), shape),
    }
}
