//! The trees of a model.

use super::FloatFeature;
use crate::EngineError;
use crate::graph::{Branch, Missing};
use serde::Deserialize;

/// Features of a row.
const MOST_FEATURES: usize = 1 << 20;
/// Levels of a tree that asks the same on each.
const DEEPEST: usize = 16;

/// A tree whose levels ask one question each: which answers are yes is the leaf's number, the first level lowest.
#[derive(Deserialize)]
pub struct Oblivious {
    leaf_values: Vec<f64>,
    #[serde(default)]
    splits: Vec<Split>,
}

/// Any tree.
#[derive(Deserialize)]
pub struct Tree {
    split: Option<Split>,
    left: Option<Box<Self>>,
    right: Option<Box<Self>>,
    value: Option<Values>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(f64),
    Each(Vec<f64>),
}

/// Whether a feature is above a border.
#[derive(Deserialize)]
struct Split {
    #[serde(default)]
    split_type: String,
    float_feature_index: Option<usize>,
    border: Option<f64>,
}

/// For each place of a row where NaN goes; none: it is no feature.
pub fn features(of: &[FloatFeature]) -> Result<Vec<Missing>, EngineError> {
    let mut all = Vec::new();
    for (n, feature) in of.iter().enumerate() {
        if feature.flat_feature_index != n || n > MOST_FEATURES {
            return Err(EngineError::broken(format!("feature {n} is number {}", feature.flat_feature_index)));
        }
        all.push(if feature.nan_value_treatment == "AsTrue" { Missing::Right } else { Missing::Left });
    }
    Ok(all)
}

impl Split {
    fn branch(&self, features: &[Missing], children: [usize; 2]) -> Result<Branch<f64>, EngineError> {
        let (Some(feature), Some(border)) = (self.float_feature_index, self.border) else {
            return Err(EngineError::broken(format!("a split of the kind {:?}", self.split_type)));
        };
        let missing = features.get(feature).copied();
        let missing = missing.ok_or_else(|| EngineError::broken(format!("there is no feature {feature}")))?;
        // Above the border is not below the next number.
        let threshold = f64::from((border as f32).next_up());
        Ok(Branch::Below { feature, threshold, missing, children })
    }
}

fn leaf(values: &[f64]) -> Branch<f64> {
    match values {
        [one] => Branch::Leaf(*one),
        all => Branch::Leaves(all.to_vec()),
    }
}

impl Oblivious {
    pub fn branches(&self, features: &[Missing], outputs: usize) -> Result<Vec<Branch<f64>>, EngineError> {
        let depth = self.splits.len();
        if depth > DEEPEST || self.leaf_values.len() != outputs << depth {
            return Err(EngineError::broken(format!(
                "{} leaf values of {depth} levels",
                self.leaf_values.len()
            )));
        }
        let mut branches = Vec::new();
        for (level, split) in self.splits.iter().enumerate() {
            for n in 0..1usize << level {
                let first = (1 << (level + 1)) - 1 + 2 * n;
                branches.push(split.branch(features, [first, first + 1])?);
            }
        }
        for n in 0..1usize << depth {
            // The last leaf's places are read from the root down, its number from the first level up.
            let number = (0..depth).fold(0, |number, level| number | (n >> (depth - 1 - level) & 1) << level);
            branches.push(leaf(&self.leaf_values[number * outputs..][..outputs]));
        }
        Ok(branches)
    }
}

impl Tree {
    pub fn branches(&self, features: &[Missing], outputs: usize) -> Result<Vec<Branch<f64>>, EngineError> {
        let (mut branches, mut open) = (Vec::new(), vec![self]);
        let mut at = 0;
        while let Some(tree) = open.get(at).copied() {
            at += 1;
            match (&tree.split, &tree.left, &tree.right, &tree.value) {
                (Some(split), Some(left), Some(right), _) => {
                    branches.push(split.branch(features, [open.len(), open.len() + 1])?);
                    open.extend([&**left, &**right]);
                }
                (None, _, _, Some(Values::One(value))) if outputs == 1 => branches.push(Branch::Leaf(*value)),
                (None, _, _, Some(Values::Each(values))) if values.len() == outputs => {
                    branches.push(leaf(values));
                }
                _ => return Err(EngineError::broken("a node is neither a split nor a leaf")),
            }
        }
        Ok(branches)
    }
}
