//! Values that become tensors, and tensors that become values.

use super::form::{Made, Wrong, fail};
use crate::value::{Contents, Element, Kind, Value};
use candle_core::{DType, Device, Tensor, WithDType};

/// A copy on the device.
pub fn upload(value: &Value, device: &Device) -> Made {
    let dims = value.dims();
    Ok(match value.contents() {
        Contents::F32(m) => Tensor::from_slice::<_, f32>(m, dims, device)?,
        Contents::F64(m) => Tensor::from_slice::<_, f64>(m, dims, device)?,
        Contents::I64(m) => Tensor::from_slice::<_, i64>(m, dims, device)?,
        Contents::Bool(m) => Tensor::from_slice::<_, u8>(m, dims, device)?,
        Contents::Text(_) | Contents::List(_) => {
            return Err(fail(format!("{:?} cannot lie on a device", value.kind())));
        }
    })
}

/// A copy on the host; waits until it is computed.
pub fn download(tensor: &Tensor) -> Result<Value, Wrong> {
    fn copy<T: Element + WithDType>(tensor: &Tensor) -> Result<Value, Wrong> {
        Ok(Value::of(tensor.flatten_all()?.to_vec1::<T>()?, tensor.dims())?)
    }
    match tensor.dtype() {
        DType::F32 => copy::<f32>(tensor),
        DType::F64 => copy::<f64>(tensor),
        DType::I64 => copy::<i64>(tensor),
        DType::U8 => copy::<u8>(tensor),
        other => Err(fail(format!("a tensor of {other:?} on the device"))),
    }
}

/// Elements of a kind.
pub fn dtype(kind: Kind) -> Option<DType> {
    match kind {
        Kind::F32 => Some(DType::F32),
        Kind::F64 => Some(DType::F64),
        Kind::I64 => Some(DType::I64),
        Kind::Bool => Some(DType::U8),
        Kind::Text | Kind::List => None,
    }
}
