//! Ensembles of trees as `ai.onnx.ml` writes them: lists of nodes, brought into the form of a forest.

mod branches;
mod lists;

pub use branches::branches;

use super::proto::Node;
use crate::EngineError;
use lists::Lists;
use std::collections::HashMap;

/// Answers that all leaves have together when each has one for every target.
const MOST_ANSWERS: usize = 1 << 28;

/// What a node asks of a feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
    Above(f64),
    Is(f64),
    IsNot(f64),
    Among(Vec<f64>),
}

impl Test {
    /// By the number of its mode.
    fn of(mode: i64, value: f64) -> Option<Self> {
        Some(match mode {
            0 => Self::AtMost(value),
            1 => Self::Below(value),
            2 => Self::AtLeast(value),
            3 => Self::Above(value),
            4 => Self::Is(value),
            5 => Self::IsNot(value),
            _ => return None,
        })
    }
}

/// A node; nodes are named by their place among those of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// The child where the answer is yes, then the other; whether a missing value is a yes.
    Inner { feature: usize, test: Test, children: [usize; 2], missing: bool },
    /// What is added to which target.
    Leaf(Vec<(usize, f64)>),
}

/// Targets and what is added to them, by the numbers of tree and node.
type Weights = HashMap<(i64, i64), Vec<(usize, f64)>>;

/// Trees, whose roots are their first nodes.
#[derive(Debug)]
pub struct Ensemble {
    pub trees: Vec<Vec<Place>>,
    pub targets: usize,
}

fn broken(what: &str) -> EngineError {
    EngineError::broken(what.to_owned())
}

fn place(number: i64, what: &str) -> Result<usize, EngineError> {
    usize::try_from(number).map_err(|_| broken(&format!("a {what} below zero")))
}

impl Ensemble {
    /// Of lists of nodes and of leaves' weights, each with the numbers of its tree and of its node; `of` names the weights.
    pub fn by_number(node: &Node, of: &str, targets: usize) -> Result<Self, EngineError> {
        let lists = Lists(node);
        let [trees, numbers] = ["nodes_treeids", "nodes_nodeids"].map(|n| lists.ints(n));
        let [yes, no, features] =
            ["nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids"].map(|n| lists.ints(n));
        let (modes, values) = (lists.modes()?, lists.floats("nodes_values")?);
        let count = numbers.len();
        if [trees.len(), yes.len(), no.len(), features.len(), modes.len(), values.len()] != [count; 6] {
            return Err(broken("its lists of nodes are not as long as each other"));
        }
        let mut members: Vec<Vec<usize>> = Vec::new();
        let (mut order, mut places) = (HashMap::new(), HashMap::new());
        for n in 0..count {
            let tree = *order.entry(trees[n]).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            if places.insert((trees[n], numbers[n]), members[tree].len()).is_some() {
                return Err(broken(&format!("two nodes are number {} of tree {}", numbers[n], trees[n])));
            }
            members[tree].push(n);
        }
        let mut weights = Self::weights(&lists, of, targets)?;
        let mut made = Vec::new();
        for members in members {
            let mut tree = Vec::with_capacity(members.len());
            for n in members {
                let own = (trees[n], numbers[n]);
                if modes[n] < 0 {
                    tree.push(Place::Leaf(weights.remove(&own).unwrap_or_default()));
                    continue;
                }
                let child = |to: i64| {
                    places.get(&(own.0, to)).copied().ok_or_else(|| broken(&format!("there is no node {to}")))
                };
                let test = Test::of(modes[n], values[n]).ok_or_else(|| broken("a node of no mode"))?;
                let feature = place(features[n], "feature")?;
                let children = [child(yes[n])?, child(no[n])?];
                tree.push(Place::Inner { feature, test, children, missing: lists.missing(n) });
            }
            root_first(&mut tree)?;
            made.push(tree);
        }
        Self { trees: made, targets }.checked()
    }

    fn weights(lists: &Lists<'_>, of: &str, targets: usize) -> Result<Weights, EngineError> {
        let [trees, numbers, ids] = ["treeids", "nodeids", "ids"].map(|n| lists.ints(&format!("{of}_{n}")));
        let values = lists.floats(&format!("{of}_weights"))?;
        if [trees.len(), numbers.len(), ids.len()] != [values.len(); 3] {
            return Err(broken("its lists of weights are not as long as each other"));
        }
        let mut weights = Weights::new();
        for (n, value) in values.into_iter().enumerate() {
            let target = place(ids[n], "target")?;
            if target >= targets {
                return Err(broken(&format!("target {target} of {targets}")));
            }
            weights.entry((trees[n], numbers[n])).or_default().push((target, value));
        }
        Ok(weights)
    }

    /// Of lists of inner nodes, which name each other and leaves by their places.
    pub fn by_place(node: &Node, targets: usize) -> Result<Self, EngineError> {
        let lists = Lists(node);
        let (modes, splits) = (lists.modes()?, lists.floats("nodes_splits")?);
        let features = lists.ints("nodes_featureids");
        let children = [("nodes_truenodeids", "nodes_trueleafs"), ("nodes_falsenodeids", "nodes_falseleafs")]
            .map(|(ids, leaves)| [lists.ints(ids), lists.ints(leaves)]);
        let (ids, weights) = (lists.ints("leaf_targetids"), lists.floats("leaf_weights")?);
        let count = modes.len();
        let lengths = children.iter().flatten().map(|l| l.len());
        if !lengths.chain([splits.len(), features.len()]).all(|l| l == count) || ids.len() != weights.len() {
            return Err(broken("its lists of nodes are not as long as each other"));
        }
        let members = lists.floats("membership_values")?;
        let mut sets = members.split(|v| v.is_nan());
        let mut tests = Vec::with_capacity(count);
        for (mode, split) in modes.iter().zip(splits) {
            tests.push(match mode {
                6 => Test::Among(sets.next().ok_or_else(|| broken("it lacks membership_values"))?.to_vec()),
                mode => Test::of(*mode, split).ok_or_else(|| broken("a node of no mode"))?,
            });
        }
        let mut left = count;
        let mut trees = Vec::new();
        for root in lists.ints("tree_roots") {
            // Places of the lists and of the tree: each inner node is of one tree, once.
            let (mut tree, mut open) = (vec![Place::Leaf(Vec::new())], vec![(*root, false, 0)]);
            while let Some((from, is_leaf, to)) = open.pop() {
                let n = place(from, "node")?;
                if is_leaf {
                    let found = ids.get(n).zip(weights.get(n));
                    let (target, weight) = found.ok_or_else(|| broken(&format!("there is no leaf {n}")))?;
                    let target = place(*target, "target")?;
                    if target >= targets {
                        return Err(broken(&format!("target {target} of {targets}")));
                    }
                    tree[to] = Place::Leaf(vec![(target, *weight)]);
                    continue;
                }
                left = left.checked_sub(1).ok_or_else(|| broken("a node is met twice"))?;
                let test = tests.get(n).ok_or_else(|| broken(&format!("there is no node {n}")))?.clone();
                let own = [tree.len(), tree.len() + 1];
                for (child, [nodes, leaves]) in own.iter().zip(children) {
                    open.push((nodes[n], leaves[n] != 0, *child));
                    tree.push(Place::Leaf(Vec::new()));
                }
                let feature = place(features[n], "feature")?;
                tree[to] = Place::Inner { feature, test, children: own, missing: lists.missing(n) };
            }
            trees.push(tree);
        }
        Self { trees, targets }.checked()
    }

    fn checked(self) -> Result<Self, EngineError> {
        if self.trees.is_empty() {
            return Err(broken("it has no trees"));
        }
        let leaves = self.trees.iter().flatten().filter(|p| matches!(p, Place::Leaf(_))).count();
        if leaves.checked_mul(self.targets).is_none_or(|n| n > MOST_ANSWERS) {
            return Err(broken(&format!("{leaves} leaves for {} targets", self.targets)));
        }
        Ok(self)
    }

    /// Whether leaves answer for several targets: not if those of each tree are all for one.
    pub fn is_wide(&self) -> bool {
        self.trees.iter().any(|tree| sole_target(tree).is_none())
    }

    /// The highest number of a feature.
    pub fn last_feature(&self) -> usize {
        let feature = |p: &Place| if let Place::Inner { feature, .. } = p { *feature } else { 0 };
        self.trees.iter().flatten().map(feature).max().unwrap_or(0)
    }

    /// The targets that any leaf has a weight for.
    pub fn answered(&self) -> Vec<bool> {
        let mut found = vec![false; self.targets];
        for place in self.trees.iter().flatten() {
            if let Place::Leaf(weights) = place {
                weights.iter().for_each(|(target, _)| found[*target] = true);
            }
        }
        found
    }

    /// Whether no weight is below zero.
    pub fn is_positive(&self) -> bool {
        let positive = |p: &Place| match p {
            Place::Leaf(weights) => weights.iter().all(|(_, w)| *w >= 0.0),
            Place::Inner { .. } => true,
        };
        self.trees.iter().flatten().all(positive)
    }
}

/// The one target of a tree's leaves. None: there are several.
pub fn sole_target(tree: &[Place]) -> Option<usize> {
    let mut found = None;
    for place in tree {
        let Place::Leaf(weights) = place else { continue };
        for (target, _) in weights {
            if *found.get_or_insert(*target) != *target {
                return None;
            }
        }
    }
    Some(found.unwrap_or(0))
}

/// The node that is nobody's child comes to the first place.
fn root_first(tree: &mut [Place]) -> Result<(), EngineError> {
    let mut is_child = vec![false; tree.len()];
    for place in tree.iter() {
        if let Place::Inner { children, .. } = place {
            children.iter().for_each(|c| is_child[*c] = true);
        }
    }
    let root = is_child.iter().position(|c| !c).ok_or_else(|| broken("a tree has no root"))?;
    tree.swap(0, root);
    let moved = |n: &mut usize| match *n {
        0 => *n = root,
        c if c == root => *n = 0,
        _ => {}
    };
    for place in tree {
        if let Place::Inner { children, .. } = place {
            children.iter_mut().for_each(moved);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
