//! One tree's section, brought into the form of a forest.
//!
//! Branches come first, then leaves. A child below zero is leaf `-child - 1`. What goes left here is `value <= threshold`, or a value
//! among categories; a forest asks `value < threshold`, and sends what is among categories to the second child.

use super::section::Section;
use crate::EngineError;
use crate::graph::{Branch, Missing};

/// Leaves of one tree.
const MOST_LEAVES: usize = 1 << 24;
/// Bits of `decision_type`: by category; missing values go left; what is missing.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;
const MISSING: u8 = 12;
const MISSING_ZERO: u8 = 4;
const MISSING_NAN: u8 = 8;

/// The error about a tree, with its number.
pub fn named(number: usize, error: &EngineError) -> EngineError {
    EngineError::broken(format!("tree {number}: {error}"))
}

/// The answers of a tree's leaves.
pub fn leaf_values(section: &Section<'_>) -> Result<Vec<f64>, EngineError> {
    let leaves = section.number("num_leaves")?;
    if leaves == 0 || leaves > MOST_LEAVES {
        return Err(EngineError::broken(format!("{leaves} leaves")));
    }
    section.numbers("leaf_value", leaves)
}

/// The nodes of a tree whose leaves answer this.
pub fn branches(section: &Section<'_>, values: Vec<f64>) -> Result<Vec<Branch<f64>>, EngineError> {
    let leaves = values.len();
    let inner = leaves.saturating_sub(1);
    let mut nodes = Vec::with_capacity(inner + leaves);
    if inner > 0 {
        let sets = Sets::of(section)?;
        let features: Vec<usize> = section.numbers("split_feature", inner)?;
        let thresholds: Vec<f64> = section.numbers("threshold", inner)?;
        let kinds: Vec<u8> = section.numbers("decision_type", inner)?;
        let [left, right] = ["left_child", "right_child"].map(|name| section.numbers::<i64>(name, inner));
        let (left, right) = (left?, right?);
        for n in 0..inner {
            let children = [place(left[n], inner)?, place(right[n], inner)?];
            nodes.push(branch(kinds[n], features[n], thresholds[n], children, &sets)?);
        }
    }
    nodes.extend(values.into_iter().map(Branch::Leaf));
    Ok(nodes)
}

fn place(child: i64, inner: usize) -> Result<usize, EngineError> {
    let place = if child >= 0 { usize::try_from(child).ok() } else { usize::try_from(-(child + 1)).ok() };
    let place = place.and_then(|place| if child >= 0 { Some(place) } else { place.checked_add(inner) });
    place.ok_or_else(|| EngineError::broken(format!("child {child}")))
}

fn branch(
    kind: u8,
    feature: usize,
    threshold: f64,
    [left, right]: [usize; 2],
    sets: &Sets,
) -> Result<Branch<f64>, EngineError> {
    if kind & CATEGORICAL != 0 {
        let categories = sets.get(threshold)?;
        // What is no category goes right there, which is the first child here.
        return Ok(Branch::Among { feature, categories, missing: Missing::Left, children: [right, left] });
    }
    let missing = match (kind & MISSING, kind & DEFAULT_LEFT != 0) {
        (0, _) => Missing::Zero,
        (MISSING_ZERO, true) => Missing::ZeroLeft,
        (MISSING_ZERO, false) => Missing::ZeroRight,
        (MISSING_NAN, true) => Missing::Left,
        (MISSING_NAN, false) => Missing::Right,
        _ => return Err(EngineError::broken(format!("decision type {kind}"))),
    };
    Ok(Branch::Below { feature, threshold: threshold.next_up(), missing, children: [left, right] })
}

/// The sets of categories of one tree, as bits.
struct Sets {
    bounds: Vec<usize>,
    words: Vec<u32>,
}

impl Sets {
    fn of(section: &Section<'_>) -> Result<Self, EngineError> {
        let count = section.number("num_cat").unwrap_or(0);
        if count == 0 {
            return Ok(Self { bounds: Vec::new(), words: Vec::new() });
        }
        let bounds: Vec<usize> = section.numbers("cat_boundaries", count.saturating_add(1))?;
        let words = section.numbers("cat_threshold", bounds.last().copied().unwrap_or(0))?;
        Ok(Self { bounds, words })
    }

    /// The categories of set `number`.
    fn get(&self, number: f64) -> Result<Vec<u32>, EngineError> {
        let broken = || EngineError::broken(format!("there is no set {number} of categories"));
        let at = if number >= 0.0 { number as usize } else { usize::MAX };
        let (begin, end) =
            self.bounds.get(at).zip(self.bounds.get(at.saturating_add(1))).ok_or_else(broken)?;
        let words = self.words.get(*begin..*end).ok_or_else(broken)?;
        let bits = words.iter().zip(0u32..).flat_map(|(word, n)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| n.saturating_mul(32) + bit)
        });
        Ok(bits.collect())
    }
}
