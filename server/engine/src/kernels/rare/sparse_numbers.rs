//! Arithmetic of sparse arrays.

use super::super::access::{axis, make, sizes, zeros};
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
        Rows::SparseExtreme { max } => extremes(sparse(0)?, sparse(3)?, *max),
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

/// The larger or the smaller of two, of which one may be nothing, which is zero.
fn extremes(a: Sparse<'_>, b: Sparse<'_>, max: bool) -> Values {
    if a[2].slice::<i64>()? != b[2].slice::<i64>()? || a[1].kind() != b[1].kind() {
        return Err(fail("sparse arrays of different shapes or types"));
    }
    by_kind!(a[1], extremes_of(a, b, max))
}

fn extremes_of<T: Combine>(a: Sparse<'_>, b: Sparse<'_>, max: bool) -> Values {
    let mut both: BTreeMap<&[i64], [T; 2]> = BTreeMap::new();
    for (n, x) in [a, b].into_iter().enumerate() {
        for (place, value) in tuples(x)?.into_iter().zip(x[1].slice::<T>()?) {
            both.entry(place).or_default()[n] = *value;
        }
    }
    let (count, rank) = (both.len(), a[2].elem_count());
    let indices: Vec<i64> = both.keys().flat_map(|t| t.iter().copied()).collect();
    let values: Vec<T> = both.into_values().map(|[a, b]| if (a < b) == max { b } else { a }).collect();
    Ok(vec![make(indices, &[count, rank])?, make(values, &[count])?])
}

/// The axes that are left when others go; none that go: all of them.
fn kept(axes: &Value, rank: usize) -> Result<Vec<usize>, EngineError> {
    let axes = axes.slice::<i64>()?;
    let over: Vec<usize> = axes.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?;
    Ok((0..rank).filter(|a| !over.is_empty() && !over.contains(a)).collect())
}

type Groups<T> = BTreeMap<Vec<i64>, T>;

/// What values are together that differ along the other axes alone.
fn grouped<T: Combine>(x: Sparse<'_>, kept: &[usize], max: bool) -> Result<Groups<T>, EngineError> {
    let mut groups = Groups::new();
    for (place, value) in tuples(x)?.into_iter().zip(x[1].slice::<T>()?) {
        let place: Vec<i64> = kept.iter().map(|a| place[*a]).collect();
        let join = |so_far: &mut T| match max {
            true if *so_far < *value => *so_far = *value,
            true => {}
            false => *so_far = so_far.plus(*value),
        };
        groups.entry(place).and_modify(join).or_insert(*value);
    }
    Ok(groups)
}

/// Sums or the largest over axes, as an array; where nothing is, zero.
pub fn reduce(x: Sparse<'_>, axes: &Value, max: bool, keep: bool) -> Outcome {
    let shape = sizes(x[2])?;
    let kept = kept(axes, shape.len())?;
    by_kind!(x[1], reduced(x, &shape, &kept, max, keep))
}

fn reduced<T: Combine>(x: Sparse<'_>, shape: &[usize], kept: &[usize], max: bool, keep: bool) -> Outcome {
    let extents: Vec<usize> = kept.iter().map(|a| shape[*a]).collect();
    let mut out = zeros::<T>(&extents)?;
    for (place, value) in grouped::<T>(x, kept, max)? {
        let at = |at: usize, (n, extent): (&i64, &usize)| at * extent + usize::try_from(*n).unwrap_or(0);
        out[place.iter().zip(&extents).fold(0, at)] = value;
    }
    let all = shape.iter().enumerate().map(|(a, extent)| if kept.contains(&a) { *extent } else { 1 });
    let dims: Vec<usize> = if keep { all.collect() } else { extents };
    make(out, &dims)
}

/// The same, sparse.
pub fn reduce_to_sparse(x: Sparse<'_>, axes: &Value, max: bool) -> Values {
    let shape = sizes(x[2])?;
    let kept = kept(axes, shape.len())?;
    by_kind!(x[1], reduced_to_sparse(x, &shape, &kept, max))
}

fn reduced_to_sparse<T: Combine>(x: Sparse<'_>, shape: &[usize], kept: &[usize], max: bool) -> Values {
    let groups = grouped::<T>(x, kept, max)?;
    let (count, rank) = (groups.len(), kept.len());
    let indices: Vec<i64> = groups.keys().flatten().copied().collect();
    let extents: Vec<i64> = kept.iter().map(|a| shape[*a] as i64).collect();
    let values: Vec<T> = groups.into_values().collect();
    Ok(vec![make(indices, &[count, rank])?, make(values, &[count])?, make(extents, &[rank])?])
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
