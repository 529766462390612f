//! Tensors as fixtures write them, and rows of tensors.

use berth_engine::{DType, Data, Tensor, TensorSpec};
use serde_json::Value;
use std::path::Path;

/// Tensors by the names of inputs.
pub type Named = Vec<(String, Tensor)>;

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

/// Rows in another order, each with its elements turned round by so many: they differ even where rows were equal, and are still
/// such as the model takes.
pub fn picked(tensor: &Tensor, rows: &[(usize, usize)]) -> Tensor {
    fn of<T: Clone>(all: &[T], width: usize, rows: &[(usize, usize)]) -> Vec<T> {
        let row = |(row, turn): &(usize, usize)| {
            let mut row = all[row * width..(row + 1) * width].to_vec();
            row.rotate_left(turn % width.max(1));
            row
        };
        rows.iter().flat_map(row).collect()
    }
    let width = tensor.shape()[1..].iter().product();
    let data = match tensor.data() {
        Data::F32(v) => Data::F32(of(v, width, rows)),
        Data::F64(v) => Data::F64(of(v, width, rows)),
        Data::I64(v) => Data::I64(of(v, width, rows)),
        Data::Bool(v) => Data::Bool(of(v, width, rows)),
        Data::String(v) => Data::String(of(v, width, rows)),
    };
    Tensor::new([&[rows.len()], &tensor.shape()[1..]].concat(), data).unwrap()
}

/// How two tensors differ: floats by more than 1e-5 of the largest, everything else at all.
pub fn differ(a: &Tensor, b: &Tensor) -> Option<String> {
    if a.shape() != b.shape() {
        return Some(format!("shape {:?} together, {:?} alone", a.shape(), b.shape()));
    }
    match (a.data(), b.data()) {
        (Data::F32(a), Data::F32(b)) => {
            far(a.iter().map(|x| f64::from(*x)).collect(), b.iter().map(|x| f64::from(*x)).collect())
        }
        (Data::F64(a), Data::F64(b)) => far(a.clone(), b.clone()),
        (a, b) => (a != b).then(|| "what is no float differs".to_owned()),
    }
}

fn far(a: Vec<f64>, b: Vec<f64>) -> Option<String> {
    let largest = b.iter().filter(|x| x.is_finite()).fold(1e-3f64, |most, x| most.max(x.abs()));
    let near = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-5 * largest;
    let at = a.iter().zip(&b).position(|pair| !near(pair))?;
    Some(format!("value {at} is {} together, {} alone", a[at], b[at]))
}
