//! A request's inputs, checked against the signature as Triton checks them, and made tensors.

use super::raw::{self, Place};
use super::{Input, Request, Values, datatype};
use crate::error::InvokeError;
use crate::invoke::Call;
use berth_engine::{Dim, Model, Signature, Tensor, TensorSpec};
use bytes::Bytes;

/// Names in the text of an error.
const MOST_NAMES: usize = 20;

/// What the request wants to be run.
pub fn call(request: &mut Request, model: &Model) -> Result<Call, InvokeError> {
    let signature = model.signature(request.signature.as_deref())?;
    check_names(request, signature)?;
    super::outputs::check(&request.wanted, signature, &request.model)?;
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for input in std::mem::take(&mut request.inputs) {
        let spec = signature.inputs.iter().find(|spec| spec.name == input.name);
        let spec = spec.ok_or_else(|| unexpected(&input.name, &request.model))?;
        inputs.push(tensor(input, spec, &request.model)?);
    }
    Ok(Call { signature: signature.name.clone(), inputs })
}

/// The one input of a request that is nothing but its values.
pub fn bare(bytes: Bytes, request: &Request, model: &Model) -> Result<Input, InvokeError> {
    let signature = model.signature(request.signature.as_deref())?;
    let [spec] = signature.inputs.as_slice() else {
        return Err(InvokeError::bad(format!(
            "Raw request must only have 1 input (found 1) to be deduced but got {} inputs in '{}' model configuration",
            signature.inputs.len(),
            request.model
        )));
    };
    let bytes = match datatype::width(spec.dtype) {
        Some(_) => bytes,
        // One string, without its length.
        None => {
            let length = u32::try_from(bytes.len());
            let length = length.map_err(|_| InvokeError::bad("a string has at most 4294967295 bytes"))?;
            [&length.to_le_bytes()[..], &bytes].concat().into()
        }
    };
    let shape = deduced(spec, &bytes)?;
    Ok(Input { name: spec.name.clone(), dtype: spec.dtype, shape, values: Values::Raw(bytes) })
}

/// The shape of so many bytes: one extent at most may follow from them.
fn deduced(spec: &TensorSpec, bytes: &[u8]) -> Result<Vec<i64>, InvokeError> {
    let unknown: &[Dim] = &[None];
    let dims = spec.shape.as_deref().unwrap_or(unknown);
    let known = dims.iter().flatten().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX);
    let bytes_known = datatype::width(spec.dtype).unwrap_or(bytes.len()).saturating_mul(known);
    if dims.iter().filter(|d| d.is_none()).count() > 1 {
        return Err(InvokeError::bad(format!(
            "The shape of the raw input '{}' can not be deduced because there are more than one variable-sized dimension",
            spec.name
        )));
    }
    // Bytes that do not fill the last row are found too few afterwards.
    let free = if bytes_known == 0 { 0 } else { bytes.len().div_ceil(bytes_known) };
    Ok(dims.iter().map(|d| i64::try_from(d.unwrap_or(free)).unwrap_or(i64::MAX)).collect())
}

fn unexpected(input: &str, model: &str) -> InvokeError {
    InvokeError::bad(format!("unexpected inference input '{input}' for model '{model}'"))
}

/// Whether each input is there once, and no other. Their number comes first: from there on the lists are short.
fn check_names(request: &Request, signature: &Signature) -> Result<(), InvokeError> {
    let (given, model) = (&request.inputs, &request.model);
    if given.len() != signature.inputs.len() {
        let missing = signature.inputs.iter().map(|s| s.name.as_str());
        let missing = missing.filter(|name| given.iter().all(|i| i.name != *name));
        return Err(InvokeError::bad(format!(
            "expected {} inputs but got {} inputs for model '{model}'. Got input(s) [{}], but missing required input(s) [{}]. \
             Please provide all required input(s).",
            signature.inputs.len(),
            given.len(),
            quoted(given.iter().map(|i| i.name.as_str())),
            quoted(missing)
        )));
    }
    for (n, input) in given.iter().enumerate() {
        if given[..n].iter().any(|other| other.name == input.name) {
            return Err(InvokeError::bad(format!("input '{}' already exists in request", input.name)));
        }
    }
    Ok(())
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.take(MOST_NAMES).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(",")
}

fn tensor(input: Input, spec: &TensorSpec, model: &str) -> Result<(String, Tensor), InvokeError> {
    let Input { name, dtype, shape, values } = input;
    if dtype != spec.dtype {
        return Err(InvokeError::bad(format!(
            "inference input '{name}' data-type is '{}', but model '{model}' expects '{}'",
            datatype::name(dtype),
            datatype::name(spec.dtype)
        )));
    }
    let extents: Result<Vec<usize>, _> = shape.iter().map(|d| usize::try_from(*d)).collect();
    let extents = extents.map_err(|_| {
        let shape = list(&shape);
        InvokeError::bad(format!(
            "All input dimensions should be specified for input '{name}' for model '{model}', got {shape}"
        ))
    })?;
    if !spec.accepts(&extents) {
        return Err(InvokeError::bad(format!(
            "unexpected shape for input '{name}' for model '{model}'. Expected {}, got {}",
            list(&open(spec)),
            list(&shape)
        )));
    }
    let Some(count) = extents.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) else {
        return Err(InvokeError::bad(format!(
            "invalid shape for input '{name}': shape {} causes total element count to exceed maximum size of {}",
            list(&shape),
            i64::MAX
        )));
    };
    let data = match values {
        Values::Raw(bytes) => raw::read(dtype, count, &bytes, Place { input: &name, model })?,
        Values::Typed(data) if data.len() == count => data,
        Values::Typed(data) => {
            return Err(InvokeError::bad(format!(
                "the shape {} of input '{name}' for model '{model}' does not match its {} values: it needs {count}",
                list(&shape),
                data.len()
            )));
        }
    };
    Ok((name, Tensor::new(extents, data)?))
}

/// A shape as the protocol has it: -1 stands for any extent.
pub fn open(spec: &TensorSpec) -> Vec<i64> {
    let Some(dims) = &spec.shape else { return vec![-1] };
    dims.iter().map(|d| d.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX))).collect()
}

fn list(shape: &[i64]) -> String {
    let extents: Vec<String> = shape.iter().map(i64::to_string).collect();
    format!("[{}]", extents.join(","))
}
