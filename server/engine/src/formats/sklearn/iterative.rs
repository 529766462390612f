//! Missing values that others of the row tell, or rows like it.

use super::builder::{Builder, Columns};
use super::columns::{self, matrix};
use super::estimator::{self, Family, Lowered, Method, no_such};
use super::{imputers, neighbours};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Op, Reduce, Unary, ValueId};

pub const ITERATIVE: Family = Family {
    classes: &["IterativeImputer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        iterative(to, of, x)
    },
};

pub const NEAREST: Family = Family {
    classes: &["KNNImputer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        nearest(to, of, x)
    },
};

/// Only what is plain: numbers are missing as NaN, no column goes.
fn checked(of: View<'_>) -> Result<(), EngineError> {
    let plain =
        of.find("missing_values").map_or(Ok(true), |view| Ok::<_, EngineError>(view.float()?.is_nan()))?;
    if !plain {
        return Err(EngineError::broken(format!("{} with missing_values", estimator::class(of))));
    }
    Ok(())
}

/// Column by column, in the order and as often as in training.
fn iterative(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    checked(of)?;
    if of.find("sample_posterior").map_or(Ok(false), View::bool)? {
        return Err(EngineError::broken(
            "IterativeImputer draws by chance (sample_posterior): its answers cannot be repeated",
        ));
    }
    let (given, width) = columns::dense(to, x)?;
    let (lowest, highest) = (columns::floats(of, "_min_value")?, columns::floats(of, "_max_value")?);
    let first = estimator::transformed(to, of.get("initial_imputer_")?, x)?;
    let mut parts = Vec::new();
    for n in 0..width {
        parts.push(columns::column(to, &first, n)?);
    }
    for step in of.get("imputation_sequence_")?.items() {
        let members = if step.arguments().is_empty() { step.items() } else { step.arguments() };
        let [place, others, model, ..] = &members[..] else {
            return Err(EngineError::broken("a step of IterativeImputer is none"));
        };
        let place = place.size()?;
        let others: Vec<usize> =
            others.array()?.ints()?.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
        if place >= width
            || lowest.len() != width
            || highest.len() != width
            || others.iter().any(|n| *n >= width)
        {
            return Err(EngineError::broken("a step of IterativeImputer is of a column that is not there"));
        }
        let seen: Vec<ValueId> = others.iter().map(|n| parts[*n]).collect();
        let seen = to.beside(&seen)?;
        let said = estimator::predicted(to, *model, &Columns::Numbers(seen, others.len()))?;
        let said = to.expand(said.id, 1)?;
        let said = to.with(Binary::Max, said, lowest[place])?;
        let said = to.with(Binary::Min, said, highest[place])?;
        let column = to.pick(given, &[place])?;
        let missing = columns::is_nan(to, column)?;
        parts[place] = to.select(missing, said, column)?;
    }
    let filled = to.beside(&parts)?;
    imputers::with_indicator(to, of, (given, width), (filled, width))
}

/// The mean of the nearest rows of training that have a value there, by the columns that both have.
fn nearest(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    checked(of)?;
    let (trained, [rows, width]) = matrix(of.get("_fit_X")?)?;
    let k = of.get("n_neighbors")?.size()?;
    let by_distance = match of.find("weights").map(View::text) {
        None | Some(Some("uniform")) => false,
        Some(Some("distance")) => true,
        Some(_) => {
            return Err(EngineError::broken(
                "KNNImputer weighs by a function, and nothing of a pickle is called",
            ));
        }
    };
    let x = columns::numbers(to, x, width)?;
    let apart = apart(to, x, &trained, [rows, width])?;
    let mut parts = Vec::new();
    for n in 0..width {
        let column = to.pick(x, &[n])?;
        let donors: Vec<usize> = (0..rows).filter(|row| !trained[row * width + n].is_nan()).collect();
        let values: Vec<f64> = donors.iter().map(|row| trained[row * width + n]).collect();
        if values.is_empty() {
            return Err(EngineError::broken("KNNImputer of a column without any value"));
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let distances = to.pick(apart, &donors)?;
        let filled = filled(to, distances, values, (k.min(donors.len()), mean, by_distance))?;
        let missing = columns::is_nan(to, column)?;
        parts.push(to.select(missing, filled, column)?);
    }
    let filled = to.beside(&parts)?;
    imputers::with_indicator(to, of, (x, width), (filled, width))
}

/// Distances over the columns that both rows have, as if they had all; infinite where they share none.
fn apart(
    to: &mut Builder<'_>,
    x: ValueId,
    trained: &[f64],
    shape: [usize; 2],
) -> Result<ValueId, EngineError> {
    let [rows, width] = shape;
    let there: Vec<f64> = trained.iter().map(|v| f64::from(u8::from(!v.is_nan()))).collect();
    let known: Vec<f64> = trained.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
    let missing = columns::is_nan(to, x)?;
    let zero = to.number(0.0)?;
    let own = to.select(missing, zero, x)?;
    let missing = to.float(missing)?;
    let one = to.number(1.0)?;
    let own_there = to.binary(Binary::Sub, one, missing)?;
    // [rows of the request, rows of training, columns]
    let difference = super::bayes::apart(to, own, known, shape)?;
    let squares = to.unary(Unary::Square, difference)?;
    let own_there = to.expand(own_there, 1)?;
    let there = to.constant(there, &[1, rows, width])?;
    let both = to.binary(Binary::Mul, own_there, there)?;
    let squares = to.binary(Binary::Mul, squares, both)?;
    let sum = to.reduce(Reduce::Sum, squares, 2, false)?;
    let shared = to.reduce(Reduce::Sum, both, 2, false)?;
    let scaled = to.with(Binary::Mul, sum, width as f64)?;
    let square = to.binary(Binary::DivNoNan, scaled, shared)?;
    let distance = to.unary(Unary::Sqrt, square)?;
    let none = to.compare_with(Compare::Equal, shared, 0.0)?;
    let far = to.number(f64::INFINITY)?;
    to.select(none, far, distance)
}

fn filled(
    to: &mut Builder<'_>,
    distances: ValueId,
    values: Vec<f64>,
    (k, mean, by_distance): (usize, f64, bool),
) -> Result<ValueId, EngineError> {
    let near = to.unary(Unary::Neg, distances)?;
    let count = to.int(k as i64)?;
    let best = to.add_many(Op::TopK, &[near, count], 2)?;
    let shape = values.len();
    let values = to.constant(values, &[shape])?;
    let axis = to.int(0)?;
    let donated = to.add(Op::Gather { batch_dims: 0 }, &[values, best[1], axis])?;
    let distance = to.unary(Unary::Neg, best[0])?;
    let reached = to.compare_with(Compare::Less, distance, f64::INFINITY)?;
    let reached = to.float(reached)?;
    let weights = if by_distance { neighbours::inverse(to, distance)? } else { reached };
    let weighted = to.binary(Binary::Mul, donated, weights)?;
    let (sum, total) = (to.sum(weighted)?, to.sum(weights)?);
    let made = to.binary(Binary::DivNoNan, sum, total)?;
    // Who shares no column with anybody gets the mean.
    let none = to.compare_with(Compare::Equal, total, 0.0)?;
    let mean = to.number(mean)?;
    to.select(none, mean, made)
}
