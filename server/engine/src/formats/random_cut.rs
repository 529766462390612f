//! Random cut forests: the state that AWS's open library writes as JSON, and an open format of Berth's own.
//!
//! SageMaker's own file is not public. A forest is trained anew, by the library or by `examples/random_cut_forest.py`, which writes the
//! open format. `serving_default` gives each row's anomaly score, as the library's `getAnomalyScore` does.

mod arrays;
mod open;
mod state;

use super::{Artifact, lowering};
use crate::graph::{CutForest, Op};
use crate::{DType, EngineError};
use std::path::Path;
use std::sync::Arc;

/// Name of the format.
const FORMAT: &str = "random-cut-forest";
/// By which the open format is told.
const OPEN: &[u8] = b"\"format\"";
/// Keys of the library's state, some of which come first.
const STATE: [&[u8]; 3] = [b"\"totalUpdates\"", b"\"numberOfTrees\"", b"\"sampleSize\""];

/// Whether a file begins as one of them does.
pub fn is_likely(head: &[u8]) -> bool {
    if !head.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let has = |key: &[u8]| head.windows(key.len()).any(|window| window == key);
    (has(OPEN) && has(b"\"random-cut-forest\"")) || STATE.into_iter().all(has)
}

/// Reads a forest.
pub fn read(file: &Path) -> Result<Artifact, EngineError> {
    let forest = lowering::of_file(file, |bytes| {
        let head = &bytes[..bytes.len().min(1024)];
        let is_state = STATE.into_iter().all(|key| head.windows(key.len()).any(|window| window == key));
        let json =
            |e: serde_json::Error| EngineError::broken(format!("it is not a random cut forest in JSON: {e}"));
        if is_state {
            state::forest(&serde_json::from_slice(bytes).map_err(json)?)
        } else {
            open::forest(&serde_json::from_slice(bytes).map_err(json)?)
        }
    })?;
    let (mut to, x) = lowering::Lowering::new(DType::F32, forest.dimensions())?;
    let scores = to.add(Op::CutForest(Arc::new(forest)), &[x])?;
    Ok(lowering::artifact(FORMAT, vec![to.finish("serving_default", "score", scores, &[])]))
}

/// A forest without trees has no mean.
fn some_trees(forest: CutForest) -> Result<CutForest, EngineError> {
    if forest.trees().is_empty() { Err(EngineError::broken("a forest without trees")) } else { Ok(forest) }
}
