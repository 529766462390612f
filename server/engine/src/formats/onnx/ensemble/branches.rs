//! A tree in the form of a forest's.

use super::{Place, Test};
use crate::graph::{Branch, Missing};

/// A tree's nodes for a forest, in its numbers. `up` is the next larger number; leaves without a weight answer `none`.
pub fn branches<T: Copy + PartialOrd>(
    tree: &[Place],
    wide: Option<usize>,
    none: f64,
    number: impl Fn(f64) -> T,
    up: impl Fn(T) -> T,
) -> Vec<Branch<T>> {
    let leaf = |weights: &[(usize, f64)]| {
        let sum = |target: Option<usize>| {
            let own = weights.iter().filter(|(t, _)| target.is_none_or(|target| *t == target));
            let mut own = own.map(|(_, w)| *w).peekable();
            if own.peek().is_none() { number(none) } else { number(own.sum()) }
        };
        match wide {
            None => Branch::Leaf(sum(None)),
            Some(targets) => Branch::Leaves((0..targets).map(|t| sum(Some(t))).collect()),
        }
    };
    let inner = |feature: usize, test: &Test, [yes, no]: [usize; 2], missing: bool| {
        let missing_at = |first: bool| if missing == first { Missing::Left } else { Missing::Right };
        let (straight, crossed) = ((missing_at(true), [yes, no]), (missing_at(false), [no, yes]));
        let below =
            |threshold: T, (missing, children)| Branch::Below { feature, threshold, missing, children };
        let equal =
            |values: Vec<T>, (missing, children)| Branch::Equal { feature, values, missing, children };
        let beyond = |t: f64| {
            let t = number(t);
            (t, up(t))
        };
        match test {
            Test::AtMost(t) | Test::Above(t) => {
                let is_above = matches!(test, Test::Above(_));
                let (own, next) = beyond(*t);
                match (next > own, is_above) {
                    (true, false) => below(next, straight),
                    (true, true) => below(next, crossed),
                    // Nothing is above infinity.
                    (false, false) => equal(Vec::new(), crossed),
                    (false, true) => equal(Vec::new(), straight),
                }
            }
            Test::Below(t) => below(number(*t), straight),
            Test::AtLeast(t) => below(number(*t), crossed),
            Test::Is(t) => equal(vec![number(*t)], straight),
            // What is no number is not equal to any.
            Test::IsNot(t) => equal(vec![number(*t)], (Missing::Right, [no, yes])),
            Test::Among(values) => equal(values.iter().map(|v| number(*v)).collect(), straight),
        }
    };
    tree.iter()
        .map(|place| match place {
            Place::Leaf(weights) => leaf(weights),
            Place::Inner { feature, test, children, missing } => inner(*feature, test, *children, *missing),
        })
        .collect()
}
