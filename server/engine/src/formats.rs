//! One reader for each format; all lower to [`crate::graph::Graph`].

mod adaptive;
mod builder;
mod candidates;
mod catboost;
mod channels_first;
mod faiss;
mod huggingface;
mod json;
mod lightgbm;
mod lowering;
mod mxnet;
mod onnx;
mod overrides;
mod pickle;
mod random_cut;
mod safetensors;
pub mod savedmodel;
mod sklearn;
mod skops;
mod stored;
mod torch;
mod ubjson;
pub mod versions;
mod xgboost;
mod zip;

use crate::graph::{Graph, Weight};
use crate::value::Value;
use crate::{EngineError, Preferences, Signature, UnsupportedOp};
use candidates::{Candidate, Format};
use overrides::Overrides;
pub use savedmodel::bundle::Access;
use savedmodel::bundle::Bundle;
use std::path::Path;
use stored::Stored;

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
    /// Bytes of a graph that were parsed into many small pieces.
    pub parsed: usize,
    /// What its owner prefers where a request does not say.
    pub preferences: Preferences,
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
    /// In files, as plain numbers.
    Stored(Stored),
    /// All that there is lies in the graphs.
    Graphs,
    /// In memory; keys of weights are their places.
    Values(Vec<Value>),
}

impl Source {
    /// Reads or maps one weight, its bytes checked.
    pub fn weight(&self, weight: &Weight) -> Result<Value, EngineError> {
        match self {
            Self::Bundle(bundle) => savedmodel::weight(bundle, weight),
            Self::Stored(stored) => stored.weight(weight),
            Self::Values(values) => {
                let value = weight.key.parse().ok().and_then(|n: usize| values.get(n));
                value
                    .cloned()
                    .ok_or_else(|| EngineError::broken(format!("there is no weight {}", weight.key)))
            }
            Self::Graphs => Err(EngineError::broken("the artifact has no weights beside its graph")),
        }
    }

    /// One weight where it lies in a mapped file, its bytes checked. None: it has to be read.
    pub fn mapped(&self, weight: &Weight) -> Result<Option<Value>, EngineError> {
        match self {
            Self::Bundle(bundle) => savedmodel::mapped(bundle, weight),
            Self::Stored(stored) => stored.mapped(weight),
            Self::Values(_) | Self::Graphs => Ok(None),
        }
    }

    /// Hands a weight over in pieces of whole rows. False: it has to be read as a whole.
    pub fn rows(
        &self,
        weight: &Weight,
        columns: usize,
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError> {
        match self {
            Self::Bundle(bundle) => savedmodel::rows(bundle, weight, columns, work),
            Self::Stored(_) | Self::Values(_) | Self::Graphs => Ok(false),
        }
    }

    /// What tells a weight's bytes from others.
    pub fn identity(&self, weight: &Weight) -> String {
        match self {
            Self::Bundle(bundle) => bundle.identity(&weight.key, weight.part.as_deref()),
            Self::Stored(stored) => stored.identity(weight),
            Self::Values(_) => weight.key.clone(),
            Self::Graphs => String::new(),
        }
    }

    /// Bytes of a weight that is read when the artifact is opened.
    pub fn small(&self) -> usize {
        match self {
            Self::Bundle(bundle) => bundle.access().small,
            Self::Stored(stored) => stored.access().small,
            Self::Values(_) | Self::Graphs => 0,
        }
    }
}

/// Reads an artifact's directory. What it is is told by its contents, unless its owner says it.
pub fn read(dir: &Path, access: Access) -> Result<Artifact, EngineError> {
    let overrides = Overrides::find(dir)?;
    let candidate = Candidate::find(dir, &overrides)?;
    let mut artifact = match candidate.format {
        Format::SavedModel => savedmodel::read(dir, access),
        Format::XgBoost => xgboost::read(&candidate.files),
        Format::LightGbm => lightgbm::read(candidate.file()?),
        Format::Pickle => sklearn::read(candidate.file()?),
        Format::Onnx => onnx::read(candidate.file()?, access),
        Format::Faiss => faiss::read(candidate.file()?),
        Format::CatBoost => catboost::read(candidate.file()?),
        Format::Mxnet => mxnet::read(candidate.file()?, access),
        Format::RandomCut => random_cut::read(candidate.file()?),
        Format::Torch => torch::read(candidate.file()?, &overrides.inputs, access),
        Format::HuggingFace => huggingface::read(candidate.file()?, access),
        Format::TorchWeights => torch::refuse(candidate.file()?),
    }?;
    overrides.apply(&mut artifact.programs)?;
    artifact.preferences = overrides.preferences();
    Ok(artifact)
}
