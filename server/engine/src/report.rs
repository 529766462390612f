//! What `inspect` says about an artifact without running it.

use crate::Signature;
use serde::Serialize;

/// An operation of the artifact that the engine cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsupportedOp {
    /// The operation, as its format names it.
    pub op: String,
    /// The first node that uses it.
    pub node: String,
    /// The function that the node is in; none: the main graph.
    pub function: Option<String>,
    /// Why, when it is not the whole operation (an attribute, a data type).
    pub detail: Option<String>,
}

/// What an artifact holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the format (`tensorflow-savedmodel`).
    pub format: &'static str,
    /// Every signature.
    pub signatures: Vec<Signature>,
    /// Bytes that the loaded model occupies.
    pub resident_bytes: u64,
    /// Number of nodes of the graph that the signatures reach.
    pub nodes: usize,
    /// All that the engine cannot run; empty: the model loads.
    pub unsupported: Vec<UnsupportedOp>,
}
