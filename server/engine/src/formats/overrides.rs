//! `berth.json` in an archive's top: what its owner says where the contents say nothing, or several things.
//!
//! ```json
//! {
//!   "format": "onnx", "file": "second.onnx",
//!   "signatures": { "serving_default": "predict_proba" },
//!   "content_type": "text/csv", "accept": "application/json",
//!   "labels": ["cat", "dog"],
//!   "inputs": { "tokens": { "dtype": "int64", "shape": [null, 128] } },
//!   "version_labels": { "stable": 1, "canary": 2 }
//! }
//! ```

use super::Program;
use super::savedmodel::layout;
use super::versions::Labels;
use crate::graph::{Graph, Literal, Op, ValueId};
use crate::{DType, EngineError, Preferences, TensorSpec};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The file's name.
pub const FILE: &str = "berth.json";
/// A larger one is no such file.
const LARGEST: u64 = 4 << 20;
/// The output that says which label it is.
const LABEL: &str = "label";

/// What an archive's owner says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// Name of the format.
    pub format: Option<String>,
    /// The model's file, where there are several.
    pub file: Option<String>,
    /// Names by which signatures are to be called, and what they are called in the model.
    #[serde(default)]
    signatures: BTreeMap<String, String>,
    content_type: Option<String>,
    accept: Option<String>,
    /// What classes are called, in their order.
    labels: Option<Vec<String>>,
    /// What inputs are, of models that do not say it themselves.
    #[serde(default)]
    pub inputs: BTreeMap<String, Input>,
    /// What versions are called, and their numbers.
    #[serde(default)]
    pub version_labels: Labels,
}

/// Type and shape of an input: `{"dtype": "int64", "shape": [null, 128]}`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// `float32` where nothing is said.
    pub dtype: Option<String>,
    /// null: any extent.
    pub shape: Option<Vec<Option<usize>>>,
}

impl Overrides {
    /// Reads the file, if there is one.
    pub fn find(dir: &Path) -> Result<Self, EngineError> {
        if !dir.join(FILE).symlink_metadata().is_ok_and(|m| m.is_file()) {
            return Ok(Self::default());
        }
        let bytes = layout::read_file(dir, FILE, LARGEST)?;
        serde_json::from_slice(&bytes).map_err(|e| EngineError::broken(format!("{FILE}: {e}")))
    }

    /// What is preferred where a request does not say.
    pub fn preferences(&self) -> Preferences {
        Preferences { content_type: self.content_type.clone(), accept: self.accept.clone() }
    }

    /// Signatures by their new names, with labels.
    pub fn apply(&self, programs: &mut Vec<Program>) -> Result<(), EngineError> {
        let mut named = Vec::new();
        for (new, old) in &self.signatures {
            let found = programs.iter().find(|p| p.signature.name == *old).ok_or_else(|| {
                let known: Vec<&str> = programs.iter().map(|p| p.signature.name.as_str()).collect();
                EngineError::broken(format!(
                    "{FILE}: the model has no signature {old:?}; its signatures are: {}",
                    known.join(", ")
                ))
            })?;
            let signature = crate::Signature { name: new.clone(), ..found.signature.clone() };
            named.push(Program { signature, graph: found.graph.clone() });
        }
        programs.retain(|p| !self.signatures.contains_key(&p.signature.name));
        programs.extend(named);
        programs.sort_by(|a, b| a.signature.name.cmp(&b.signature.name));
        let Some(labels) = &self.labels else { return Ok(()) };
        let labelled = programs.iter_mut().map(|p| label(p, labels)).collect::<Result<Vec<bool>, _>>()?;
        if labelled.contains(&true) {
            return Ok(());
        }
        Err(EngineError::broken(format!(
            "{FILE}: no signature has an output of {} scores in its last axis, nor one of class numbers, for the labels",
            labels.len()
        )))
    }
}

/// Adds the label of the class with the highest score, or of a class number. False: there is nothing that it could be of.
fn label(program: &mut Program, labels: &[String]) -> Result<bool, EngineError> {
    let scores = |spec: &TensorSpec| {
        let last = spec.shape.as_ref().and_then(|s| s.last().copied().flatten());
        matches!(spec.dtype, DType::F32 | DType::F64) && last == Some(labels.len())
    };
    let numbers = |spec: &TensorSpec| {
        matches!(spec.dtype, DType::I64 | DType::I32) && spec.shape.as_ref().is_some_and(|s| s.len() == 1)
    };
    // Its own names for the classes give way.
    if let Some(own) = program.signature.outputs.iter().position(|spec| spec.name == LABEL) {
        program.signature.outputs.remove(own);
        program.graph.outputs.remove(own);
    }
    let outputs = &program.signature.outputs;
    let of_scores = outputs.iter().position(scores);
    let Some(place) = of_scores.or_else(|| outputs.iter().position(numbers)) else { return Ok(false) };
    let Some(value) = program.graph.outputs.get(place).copied() else { return Ok(false) };
    let mut shape = outputs[place].shape.clone().unwrap_or_default();
    let graph = &mut program.graph;
    let class = if of_scores.is_some() {
        shape.pop();
        let axis = literal(graph, Literal::I64(vec![-1], Vec::new()))?;
        graph.add(Op::ArgExtreme { max: true }, vec![value, axis], LABEL)?
    } else {
        value
    };
    let names = labels.iter().map(|l| l.clone().into_bytes()).collect();
    let names = literal(graph, Literal::Text(names, vec![labels.len()]))?;
    let axis = literal(graph, Literal::I64(vec![0], Vec::new()))?;
    let named = graph.add(Op::Gather { batch_dims: 0 }, vec![names, class, axis], LABEL)?;
    graph.outputs.push(named);
    let spec = TensorSpec { name: LABEL.to_owned(), dtype: DType::String, shape: Some(shape) };
    program.signature.outputs.push(spec);
    Ok(true)
}

fn literal(graph: &mut Graph, literal: Literal) -> Result<ValueId, EngineError> {
    graph.add(Op::Literal(Arc::new(literal)), Vec::new(), LABEL)
}
