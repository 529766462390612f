//! Tensors from `.npy` files and JSON, and how far two of them are apart.

use berth_engine::{Data, Tensor};
use serde_json::Value;

/// The tensor of a row: a file, or strings as hex.
pub fn tensor(value: &Value) -> Tensor {
    if let Some(file) = value["file"].as_str() {
        return npy(&std::fs::read(file).unwrap());
    }
    let shape = value["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let texts = value["hex"].as_array().unwrap().iter().map(|t| unhex(t.as_str().unwrap())).collect();
    Tensor::new(shape, Data::String(texts)).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The four types that the Python side writes, in C order.
fn npy(bytes: &[u8]) -> Tensor {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..start]).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let extents = header.split_once("'shape': (").unwrap().1.split(')').next().unwrap();
    let shape =
        extents.split(',').map(str::trim).filter(|d| !d.is_empty()).map(|d| d.parse().unwrap()).collect();
    let values = &bytes[start..];
    let data = if header.contains("<f4") {
        Data::F32(values.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
    } else if header.contains("<f8") {
        Data::F64(values.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect())
    } else if header.contains("<i8") {
        Data::I64(values.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect())
    } else {
        assert!(header.contains("|b1"), "{header}");
        Data::Bool(values.iter().map(|b| *b != 0).collect())
    };
    Tensor::new(shape, data).unwrap()
}

/// `max|got - wanted| / max|wanted|`; what is no float must be equal.
pub fn error(got: &Tensor, wanted: &Tensor) -> Result<f64, String> {
    if got.shape() != wanted.shape() {
        return Err(format!("shape {:?}, TensorFlow has {:?}", got.shape(), wanted.shape()));
    }
    match (got.data(), wanted.data()) {
        (Data::F32(got), Data::F32(wanted)) => {
            Ok(relative(got.iter().map(|v| f64::from(*v)), wanted.iter().map(|v| f64::from(*v))))
        }
        (Data::F64(got), Data::F64(wanted)) => Ok(relative(got.iter().copied(), wanted.iter().copied())),
        (got, wanted) if got == wanted => Ok(0.0),
        (got, wanted) => {
            let cut = |data: &Data| format!("{data:?}").chars().take(60).collect::<String>();
            Err(format!("{}, TensorFlow has {}", cut(got), cut(wanted)))
        }
    }
}

fn relative(got: impl Iterator<Item = f64>, wanted: impl Iterator<Item = f64>) -> f64 {
    let (mut apart, mut largest) = (0f64, 1e-6f64);
    for (got, wanted) in got.zip(wanted) {
        if wanted.is_finite() {
            largest = largest.max(wanted.abs());
        }
        if got == wanted || got.is_nan() && wanted.is_nan() {
            continue;
        }
        let difference = (got - wanted).abs();
        if !difference.is_finite() {
            return f64::INFINITY;
        }
        apart = apart.max(difference);
    }
    apart / largest
}
