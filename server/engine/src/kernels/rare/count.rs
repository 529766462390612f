//! How often each number is there, and which interval numbers are in.

use super::super::access::{int, make, zeros};
use super::super::{Outcome, Value, elements, fail};
use super::scatter::Combine;
use super::{Values, by_kind, ragged, wide};
use crate::EngineError;
use crate::graph::{Counts, GramCounts};
use num_traits::One;
use std::collections::BTreeMap;

/// Numbers with the rows that they are of, and how many rows there are; None: there is no axis of rows.
type Entries = (Vec<(usize, i64)>, Option<usize>);

/// x, in one row or in several.
pub fn of_dense(x: &Value) -> Result<Entries, EngineError> {
    let (rows, width) = match x.dims() {
        [] => (None, 1),
        [n] => (None, *n),
        [rows, n] => (Some(*rows), *n),
        other => return Err(fail(format!("counts of values of the shape {other:?}"))),
    };
    let values = x.slice::<i64>()?;
    let owners = (0..values.len()).map(|n| if rows.is_some() { n / width.max(1) } else { 0 });
    Ok((owners.zip(values.iter().copied()).collect(), rows))
}

/// Splits and values.
pub fn of_ragged([splits, values]: [&Value; 2]) -> Result<Entries, EngineError> {
    let values = values.slice::<i64>()?;
    let owners = ragged::owners(splits.slice()?, values.len())?;
    let entries = owners.into_iter().zip(values.iter().copied()).collect();
    Ok((entries, Some(splits.elem_count().saturating_sub(1))))
}

/// Indices, values, shape.
pub fn of_sparse([indices, values, shape]: [&Value; 3]) -> Result<Entries, EngineError> {
    let shape = super::super::access::sizes(shape)?;
    let values = values.slice::<i64>()?;
    let rows = match (&shape[..], indices.dims()) {
        ([_], [n, 1]) if *n == values.len() => None,
        ([rows, _], [n, 2]) if *n == values.len() => Some(*rows),
        _ => return Err(fail(format!("counts of a sparse array of the shape {shape:?}"))),
    };
    let indices = indices.slice::<i64>()?;
    let owner = |n: usize| match rows {
        Some(rows) => usize::try_from(indices[n * 2]).ok().filter(|r| *r < rows),
        None => Some(0),
    };
    let entries: Option<Vec<(usize, i64)>> =
        values.iter().enumerate().map(|(n, v)| Some((owner(n)?, *v))).collect();
    Ok((entries.ok_or_else(|| fail("a row that is not there"))?, rows))
}

/// How often each number is there, with a place for each that may be.
pub fn counted((entries, rows): Entries, size: &Value, weights: &Value, binary: bool) -> Outcome {
    let size = usize::try_from(int(size)?).map_err(|_| fail("a number of bins below none"))?;
    let shape: Vec<usize> = rows.into_iter().chain([size]).collect();
    elements(&shape)?;
    by_kind!(weights, add_up(&entries, &shape, size, weights, binary))
}

/// How often each number is there that is: indices, counts, shape.
pub fn tallied(entries: Entries, weights: &Value, how: Counts) -> Values {
    by_kind!(weights, tally(entries, weights, how))
}

fn tally<T: Combine + One>((entries, rows): Entries, weights: &Value, how: Counts) -> Values {
    let weights = weights.slice::<T>()?;
    if !weights.is_empty() && weights.len() != entries.len() {
        return Err(fail(format!("{} weights of {} values", weights.len(), entries.len())));
    }
    let mut counts: BTreeMap<(usize, i64), T> = BTreeMap::new();
    let mut largest = 0;
    for (n, (row, value)) in entries.iter().enumerate() {
        if *value < 0 {
            return Err(fail("a value below zero has no bin"));
        }
        largest = largest.max(*value);
        if how.most < 0 || *value < how.most {
            let weight = weights.get(n).copied().unwrap_or_else(T::one);
            let to = counts.entry((*row, *value)).or_default();
            *to = if how.binary { T::one() } else { to.plus(weight) };
        }
    }
    let width = if how.most >= 0 { how.most } else { how.least.max(largest.saturating_add(1)) };
    let (count, rank) = (counts.len(), 1 + usize::from(rows.is_some()));
    let place = |(row, value): &(usize, i64)| [*row as i64, *value].into_iter().skip(2 - rank);
    let indices: Vec<i64> = counts.keys().flat_map(place).collect();
    let shape: Vec<i64> = rows.map(|r| r as i64).into_iter().chain([width]).collect();
    let values: Vec<T> = counts.into_values().collect();
    Ok(vec![make(indices, &[count, rank])?, make(values, &[count])?, make(shape, &[rank])?])
}

fn add_up<T: Combine + One>(
    entries: &[(usize, i64)],
    shape: &[usize],
    size: usize,
    weights: &Value,
    binary: bool,
) -> Outcome {
    let weights = weights.slice::<T>()?;
    if !weights.is_empty() && weights.len() != entries.len() {
        return Err(fail(format!("{} weights of {} values", weights.len(), entries.len())));
    }
    let mut out = zeros::<T>(shape)?;
    for (n, (row, value)) in entries.iter().enumerate() {
        let bin = usize::try_from(*value).map_err(|_| fail("a value below zero has no bin"))?;
        // Values beyond the last bin are not counted.
        if bin < size {
            let to = &mut out[row * size + bin];
            let weight = weights.get(n).copied().unwrap_or_else(T::one);
            *to = if binary { T::one() } else { to.plus(weight) };
        }
    }
    make(out, shape)
}

/// How many bounds are not above each number.
pub fn bucketize(x: &Value, bounds: &[f32]) -> Outcome {
    let place = |x: &f64| bounds.partition_point(|b| f64::from(*b) <= *x) as i64;
    make(wide(x)?.iter().map(place).collect::<Vec<i64>>(), x.dims())
}

/// How often runs of numbers are met in each row: numbers that lie beside each other, or as far apart as may be skipped.
pub fn grams(grams: &GramCounts, x: &Value) -> Outcome {
    let &[rows, length] = x.dims() else {
        return Err(fail(format!("runs are counted in rows, not in {:?}", x.dims())));
    };
    let columns = grams.weights.len();
    let mut out = zeros::<f32>(&[rows, columns])?;
    let mut run = Vec::new();
    for n in 0..rows {
        let row = &x.slice::<i64>()?[n * length..(n + 1) * length];
        let counts = &mut out[n * columns..(n + 1) * columns];
        for width in &grams.widths {
            // Single numbers have nothing between them.
            let apart = if *width == 1 { 1 } else { grams.skips.saturating_add(1).min(length) };
            for step in 1..=apart {
                let reach = step.saturating_mul(width.saturating_sub(1));
                for begin in 0..length.saturating_sub(reach) {
                    run.clear();
                    run.extend(row[begin..=begin + reach].iter().step_by(step));
                    if let Some(column) = grams.columns.get(&run) {
                        counts[*column] += 1.0;
                    }
                }
            }
        }
        for (count, weight) in counts.iter_mut().zip(&grams.weights) {
            *count = weight * if grams.binary { count.min(1.0) } else { *count };
        }
    }
    make(out, &[rows, columns])
}
