//! Which trees of a forest are laid out for many rows at once.
//!
//! A part of it is as many trees as bytes suffice for, see [`super::sliced`]; so are trees that are too large for that.

use super::sliced::{Sliced, splits_of};
use super::{Forest, Real};
use std::collections::HashMap;
use std::ops::Range;

/// Thresholds of a feature: a value is above up to so many, which is a byte.
const THRESHOLDS: usize = 255;
/// Leaves of a tree: their numbers are bytes.
const LEAVES: usize = 256;
/// Outputs: sums of all rows of a block are kept for each of them.
const OUTPUTS: usize = 256;
/// What work costs, in half nanoseconds: a step of a walk; a value that becomes a byte, and a level of the search for it.
const WALK: usize = 3;
const BYTE: usize = 4;
const LEVEL: usize = 2;
/// A split and a tree for 64 rows at once. Where more rows go together, they are shared by so many.
const SPLIT: usize = 7;
const TREE: usize = 30;
const SHARED: usize = 200;

/// Trees that lie one after the other.
#[derive(Debug, Clone)]
pub struct Part<T> {
    pub trees: Range<usize>,
    /// How they lie for so many rows or more.
    pub sliced: Option<(usize, Sliced<T>)>,
}

/// Parts of a forest, in order.
pub fn parts<T: Real>(forest: &Forest<T>) -> Vec<Part<T>> {
    let mut parts = Vec::new();
    let mut open = Open::default();
    let mut begin = 0;
    for n in 0..forest.trees.len() {
        let fits = is_small(forest, n);
        if fits && open.take(forest, n) {
            continue;
        }
        push(&mut parts, forest, begin..n, &mut open);
        begin = n;
        if !(fits && open.take(forest, n)) {
            push(&mut parts, forest, n..n + 1, &mut Open::default());
            begin = n + 1;
        }
    }
    push(&mut parts, forest, begin..forest.trees.len(), &mut open);
    parts
}

fn is_small<T>(forest: &Forest<T>, tree: usize) -> bool {
    !forest.trees[tree].special && forest.base.len() <= OUTPUTS && forest.nodes_of(tree).len() < 2 * LEAVES
}

/// Ends a part.
fn push<T: Real>(parts: &mut Vec<Part<T>>, forest: &Forest<T>, trees: Range<usize>, open: &mut Open<T>) {
    let thresholds = std::mem::take(&mut open.thresholds);
    if trees.is_empty() {
        return;
    }
    let walk: usize = trees.clone().map(|n| forest.trees[n].depth as usize * WALK).sum();
    let splits: usize = trees.clone().map(|n| forest.nodes_of(n).len() / 2).sum();
    let block = splits * SPLIT + trees.len() * TREE;
    let bytes: usize = thresholds.values().map(|t| BYTE + LEVEL * t.len().ilog2() as usize).sum();
    let each = bytes + block / SHARED;
    let is_worth = !thresholds.is_empty() && 4 * each < 3 * walk;
    if is_worth {
        let sliced = Sliced::new(forest, trees.clone(), thresholds);
        parts.push(Part { trees, sliced: Some((block.div_ceil(walk - each), sliced)) });
    } else if let Some(Part { trees: last, sliced: None }) = parts.last_mut() {
        last.end = trees.end;
    } else {
        parts.push(Part { trees, sliced: None });
    }
}

/// Thresholds of the features that trees ask for.
struct Open<T> {
    thresholds: HashMap<u32, Vec<T>>,
}

impl<T> Default for Open<T> {
    fn default() -> Self {
        Self { thresholds: HashMap::new() }
    }
}

impl<T: Real> Open<T> {
    /// Takes a tree in, if bytes suffice for its features then too.
    fn take(&mut self, forest: &Forest<T>, tree: usize) -> bool {
        let mut added = Vec::new();
        for node in splits_of(forest, tree).map(|(_, node)| node) {
            let own = self.thresholds.entry(node.feature() as u32).or_default();
            let at = own.partition_point(|t| *t < node.threshold);
            if own.get(at).is_none_or(|t| *t != node.threshold) {
                own.insert(at, node.threshold);
                added.push((node.feature() as u32, node.threshold));
            }
            if own.len() > THRESHOLDS {
                for (feature, threshold) in added {
                    self.thresholds.entry(feature).and_modify(|own| own.retain(|t| *t != threshold));
                }
                self.thresholds.retain(|_, own| !own.is_empty());
                return false;
            }
        }
        true
    }
}

impl<T> Part<T> {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.sliced.as_ref().map_or(0, |(_, sliced)| sliced.bytes())
    }
}
