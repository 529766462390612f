//! A request's outputs: those that it wants, as it wants them.

use super::{Wanted, classes};
use crate::error::InvokeError;
use berth_engine::{DType, Data, Model, Signature, Tensor};

/// One output of an answer.
#[derive(Debug)]
pub struct Output {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub data: Data,
    /// As binary data; none: the request does not say.
    pub binary: Option<bool>,
}

/// Whether a signature has all outputs that are wanted: said before anything is run.
pub fn check(wanted: &[Wanted], signature: &Signature, model: &str) -> Result<(), InvokeError> {
    for (n, output) in wanted.iter().enumerate() {
        if signature.outputs.iter().all(|spec| spec.name != output.name) {
            let name = &output.name;
            return Err(InvokeError::bad(format!(
                "unexpected inference output '{name}' for model '{model}'"
            )));
        }
        if wanted[..n].iter().any(|other| other.name == output.name) {
            return Err(InvokeError::bad(format!("output '{}' already requested", output.name)));
        }
    }
    Ok(())
}

/// The outputs that are wanted, in the order of the request, or all.
pub fn select(
    wanted: &[Wanted],
    signature: &str,
    model: &Model,
    outputs: Vec<(String, Tensor)>,
) -> Result<Vec<Output>, InvokeError> {
    let specs = &model.signature(Some(signature))?.outputs;
    let own = |name: &str| specs.iter().find(|spec| spec.name == name);
    let whole = |(name, tensor): (String, Tensor), binary| {
        let (shape, data) = tensor.into_parts();
        Output { dtype: own(&name).map_or_else(|| wide(&data), |s| s.dtype), name, shape, data, binary }
    };
    if wanted.is_empty() {
        return Ok(outputs.into_iter().map(|output| whole(output, None)).collect());
    }
    let mut left: Vec<Option<(String, Tensor)>> = outputs.into_iter().map(Some).collect();
    let mut selected = Vec::with_capacity(wanted.len());
    for output in wanted {
        let found = left.iter_mut().find(|o| o.as_ref().is_some_and(|(name, _)| *name == output.name));
        let Some(tensor) = found.and_then(Option::take) else { continue };
        let batched =
            own(&output.name).and_then(|s| s.shape.as_ref()).is_some_and(|s| s.first() == Some(&None));
        let tensor = whole(tensor, output.binary);
        selected.push(if output.classes > 0 {
            classes::of(tensor, output.classes, batched)?
        } else {
            tensor
        });
    }
    Ok(selected)
}

/// The type that values are in when nobody says theirs.
fn wide(data: &Data) -> DType {
    match data {
        Data::F32(_) => DType::F32,
        Data::F64(_) => DType::F64,
        Data::I64(_) => DType::I64,
        Data::Bool(_) => DType::Bool,
        Data::String(_) => DType::String,
    }
}
