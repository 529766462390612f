//! TensorFlow's `TensorProto`: elements as they lie in memory, or one by one in the field of their type, where the last one stands for
//! all that follow.

use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::tensor_shape_proto::Dim;
use crate::grpc::proto::tensorflow::{DataType, TensorProto, TensorShapeProto};
use berth_engine::{DType, Data, Tensor};
use bytes::{Buf as _, Bytes};
use half::{bf16, f16};

/// Dimensions of a tensor, as in TensorFlow.
const MOST_DIMENSIONS: usize = 254;

/// Bytes that a request's short forms may grow by: no more than a request that says everything in full may have.
#[derive(Debug)]
pub struct Room(pub u64);

impl Room {
    fn take(&mut self, elements: usize, bytes: usize) -> Result<(), InvokeError> {
        let wanted = (elements as u64).saturating_mul(bytes as u64);
        let left = self.0.checked_sub(wanted).ok_or_else(|| {
            InvokeError::bad(
                "its shape has more elements than values, and filled up it would be larger than the largest request",
            )
        })?;
        self.0 = left;
        Ok(())
    }
}

/// Reads a tensor of this type.
pub fn read(proto: TensorProto, wanted: DType, room: &mut Room) -> Result<Tensor, InvokeError> {
    let dtype = dtype(proto.dtype())?;
    if dtype != wanted {
        return Err(InvokeError::bad(format!("the model takes {wanted}, and it is {dtype}")));
    }
    let shape = shape(proto.tensor_shape.as_ref())?;
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let count = count.ok_or_else(|| InvokeError::bad(format!("its shape {shape:?} is too large")))?;
    let data = if count == 0 || proto.tensor_content.is_empty() {
        fields(proto, dtype, count, room)?
    } else {
        content(dtype, proto.tensor_content, count)?
    };
    Ok(Tensor::new(shape, data)?)
}

/// The type, if a model can take it.
fn dtype(number: DataType) -> Result<DType, InvokeError> {
    Ok(match number {
        DataType::DtFloat => DType::F32,
        DataType::DtDouble => DType::F64,
        DataType::DtInt32 => DType::I32,
        DataType::DtUint8 => DType::U8,
        DataType::DtInt16 => DType::I16,
        DataType::DtInt8 => DType::I8,
        DataType::DtString => DType::String,
        DataType::DtInt64 => DType::I64,
        DataType::DtBool => DType::Bool,
        DataType::DtBfloat16 => DType::BF16,
        DataType::DtUint16 => DType::U16,
        DataType::DtHalf => DType::F16,
        DataType::DtUint32 => DType::U32,
        DataType::DtUint64 => DType::U64,
        other => {
            return Err(InvokeError::bad(format!("its type {} is not supported", other.as_str_name())));
        }
    })
}

/// TensorFlow's number of a type.
pub fn number(dtype: DType) -> DataType {
    match dtype {
        DType::F32 => DataType::DtFloat,
        DType::F64 => DataType::DtDouble,
        DType::I32 => DataType::DtInt32,
        DType::U8 => DataType::DtUint8,
        DType::I16 => DataType::DtInt16,
        DType::I8 => DataType::DtInt8,
        DType::String => DataType::DtString,
        DType::I64 => DataType::DtInt64,
        DType::Bool => DataType::DtBool,
        DType::BF16 => DataType::DtBfloat16,
        DType::U16 => DataType::DtUint16,
        DType::F16 => DataType::DtHalf,
        DType::U32 => DataType::DtUint32,
        DType::U64 => DataType::DtUint64,
    }
}

fn shape(proto: Option<&TensorShapeProto>) -> Result<Vec<usize>, InvokeError> {
    let Some(proto) = proto else { return Ok(Vec::new()) };
    if proto.unknown_rank || proto.dim.len() > MOST_DIMENSIONS {
        return Err(InvokeError::bad("its shape is not known, or has more than 254 dimensions"));
    }
    let extent = |dim: &Dim| usize::try_from(dim.size).ok();
    let extents: Option<Vec<usize>> = proto.dim.iter().map(extent).collect();
    extents.ok_or_else(|| InvokeError::bad("its shape has a negative extent"))
}

/// Elements as they lie in memory, the lowest byte first.
fn content(dtype: DType, bytes: Bytes, count: usize) -> Result<Data, InvokeError> {
    match dtype {
        DType::F32 => elements(&bytes, count, f32::from_le_bytes).map(Data::F32),
        DType::F16 => elements(&bytes, count, |b| f16::from_le_bytes(b).to_f32()).map(Data::F32),
        DType::BF16 => elements(&bytes, count, |b| bf16::from_le_bytes(b).to_f32()).map(Data::F32),
        DType::F64 => elements(&bytes, count, f64::from_le_bytes).map(Data::F64),
        DType::I8 => elements(&bytes, count, |b| i64::from(i8::from_le_bytes(b))).map(Data::I64),
        DType::I16 => elements(&bytes, count, |b| i64::from(i16::from_le_bytes(b))).map(Data::I64),
        DType::I32 => elements(&bytes, count, |b| i64::from(i32::from_le_bytes(b))).map(Data::I64),
        DType::I64 => elements(&bytes, count, i64::from_le_bytes).map(Data::I64),
        DType::U8 => elements(&bytes, count, |[b]| i64::from(b)).map(Data::I64),
        DType::U16 => elements(&bytes, count, |b| i64::from(u16::from_le_bytes(b))).map(Data::I64),
        DType::U32 => elements(&bytes, count, |b| i64::from(u32::from_le_bytes(b))).map(Data::I64),
        DType::U64 => unsigned(elements(&bytes, count, u64::from_le_bytes)?),
        DType::Bool => elements(&bytes, count, |[b]| b != 0).map(Data::Bool),
        DType::String => strings(bytes, count).map(Data::String),
    }
}

fn elements<const N: usize, T>(
    bytes: &[u8],
    count: usize,
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, InvokeError> {
    match bytes.as_chunks::<N>() {
        (all, []) if all.len() == count => Ok(all.iter().map(|b| read(*b)).collect()),
        _ => Err(InvokeError::bad(format!(
            "its tensor_content has {} bytes, and {count} elements of {N} are wanted",
            bytes.len()
        ))),
    }
}

fn unsigned(values: Vec<u64>) -> Result<Data, InvokeError> {
    let values: Result<Vec<i64>, _> = values.into_iter().map(i64::try_from).collect();
    values.map(Data::I64).map_err(|_| InvokeError::bad("numbers of uint64 above 2^63 - 1 are not supported"))
}

/// Every string's length, then every string.
fn strings(mut bytes: Bytes, count: usize) -> Result<Vec<Vec<u8>>, InvokeError> {
    let broken = || InvokeError::bad("its tensor_content does not hold as many strings as its shape says");
    if count > bytes.len() {
        return Err(broken());
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let length = prost::decode_length_delimiter(&mut bytes).map_err(|_| broken())?;
        lengths.push(length);
    }
    let mut texts = Vec::with_capacity(count);
    for length in lengths {
        if length > bytes.remaining() {
            return Err(broken());
        }
        texts.push(bytes.split_to(length).to_vec());
    }
    if bytes.is_empty() { Ok(texts) } else { Err(broken()) }
}

/// Elements in the field of their type.
fn fields(proto: TensorProto, dtype: DType, count: usize, room: &mut Room) -> Result<Data, InvokeError> {
    let bits = |n: i32| u16::try_from(n & 0xffff).unwrap_or_default();
    let integers = |values: Vec<i32>| values.into_iter().map(i64::from).collect::<Vec<_>>();
    Ok(match dtype {
        DType::F32 => Data::F32(filled(proto.float_val, count, room)?),
        DType::F16 => {
            let values = proto.half_val.into_iter().map(|n| f16::from_bits(bits(n)).to_f32());
            Data::F32(filled(values.collect(), count, room)?)
        }
        DType::BF16 => {
            let values = proto.half_val.into_iter().map(|n| bf16::from_bits(bits(n)).to_f32());
            Data::F32(filled(values.collect(), count, room)?)
        }
        DType::F64 => Data::F64(filled(proto.double_val, count, room)?),
        DType::I64 => Data::I64(filled(proto.int64_val, count, room)?),
        DType::U32 => {
            let values = proto.uint32_val.into_iter().map(i64::from).collect();
            Data::I64(filled(values, count, room)?)
        }
        DType::U64 => unsigned(filled(proto.uint64_val, count, room)?)?,
        DType::Bool => Data::Bool(filled(proto.bool_val, count, room)?),
        DType::String => {
            let values: Vec<Vec<u8>> = proto.string_val.into_iter().map(Vec::from).collect();
            let longest = values.last().map_or(0, Vec::len);
            room.take(count.saturating_sub(values.len()), longest)?;
            Data::String(filled(values, count, room)?)
        }
        DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 => {
            Data::I64(filled(narrow(integers(proto.int_val), dtype)?, count, room)?)
        }
    })
}

/// As many values as the shape says. The last one stands for those that are not there, zero if there is none; what is too many is
/// left out, as TensorFlow does it.
fn filled<T: Clone + Default>(
    mut values: Vec<T>,
    count: usize,
    room: &mut Room,
) -> Result<Vec<T>, InvokeError> {
    if values.len() < count {
        room.take(count - values.len(), size_of::<T>())?;
        let last = values.last().cloned().unwrap_or_default();
        values.resize(count, last);
    }
    values.truncate(count);
    Ok(values)
}

/// Numbers that fit a type narrower than the field they came in.
fn narrow(values: Vec<i64>, dtype: DType) -> Result<Vec<i64>, InvokeError> {
    let range = match dtype {
        DType::I8 => i64::from(i8::MIN)..=i64::from(i8::MAX),
        DType::I16 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        DType::U8 => 0..=i64::from(u8::MAX),
        DType::U16 => 0..=i64::from(u16::MAX),
        _ => return Ok(values),
    };
    match values.iter().find(|n| !range.contains(n)) {
        None => Ok(values),
        Some(n) => Err(InvokeError::bad(format!("{n} is not a number of {dtype}"))),
    }
}

/// Writes a tensor of this type, its elements in the field of the type.
pub fn write(tensor: Tensor, dtype: DType) -> TensorProto {
    let (shape, data) = tensor.into_parts();
    let dim = shape.iter().map(|n| Dim { size: *n as i64, name: String::new() }).collect();
    let shape = Some(TensorShapeProto { dim, unknown_rank: false });
    let mut proto =
        TensorProto { dtype: number(dtype).into(), tensor_shape: shape, ..TensorProto::default() };
    match (data, dtype) {
        (Data::F32(v), DType::F16) => {
            proto.half_val = v.into_iter().map(|x| i32::from(f16::from_f32(x).to_bits())).collect();
        }
        (Data::F32(v), DType::BF16) => {
            proto.half_val = v.into_iter().map(|x| i32::from(bf16::from_f32(x).to_bits())).collect();
        }
        (Data::F32(v), _) => proto.float_val = v,
        (Data::F64(v), _) => proto.double_val = v,
        (Data::I64(v), DType::I64) => proto.int64_val = v,
        (Data::I64(v), DType::U32) => proto.uint32_val = v.into_iter().map(|n| n as u32).collect(),
        (Data::I64(v), DType::U64) => proto.uint64_val = v.into_iter().map(|n| n as u64).collect(),
        (Data::I64(v), _) => proto.int_val = v.into_iter().map(|n| n as i32).collect(),
        (Data::Bool(v), _) => proto.bool_val = v,
        (Data::String(v), _) => proto.string_val = v.into_iter().map(Bytes::from).collect(),
    }
    proto
}

#[cfg(test)]
mod tests;
