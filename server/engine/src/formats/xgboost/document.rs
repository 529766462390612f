//! A booster as its files say it. JSON and UBJSON have the same members; the older binary file is brought into their shape.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, de};
use std::collections::HashMap;
use std::fmt;

/// A file.
#[derive(Debug, Deserialize)]
pub struct Document {
    pub learner: Learner,
}

/// What was learned.
#[derive(Debug, Deserialize)]
pub struct Learner {
    pub learner_model_param: Parameters,
    pub objective: Objective,
    pub gradient_booster: Booster,
    #[serde(default)]
    pub attributes: HashMap<String, String>,
    /// What outputs begin with is in their own space; before 1.0 it was a margin.
    #[serde(skip)]
    pub base_is_margin: bool,
}

/// Numbers are written as text.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    pub base_score: String,
    #[serde(default)]
    pub num_class: String,
    #[serde(default)]
    pub num_feature: String,
    #[serde(default)]
    pub num_target: String,
}

/// What was minimised.
#[derive(Debug, Deserialize)]
pub struct Objective {
    pub name: String,
}

/// Trees or weights. `dart` has its trees in a booster of its own.
#[derive(Debug, Default, Deserialize)]
pub struct Booster {
    pub name: String,
    #[serde(default)]
    pub model: Option<Model>,
    #[serde(default)]
    pub gbtree: Option<Box<Booster>>,
    #[serde(default)]
    pub weight_drop: Vec<f32>,
}

/// Of `gbtree` trees, of `gblinear` weights.
#[derive(Debug, Default, Deserialize)]
pub struct Model {
    #[serde(default)]
    pub gbtree_model_param: TreesParameters,
    #[serde(default)]
    pub trees: Vec<Tree>,
    #[serde(default)]
    pub tree_info: Vec<i32>,
    #[serde(default)]
    pub iteration_indptr: Vec<i64>,
    #[serde(default)]
    pub weights: Vec<f32>,
}

#[derive(Debug, Default, Deserialize)]
pub struct TreesParameters {
    #[serde(default)]
    pub num_parallel_tree: String,
}

/// One tree, an array for each member of its nodes.
#[derive(Debug, Default, Deserialize)]
pub struct Tree {
    pub left_children: Vec<i32>,
    pub right_children: Vec<i32>,
    pub split_indices: Vec<i64>,
    /// Thresholds, and the answers of leaves.
    pub split_conditions: Vec<f32>,
    pub default_left: Vec<Flag>,
    /// 1: by category.
    #[serde(default)]
    pub split_type: Vec<Flag>,
    #[serde(default)]
    pub categories: Vec<i64>,
    #[serde(default)]
    pub categories_nodes: Vec<i64>,
    #[serde(default)]
    pub categories_segments: Vec<i64>,
    #[serde(default)]
    pub categories_sizes: Vec<i64>,
    /// With leaves of several answers: those of every node; since 3.1 of leaves alone, below.
    #[serde(default)]
    pub base_weights: Vec<f32>,
    #[serde(default)]
    pub leaf_weights: Vec<f32>,
    #[serde(default)]
    pub tree_param: TreeParameters,
}

#[derive(Debug, Default, Deserialize)]
pub struct TreeParameters {
    #[serde(default)]
    pub size_leaf_vector: String,
}

/// A truth that older files write as `true` and newer ones as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Truth;
        impl Visitor<'_> for Truth {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, 0 or 1")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Flag, E> {
                match value {
                    0 | 1 => Ok(Flag(value == 1)),
                    _ => Err(de::Error::invalid_value(Unexpected::Signed(value), &self)),
                }
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Flag, E> {
                self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(Truth)
    }
}
