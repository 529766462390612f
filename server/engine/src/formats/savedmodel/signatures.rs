//! The ways to call a SavedModel.

use super::inline::{Library, split_input};
use super::proto::{MetaGraphDef, TensorInfo, dtype};
use crate::{EngineError, Signature, TensorSpec};

/// Where in the main graph a signature's tensors are: inputs and outputs, in its order.
pub struct Names {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// Every signature that gives tensors; initialisers give none.
pub fn read(meta: &MetaGraphDef, library: &Library<'_>) -> Result<Vec<(Signature, Names)>, EngineError> {
    let mut found = Vec::new();
    for (name, def) in &meta.signature_def {
        let gives_nothing = def
            .outputs
            .values()
            .any(|o| library.main.node(split_input(&o.name).0).is_none_or(|n| n.op == "NoOp"));
        if name.starts_with("__saved_model") || def.outputs.is_empty() || gives_nothing {
            continue;
        }
        let specs = |infos: &std::collections::BTreeMap<String, TensorInfo>| {
            infos.iter().map(|(n, info)| spec(name, n, info)).collect::<Result<Vec<_>, _>>()
        };
        let names = |infos: &std::collections::BTreeMap<String, TensorInfo>| {
            infos.values().map(|i| i.name.clone()).collect()
        };
        let signature =
            Signature { name: name.clone(), inputs: specs(&def.inputs)?, outputs: specs(&def.outputs)? };
        found.push((signature, Names { inputs: names(&def.inputs), outputs: names(&def.outputs) }));
    }
    Ok(found)
}

fn spec(signature: &str, name: &str, info: &TensorInfo) -> Result<TensorSpec, EngineError> {
    let dtype = dtype(info.dtype).ok_or_else(|| {
        EngineError::broken(format!("signature {signature:?}: {name:?} has a type that no request can carry"))
    })?;
    let shape = info.tensor_shape.as_ref().filter(|s| !s.unknown_rank);
    let shape = shape.map(|s| s.dim.iter().map(|d| usize::try_from(d.size).ok()).collect());
    Ok(TensorSpec { name: name.to_owned(), dtype, shape })
}
