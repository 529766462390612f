//! Trees whose leaves are linear models: a forest finds the numbers of the leaves, and what they make of the row is added up.

use super::section::Section;
use super::trees;
use crate::EngineError;
use crate::graph::{Branch, Forest, LinearLeaves};

/// Whether a tree's leaves are linear models.
pub fn is_linear(section: &Section<'_>) -> bool {
    section.text("is_linear") == Some("1")
}

/// A tree with one leaf more for each of its own; a leaf's answer in the forest is its number among all.
pub fn branches(section: &Section<'_>, all: &mut LinearLeaves) -> Result<Vec<Branch<f64>>, EngineError> {
    let values = trees::leaf_values(section)?;
    if !is_linear(section) {
        let numbers = values.iter().map(|value| all.add(*value, *value, std::iter::empty()));
        return finished(section, numbers.collect::<Result<_, _>>()?);
    }
    let constants: Vec<f64> = section.numbers("leaf_const", values.len())?;
    let counts: Vec<usize> = section.numbers("num_features", values.len())?;
    let total = counts.iter().try_fold(0usize, |all, count| all.checked_add(*count));
    let total = total.ok_or_else(|| EngineError::broken("num_features is more than there can be"))?;
    let features: Vec<usize> = section.numbers("leaf_features", total)?;
    let factors: Vec<f64> = section.numbers("leaf_coeff", total)?;
    let mut terms = features.into_iter().zip(factors);
    let mut numbers = Vec::new();
    for ((constant, value), count) in constants.into_iter().zip(values).zip(counts) {
        numbers.push(all.add(constant, value, terms.by_ref().take(count))?);
    }
    finished(section, numbers)
}

fn finished(section: &Section<'_>, numbers: Vec<usize>) -> Result<Vec<Branch<f64>>, EngineError> {
    trees::branches(section, numbers.into_iter().map(|number| number as f64).collect())
}

/// The forest of all trees, each an output of its own, and their leaves.
pub fn forest(
    trees: &[Section<'_>],
    features: usize,
    outputs: usize,
) -> Result<(Forest<f64>, LinearLeaves), EngineError> {
    let mut leaves = LinearLeaves::new(features, outputs);
    let mut forest = Forest::<f64>::new(features, vec![0.0; trees.len()])?;
    for (n, tree) in trees.iter().enumerate() {
        let branches = branches(tree, &mut leaves).map_err(|e| trees::named(n, &e))?;
        forest.add(n, &branches)?;
    }
    leaves.shrink();
    Ok((forest, leaves))
}
