//! ONNX: a graph of nodes with named values, functions beside it, and weights in the file or in files beside it.
//!
//! Functions are inlined where they are called; the bodies of branches and loops become graphs of their own. Values know their type of
//! elements, because the graph computes in few: what an operation makes is narrowed again where the type says so.

mod answers;
mod bodies;
mod context;
mod elem;
mod ensemble;
mod functions;
mod lower;
mod proto;
mod scope;
mod signature;
mod tensors;
mod weights;

use super::{Access, Artifact, Program, Source, candidates, savedmodel};
use crate::{EngineError, Preferences};
use bytes::Bytes;
use context::Context;
use prost::Message;
use std::path::Path;

/// A model with its weights inside has at most 2 GiB: so does protobuf.
const LARGEST_MODEL: u64 = 2 << 30;
/// Operators that change nothing that is read here have had this version of the default domain at least.
const OLDEST: i64 = 1;
/// The newest version of the default domain that is known.
const NEWEST: i64 = 28;

/// Whether a file begins as a model does: with its version, and a field that follows it.
pub fn is_likely(name: &str, head: &[u8]) -> bool {
    if name == "saved_model.pb" {
        return false;
    }
    let begins = matches!(head, [0x08, 1..=64, 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42, ..]);
    begins || std::path::Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

/// Reads a model.
pub fn read(file: &Path, access: Access) -> Result<Artifact, EngineError> {
    let name = candidates::name(file);
    let named = |e: EngineError| match e {
        EngineError::BrokenArtifact(what) => EngineError::broken(format!("{name}: {what}")),
        other => other,
    };
    let dir = file.parent().unwrap_or(Path::new("."));
    let bytes = Bytes::from(savedmodel::layout::read_file(dir, &name, LARGEST_MODEL)?);
    let model = proto::Model::decode(bytes.clone())
        .map_err(|e| EngineError::broken(format!("{name} is not an ONNX model: {e}")))?;
    lowered(&model, weights::Weights::new(file, bytes, access)).map_err(named)
}

fn lowered(model: &proto::Model, weights: weights::Weights) -> Result<Artifact, EngineError> {
    let graph = model.graph.as_ref().ok_or_else(|| EngineError::broken("it holds no graph"))?;
    let opset = model.opset_import.iter().find(|o| lower::is_default(&o.domain)).map(|o| o.version);
    if opset.is_some_and(|v| !(OLDEST..=NEWEST).contains(&v)) {
        return Err(EngineError::broken(format!(
            "it needs version {} of ONNX's operators; {OLDEST} to {NEWEST} are known",
            opset.unwrap_or(0)
        )));
    }
    let mut context = Context::new(model, weights);
    let signature = context.program(graph)?;
    let (graph, weights, stored, unsupported) = context.finish();
    Ok(Artifact {
        parsed: 0,
        format: "onnx",
        programs: vec![Program { signature, graph }],
        weights,
        unsupported,
        source: Source::Stored(stored),
        preferences: Preferences::default(),
    })
}
