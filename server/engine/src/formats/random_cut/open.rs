//! Berth's own format, one JSON object:
//!
//! ```json
//! {"format": "random-cut-forest", "version": 1, "dimensions": 2,
//!  "points": [[0.0, 1.0], [2.5, 0.5]],
//!  "trees": [{"cuts": [[0, 1.5, -1, -2]], "leaves": [[0, 1], [1, 3]]}]}
//! ```
//!
//! A cut is the dimension, the value, and what is on its two sides: a row goes to the first if its number in that dimension is at most the
//! value. A side is the number of a cut of the tree or, below zero, of a leaf: -1 is leaf 0. A leaf is the number of a point, which trees
//! share, and how often it is there. The root is cut 0, or leaf 0 of a tree without cuts. Boxes and masses of cuts follow from the leaves.

use super::some_trees;
use crate::EngineError;
use crate::graph::{Child, Cut, CutForest, Leaf};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Document {
    format: String,
    version: u32,
    dimensions: usize,
    points: Vec<Vec<f32>>,
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct Tree {
    cuts: Vec<(u32, f32, i64, i64)>,
    leaves: Vec<(u32, u32)>,
}

pub fn forest(document: &Document) -> Result<CutForest, EngineError> {
    if document.format != super::FORMAT || document.version != 1 {
        return Err(EngineError::broken(format!(
            "format {:?} of version {}; version 1 of {:?} is read",
            document.format,
            document.version,
            super::FORMAT
        )));
    }
    if let Some(point) = document.points.iter().find(|point| point.len() != document.dimensions) {
        return Err(EngineError::broken(format!("a point of {} numbers", point.len())));
    }
    let mut forest = CutForest::new(document.dimensions, document.points.concat())?;
    for tree in &document.trees {
        let cut = |(dimension, value, first, second): &(u32, f32, i64, i64)| {
            Ok(Cut { dimension: *dimension, value: *value, children: [child(*first)?, child(*second)?] })
        };
        let cuts = tree.cuts.iter().map(cut).collect::<Result<_, EngineError>>()?;
        let leaves = tree.leaves.iter().map(|(point, mass)| Leaf { point: *point, mass: *mass });
        forest.add(cuts, leaves.collect())?;
    }
    some_trees(forest)
}

fn child(n: i64) -> Result<Child, EngineError> {
    let number = u32::try_from(if n < 0 { !n } else { n });
    let number = number.map_err(|_| EngineError::broken(format!("there is no side {n}")))?;
    Ok(if n < 0 { Child::Leaf(number) } else { Child::Cut(number) })
}
