//! FAISS's index files, and the SageMaker nearest-neighbours model, which is one with labels and options beside it.
//!
//! Read are flat indexes, inverted lists (flat, product-quantised, scalar-quantised), product quantisers, maps of names and the
//! transforms before them, by L2 or inner product. A bare index answers with distances and ids: ten of them by `serving_default`, as
//! many as are asked for by `search`. A model answers with labels; `verbose` gives the neighbours' distances and labels too.

mod index;
mod input;
mod lists;
mod lower;
mod options;
mod scalar;

use super::{Artifact, lowering};
use crate::EngineError;
use crate::UnsupportedOp;
use std::path::Path;

/// Name of the format of a bare index.
const INDEX: &str = "faiss";
/// Name of the format of a model.
const MODEL: &str = "sagemaker-knn";

/// Whether a file begins as an index does: a tag, then a width and a number of vectors that make sense.
pub fn is_likely(head: &[u8]) -> bool {
    let Some((tag, rest)) = head.split_first_chunk::<4>() else { return false };
    let (Some(width), Some(count)) = (rest.first_chunk::<4>(), rest.get(4..12)) else { return false };
    let (width, count) = (i32::from_le_bytes(*width), <[u8; 8]>::try_from(count).map(i64::from_le_bytes));
    matches!(tag, [b'I', b'x' | b'w' | b'v' | b'H', ..])
        && tag.iter().all(u8::is_ascii_alphanumeric)
        && width > 0
        && count.is_ok_and(|count| count >= 0)
}

/// Reads an index, and what lies beside it.
pub fn read(file: &Path) -> Result<Artifact, EngineError> {
    let index = lowering::named(file, index::read(file))?;
    match options::beside(file)? {
        Some(options) => Ok(lowering::artifact(MODEL, lower::model(index, &options)?)),
        None => Ok(lowering::artifact(INDEX, lower::bare(index)?)),
    }
}

/// The error about a kind of index that is not read.
fn unsupported(what: impl Into<String>) -> EngineError {
    let node = "index".to_owned();
    EngineError::Unsupported(vec![UnsupportedOp { op: what.into(), node, function: None, detail: None }])
}
