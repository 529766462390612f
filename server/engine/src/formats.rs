//! One reader for each format; all lower to [`crate::graph::Graph`].

mod candidates;
mod lightgbm;
mod lowering;
pub mod savedmodel;
mod ubjson;
mod xgboost;

use crate::graph::{Graph, Weight};
use crate::value::Value;
use crate::{EngineError, Signature, UnsupportedOp};
use candidates::Candidates;
pub use savedmodel::bundle::Access;
use savedmodel::bundle::Bundle;
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
    pub source: Source,
}

/// One signature and its graph, whose inputs and outputs are in the signature's order.
pub struct Program {
    /// The signature.
    pub signature: Signature,
    /// The graph.
    pub graph: Graph,
}

/// Where an artifact's weights are.
pub enum Source {
    /// In a checkpoint.
    Bundle(Bundle),
    /// All that there is lies in the graphs.
    Graphs,
}

impl Source {
    fn bundle(&self) -> Result<&Bundle, EngineError> {
        match self {
            Self::Bundle(bundle) => Ok(bundle),
            Self::Graphs => Err(EngineError::broken("the artifact has no weights beside its graph")),
        }
    }

    /// Reads or maps one weight, its bytes checked.
    pub fn weight(&self, weight: &Weight) -> Result<Value, EngineError> {
        savedmodel::weight(self.bundle()?, weight)
    }

    /// Hands a weight over in pieces of whole rows. False: it has to be read as a whole.
    pub fn rows(
        &self,
        weight: &Weight,
        sizes: [usize; 2],
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError> {
        savedmodel::rows(self.bundle()?, weight, sizes, work)
    }

    /// What tells a weight's bytes from others.
    pub fn identity(&self, weight: &Weight) -> String {
        self.bundle().map(|bundle| bundle.identity(&weight.key, weight.part.as_deref())).unwrap_or_default()
    }

    /// Bytes of a weight that is read when the artifact is opened.
    pub fn small(&self) -> usize {
        self.bundle().map_or(0, |bundle| bundle.access().small)
    }
}

/// Reads an artifact's directory. What it is is told by its contents.
pub fn read(dir: &Path, access: Access) -> Result<Artifact, EngineError> {
    let candidates = Candidates::find(dir)?;
    match candidates {
        Candidates::SavedModel => savedmodel::read(dir, access),
        Candidates::XgBoost(files) => xgboost::read(&files),
        Candidates::LightGbm(file) => lightgbm::read(&file),
    }
}
