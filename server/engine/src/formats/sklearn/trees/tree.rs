//! One tree as its Cython object keeps it.

use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Branch, Missing};

/// Outputs and classes of a tree.
const MOST_VALUES: usize = 1 << 16;

/// A tree that was grown.
pub struct Grown {
    pub features: usize,
    /// Of each output.
    pub classes: Vec<usize>,
    /// Rows of training that reached each node.
    pub samples: Vec<f64>,
    /// Of those, their weight, and how mixed they are.
    pub weights: Vec<f64>,
    pub impurities: Vec<f64>,
    pub asked: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    thresholds: Vec<f64>,
    /// Where missing values go, from 1.3 on.
    missing_left: Option<Vec<f64>>,
    values: Vec<f64>,
    widest: usize,
}

fn broken(what: impl Into<String>) -> EngineError {
    EngineError::broken(what)
}

/// A tree's number as the place of a node.
fn place(number: f64) -> Option<usize> {
    (0.0..4e9).contains(&number).then_some(number as usize)
}

/// Reads `tree_`.
pub fn grown(tree: View<'_>) -> Result<Grown, EngineError> {
    let arguments = tree.arguments();
    let [features, classes, outputs, ..] = &arguments[..] else {
        return Err(broken("a tree does not say what it is over"));
    };
    let (features, outputs) = (features.size()?, outputs.size()?);
    let classes = classes.array()?.ints()?;
    let classes: Option<Vec<usize>> = classes.iter().map(|n| usize::try_from(*n).ok()).collect();
    let classes = classes.filter(|classes| classes.len() == outputs && outputs <= MOST_VALUES);
    let classes = classes.ok_or_else(|| broken("a tree's classes are not those of its outputs"))?;
    let nodes = tree.get("nodes")?.array()?;
    let values = tree.get("values")?.array()?;
    let count = nodes.len();
    let widest = classes.iter().max().copied().unwrap_or(1).max(1);
    let expected = count.checked_mul(outputs).and_then(|n| n.checked_mul(widest));
    if count == 0 || expected != Some(values.len()) {
        return Err(broken(format!("a tree of {count} nodes has values of shape {:?}", values.shape)));
    }
    let missing_left =
        nodes.has_field("missing_go_to_left").then(|| nodes.field("missing_go_to_left")).transpose()?;
    Ok(Grown {
        features,
        classes,
        samples: nodes.field("n_node_samples")?,
        weights: nodes.field("weighted_n_node_samples")?,
        impurities: nodes.field("impurity")?,
        asked: nodes.field("feature")?,
        left: nodes.field("left_child")?,
        right: nodes.field("right_child")?,
        thresholds: nodes.field("threshold")?,
        missing_left,
        values: values.floats()?,
        widest,
    })
}

impl Grown {
    /// What a node says of an output.
    pub fn values(&self, node: usize, output: usize) -> &[f64] {
        let begin = (node * self.classes.len() + output) * self.widest;
        self.values.get(begin..begin + self.widest).unwrap_or(&[])
    }

    /// The children of a node; a leaf has none.
    pub fn children(&self, node: usize) -> Result<Option<[usize; 2]>, EngineError> {
        if self.left[node] < 0.0 {
            return Ok(None);
        }
        let both = place(self.left[node]).zip(place(self.right[node]));
        let (left, right) = both
            .filter(|(l, r)| *l.max(r) < self.left.len())
            .ok_or_else(|| broken("a child of a tree is none"))?;
        Ok(Some([left, right]))
    }

    /// The nodes of a forest.
    pub fn branches(
        &self,
        leaf: impl Fn(usize) -> Result<Branch<f64>, EngineError>,
    ) -> Result<Vec<Branch<f64>>, EngineError> {
        let branch = |node: usize| {
            let Some(children) = self.children(node)? else { return leaf(node) };
            let feature =
                place(self.asked[node]).ok_or_else(|| broken("a tree asks for a feature below zero"))?;
            let left = self.missing_left.as_ref().is_some_and(|left| left[node] != 0.0);
            let missing = if left { Missing::Left } else { Missing::Right };
            // Left is what is not above the threshold.
            Ok(Branch::Below { feature, threshold: self.thresholds[node].next_up(), missing, children })
        };
        (0..self.left.len()).map(branch).collect()
    }

    /// By how much each feature makes nodes purer, in shares.
    pub fn importances(&self) -> Result<Vec<f64>, EngineError> {
        let mut all = vec![0.0; self.features];
        for node in 0..self.left.len() {
            let Some(children) = self.children(node)? else { continue };
            let mixed = |node: usize| self.weights[node] * self.impurities[node];
            let gained = mixed(node) - mixed(children[0]) - mixed(children[1]);
            let feature = place(self.asked[node]).and_then(|feature| all.get_mut(feature));
            *feature.ok_or_else(|| broken("a tree asks for a feature that is not there"))? += gained;
        }
        let total: f64 = all.iter().sum();
        Ok(all.into_iter().map(|gained| if total > 0.0 { gained / total } else { gained }).collect())
    }

    /// How deep each node lies.
    pub fn depths(&self) -> Result<Vec<f64>, EngineError> {
        let mut depths = vec![0.0; self.left.len()];
        // Children lie behind their parents.
        for node in 0..self.left.len() {
            if let Some(children) = self.children(node)? {
                if children.iter().any(|child| *child <= node) {
                    return Err(broken("a tree leads back to a node before it"));
                }
                for child in children {
                    depths[child] = depths[node] + 1.0;
                }
            }
        }
        Ok(depths)
    }
}
