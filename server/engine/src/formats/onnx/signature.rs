//! What a model takes and answers.

use super::elem::Elem;
use super::proto::{Dimension, TypeValue, ValueInfo};
use crate::plan::rules::Extents;
use crate::{DType, EngineError, TensorSpec};

/// An input: as requests carry it, its type, its shape as far as it is known.
pub fn input(info: &ValueInfo) -> Result<(TensorSpec, Elem, Option<Extents>), EngineError> {
    let name = &info.name;
    let wrong = |what: &str| EngineError::broken(format!("input {name:?} {what}"));
    let tensor = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(TypeValue::Tensor(tensor)) => tensor,
        Some(_) => return Err(wrong("is no tensor, and a request carries only tensors")),
        None => return Err(wrong("has no type")),
    };
    let elem = Elem::of(i64::from(tensor.elem_type));
    let elem = elem.ok_or_else(|| wrong("is of a type that is not supported"))?;
    let shape: Option<Extents> = tensor.shape.as_ref().map(|s| s.dim.iter().map(extent).collect());
    let spec = TensorSpec { name: name.clone(), dtype: elem.border(), shape: shape.clone() };
    Ok((spec, elem, shape))
}

/// An output: its shape as it is told, and as it follows from the graph.
pub fn output(info: &ValueInfo, elem: Elem, known: Option<Extents>) -> TensorSpec {
    let told = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(TypeValue::Tensor(tensor)) => tensor.shape.as_ref(),
        _ => None,
    };
    let told: Option<Extents> = told.map(|s| s.dim.iter().map(extent).collect());
    let shape = match (told, known) {
        (Some(told), Some(known)) if told.len() == known.len() => {
            Some(told.into_iter().zip(known).map(|(t, k)| t.or(k)).collect())
        }
        (told, known) => known.or(told),
    };
    let dtype: DType = elem.border();
    TensorSpec { name: info.name.clone(), dtype, shape }
}

/// A value and its rank, as the model notes it. Its extents are not believed: an exporter may have noted those of its example.
pub fn told(info: &ValueInfo) -> Option<(String, Extents)> {
    let Some(TypeValue::Tensor(tensor)) = info.r#type.as_ref()?.value.as_ref() else { return None };
    Some((info.name.clone(), vec![None; tensor.shape.as_ref()?.dim.len()]))
}

/// Exporters write what they do not know as a name, as nothing, or as a negative number.
fn extent(dim: &Dimension) -> Option<usize> {
    dim.dim_value.and_then(|n| usize::try_from(n).ok())
}
