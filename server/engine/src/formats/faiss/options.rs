//! What lies beside the index of a SageMaker model: `NAME.json` with its options and `NAME.labels`, a float for each vector.

use super::input::Input;
use super::unsupported;
use crate::EngineError;
use crate::formats::lowering;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A model's options and labels.
pub struct Options {
    pub k: i64,
    /// The mean of the labels is the answer, not what most of them are.
    pub mean: bool,
    /// Queries are made one long.
    pub normalise: bool,
    pub labels: Vec<f32>,
}

#[derive(Deserialize)]
struct Document {
    k: Value,
    predictor_type: String,
    #[serde(default)]
    dimension_reduction: Value,
    #[serde(default)]
    normalize: Value,
}

/// Reads what lies beside an index; none: it is a bare one.
pub fn beside(index: &Path) -> Result<Option<Options>, EngineError> {
    let beside = |ending: &str| {
        let mut name = index.as_os_str().to_owned();
        name.push(ending);
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    };
    let (document, labels) = match (beside(".json"), beside(".labels")) {
        (Some(document), Some(labels)) => (document, labels),
        (None, None) => return Ok(None),
        (document, _) => {
            let missing = if document.is_some() { "labels" } else { "json" };
            let name = crate::formats::candidates::name(index);
            return Err(EngineError::broken(format!(
                "a nearest-neighbours model has {name}.{missing} beside {name}"
            )));
        }
    };
    let document: Document = lowering::of_file(&document, |bytes| {
        serde_json::from_slice(bytes)
            .map_err(|e| EngineError::broken(format!("not the options of a model: {e}")))
    })?;
    let labels = lowering::named(&labels, floats(&labels))?;
    options(&document, labels).map(Some)
}

fn floats(path: &Path) -> Result<Vec<f32>, EngineError> {
    let mut input = Input::open(path)?;
    let count = usize::try_from(input.left() / 4).map_err(|_| EngineError::broken("it is too long"))?;
    input.many(count)
}

fn options(document: &Document, labels: Vec<f32>) -> Result<Options, EngineError> {
    let k = match &document.k {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    let k = k.filter(|k| *k > 0).ok_or_else(|| EngineError::broken(format!("k is {}", document.k)))?;
    let mean = match document.predictor_type.as_str() {
        "classifier" => false,
        "regressor" => true,
        other => {
            return Err(EngineError::broken(format!(
                "predictor_type {other:?} is neither classifier nor regressor"
            )));
        }
    };
    let reduction = document.dimension_reduction.get("type").unwrap_or(&document.dimension_reduction);
    if let Some(kind) = reduction.as_str().filter(|kind| !matches!(*kind, "" | "none" | "None")) {
        // The projection is made anew from its seed, by a generator that is not public.
        return Err(unsupported(format!(
            "dimension reduction {kind:?}: train without dimension_reduction_type"
        )));
    }
    let normalise = match &document.normalize {
        Value::Bool(flag) => *flag,
        Value::String(text) => matches!(text.as_str(), "True" | "true" | "1"),
        other => other.as_i64() == Some(1),
    };
    Ok(Options { k, mean, normalise, labels })
}
