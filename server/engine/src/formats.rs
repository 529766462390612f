//! One reader for each format; all lower to [`crate::graph::Graph`].

pub mod savedmodel;

use crate::graph::{Graph, Weight};
use crate::{EngineError, Signature, UnsupportedOp};
use std::path::Path;

/// An artifact as a reader leaves it: graphs, and where their weights are.
pub struct Artifact {
    /// Name of the format.
    pub format: &'static str,
    /// A graph for each signature, in the order of their names.
    pub programs: Vec<Program>,
    /// The weights that the graphs use, each once.
    pub weights: Vec<Weight>,
    /// All that the engine cannot run.
    pub unsupported: Vec<UnsupportedOp>,
    /// Reads the weights' values.
    pub source: savedmodel::bundle::Bundle,
}

/// One signature and its graph, whose inputs and outputs are in the signature's order.
pub struct Program {
    /// The signature.
    pub signature: Signature,
    /// The graph.
    pub graph: Graph,
}

/// Reads an artifact's directory.
pub fn read(dir: &Path, access: savedmodel::bundle::Access) -> Result<Artifact, EngineError> {
    savedmodel::read(dir, access)
}
