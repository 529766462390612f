//! How far points are from those of a random cut forest.
//!
//! In each tree a point goes down to a leaf. On the way back up, each box says how likely a random cut is to part the point from
//! all that is in the box: so much of the score is that of a point found there, the rest is what was found below.

use super::access::output;
use super::crew::share;
use super::threads::threads;
use super::{Outcome, Value, fail};
use crate::graph::{Child, CutForest, CutTree};
use std::sync::{Mutex, PoisonError};

/// Rows that a thread takes at once.
const ROWS: usize = 16;

/// The score of each row: [rows].
pub fn run(forest: &CutForest, x: &Value) -> Outcome {
    let width = forest.dimensions();
    let &[rows, features] = x.dims() else {
        return Err(fail(format!("a cut forest takes rows of numbers, not {:?}", x.dims())));
    };
    if features != width {
        return Err(fail(format!("a cut forest takes rows of {width} numbers, not {features}")));
    }
    let x = x.slice::<f32>()?;
    let mut out = output::<f32>(&[rows])?;
    let work = rows.saturating_mul(forest.trees().len()).saturating_mul(width.saturating_mul(16));
    let pieces: Vec<_> = out.chunks_mut(ROWS).zip(x.chunks(ROWS * width)).map(Mutex::new).collect();
    share(threads(work), pieces.len(), |n| {
        let (out, x) = &mut *pieces[n].lock().unwrap_or_else(PoisonError::into_inner);
        let mut way = Vec::new();
        for (out, point) in out.iter_mut().zip(x.chunks_exact(width)) {
            let sum: f64 = forest.trees().iter().map(|tree| score(forest, tree, point, &mut way)).sum();
            *out = (sum / forest.trees().len() as f64) as f32;
        }
    });
    drop(pieces);
    Value::of(out, &[rows])
}

/// The score by one tree.
fn score(forest: &CutForest, tree: &CutTree, point: &[f32], way: &mut Vec<u32>) -> f64 {
    way.clear();
    let mut at = if tree.cuts.is_empty() { Child::Leaf(0) } else { Child::Cut(0) };
    let leaf = loop {
        match at {
            Child::Cut(n) => {
                let cut = &tree.cuts[n as usize];
                way.push(n);
                let right = point[cut.dimension as usize] > cut.value;
                at = cut.children[usize::from(right)];
            }
            Child::Leaf(n) => break &tree.leaves[n as usize],
        }
    };
    let all = (tree.mass as f64 + 1.0).log2();
    let depth = way.len() as f64;
    if forest.point(leaf.point) == point {
        let mass = f64::from(leaf.mass);
        let damp = 1.0 - mass / (2.0 * tree.mass as f64);
        return damp / (depth + (mass + 1.0).log2()) * all;
    }
    let mut score = 1.0 / (depth + 1.0);
    for (depth, cut) in way.iter().enumerate().rev() {
        let (low, high) = tree.limits(*cut, point.len());
        let outside = outside(point, low, high);
        if outside <= 0.0 {
            break;
        }
        let parted = outside / (outside + tree.sides[*cut as usize]);
        score = parted / (depth as f64 + 1.0) + (1.0 - parted) * score;
    }
    score * all
}

/// How much a box would have to grow to take a point in.
fn outside(point: &[f32], low: &[f32], high: &[f32]) -> f64 {
    let sides = point.iter().zip(low.iter().zip(high));
    sides.map(|(x, (low, high))| f64::from((low - x).max(0.0) + (x - high).max(0.0))).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::run;
    use crate::graph::{Child, Cut, CutForest, Leaf};
    use crate::kernels::Value;

    fn leaf(point: u32, mass: u32) -> Leaf {
        Leaf { point, mass }
    }

    fn cut(value: f32, children: [Child; 2]) -> Cut {
        Cut { dimension: 0, value, children }
    }

    #[test]
    fn scores_are_those_of_the_definition() {
        let mut forest = CutForest::new(1, vec![0.0, 1.0, 5.0]).unwrap();
        let cuts =
            vec![cut(3.0, [Child::Cut(1), Child::Leaf(2)]), cut(0.5, [Child::Leaf(0), Child::Leaf(1)])];
        forest.add(cuts, vec![leaf(0, 1), leaf(1, 2), leaf(2, 1)]).unwrap();
        let x = Value::of(vec![1.0f32, 2.0, 10.0], &[3, 1]).unwrap();
        let scores = run(&forest, &x).unwrap().slice::<f32>().unwrap().to_vec();
        let all = 5f64.log2();
        // A point that is there; one inside the root's box, outside the inner one; one outside all.
        let wanted = [
            (1.0 - 2.0 / 8.0) / (2.0 + 3f64.log2()) * all,
            (0.5 / 2.0 + 0.5 / 3.0) * all,
            (0.5 + 0.5 / 2.0) * all,
        ];
        for (score, wanted) in scores.iter().zip(wanted) {
            assert!((f64::from(*score) - wanted).abs() < 1e-6, "{score}, not {wanted}");
        }
    }

    #[test]
    fn trees_that_are_none_are_errors() {
        let mut forest = CutForest::new(1, vec![0.0, 1.0]).unwrap();
        let both = vec![leaf(0, 1), leaf(1, 1)];
        assert!(forest.add(vec![], vec![]).is_err());
        assert!(forest.add(vec![cut(0.5, [Child::Leaf(0), Child::Leaf(0)])], both.clone()).is_err());
        assert!(forest.add(vec![cut(0.5, [Child::Leaf(0), Child::Cut(0)])], both.clone()).is_err());
        assert!(forest.add(vec![cut(0.5, [Child::Leaf(0), Child::Leaf(2)])], both.clone()).is_err());
        assert!(
            forest
                .add(vec![cut(0.5, [Child::Leaf(0), Child::Leaf(1)])], vec![leaf(0, 1), leaf(2, 1)])
                .is_err()
        );
        assert!(forest.add(vec![cut(0.5, [Child::Leaf(1), Child::Leaf(0)])], both).is_ok());
        assert!(CutForest::new(2, vec![0.0; 3]).is_err());
    }
}
