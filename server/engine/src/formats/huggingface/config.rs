//! `config.json`: what a model is, and its sizes.

use crate::EngineError;
use crate::formats::savedmodel::layout;
use crate::graph::Activation;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;

/// The file's name.
pub const FILE: &str = "config.json";
/// Files of settings are small.
const LARGEST: u64 = 16 << 20;
/// Layers of a model.
const MOST_LAYERS: usize = 1024;
/// Heads of a layer.
const MOST_HEADS: usize = 4096;

/// What is read of it. Names differ between families.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Config {
    pub model_type: Option<String>,
    #[serde(default)]
    pub architectures: Option<Vec<String>>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    position_embedding_type: Option<String>,
    pub pad_token_id: Option<i64>,
    is_decoder: Option<bool>,
    // DistilBERT
    n_layers: Option<usize>,
    n_heads: Option<usize>,
    activation: Option<String>,
    // ALBERT
    num_hidden_groups: Option<usize>,
    inner_group_num: Option<usize>,
    // T5
    num_layers: Option<usize>,
    num_heads: Option<usize>,
    layer_norm_epsilon: Option<f64>,
    pub feed_forward_proj: Option<String>,
    relative_attention_num_buckets: Option<usize>,
    relative_attention_max_distance: Option<usize>,
    // ViT
    pub image_size: Option<Extent>,
    pub patch_size: Option<Extent>,
    // Classification
    id2label: Option<HashMap<String, String>>,
    problem_type: Option<String>,
}

/// Height and width, or one number for both.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Extent {
    Square(usize),
    Each([usize; 2]),
}

impl Extent {
    pub fn each(self) -> [usize; 2] {
        match self {
            Self::Square(n) => [n, n],
            Self::Each(both) => both,
        }
    }
}

/// How classes exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// One of them is right.
    One,
    /// Any of them are.
    Any,
    /// They are no classes.
    Numbers,
}

impl Config {
    /// Layers that are built.
    pub fn layers(&self) -> Result<usize, EngineError> {
        let given = self.num_hidden_layers.or(self.n_layers).or(self.num_layers);
        bounded(given, None, "num_hidden_layers", MOST_LAYERS)
    }

    /// Heads of each layer.
    pub fn heads(&self) -> Result<usize, EngineError> {
        let given = self.num_attention_heads.or(self.n_heads).or(self.num_heads);
        bounded(given, None, "num_attention_heads", MOST_HEADS)
    }

    /// Groups of layers that share their weights, and layers of a group.
    pub fn groups(&self) -> Result<[usize; 2], EngineError> {
        Ok([
            bounded(self.num_hidden_groups, Some(1), "num_hidden_groups", MOST_LAYERS)?,
            bounded(self.inner_group_num, Some(1), "inner_group_num", MOST_LAYERS)?,
        ])
    }

    /// Buckets of distances, and the distance from which all are in the last one.
    pub fn distances(&self) -> Result<[usize; 2], EngineError> {
        Ok([
            bounded(
                self.relative_attention_num_buckets,
                Some(32),
                "relative_attention_num_buckets",
                1 << 16,
            )?,
            bounded(
                self.relative_attention_max_distance,
                Some(128),
                "relative_attention_max_distance",
                1 << 20,
            )?,
        ])
    }

    /// Added to variances.
    pub fn epsilon(&self, default: f64) -> Result<f32, EngineError> {
        let epsilon = self.layer_norm_eps.or(self.layer_norm_epsilon).unwrap_or(default);
        if (0.0..1.0).contains(&epsilon) {
            return Ok(epsilon as f32);
        }
        Err(EngineError::broken(format!("{FILE}: layer_norm_eps is {epsilon}")))
    }

    /// Between the two products of a layer.
    pub fn activation(&self, default: &str) -> Result<Activation, EngineError> {
        activation(self.hidden_act.as_deref().or(self.activation.as_deref()).unwrap_or(default))
    }

    /// That it is nothing that is computed otherwise.
    pub fn check(&self) -> Result<(), EngineError> {
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => {
                return Err(EngineError::broken(format!(
                    "{FILE}: position_embedding_type {other:?} is not read; \"absolute\" is"
                )));
            }
        }
        if self.is_decoder == Some(true) {
            return Err(EngineError::broken(format!("{FILE}: a decoder is not read; encoders are")));
        }
        Ok(())
    }

    /// What so many numbers are.
    pub fn problem(&self, count: usize) -> Problem {
        match self.problem_type.as_deref() {
            Some("regression") => Problem::Numbers,
            Some("multi_label_classification") => Problem::Any,
            _ if count < 2 => Problem::Numbers,
            _ => Problem::One,
        }
    }

    /// What so many classes are called.
    pub fn labels(&self, count: usize) -> Vec<String> {
        let name = |n: usize| self.id2label.as_ref().and_then(|all| all.get(&n.to_string()).cloned());
        (0..count).map(|n| name(n).unwrap_or_else(|| format!("LABEL_{n}"))).collect()
    }
}

/// A function by its name.
pub fn activation(name: &str) -> Result<Activation, EngineError> {
    Ok(match name {
        "gelu" | "gelu_python" => Activation::Gelu,
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        "silu" | "swish" => Activation::Swish,
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        other => return Err(EngineError::broken(format!("{FILE}: the activation {other:?} is not known"))),
    })
}

fn bounded(
    given: Option<usize>,
    default: Option<usize>,
    name: &str,
    most: usize,
) -> Result<usize, EngineError> {
    match given.or(default) {
        Some(n) if (1..=most).contains(&n) => Ok(n),
        Some(n) => Err(EngineError::broken(format!("{FILE}: {name} is {n}; 1 to {most} are possible"))),
        None => Err(EngineError::broken(format!("{FILE}: {name} is missing"))),
    }
}

/// Reads a file of settings.
pub fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T, EngineError> {
    let bytes = layout::read_file(dir, name, LARGEST)?;
    serde_json::from_slice(&bytes).map_err(|e| EngineError::broken(format!("{name}: {e}")))
}

/// Reads a file of settings, if it is there.
pub fn read_if_there<T: DeserializeOwned + Default>(dir: &Path, name: &str) -> Result<T, EngineError> {
    let there = dir.join(name).symlink_metadata().is_ok_and(|m| m.is_file());
    if there { read(dir, name) } else { Ok(T::default()) }
}
