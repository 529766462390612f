//! A prediction with tensors by name, as gRPC and warm-up files have it.

use crate::codec::tensor_proto::{self, Room};
use crate::error::InvokeError;
use crate::grpc::proto::tensorflow::TensorProto;
use crate::grpc::proto::tensorflow::serving::PredictRequest;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Signature, Tensor};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

/// A request.
#[derive(Debug)]
pub struct Predict {
    wanted: String,
    inputs: BTreeMap<String, TensorProto>,
    filter: Vec<String>,
    room: Room,
    /// The signature that is called.
    signature: String,
}

impl Predict {
    /// Of a gRPC request. `largest`: bytes that tensors may be filled up by, which are short of values.
    pub fn new(request: PredictRequest, largest: u64) -> Self {
        let wanted = request.model_spec.map(|spec| spec.signature_name).unwrap_or_default();
        let (inputs, filter) = (request.inputs, request.output_filter);
        Self { wanted, inputs, filter, room: Room(largest), signature: String::new() }
    }
}

impl Exchange for Predict {
    /// The signature that answered, and its outputs.
    type Answer = (String, BTreeMap<String, TensorProto>);

    fn bytes(&self) -> usize {
        self.inputs.values().map(Message::encoded_len).sum()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        let signature = super::signature(model, &self.wanted, |name| {
            format!("Serving signature key \"{name}\" not found.")
        })?;
        let given = std::mem::take(&mut self.inputs);
        check_names(&given, signature)?;
        check_filter(&self.filter, signature)?;
        let mut inputs = Vec::new();
        for (name, proto) in given {
            let Some(spec) = signature.inputs.iter().find(|spec| spec.name == name) else { continue };
            let tensor = tensor_proto::read(proto, spec.dtype, &mut self.room)
                .map_err(|error| InvokeError::bad(format!("tensor parsing error: {name}: {error}")))?;
            inputs.push((name, tensor));
        }
        self.signature.clone_from(&signature.name);
        Ok(Call { signature: signature.name.clone(), inputs })
    }

    fn encode(self, model: &Model, outputs: Vec<(String, Tensor)>) -> Result<Self::Answer, InvokeError> {
        let signature = model.signature(Some(&self.signature))?;
        let wanted = |name: &String| self.filter.is_empty() || self.filter.contains(name);
        let outputs = outputs.into_iter().zip(&signature.outputs).filter(|((name, _), _)| wanted(name));
        let written = outputs.map(|((name, tensor), spec)| (name, tensor_proto::write(tensor, spec.dtype)));
        let written = written.collect();
        Ok((self.signature, written))
    }
}

fn check_names(given: &BTreeMap<String, TensorProto>, signature: &Signature) -> Result<(), InvokeError> {
    let given: BTreeSet<&str> = given.keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = signature.inputs.iter().map(|i| i.name.as_str()).collect();
    if given == wanted {
        return Ok(());
    }
    let joined = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(",");
    let (extra, missing) = (&given - &wanted, &wanted - &given);
    Err(InvokeError::bad(format!(
        "input size does not match signature: {}!={} len({{{}}}) != len({{{}}}). Sent extra: {{{}}}. Missing but required: {{{}}}.",
        given.len(),
        wanted.len(),
        joined(&given),
        joined(&wanted),
        joined(&extra),
        joined(&missing)
    )))
}

fn check_filter(filter: &[String], signature: &Signature) -> Result<(), InvokeError> {
    let known: BTreeSet<&str> = signature.outputs.iter().map(|o| o.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for name in filter {
        if !known.contains(name.as_str()) {
            let known: Vec<&str> = known.into_iter().collect();
            return Err(InvokeError::bad(format!(
                "output tensor alias not found in signature: {name} Outputs expected to be in the set {{{}}}.",
                known.join(",")
            )));
        }
        if !seen.insert(name) {
            return Err(InvokeError::bad(format!("duplicate output tensor alias: {name}")));
        }
    }
    Ok(())
}
