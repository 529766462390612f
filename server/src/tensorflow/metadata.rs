//! A model's signatures as TensorFlow describes them.

use super::examples::Method;
use crate::codec::tensor_proto;
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::serving::SignatureDefMap;
use crate::grpc::proto::tensorflow::tensor_shape_proto::Dim;
use crate::grpc::proto::tensorflow::{SignatureDef, TensorInfo, TensorShapeProto};
use crate::loader::LoadedModel;
use berth_engine::{Signature, TensorSpec};
use std::collections::BTreeMap;

/// The one thing that is told.
pub const FIELD: &str = "signature_def";
/// How signatures begin that are for loaders and not for callers; TensorFlow Serving lists them too.
const INTERNAL: &str = "__saved_model";
/// The method of a signature that takes any tensors.
const PREDICT: &str = "tensorflow/serving/predict";

/// Whether a request asks for what can be told.
pub fn check(fields: &[String]) -> Result<(), InvokeError> {
    match fields.iter().find(|field| *field != FIELD) {
        Some(other) => Err(InvokeError::bad(format!("Metadata field {other} is not supported"))),
        None if fields.is_empty() => {
            Err(InvokeError::bad("GetModelMetadataRequest must specify at least one metadata_field"))
        }
        None => Ok(()),
    }
}

/// Every signature: as the SavedModel has it, as far as the model is called by it.
pub fn signatures(model: &LoadedModel) -> SignatureDefMap {
    let said = model.definitions().all();
    let called = model.engine().signatures();
    let mut all: BTreeMap<String, SignatureDef> = said
        .iter()
        .filter(|(name, _)| name.starts_with(INTERNAL))
        .map(|(n, d)| (n.clone(), d.clone()))
        .collect();
    for signature in called {
        let same = said.get(&signature.name).filter(|said| fits(said, signature)).cloned();
        all.insert(signature.name.clone(), same.unwrap_or_else(|| described(signature)));
    }
    SignatureDefMap { signature_def: all }
}

/// Whether a definition is that of a signature, which the archive's owner may have given another's name.
fn fits(said: &SignatureDef, signature: &Signature) -> bool {
    let same = |infos: &BTreeMap<String, TensorInfo>, specs: &[TensorSpec]| {
        infos.len() == specs.len() && specs.iter().all(|spec| infos.contains_key(&spec.name))
    };
    same(&said.inputs, &signature.inputs) && same(&said.outputs, &signature.outputs)
}

/// What is known of a signature of another format.
fn described(signature: &Signature) -> SignatureDef {
    let infos = |specs: &[TensorSpec]| specs.iter().map(|spec| (spec.name.clone(), info(spec))).collect();
    let method = [Method::Classify, Method::Regress].into_iter().find(|m| m.check(signature).is_ok());
    SignatureDef {
        inputs: infos(&signature.inputs),
        outputs: infos(&signature.outputs),
        method_name: method.map_or(PREDICT, Method::name).to_owned(),
        defaults: BTreeMap::new(),
    }
}

fn info(spec: &TensorSpec) -> TensorInfo {
    let dim = |extent: &Option<usize>| Dim {
        size: extent.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1),
        name: String::new(),
    };
    let shape = match &spec.shape {
        Some(dims) => TensorShapeProto { dim: dims.iter().map(dim).collect(), unknown_rank: false },
        None => TensorShapeProto { dim: Vec::new(), unknown_rank: true },
    };
    let dtype = tensor_proto::number(spec.dtype).into();
    TensorInfo { name: spec.name.clone(), dtype, tensor_shape: Some(shape) }
}
