//! Ensembles of decision trees, laid out to be walked.
//!
//! A [`Forest`] is made tree by tree and then never changes. Making it checks what walking it relies on: every child is a node,
//! no node has two parents (so that every walk ends), and no node asks for a feature that a row does not have.

mod grow;
mod parts;
mod sliced;

pub use parts::Part;
pub use sliced::{Absent, Sliced, SlicedTree};

use std::fmt::Debug;
use std::ops::Range;

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
    /// Equal to one of the values: to the first child; otherwise to the second.
    Equal { feature: usize, values: Vec<T>, missing: Missing, children: [usize; 2] },
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
    /// The threshold is the number of a set of values.
    pub const EQUAL: u32 = 1 << 27;
    /// All of them.
    pub const BITS: u32 = Self::NAN_LEFT | Self::AMONG | Self::NAN_ZERO | Self::ZERO_NAN | Self::EQUAL;

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
    values: Vec<T>,
    sets: Vec<[usize; 2]>,
    branches: usize,
    /// All of them one that is walked, before the forest is finished.
    parts: Vec<Part<T>>,
    /// Whether leaves have an answer for each output; none before the first leaf.
    wide: Option<bool>,
}

impl<T: Real> Forest<T> {
    /// Whether a value is one of a set's categories.
    pub fn has(&self, set: T, value: T) -> bool {
        let set = set.to_usize().and_then(|n| self.sets.get(n));
        let (Some([begin, end]), Some(category)) = (set, value.to_i64()) else { return false };
        let Ok(category) = usize::try_from(category) else { return false };
        let word = begin + category / 64;
        word < *end && self.words[word] >> (category % 64) & 1 == 1
    }

    /// Whether a value is one of a set's values.
    pub fn equals(&self, set: T, value: T) -> bool {
        let set = set.to_usize().and_then(|n| self.sets.get(n));
        set.and_then(|[begin, end]| self.values.get(*begin..*end)).is_some_and(|set| set.contains(&value))
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

    /// The answers of all leaves, if they have more than one.
    pub fn all_answers(&self) -> Option<&[T]> {
        self.is_wide().then_some(&self.leaves)
    }

    /// How trees lie, part by part, once all of them are there.
    pub fn parts(&self) -> &[Part<T>] {
        &self.parts
    }

    /// The nodes of a tree.
    fn nodes_of(&self, tree: usize) -> Range<usize> {
        let end = self.trees.get(tree + 1).map_or(self.nodes.len(), |next| next.root as usize);
        self.trees[tree].root as usize..end
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
            + size_of_val(&self.values[..])
            + size_of_val(&self.sets[..])
            + self.parts.iter().map(Part::bytes).sum::<usize>()
    }

    /// For people: how many trees, and how many branches they have.
    pub fn sizes(&self) -> [usize; 2] {
        [self.trees.len(), self.branches]
    }
}

impl<T: Real> Forest<T> {
    /// All trees are there: lays them out for many rows. What was taken in advance is given back.
    pub fn finish(&mut self) {
        self.parts = parts::parts(self);
        self.nodes.shrink_to_fit();
        self.trees.shrink_to_fit();
        self.leaves.shrink_to_fit();
        self.words.shrink_to_fit();
        self.values.shrink_to_fit();
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
