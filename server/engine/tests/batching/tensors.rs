//! Tensors as fixtures write them.

use berth_engine::{DType, Data, Tensor, TensorSpec};
use serde_json::Value;
use std::path::Path;

fn number(json: &Value) -> f64 {
    let text = || json.as_str().map(|t| if t == "inf" { f64::INFINITY } else { f64::NEG_INFINITY });
    json.as_f64().or_else(|| json.as_bool().map(f64::from)).or_else(text).unwrap_or(f64::NAN)
}

/// A tensor for an input: values, or a file of `float32`.
pub fn tensor(json: &Value, spec: &TensorSpec, dir: &Path) -> Option<Tensor> {
    let shape = json["shape"].as_array()?.iter().map(|d| d.as_u64().unwrap() as usize).collect();
    if let Some(file) = json["file"].as_str() {
        let bytes = std::fs::read(dir.join(file)).unwrap();
        let values = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        return Tensor::new(shape, Data::F32(values)).ok();
    }
    let values = json["values"].as_array()?;
    let data = match spec.dtype {
        DType::F32 | DType::F16 | DType::BF16 => Data::F32(values.iter().map(|v| number(v) as f32).collect()),
        DType::F64 => Data::F64(values.iter().map(number).collect()),
        DType::Bool => Data::Bool(values.iter().map(|v| number(v) != 0.0).collect()),
        DType::String => {
            Data::String(values.iter().map(|v| v.as_str().unwrap_or("").as_bytes().to_vec()).collect())
        }
        _ => Data::I64(values.iter().map(|v| v.as_i64().unwrap_or(number(v) as i64)).collect()),
    };
    Tensor::new(shape, data).ok()
}
