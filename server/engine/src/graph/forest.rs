//! Ensembles of decision trees, laid out to be walked.
//!
//! A [`Forest`] is made tree by tree and then never changes. Making it checks what walking it relies on: every child is a node,
//! no node has two parents (so that every walk ends), and no node asks for a feature that a row does not have.

use crate::EngineError;
use std::fmt::Debug;

/// More nodes than any forest that fits a machine has; numbers of nodes are 32 bits.
const MOST_NODES: usize = 1 << 28;
/// Categories are bits of sets: more of them are no categories.
const MOST_CATEGORY: u32 = 1 << 24;

/// What a row's values and a leaf's are: `f32` or `f64`.
pub trait Real: num_traits::Float + crate::value::Element + Debug {
    /// A small integer.
    fn count(n: usize) -> Self;
}

impl Real for f32 {
    fn count(n: usize) -> Self {
        n as Self
    }
}

impl Real for f64 {
    fn count(n: usize) -> Self {
        n as Self
    }
}

/// Where a row goes whose value is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// NaN goes left.
    Left,
    /// NaN goes right.
    Right,
    /// NaN is 0.
    Zero,
    /// NaN and 0 go left.
    ZeroLeft,
    /// NaN and 0 go right.
    ZeroRight,
}

/// A node as a reader brings it; nodes are named by their place among those of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Branch<T> {
    /// The tree's answer.
    Leaf(T),
    /// The tree's answer for each output.
    Leaves(Vec<T>),
    /// Less than the threshold: to the first child; otherwise to the second.
    Below { feature: usize, threshold: T, missing: Missing, children: [usize; 2] },
    /// One of the categories: to the second child; otherwise, a value that is no category included, to the first.
    Among { feature: usize, categories: Vec<u32>, missing: Missing, children: [usize; 2] },
}

/// A node as it is walked. The second child lies behind the first. A leaf is its own first child, and its threshold, NaN, is above
/// nothing: walks of different lengths go on together until the longest ends.
#[derive(Debug, Clone, Copy)]
pub struct Node<T> {
    pub threshold: T,
    /// A leaf's answer, or the number of its answers.
    pub value: T,
    /// The feature, and bits about it.
    pub asks: u32,
    /// The first child.
    pub child: u32,
}

impl<T> Node<T> {
    /// NaN goes to the first child.
    pub const NAN_LEFT: u32 = 1 << 31;
    /// The threshold is the number of a set of categories.
    pub const AMONG: u32 = 1 << 30;
    /// NaN is 0.
    pub const NAN_ZERO: u32 = 1 << 29;
    /// 0 is NaN.
    pub const ZERO_NAN: u32 = 1 << 28;
    /// All of them.
    pub const BITS: u32 = Self::NAN_LEFT | Self::AMONG | Self::NAN_ZERO | Self::ZERO_NAN;

    /// The feature that it looks at.
    pub fn feature(&self) -> usize {
        (self.asks & !Self::BITS) as usize
    }
}

/// One tree.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    /// Its root.
    pub root: u32,
    /// Steps of its longest walk.
    pub depth: u32,
    /// The output that it adds to; 0 if its leaves have an answer for each.
    pub output: u32,
    /// Nodes must be looked at more closely than by one comparison, whatever a row holds.
    pub special: bool,
}

/// Trees whose answers are added up, in their order.
#[derive(Debug, Clone)]
pub struct Forest<T> {
    features: usize,
    base: Vec<T>,
    nodes: Vec<Node<T>>,
    trees: Vec<Tree>,
    leaves: Vec<T>,
    words: Vec<u64>,
    sets: Vec<[usize; 2]>,
    branches: usize,
    /// Whether leaves have an answer for each output; none before the first leaf.
    wide: Option<bool>,
}

impl<T: Real> Forest<T> {
    /// One without trees: rows of so many features, and what each output begins with.
    pub fn new(features: usize, base: Vec<T>) -> Result<Self, EngineError> {
        if features == 0 || features > (1 << 28) || base.is_empty() || base.len() > (1 << 20) {
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
            sets: Vec::new(),
            branches: 0,
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
                special |= node.asks & (Node::<T>::AMONG | Node::<T>::ZERO_NAN) != 0;
                self.nodes[to] = node;
                if let Branch::Below { children, .. } | Branch::Among { children, .. } = branch {
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

    /// Keeps a set of categories, as bits; its number.
    fn set(&mut self, categories: &[u32]) -> Result<T, String> {
        let last = categories.iter().max().copied().unwrap_or(0);
        if last >= MOST_CATEGORY || self.sets.len() >= (1 << 24) {
            return Err(format!("category {last} of {MOST_CATEGORY}"));
        }
        let begin = self.words.len();
        self.words.resize(begin + last as usize / 64 + 1, 0);
        for category in categories {
            self.words[begin + *category as usize / 64] |= 1 << (category % 64);
        }
        self.sets.push([begin, self.words.len()]);
        Ok(T::count(self.sets.len() - 1))
    }

    /// Whether a value is one of a set's categories.
    pub fn has(&self, set: T, value: T) -> bool {
        let set = set.to_usize().and_then(|n| self.sets.get(n));
        let (Some([begin, end]), Some(category)) = (set, value.to_i64()) else { return false };
        let Ok(category) = usize::try_from(category) else { return false };
        let word = begin + category / 64;
        word < *end && self.words[word] >> (category % 64) & 1 == 1
    }
}

impl<T> Forest<T> {
    /// Values of a row.
    pub fn features(&self) -> usize {
        self.features
    }

    /// What each output begins with.
    pub fn base(&self) -> &[T] {
        &self.base
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node<T>] {
        &self.nodes
    }

    /// All trees.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The answers of leaf `number`, if leaves have more than one.
    pub fn answers(&self, number: usize) -> Option<&[T]> {
        self.leaves.get(number * self.base.len()..(number + 1) * self.base.len())
    }

    /// Whether leaves have an answer for each output.
    pub fn is_wide(&self) -> bool {
        self.wide == Some(true)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..])
            + size_of_val(&self.trees[..])
            + size_of_val(&self.leaves[..])
            + size_of_val(&self.words[..])
            + size_of_val(&self.sets[..])
    }

    /// For people: how many trees, and how many branches they have.
    pub fn sizes(&self) -> [usize; 2] {
        [self.trees.len(), self.branches]
    }

    /// What was taken in advance is given back.
    pub fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.trees.shrink_to_fit();
        self.leaves.shrink_to_fit();
        self.words.shrink_to_fit();
        self.sets.shrink_to_fit();
    }
}

/// A forest over the values of either type.
pub enum Forests {
    /// Its thresholds are `f32`.
    F32(Forest<f32>),
    /// They are `f64`.
    F64(Forest<f64>),
}

impl Forests {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(forest) => forest.bytes(),
            Self::F64(forest) => forest.bytes(),
        }
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        match self {
            Self::F32(forest) => forest.base().len(),
            Self::F64(forest) => forest.base().len(),
        }
    }

    /// Values of a row.
    pub fn features(&self) -> usize {
        match self {
            Self::F32(forest) => forest.features(),
            Self::F64(forest) => forest.features(),
        }
    }
}

/// A forest is like none but itself: it is shared, and too large to be compared.
impl PartialEq for Forests {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Debug for Forests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [trees, branches] = match self {
            Self::F32(forest) => forest.sizes(),
            Self::F64(forest) => forest.sizes(),
        };
        write!(f, "Forest of {trees} trees with {branches} branches")
    }
}
