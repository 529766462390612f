//! XGBoost's boosters: JSON, UBJSON and the older binary file, told apart by their first bytes.
//!
//! `serving_default` answers as `Booster.predict` does, up to the best iteration where training stopped early, as the SageMaker container
//! does; `margin` gives the sums before the objective's transform. Several boosters in one archive, which is how the container keeps
//! the models of a cross-validation, answer together: with their mean, or the class that most of them say.

mod binary;
mod document;
mod lower;
mod objective;
mod trees;

use super::{Artifact, json, lowering, ubjson};
use crate::EngineError;
use document::Document;
use std::path::{Path, PathBuf};

/// Name of the format.
const FORMAT: &str = "xgboost";

/// Whether a file begins as one of them does.
pub fn is_likely(head: &[u8]) -> bool {
    is_json(head) || is_ubjson(head) || binary::is_likely(head)
}

fn is_json(head: &[u8]) -> bool {
    let Some(inner) = head.trim_ascii_start().strip_prefix(b"{") else { return false };
    let inner = inner.trim_ascii_start();
    [&b"\"learner\""[..], b"\"version\""].iter().any(|key| inner.starts_with(key))
}

fn is_ubjson(head: &[u8]) -> bool {
    let Some([b'L' | b'l' | b'i' | b'U' | b'I', key @ ..]) = head.strip_prefix(b"{") else { return false };
    let key = &key[..key.len().min(24)];
    [&b"learner"[..], b"version"].iter().any(|name| key.windows(7).any(|window| window == *name))
}

/// Reads one booster, or several that answer together.
pub fn read(files: &[PathBuf]) -> Result<Artifact, EngineError> {
    let boosters = files.iter().map(|file| one(file)).collect::<Result<Vec<_>, _>>()?;
    Ok(lowering::artifact(FORMAT, lower::programs(&boosters)?))
}

/// Reads a booster that lies in another file, such as a pickle: behind its configuration, if it was serialised with that.
pub fn read_bytes(bytes: &[u8]) -> Result<Artifact, EngineError> {
    let bytes = match bytes.strip_prefix(b"CONFIG-offset:") {
        Some(rest) => rest.get(8..).ok_or_else(|| EngineError::broken("the booster is cut short"))?,
        None => bytes,
    };
    let document = serialised(bytes).map_or_else(|| document(bytes), Ok)?;
    let booster = lower::Booster::of(&document.learner)?;
    Ok(lowering::artifact(FORMAT, lower::programs(&[booster])?))
}

/// A booster beside its configuration, as it is kept in a pickle.
fn serialised(bytes: &[u8]) -> Option<Document> {
    #[derive(serde::Deserialize)]
    struct Serialised {
        #[serde(rename = "Model")]
        model: Document,
    }
    let whole: Option<Serialised> =
        ubjson::from_slice(bytes).ok().or_else(|| serde_json::from_slice(bytes).ok());
    whole.map(|whole| whole.model)
}

fn one(file: &Path) -> Result<lower::Booster, EngineError> {
    lowering::of_file(file, |bytes| lower::Booster::of(&document(bytes)?.learner))
}

fn document(bytes: &[u8]) -> Result<Document, EngineError> {
    if is_ubjson(bytes) {
        return ubjson::from_slice(bytes)
            .map_err(|e| EngineError::broken(format!("it is not an XGBoost model in UBJSON: {e}")));
    }
    if is_json(bytes) {
        return json::from_slice(bytes)
            .map_err(|e| EngineError::broken(format!("it is not an XGBoost model in JSON: {e}")));
    }
    binary::read(bytes)
}
