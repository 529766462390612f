//! The ways to call a SavedModel.

use super::inline::{Library, split_input};
use super::proto::{CooSparse, MetaGraphDef, TensorInfo, TensorShape, dtype};
use crate::{DType, EngineError, Signature, TensorSpec};
use std::collections::BTreeMap;

/// TensorFlow's numbers for what a value of several tensors is.
const SPARSE: i32 = 1;
const RAGGED: i32 = 3;

/// Values of several tensors lie in others no deeper than this.
const DEEPEST: usize = 8;

/// Where in the main graph a signature's tensors are: inputs and outputs, in its order.
pub struct Names {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// Every signature that gives tensors; initialisers give none.
pub fn read(meta: &MetaGraphDef, library: &Library<'_>) -> Result<Vec<(Signature, Names)>, EngineError> {
    let mut found = Vec::new();
    for (name, def) in &meta.signature_def {
        let (inputs, outputs) = (tensors(name, &def.inputs), tensors(name, &def.outputs));
        let gives_nothing = def.outputs.values().any(|o| {
            o.is_plain() && library.main.node(split_input(&o.name).0).is_none_or(|n| n.op == "NoOp")
        });
        if name.starts_with("__saved_model") || def.outputs.is_empty() || gives_nothing {
            continue;
        }
        let ((inputs, input_names), (outputs, output_names)) = (apart(inputs?), apart(outputs?));
        let signature = Signature { name: name.clone(), inputs, outputs };
        found.push((signature, Names { inputs: input_names, outputs: output_names }));
    }
    Ok(found)
}

fn apart(tensors: BTreeMap<String, (TensorSpec, String)>) -> (Vec<TensorSpec>, Vec<String>) {
    tensors.into_values().unzip()
}

impl TensorInfo {
    fn is_plain(&self) -> bool {
        self.coo_sparse.is_none() && self.composite_tensor.is_none()
    }
}

type Tensors = BTreeMap<String, (TensorSpec, String)>;

/// All tensors by the names that requests use.
fn tensors(signature: &str, infos: &BTreeMap<String, TensorInfo>) -> Result<Tensors, EngineError> {
    let mut all = Tensors::new();
    for (name, info) in infos {
        add(&mut all, signature, name, info, 0)?;
    }
    Ok(all)
}

/// A value of several tensors has the name of each behind its own.
fn add(
    all: &mut Tensors,
    signature: &str,
    name: &str,
    info: &TensorInfo,
    depth: usize,
) -> Result<(), EngineError> {
    if depth > DEEPEST {
        return Err(EngineError::broken(format!("signature {signature:?}: {name:?} is nested too deeply")));
    }
    if let Some(sparse) = &info.coo_sparse {
        return add_sparse(all, signature, name, info, sparse);
    }
    if let Some(composite) = &info.composite_tensor {
        let class = composite.type_spec.as_ref().map_or(0, |spec| spec.type_spec_class);
        for (number, component) in composite.components.iter().enumerate() {
            let part = match (class, number) {
                (SPARSE, 0) => "indices".to_owned(),
                (SPARSE, 2) => "shape".to_owned(),
                (SPARSE, _) | (RAGGED, 0) => "values".to_owned(),
                (RAGGED, 1) => "row_splits".to_owned(),
                (RAGGED, _) => format!("row_splits_{}", number - 1),
                _ => number.to_string(),
            };
            add(all, signature, &format!("{name}/{part}"), component, depth + 1)?;
        }
        return Ok(());
    }
    all.insert(name.to_owned(), (spec(signature, name, info)?, info.name.clone()));
    Ok(())
}

fn add_sparse(
    all: &mut Tensors,
    signature: &str,
    name: &str,
    info: &TensorInfo,
    parts: &CooSparse,
) -> Result<(), EngineError> {
    let rank = info.tensor_shape.as_ref().filter(|s| !s.unknown_rank).map(|s| s.dim.len());
    let mut part = |part: &str, dtype, shape, tensor: &String| {
        let name = format!("{name}/{part}");
        all.insert(name.clone(), (TensorSpec { name, dtype, shape: Some(shape) }, tensor.clone()));
    };
    part("indices", DType::I64, vec![None, rank], &parts.indices_tensor_name);
    part("values", kind(signature, name, info)?, vec![None], &parts.values_tensor_name);
    part("shape", DType::I64, vec![rank], &parts.dense_shape_tensor_name);
    Ok(())
}

fn kind(signature: &str, name: &str, info: &TensorInfo) -> Result<DType, EngineError> {
    dtype(info.dtype).ok_or_else(|| {
        EngineError::broken(format!("signature {signature:?}: {name:?} has a type that no request can carry"))
    })
}

fn spec(signature: &str, name: &str, info: &TensorInfo) -> Result<TensorSpec, EngineError> {
    let shape = info.tensor_shape.as_ref().filter(|s| !s.unknown_rank);
    let extents = |shape: &TensorShape| shape.dim.iter().map(|d| usize::try_from(d.size).ok()).collect();
    Ok(TensorSpec { name: name.to_owned(), dtype: kind(signature, name, info)?, shape: shape.map(extents) })
}
