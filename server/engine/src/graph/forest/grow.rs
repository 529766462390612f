//! How a forest grows: tree by tree, each checked.

use super::{Branch, Forest, Missing, Node, Part, Real, Tree};
use crate::EngineError;

/// More nodes than any forest that fits a machine has; numbers of nodes are 32 bits.
const MOST_NODES: usize = 1 << 28;
/// Categories are bits of sets: more of them are no categories.
const MOST_CATEGORY: u32 = 1 << 24;
/// 64 categories each: a file of a few bytes must not ask for many of them.
const MOST_WORDS: usize = 1 << 24;

impl<T: Real> Forest<T> {
    /// One without trees: rows of so many features, and what each output begins with.
    pub fn new(features: usize, base: Vec<T>) -> Result<Self, EngineError> {
        if features == 0 || features > (1 << 27) || base.is_empty() || base.len() > (1 << 20) {
            return Err(EngineError::broken(format!(
                "a forest of {features} features and {} outputs",
                base.len()
            )));
        }
        Ok(Self {
            features,
            base,
            nodes: Vec::new(),
            trees: Vec::new(),
            leaves: Vec::new(),
            words: Vec::new(),
            values: Vec::new(),
            sets: Vec::new(),
            branches: 0,
            parts: Vec::new(),
            wide: None,
        })
    }

    /// Adds a tree, whose root is its first node.
    pub fn add(&mut self, output: usize, tree: &[Branch<T>]) -> Result<(), EngineError> {
        let number = self.trees.len();
        let bad = |what: String| EngineError::broken(format!("tree {number}: {what}"));
        if output >= self.base.len() {
            return Err(bad(format!("output {output} of {}", self.base.len())));
        }
        if tree.is_empty() || self.nodes.len() + tree.len() > MOST_NODES {
            return Err(bad(format!("{} nodes", tree.len())));
        }
        let root = self.nodes.len();
        let blank = Node { threshold: T::nan(), value: T::zero(), asks: Node::<T>::NAN_LEFT, child: 0 };
        // Nodes that are reached, level by level, so that children lie together: which they are, and where they go.
        let mut level = vec![(0, root)];
        self.nodes.push(blank);
        let (mut depth, mut special, mut reached) = (0, false, 1);
        while !level.is_empty() {
            let mut next = Vec::new();
            for (from, to) in level {
                let branch = tree.get(from).ok_or_else(|| bad(format!("there is no node {from}")))?;
                let first = self.nodes.len();
                let node = self.node(branch, to, first).map_err(bad)?;
                special |= node.asks & (Node::<T>::AMONG | Node::<T>::EQUAL | Node::<T>::ZERO_NAN) != 0;
                self.nodes[to] = node;
                if let Branch::Below { children, .. }
                | Branch::Among { children, .. }
                | Branch::Equal { children, .. } = branch
                {
                    reached += 2;
                    if reached > tree.len() {
                        return Err(bad(format!("node {from} leads back to a node before it")));
                    }
                    self.nodes.extend([blank; 2]);
                    next.extend([(children[0], first), (children[1], first + 1)]);
                }
            }
            depth += u32::from(!next.is_empty());
            level = next;
        }
        self.branches += reached / 2;
        match self.parts.last_mut() {
            Some(Part { trees, sliced: None }) => trees.end = number + 1,
            _ => self.parts.push(Part { trees: number..number + 1, sliced: None }),
        }
        self.trees.push(Tree { root: root as u32, depth, output: output as u32, special });
        Ok(())
    }

    fn node(&mut self, branch: &Branch<T>, own: usize, first: usize) -> Result<Node<T>, String> {
        let leaf = |value| Node { threshold: T::nan(), value, asks: Node::<T>::NAN_LEFT, child: own as u32 };
        let (feature, threshold, missing, among) = match branch {
            Branch::Leaf(value) if !*self.wide.get_or_insert(false) => return Ok(leaf(*value)),
            Branch::Leaves(values) if values.len() == self.base.len() && *self.wide.get_or_insert(true) => {
                let number = self.leaves.len() / values.len();
                if number >= (1 << 24) {
                    return Err("too many leaves".to_owned());
                }
                self.leaves.extend_from_slice(values);
                return Ok(leaf(T::count(number)));
            }
            Branch::Leaf(_) => return Err("a leaf has one answer, others have more".to_owned()),
            Branch::Leaves(values) => {
                return Err(format!("a leaf has {} answers, not {}", values.len(), self.base.len()));
            }
            Branch::Below { feature, threshold, missing, .. } => (*feature, *threshold, *missing, 0),
            Branch::Among { feature, categories, missing, .. } => {
                (*feature, self.set(categories)?, *missing, Node::<T>::AMONG)
            }
            Branch::Equal { feature, values, missing, .. } => {
                (*feature, self.values(values)?, *missing, Node::<T>::EQUAL)
            }
        };
        if feature >= self.features {
            return Err(format!("feature {feature} of {}", self.features));
        }
        if threshold.is_nan() {
            return Err("a threshold is not a number".to_owned());
        }
        let bits = among
            | match missing {
                Missing::Left => Node::<T>::NAN_LEFT,
                Missing::Right => 0,
                Missing::Zero => Node::<T>::NAN_ZERO,
                Missing::ZeroLeft => Node::<T>::NAN_LEFT | Node::<T>::ZERO_NAN,
                Missing::ZeroRight => Node::<T>::ZERO_NAN,
            };
        Ok(Node { threshold, value: T::zero(), asks: feature as u32 | bits, child: first as u32 })
    }

    /// Keeps a set of values; its number.
    fn values(&mut self, values: &[T]) -> Result<T, String> {
        if self.sets.len() >= (1 << 24) {
            return Err("too many sets of values".to_owned());
        }
        let begin = self.values.len();
        self.values.extend_from_slice(values);
        self.sets.push([begin, self.values.len()]);
        Ok(T::count(self.sets.len() - 1))
    }

    /// Keeps a set of categories, as bits; its number.
    fn set(&mut self, categories: &[u32]) -> Result<T, String> {
        let last = categories.iter().max().copied().unwrap_or(0);
        if last >= MOST_CATEGORY || self.sets.len() >= (1 << 24) {
            return Err(format!("category {last} of {MOST_CATEGORY}"));
        }
        let (begin, more) = (self.words.len(), last as usize / 64 + 1);
        if begin + more > MOST_WORDS {
            return Err(format!("its sets of categories take more than {MOST_WORDS} words"));
        }
        self.words.resize(begin + more, 0);
        for category in categories {
            self.words[begin + *category as usize / 64] |= 1 << (category % 64);
        }
        self.sets.push([begin, self.words.len()]);
        Ok(T::count(self.sets.len() - 1))
    }
}
