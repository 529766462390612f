//! Trees laid out for many rows at once.
//!
//! What a row has of a feature is told by a byte: how many of the feature's thresholds it is not below. A split is one comparison of
//! bytes then, of 64 rows at a time, with a bit for each of them as the answer; logic of such bits leads down to the numbers of leaves.

use super::{Forest, Node, Real};
use std::collections::HashMap;
use std::ops::Range;

/// Places of a tree for searching, at least.
const LEAST_SEARCHED: usize = 32;

/// Where a value goes that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Left,
    Right,
    Zero,
}

impl Absent {
    fn of<T>(node: &Node<T>) -> Self {
        match node.asks {
            asks if asks & Node::<T>::NAN_ZERO != 0 => Self::Zero,
            asks if asks & Node::<T>::NAN_LEFT != 0 => Self::Left,
            _ => Self::Right,
        }
    }
}

/// Bytes of all rows: a feature, and what becomes of missing values.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Which of the features that are asked for.
    pub of: u32,
    pub absent: Absent,
}

/// Thresholds of a feature.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    pub feature: u32,
    /// A tree for searching, as [`crate::kernels::simd::counted`] wants it.
    pub thresholds: Vec<T>,
}

/// To the right if the byte is not below.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    pub column: u32,
    /// The node: the root is 0, children of the split n are 2 n + 1 and 2 n + 2.
    pub node: u16,
    pub least: u8,
}

/// Leaves below a node have this bit in their numbers.
#[derive(Debug, Clone, Copy)]
pub struct Bit {
    pub node: u16,
    pub bit: u8,
}

/// One tree.
#[derive(Debug, Clone)]
pub struct SlicedTree {
    pub splits: Range<usize>,
    pub bits: Range<usize>,
    /// Bits of a leaf's number.
    pub width: u8,
    pub output: u32,
    /// What leaves hold, by their numbers.
    pub leaves: Range<usize>,
}

/// Some trees.
#[derive(Debug, Clone)]
pub struct Sliced<T> {
    pub asked: Vec<Asked<T>>,
    /// One for each feature, then those that differ only where values are missing.
    pub columns: Vec<Column>,
    pub splits: Vec<Split>,
    pub bits: Vec<Bit>,
    pub leaves: Vec<T>,
    pub trees: Vec<SlicedTree>,
}

/// The nodes of a tree that are no leaves, with their numbers.
pub(super) fn splits_of<T>(forest: &Forest<T>, tree: usize) -> impl Iterator<Item = (usize, &Node<T>)> {
    let nodes = forest.nodes_of(tree);
    let is_split = move |(n, node): &(usize, &Node<T>)| node.child as usize != nodes.start + n;
    forest.nodes[nodes.clone()].iter().enumerate().filter(is_split)
}

impl<T> Sliced<T> {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let thresholds = |asked: &Asked<T>| size_of_val(&asked.thresholds[..]);
        self.asked.iter().map(thresholds).sum::<usize>()
            + size_of_val(&self.columns[..])
            + size_of_val(&self.splits[..])
            + size_of_val(&self.bits[..])
            + size_of_val(&self.leaves[..])
            + size_of_val(&self.trees[..])
    }
}

impl<T: Real> Sliced<T> {
    pub(super) fn new(forest: &Forest<T>, trees: Range<usize>, thresholds: HashMap<u32, Vec<T>>) -> Self {
        let mut asked: Vec<_> =
            thresholds.into_iter().map(|(feature, thresholds)| Asked { feature, thresholds }).collect();
        asked.sort_unstable_by_key(|asked| asked.feature);
        let columns = (0..asked.len() as u32).map(|of| Column { of, absent: Absent::Left }).collect();
        let mut sliced = Self {
            asked,
            columns,
            splits: Vec::new(),
            bits: Vec::new(),
            leaves: Vec::new(),
            trees: Vec::new(),
        };
        let mut more = HashMap::new();
        for tree in trees {
            sliced.add(forest, tree, &mut more);
        }
        for asked in &mut sliced.asked {
            asked.thresholds = search_tree(&asked.thresholds);
        }
        sliced.splits.shrink_to_fit();
        sliced.bits.shrink_to_fit();
        sliced.leaves.shrink_to_fit();
        sliced
    }

    fn add(&mut self, forest: &Forest<T>, tree: usize, more: &mut HashMap<(u32, u8), u32>) {
        let nodes = forest.nodes_of(tree);
        let first = [self.splits.len(), self.bits.len(), self.leaves.len()];
        for (number, node) in splits_of(forest, tree) {
            let of = self.asked.partition_point(|asked| (asked.feature as usize) < node.feature());
            let least = 1 + self.asked[of].thresholds.partition_point(|t| *t < node.threshold);
            let absent = Absent::of(node);
            let column = if absent == Absent::Left {
                of as u32
            } else {
                *more.entry((of as u32, absent as u8)).or_insert_with(|| {
                    self.columns.push(Column { of: of as u32, absent });
                    self.columns.len() as u32 - 1
                })
            };
            self.splits.push(Split { column, node: number as u16, least: least as u8 });
        }
        let leaves = self.number(&forest.nodes[nodes.clone()], nodes.start);
        self.leaves.extend(leaves);
        let bits = first[1]..self.bits.len();
        self.trees.push(SlicedTree {
            splits: first[0]..self.splits.len(),
            width: self.bits[bits.clone()].iter().map(|b| b.bit + 1).max().unwrap_or(0),
            bits,
            output: forest.trees[tree].output,
            leaves: first[2]..self.leaves.len(),
        });
    }

    /// Numbers the leaves of a tree from left to right; what each of them holds. A bit that all leaves below a node have in their
    /// numbers is set there, and not again below.
    fn number(&mut self, nodes: &[Node<T>], begin: usize) -> Vec<T> {
        let children = |n: usize| {
            let child = nodes[n].child as usize - begin;
            (child != n).then_some([child, child + 1])
        };
        let mut below = vec![1usize; nodes.len()];
        for n in (0..nodes.len()).rev() {
            if let Some([left, right]) = children(n) {
                below[n] = below[left] + below[right];
            }
        }
        let mut from = vec![0; nodes.len()];
        let mut leaves = vec![T::zero(); below[0]];
        for n in 0..nodes.len() {
            match children(n) {
                Some([left, right]) => (from[left], from[right]) = (from[n], from[n] + below[left]),
                None => leaves[from[n]] = nodes[n].value,
            }
        }
        let common = |n: usize| (from[n]..from[n] + below[n]).fold(usize::MAX, |all, n| all & n);
        for n in 0..nodes.len() {
            let Some(children) = children(n) else { continue };
            for child in children {
                let own = common(child) & !common(n);
                let bits = (0..8).filter(|bit| own >> bit & 1 == 1);
                self.bits.extend(bits.map(|bit| Bit { node: child as u16, bit }));
            }
        }
        leaves
    }
}

/// The middle one of the thresholds, the middle ones of what is below and above it, and so on; NaN stands for those that are missing.
fn search_tree<T: Real>(sorted: &[T]) -> Vec<T> {
    let count = (sorted.len() + 1).next_power_of_two().max(LEAST_SEARCHED);
    let mut tree = Vec::with_capacity(count);
    for level in 0..count.ilog2() {
        let step = count >> level;
        let own = (step / 2 - 1..count - 1).step_by(step);
        tree.extend(own.map(|n| sorted.get(n).copied().unwrap_or_else(T::nan)));
    }
    tree.push(T::nan());
    tree
}
