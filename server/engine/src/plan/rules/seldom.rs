//! What is seldom met: of much of it only the number of axes is known.

use super::moves::as_rank;
use super::{Extents, Known, Numbers};
use crate::graph::{Along, Rare, Rows};

/// Axes of a value.
const MOST_AXES: usize = 64;

/// The shape of the only result.
pub fn rare(op: &Rare, inputs: &[&Known]) -> Known {
    let nothing = Known::default();
    let at = |n: usize| inputs.get(n).copied().unwrap_or(&nothing);
    let x = at(0);
    match op {
        Rare::Along(along) => axes(along, x, at(1)),
        Rare::TensorScatter(_) => as_large(x),
        Rare::Rows(Rows::Where) => Known::shaped(vec![None, x.rank()]),
        Rare::BroadcastArgs => shapes(x, at(1)),
        Rare::Einsum(equation) => equated(equation),
        _ => nothing,
    }
}

fn as_large(x: &Known) -> Known {
    Known { shape: x.shape.clone(), numbers: None }
}

fn axes(op: &Along, x: &Known, second: &Known) -> Known {
    // How many numbers a row has.
    let count = match second.shape.as_deref() {
        Some([Some(count)]) => Some(*count),
        _ => None,
    };
    let of_rank = |rank: Option<usize>| {
        let rank = rank.filter(|rank| *rank <= MOST_AXES);
        rank.map_or_else(Known::default, |rank| Known::shaped(vec![None; rank]))
    };
    match op {
        Along::Triangle { .. } | Along::ScatterElements { .. } | Along::Overlay { .. } => as_large(x),
        Along::GatherElements { .. } => as_large(second),
        Along::Slice | Along::Pad(_) | Along::Compress { axis: Some(_) } => as_rank(x),
        Along::Compress { axis: None } => Known::shaped(vec![None]),
        Along::Unsqueeze => of_rank(x.rank().zip(count).map(|(rank, count)| rank.saturating_add(count))),
        Along::Squeeze => {
            let counts = x.rank().zip(count.filter(|n| *n > 0));
            of_rank(counts.and_then(|(rank, count)| rank.checked_sub(count)))
        }
        Along::GatherNd { batch } => {
            let depth = second.shape.as_ref().and_then(|s| s.last().copied().flatten());
            let ranks = x.rank().zip(second.rank()).zip(depth);
            of_rank(ranks.and_then(|((x, indices), depth)| {
                (x + indices).checked_sub(batch.saturating_add(depth).saturating_add(1))
            }))
        }
        Along::Unique { .. } => Known::default(),
    }
}

/// The shape that two shapes broadcast to, each a row of numbers.
fn shapes(a: &Known, b: &Known) -> Known {
    let (Some([Some(left)]), Some([Some(right)])) = (a.shape.as_deref(), b.shape.as_deref()) else {
        return Known::shaped(vec![None]);
    };
    let rank = *left.max(right);
    let shape: Extents = vec![Some(rank)];
    let (Some(x), Some(y)) = (&a.numbers, &b.numbers) else { return Known::shaped(shape) };
    let number = |of: &Numbers, n: usize| (n + of.len()).checked_sub(rank).map_or(Some(1), |n| of[n]);
    let both = |n| match (number(x, n), number(y, n)) {
        (Some(1), other) | (other, Some(1)) => other,
        (known, None) | (None, known) => known,
        (Some(x), Some(y)) => (x == y).then_some(x),
    };
    Known::integers((0..rank).map(both).collect(), shape)
}

/// An equation says of how many axes its result is, unless it leaves that open.
fn equated(equation: &str) -> Known {
    match equation.split_once("->") {
        Some((_, result)) if !result.contains('.') => {
            Known::shaped(vec![None; result.chars().filter(char::is_ascii_alphabetic).count()])
        }
        _ => Known::default(),
    }
}
