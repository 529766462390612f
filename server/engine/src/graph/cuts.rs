//! Random cut forests: trees of cuts through the boxes around their points, by which it is told how far a point is from the others.
//!
//! A forest is made tree by tree and then never changes. Making it checks what scoring relies on: every child is a cut or a leaf of its
//! tree, each has one parent, and no cut is through a dimension that a point does not have.

use crate::EngineError;
use std::fmt::Debug;

/// Numbers of all boxes together: a file in which trees share points must not ask for more.
const MOST_NUMBERS: usize = 1 << 28;
/// Dimensions of a point.
const MOST_DIMENSIONS: usize = 1 << 20;

/// What lies below a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// Another cut of the tree.
    Cut(u32),
    /// A leaf of the tree.
    Leaf(u32),
}

/// A cut: points whose number in a dimension is at most a value are on the first side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    pub dimension: u32,
    pub value: f32,
    pub children: [Child; 2],
}

/// A point, by its number, and how often a tree has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    pub point: u32,
    pub mass: u32,
}

/// One tree. Its root is its first cut, or its only leaf.
#[derive(Debug)]
pub struct CutTree {
    pub cuts: Vec<Cut>,
    pub leaves: Vec<Leaf>,
    /// `[cut][lowest, highest][dimension]`
    boxes: Vec<f32>,
    /// How long the sides of each cut's box are together.
    pub sides: Vec<f64>,
    /// Of all leaves.
    pub mass: u64,
}

/// Trees over points that they share.
pub struct CutForest {
    dimensions: usize,
    points: Vec<f32>,
    trees: Vec<CutTree>,
    numbers: usize,
}

impl CutTree {
    /// The lowest and the highest numbers below a cut.
    pub fn limits(&self, cut: u32, dimensions: usize) -> (&[f32], &[f32]) {
        self.boxes[cut as usize * 2 * dimensions..][..2 * dimensions].split_at(dimensions)
    }
}

impl CutForest {
    /// One without trees.
    pub fn new(dimensions: usize, points: Vec<f32>) -> Result<Self, EngineError> {
        let whole = (1..=MOST_DIMENSIONS).contains(&dimensions) && points.len().is_multiple_of(dimensions);
        if !whole || points.iter().any(|x| !x.is_finite()) {
            return Err(EngineError::broken(format!(
                "{} numbers are no points of {dimensions}",
                points.len()
            )));
        }
        Ok(Self { dimensions, points, trees: Vec::new(), numbers: 0 })
    }

    /// Adds a tree.
    pub fn add(&mut self, cuts: Vec<Cut>, leaves: Vec<Leaf>) -> Result<(), EngineError> {
        let bad = |what: String| EngineError::broken(format!("tree {}: {what}", self.trees.len()));
        let points = self.points.len() / self.dimensions;
        if leaves.len() != cuts.len() + 1 {
            return Err(bad(format!("{} cuts have {} leaves", cuts.len(), leaves.len())));
        }
        if leaves.iter().any(|leaf| leaf.point as usize >= points || leaf.mass == 0) {
            return Err(bad(format!("a leaf is none of {points} points")));
        }
        if cuts.iter().any(|cut| cut.dimension as usize >= self.dimensions) {
            return Err(bad(format!("a cut is through none of {} dimensions", self.dimensions)));
        }
        let order = order(&cuts, leaves.len()).map_err(bad)?;
        let size =
            cuts.len().checked_mul(2 * self.dimensions).and_then(|size| self.numbers.checked_add(size));
        self.numbers = size.filter(|size| *size <= MOST_NUMBERS).ok_or_else(|| {
            EngineError::broken(format!("the boxes of its trees have more than {MOST_NUMBERS} numbers"))
        })?;
        let mass = leaves.iter().map(|leaf| u64::from(leaf.mass)).sum();
        let mut tree = CutTree {
            boxes: vec![0.0; cuts.len() * 2 * self.dimensions],
            sides: vec![0.0; cuts.len()],
            cuts,
            leaves,
            mass,
        };
        // Children come before their parents.
        for cut in order.into_iter().rev() {
            self.enclose(&mut tree, cut);
        }
        self.trees.push(tree);
        Ok(())
    }

    /// The box around what is below a cut.
    fn enclose(&self, tree: &mut CutTree, cut: usize) {
        let n = self.dimensions;
        let (mut low, mut high) = (vec![f32::INFINITY; n], vec![f32::NEG_INFINITY; n]);
        for child in tree.cuts[cut].children {
            let (lowest, highest) = match child {
                Child::Cut(child) => tree.limits(child, n),
                Child::Leaf(leaf) => {
                    let point = self.point(tree.leaves[leaf as usize].point);
                    (point, point)
                }
            };
            low.iter_mut().zip(lowest).for_each(|(to, x)| *to = to.min(*x));
            high.iter_mut().zip(highest).for_each(|(to, x)| *to = to.max(*x));
        }
        tree.sides[cut] = low.iter().zip(&high).map(|(low, high)| f64::from(high - low)).sum();
        let (lowest, highest) = tree.boxes[cut * 2 * n..][..2 * n].split_at_mut(n);
        lowest.copy_from_slice(&low);
        highest.copy_from_slice(&high);
    }

    /// A point.
    pub fn point(&self, n: u32) -> &[f32] {
        &self.points[n as usize * self.dimensions..][..self.dimensions]
    }

    /// Numbers of a point.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// All trees.
    pub fn trees(&self) -> &[CutTree] {
        &self.trees
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let tree = |tree: &CutTree| {
            size_of_val(&tree.cuts[..])
                + size_of_val(&tree.leaves[..])
                + size_of_val(&tree.boxes[..])
                + size_of_val(&tree.sides[..])
                + size_of::<CutTree>()
        };
        size_of_val(&self.points[..]) + self.trees.iter().map(tree).sum::<usize>()
    }
}

/// The cuts, each before those below it: all of them are reached, and each and every leaf once.
fn order(cuts: &[Cut], leaves: usize) -> Result<Vec<usize>, String> {
    let (mut seen, mut leaf_seen) = (vec![false; cuts.len()], vec![false; leaves]);
    let mut order = Vec::with_capacity(cuts.len());
    if let Some(first) = seen.first_mut() {
        *first = true;
        order.push(0);
    } else {
        leaf_seen.fill(true);
    }
    let mut at = 0;
    while let Some(cut) = order.get(at).copied() {
        at += 1;
        for child in cuts[cut].children {
            let place = match child {
                Child::Cut(n) => seen.get_mut(n as usize),
                Child::Leaf(n) => leaf_seen.get_mut(n as usize),
            };
            match place {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(format!("{child:?} is below two cuts, or is not there")),
            }
            if let Child::Cut(n) = child {
                order.push(n as usize);
            }
        }
    }
    if order.len() == cuts.len() && leaf_seen.iter().all(|seen| *seen) {
        Ok(order)
    } else {
        Err("some of it is below no cut".to_owned())
    }
}

/// A forest is like none but itself: it is shared, and too large to be compared.
impl PartialEq for CutForest {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Debug for CutForest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CutForest of {} trees over {} dimensions", self.trees.len(), self.dimensions)
    }
}
