//! Values that become tensors, and tensors that become values.

use super::form::{Made, Wrong, fail};
use crate::value::{Contents, Element, Kind, Value};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Device, Storage, Tensor, WithDType};

/// A copy on the device.
pub fn upload(value: &Value, device: &Device) -> Made {
    let dims = value.dims();
    if let (true, Some(dtype)) = (dims.contains(&0), dtype(value.kind())) {
        return empty(dims, dtype, device);
    }
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
    match tensor.dtype() {
        DType::F32 => copy::<f32>(tensor),
        DType::F64 => copy::<f64>(tensor),
        DType::I64 => copy::<i64>(tensor),
        DType::U8 => copy::<u8>(tensor),
        other => Err(fail(format!("a tensor of {other:?} on the device"))),
    }
}

fn copy<T: Element + WithDType>(tensor: &Tensor) -> Result<Value, Wrong> {
    if tensor.elem_count() == 0 {
        return Ok(Value::of(Vec::<T>::new(), tensor.dims())?);
    }
    // A tensor comes with all that it is a part of, so its elements are laid together first, which costs a device little.
    let together = tensor.force_contiguous()?;
    let (storage, _) = together.storage_and_layout();
    let come = match &*storage {
        Storage::Cpu(storage) => storage.clone(),
        Storage::Cuda(storage) => storage.to_cpu_storage()?,
        Storage::Metal(storage) => storage.to_cpu_storage()?,
    };
    Ok(Value::of(owned::<T>(come)?, tensor.dims())?)
}

/// The elements themselves.
fn owned<T: WithDType>(storage: CpuStorage) -> Result<Vec<T>, Wrong> {
    Ok(T::cpu_storage_data(storage)?)
}

/// No elements, of a shape that has none. It is no memory of its own: devices give none of no size, and run over nothing badly.
pub fn empty(dims: &[usize], dtype: DType, device: &Device) -> Made {
    Ok(Tensor::zeros(1, dtype, device)?.narrow(0, 0, 0)?.reshape(dims)?)
}

/// The same number everywhere.
pub fn full<T: WithDType>(number: T, dims: &[usize], device: &Device) -> Made {
    if dims.contains(&0) { empty(dims, T::DTYPE, device) } else { Ok(Tensor::full(number, dims, device)?) }
}

/// The same number everywhere, as elements of any type.
pub fn of_number(number: f64, dims: &[usize], dtype: DType, device: &Device) -> Made {
    if dims.contains(&0) {
        return empty(dims, dtype, device);
    }
    Ok(full(number, dims, device)?.to_dtype(dtype)?)
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

#[cfg(test)]
mod tests {
    use super::{download, empty, full, upload};
    use crate::value::{Kind, Value};
    use candle_core::{DType, Device, Tensor};

    #[test]
    fn values_come_back_as_they_went() {
        let value = Value::of(vec![1f32, 2., 3., 4., 5., 6.], &[2, 3]).unwrap();
        let whole = upload(&value, &Device::Cpu).unwrap();
        // Parts and views too: only what they show.
        let views: [(&Tensor, &[usize], &[f32]); 4] = [
            (&whole, &[2, 3], &[1., 2., 3., 4., 5., 6.]),
            (&whole.narrow(0, 1, 1).unwrap(), &[1, 3], &[4., 5., 6.]),
            (&whole.t().unwrap(), &[3, 2], &[1., 4., 2., 5., 3., 6.]),
            (&whole.narrow(1, 0, 1).unwrap().broadcast_as((2, 2)).unwrap(), &[2, 2], &[1., 1., 4., 4.]),
        ];
        for (tensor, dims, numbers) in views {
            let come = download(tensor).unwrap();
            assert_eq!((come.dims(), come.slice::<f32>().unwrap()), (dims, numbers));
        }
    }

    #[test]
    fn nothing_goes_and_comes_back() {
        for dims in [&[0][..], &[3, 0, 2], &[0, 5]] {
            let value = Value::of(Vec::<i64>::new(), dims).unwrap();
            let tensor = upload(&value, &Device::Cpu).unwrap();
            assert_eq!((tensor.dims(), tensor.dtype()), (dims, DType::I64));
            let back = download(&tensor).unwrap();
            assert_eq!((back.dims(), back.kind()), (dims, Kind::I64));
            assert_eq!(full(7f32, dims, &Device::Cpu).unwrap().dims(), dims);
            assert_eq!(empty(dims, DType::U8, &Device::Cpu).unwrap().elem_count(), 0);
        }
    }
}
