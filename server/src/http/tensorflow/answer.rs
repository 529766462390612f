//! Messages of TensorFlow Serving as its JSON: numbers of 64 bits are strings, every field is there.

use crate::grpc::proto::tensorflow::error::Code;
use crate::grpc::proto::tensorflow::serving::{ModelVersionStatus, SignatureDefMap};
use crate::grpc::proto::tensorflow::{SignatureDef, TensorInfo};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The states of versions.
pub fn versions(versions: &[ModelVersionStatus]) -> Vec<u8> {
    let version = |version: &ModelVersionStatus| {
        let status = version.status.clone().unwrap_or_default();
        json!({
            "version": version.version.to_string(),
            "state": version.state().as_str_name(),
            "status": {
                "error_code": Code::try_from(status.error_code).unwrap_or(Code::Unknown).as_str_name(),
                "error_message": status.error_message,
            },
        })
    };
    let all: Vec<Value> = versions.iter().map(version).collect();
    json!({ "model_version_status": all }).to_string().into_bytes()
}

/// A model's signatures.
pub fn metadata(name: &str, version: u64, signatures: &SignatureDefMap) -> Vec<u8> {
    let all: Map<String, Value> =
        signatures.signature_def.iter().map(|(name, def)| (name.clone(), signature(def))).collect();
    json!({
        "model_spec": { "name": name, "signature_name": "", "version": version.to_string() },
        "metadata": { "signature_def": { "signature_def": all } },
    })
    .to_string()
    .into_bytes()
}

fn signature(def: &SignatureDef) -> Value {
    json!({
        "inputs": infos(&def.inputs),
        "outputs": infos(&def.outputs),
        "method_name": def.method_name,
        "defaults": {},
    })
}

fn infos(infos: &BTreeMap<String, TensorInfo>) -> Value {
    infos.iter().map(|(name, tensor)| (name.clone(), info(tensor))).collect::<Map<_, _>>().into()
}

fn info(info: &TensorInfo) -> Value {
    let shape = info.tensor_shape.clone().unwrap_or_default();
    let dims: Vec<Value> =
        shape.dim.iter().map(|dim| json!({ "size": dim.size.to_string(), "name": dim.name })).collect();
    json!({
        "dtype": info.dtype().as_str_name(),
        "tensor_shape": { "dim": dims, "unknown_rank": shape.unknown_rank },
        "name": info.name,
    })
}
