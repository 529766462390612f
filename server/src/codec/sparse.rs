//! Sparse rows of numbers, made dense.

use crate::error::InvokeError;
use berth_engine::{DType, Data, Tensor, TensorSpec};

/// Numbers of one request's dense rows.
const MOST_VALUES: usize = 1 << 28;

/// The width of a model's rows, if it takes rows of numbers.
pub fn width(spec: &TensorSpec, format: &str) -> Result<usize, InvokeError> {
    match (spec.shape.as_deref(), spec.dtype) {
        (Some([_, Some(width)]), DType::F32 | DType::F64) => Ok(*width),
        _ => Err(InvokeError::bad(format!(
            "{format} is for models that take rows of numbers; this one takes {}",
            spec.describe()
        ))),
    }
}

/// Rows of numbers by their places, the first of which is `first`; `absent` is what a row does not name.
pub fn dense(
    rows: &[Vec<(usize, f64)>],
    first: usize,
    width: usize,
    spec: &TensorSpec,
    absent: f64,
) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let count = rows.len().checked_mul(width).filter(|count| *count <= MOST_VALUES);
    let count = count
        .ok_or_else(|| InvokeError::bad(format!("{} rows of {width} numbers are too many", rows.len())))?;
    let mut values = vec![absent; count];
    for (row, values) in rows.iter().zip(values.chunks_mut(width.max(1))) {
        for (index, value) in row {
            let to = index.checked_sub(first).and_then(|place| values.get_mut(place));
            *to.ok_or_else(|| InvokeError::bad(format!("index {index}, but rows have {width} numbers")))? =
                *value;
        }
    }
    let data = match spec.dtype {
        DType::F64 => Data::F64(values),
        _ => Data::F32(values.into_iter().map(|value| value as f32).collect()),
    };
    Ok(vec![(spec.name.clone(), Tensor::new(vec![rows.len(), width], data)?)])
}
