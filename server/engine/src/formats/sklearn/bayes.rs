//! Naive Bayes.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{Answer, Family, Method, Part, label_of_largest, no_such};
use super::labels;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Op, Unary, ValueId};
use crate::{DType, EngineError};

pub const FAMILY: Family = Family {
    classes: &["GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB", "CategoricalNB"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: |to, of, x, method| {
        let joint = joint(to, of, x)?;
        match method {
            Method::Predict => label_of_largest(to, of, joint),
            Method::Proba => {
                let chances = to.add(Op::Softmax { log: false }, &[joint])?;
                Ok(Answer::Part(Part::floats(chances, Some(labels::count(of)?))))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

/// The logarithm of how likely each class is together with a row, but for what all classes share.
fn joint(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    let priors = || floats(of, "class_log_prior_");
    match of.class() {
        Some("GaussianNB") => gaussian(to, of, x),
        Some("CategoricalNB") => categorical(to, of, x),
        Some("BernoulliNB") => {
            let (logs, shape) = matrix(of.get("feature_log_prob_")?)?;
            let nots: Vec<f64> = logs.iter().map(|log| (-log.exp()).ln_1p()).collect();
            let sums = nots.chunks_exact(shape[1].max(1)).map(|row| row.iter().sum::<f64>());
            let intercepts = sums.zip(priors()?).map(|(sum, prior)| sum + prior).collect();
            let weights = logs.iter().zip(&nots).map(|(log, not)| log - not).collect();
            let x = binarised(to, of, x)?;
            columns::linear(to, &x, &(weights, shape), intercepts)
        }
        Some("ComplementNB") if labels::count(of)? > 1 => {
            columns::linear(to, x, &matrix(of.get("feature_log_prob_")?)?, vec![0.0])
        }
        _ => columns::linear(to, x, &matrix(of.get("feature_log_prob_")?)?, priors()?),
    }
}

fn binarised(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<Columns, EngineError> {
    let Some(threshold) = of.find("binarize") else { return Ok(x.clone()) };
    let threshold = threshold.float()?;
    if let (Columns::Sparse([indices, values, shape], width), true) = (x, threshold >= 0.0) {
        let above = to.compare_with(Compare::Greater, *values, threshold)?;
        return Ok(Columns::Sparse([*indices, to.float(above)?, *shape], *width));
    }
    let (id, width) = columns::dense(to, x)?;
    let above = to.compare_with(Compare::Greater, id, threshold)?;
    Ok(Columns::Numbers(to.float(above)?, width))
}

fn gaussian(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    let (means, [classes, width]) = matrix(of.get("theta_")?)?;
    let variances = of.any(&["var_", "sigma_"]);
    let variances =
        variances.ok_or_else(|| EngineError::broken("GaussianNB has no var_"))?.array()?.floats()?;
    if variances.len() != means.len() {
        return Err(EngineError::broken("GaussianNB has other variances than means"));
    }
    let priors = floats(of, "class_prior_")?;
    let constants: Vec<f64> = variances
        .chunks_exact(width.max(1))
        .zip(priors)
        .map(|(row, prior)| {
            prior.ln() - 0.5 * row.iter().map(|v| (std::f64::consts::TAU * v).ln()).sum::<f64>()
        })
        .collect();
    let x = columns::numbers(to, x, width)?;
    let apart = apart(to, x, means, [classes, width])?;
    let squares = to.unary(Unary::Square, apart)?;
    let scale = to.constant(variances.into_iter().map(|v| 0.5 / v).collect(), &[1, classes, width])?;
    let scaled = to.binary(Binary::Mul, squares, scale)?;
    let sum = to.reduce(crate::graph::Reduce::Sum, scaled, 2, false)?;
    let constants = to.row(constants)?;
    to.binary(Binary::Sub, constants, sum)
}

/// Rows less each of some others: [rows, others, width].
pub fn apart(
    to: &mut Builder<'_>,
    x: ValueId,
    others: Vec<f64>,
    [count, width]: [usize; 2],
) -> Result<ValueId, EngineError> {
    let x = to.expand(x, 1)?;
    let others = to.constant(others, &[1, count, width])?;
    to.binary(Binary::Sub, x, others)
}

fn categorical(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    let tables = of.get("feature_log_prob_")?.items();
    let x = columns::numbers(to, x, tables.len())?;
    let numbers = to.add(Op::Cast(DType::I64), &[x])?;
    let mut sum = to.row(floats(of, "class_log_prior_")?)?;
    let axis = to.int(0)?;
    for (n, table) in tables.into_iter().enumerate() {
        let (data, shape) = columns::transposed(&matrix(table)?);
        let table = to.constant(data, &shape)?;
        let column = to.pick(numbers, &[n])?;
        let column = to.squeeze(column, 1)?;
        let logs = to.add(Op::Gather { batch_dims: 0 }, &[table, column, axis])?;
        sum = to.binary(Binary::Add, sum, logs)?;
    }
    Ok(sum)
}
