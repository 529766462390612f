//! Arithmetic of sparse arrays.

use super::super::access::{make, sizes};
use super::super::{Outcome, Value, elements, fail};
use super::scatter::Combine;
use super::sparse::{Sparse, tuples};
use super::{Values, at, by_kind, float, narrowed, wide};
use crate::EngineError;
use crate::graph::Rows;
use crate::value::Kind;
use num_traits::ToPrimitive;
use std::collections::BTreeMap;

/// Steps of a comparison of two sequences, at most.
const MOST_STEPS: usize = 1 << 30;

pub fn run(op: &Rows, inputs: &[&Value]) -> Values {
    let sparse = |n: usize| -> Result<Sparse<'_>, EngineError> {
        Ok([at(inputs, n)?, at(inputs, n + 1)?, at(inputs, n + 2)?])
    };
    match op {
        Rows::SparseAdd => add(sparse(0)?, sparse(3)?, at(inputs, 6)?),
        Rows::SparseSoftmax => softmax(sparse(0)?).map(|v| vec![v]),
        Rows::EditDistance { normalized } => distance(sparse(0)?, sparse(3)?, *normalized).map(|v| vec![v]),
        other => Err(fail(format!("{other:?} cannot be run"))),
    }
}

/// Sums that are not smaller than a threshold.
fn add(a: Sparse<'_>, b: Sparse<'_>, threshold: &Value) -> Values {
    if a[2].slice::<i64>()? != b[2].slice::<i64>()? || a[1].kind() != b[1].kind() {
        return Err(fail("a sum of sparse arrays of different shapes or types"));
    }
    by_kind!(a[1], sums(a, b, float(threshold)?))
}

fn sums<T: Combine + ToPrimitive>(a: Sparse<'_>, b: Sparse<'_>, threshold: f64) -> Values {
    let mut sums: BTreeMap<&[i64], T> =
        tuples(a)?.into_iter().zip(a[1].slice::<T>()?.iter().copied()).collect();
    for (place, value) in tuples(b)?.into_iter().zip(b[1].slice::<T>()?) {
        match sums.get_mut(place) {
            Some(sum) => *sum = sum.plus(*value),
            None => {
                sums.insert(place, *value);
                continue;
            }
        }
        // What is in one of them alone stays, however small it is.
        if sums.get(place).and_then(T::to_f64).is_some_and(|sum| sum.abs() < threshold) {
            sums.remove(place);
        }
    }
    let (count, rank) = (sums.len(), a[2].elem_count());
    let indices: Vec<i64> = sums.keys().flat_map(|t| t.iter().copied()).collect();
    let values: Vec<T> = sums.into_values().collect();
    Ok(vec![make(indices, &[count, rank])?, make(values, &[count])?, a[2].clone()])
}

/// Over what lies along the last axis.
fn softmax(x: Sparse<'_>) -> Outcome {
    let entries = tuples(x)?;
    let mut values = wide(x[1])?;
    let mut rows: BTreeMap<&[i64], Vec<usize>> = BTreeMap::new();
    for (n, place) in entries.iter().enumerate() {
        rows.entry(&place[..place.len() - 1]).or_default().push(n);
    }
    for row in rows.values() {
        let most = row.iter().map(|n| values[*n]).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = row.iter().map(|n| (values[*n] - most).exp()).sum();
        row.iter().for_each(|n| values[*n] = (values[*n] - most).exp() / total);
    }
    narrowed(x[1].kind(), values, x[1].dims())
}

/// What sequences are made of.
#[derive(PartialEq)]
enum Item<'v> {
    Number(i64),
    Bits(u64),
    Text(&'v [u8]),
}

type Sequences<'v> = BTreeMap<&'v [i64], Vec<Item<'v>>>;

fn sequences(x: Sparse<'_>) -> Result<Sequences<'_>, EngineError> {
    let values: Vec<Item<'_>> = match x[1].kind() {
        Kind::Text => x[1].texts()?.iter().map(|t| Item::Text(t)).collect(),
        Kind::I64 => x[1].slice::<i64>()?.iter().map(|n| Item::Number(*n)).collect(),
        Kind::Bool => x[1].slice::<u8>()?.iter().map(|n| Item::Number(i64::from(*n))).collect(),
        _ => wide(x[1])?.iter().map(|n| Item::Bits((n + 0.0).to_bits())).collect(),
    };
    let mut all = Sequences::new();
    for (place, value) in tuples(x)?.into_iter().zip(values) {
        all.entry(&place[..place.len() - 1]).or_default().push(value);
    }
    Ok(all)
}

/// How many items of each sequence are to be put in, taken out or exchanged to make it the one that is wanted.
fn distance(found: Sparse<'_>, wanted: Sparse<'_>, normalized: bool) -> Outcome {
    let (shape, other) = (sizes(found[2])?, sizes(wanted[2])?);
    if shape.len() != other.len() || shape.len() < 2 {
        return Err(fail(format!("sequences of shapes {shape:?} and {other:?}")));
    }
    let shape: Vec<usize> = shape.iter().zip(&other).map(|(a, b)| *a.max(b)).take(shape.len() - 1).collect();
    let mut out = vec![0f32; elements(&shape)?];
    let (found, wanted) = (sequences(found)?, sequences(wanted)?);
    let mut steps = 0usize;
    for place in found.keys().chain(wanted.keys()) {
        let (a, b) = (found.get(place).map_or(&[][..], |v| v), wanted.get(place).map_or(&[][..], |v| v));
        steps = steps.saturating_add(a.len().saturating_mul(b.len()));
        if steps > MOST_STEPS {
            return Err(fail("sequences that are too long to be compared"));
        }
        let apart = levenshtein(a, b) as f32;
        let at = |at: usize, (n, extent): (&i64, &usize)| at * extent + usize::try_from(*n).unwrap_or(0);
        out[place.iter().zip(&shape).fold(0, at)] = if normalized { apart / b.len() as f32 } else { apart };
    }
    make(out, &shape)
}

fn levenshtein(a: &[Item<'_>], b: &[Item<'_>]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n, x) in a.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], n + 1);
        for (m, y) in b.iter().enumerate() {
            let exchanged = before + usize::from(x != y);
            before = row[m + 1];
            row[m + 1] = exchanged.min(before + 1).min(row[m] + 1);
        }
    }
    row[b.len()]
}
