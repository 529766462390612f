//! What is done with an artifact that may be hostile: it is read, loaded and run.

use berth_engine::{DType, Data, Kept, Model, Prepared, Signature, Tensor, inspect};
use std::path::Path;

/// What the engine says of a directory.
pub fn attempt(dir: &Path) -> String {
    let _ = inspect(dir);
    let model = match Prepared::open(dir).and_then(Prepared::load) {
        Ok(model) => model,
        Err(error) => return error.to_string(),
    };
    // As from the disk cache, where large weights are mapped.
    let kept = Kept { dir, packed: &dir.join("packed"), checked: false };
    let again = Prepared::open_kept(&kept).and_then(Prepared::load);
    let mut said: Vec<String> = again.err().map(|e| e.to_string()).into_iter().collect();
    for signature in model.signatures() {
        if let Some(inputs) = inputs(signature) {
            said.push(answer(&model, signature, inputs).map_or_else(|e| e, |n| format!("{n} answers")));
        }
    }
    format!("ran: {}", said.join("; "))
}

fn answer(model: &Model, signature: &Signature, inputs: Vec<(String, Tensor)>) -> Result<usize, String> {
    model.run(&signature.name, inputs).map(|outputs| outputs.len()).map_err(|e| e.to_string())
}

/// Inputs of the declared shapes, unknown extents two; none where these are too large for a request.
fn inputs(signature: &Signature) -> Option<Vec<(String, Tensor)>> {
    let tensor = |spec: &berth_engine::TensorSpec| {
        let shape: Vec<usize> = spec.shape.as_ref()?.iter().map(|d| d.unwrap_or(2)).collect();
        let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).filter(|n| *n < 1 << 20)?;
        let data = match spec.dtype {
            DType::F32 | DType::F16 | DType::BF16 => {
                Data::F32((0..count).map(|i| i as f32 * 0.25 - 1.0).collect())
            }
            DType::F64 => Data::F64(vec![0.5; count]),
            DType::Bool => Data::Bool(vec![true; count]),
            DType::String => Data::String(vec![b"one".to_vec(); count]),
            _ => Data::I64((0..count).map(|i| i as i64 % 4).collect()),
        };
        Some((spec.name.clone(), Tensor::new(shape, data).ok()?))
    };
    signature.inputs.iter().map(tensor).collect()
}
