//! Sets: what lies along the last axis of an array or of a sparse one, each value once and in order.

use super::super::access::{make, sizes, zeros};
use super::super::{Outcome, Value, elements, fail};
use super::Values;
use super::sparse::{Sparse, tuples};
use crate::EngineError;
use crate::graph::{SetKind, SetOperation};
use crate::value::Kind;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item<'v> {
    Number(i64),
    Text(&'v [u8]),
}

type Set<'v> = BTreeSet<Item<'v>>;

/// Sets by where they are, and the shape that all places are within.
struct Sets<'v> {
    by_place: BTreeMap<Vec<i64>, Set<'v>>,
    shape: Vec<usize>,
}

fn items(values: &Value) -> Result<Vec<Item<'_>>, EngineError> {
    match values.kind() {
        Kind::Text => Ok(values.texts()?.iter().map(|t| Item::Text(t)).collect()),
        Kind::I64 => Ok(values.slice::<i64>()?.iter().map(|n| Item::Number(*n)).collect()),
        other => Err(fail(format!("sets of {other:?}, not of integers or texts"))),
    }
}

fn outer(shape: &[usize]) -> Result<Vec<usize>, EngineError> {
    match shape {
        [outer @ .., _] if !outer.is_empty() => Ok(outer.to_vec()),
        other => Err(fail(format!("sets in an array of shape {other:?}, which has less than two axes"))),
    }
}

fn of_sparse(x: Sparse<'_>) -> Result<Sets<'_>, EngineError> {
    let mut by_place: BTreeMap<Vec<i64>, Set<'_>> = BTreeMap::new();
    for (place, item) in tuples(x)?.into_iter().zip(items(x[1])?) {
        by_place.entry(place[..place.len() - 1].to_vec()).or_default().insert(item);
    }
    Ok(Sets { by_place, shape: outer(&sizes(x[2])?)? })
}

fn of_dense(x: &Value) -> Result<Sets<'_>, EngineError> {
    let (shape, all) = (outer(x.dims())?, items(x)?);
    let width = x.dims()[shape.len()].max(1);
    let place = |mut number: usize| {
        let mut place = vec![0; shape.len()];
        for (at, extent) in place.iter_mut().zip(&shape).rev() {
            *at = (number % extent) as i64;
            number /= extent;
        }
        place
    };
    let sets = all.chunks_exact(width).enumerate();
    let by_place = sets.map(|(n, set)| (place(n), set.iter().copied().collect())).collect();
    Ok(Sets { by_place, shape })
}

fn read<'v>(inputs: &[&'v Value]) -> Result<Sets<'v>, EngineError> {
    match inputs {
        [x] => of_dense(x),
        [indices, values, shape] => of_sparse([indices, values, shape]),
        _ => Err(fail("a set operation lacks an input")),
    }
}

/// Pairs of sets → indices, values, shape.
pub fn combine(how: SetOperation, inputs: &[&Value]) -> Values {
    let count = if how.first_sparse { 3 } else { 1 };
    let (first, second) =
        inputs.split_at_checked(count).ok_or_else(|| fail("a set operation lacks an input"))?;
    let (a, b) = (read(first)?, read(second)?);
    if a.shape != b.shape || first[first.len() / 2].kind() != second[second.len() / 2].kind() {
        return Err(fail(format!(
            "sets in arrays of shapes {:?} and {:?}, or of different types",
            a.shape, b.shape
        )));
    }
    let none = Set::new();
    let places: BTreeSet<&Vec<i64>> = a.by_place.keys().chain(b.by_place.keys()).collect();
    let (mut indices, mut found, mut longest) = (Vec::new(), Vec::new(), 0);
    for place in places {
        let [a, b] = [&a, &b].map(|sets| sets.by_place.get(place).unwrap_or(&none));
        let made: Vec<Item<'_>> = match how.kind {
            SetKind::FirstOnly => a.difference(b).copied().collect(),
            SetKind::SecondOnly => b.difference(a).copied().collect(),
            SetKind::Both => a.intersection(b).copied().collect(),
            SetKind::Either => a.union(b).copied().collect(),
        };
        longest = longest.max(made.len());
        for n in 0..made.len() {
            indices.extend(place);
            indices.push(n as i64);
        }
        found.extend(made);
    }
    let rank = a.shape.len() + 1;
    let shape: Vec<i64> = a.shape.iter().chain([&longest]).map(|n| *n as i64).collect();
    let count = found.len();
    let numbers = |item: &Item<'_>| if let Item::Number(n) = item { *n } else { 0 };
    let texts = |item: &Item<'_>| if let Item::Text(t) = item { t.to_vec() } else { Vec::new() };
    let values = match first[first.len() / 2].kind() {
        Kind::Text => Value::text(found.iter().map(texts).collect(), &[count])?,
        _ => make(found.iter().map(numbers).collect::<Vec<i64>>(), &[count])?,
    };
    Ok(vec![make(indices, &[count, rank])?, values, make(shape, &[rank])?])
}

/// How many values each set has.
pub fn counts(x: Sparse<'_>) -> Outcome {
    let sets = of_sparse(x)?;
    elements(&sets.shape)?;
    let mut out = zeros::<i64>(&sets.shape)?;
    for (place, set) in &sets.by_place {
        let at = |at: usize, (n, extent): (&i64, &usize)| at * extent + usize::try_from(*n).unwrap_or(0);
        out[place.iter().zip(&sets.shape).fold(0, at)] = set.len() as i64;
    }
    make(out, &sets.shape)
}
