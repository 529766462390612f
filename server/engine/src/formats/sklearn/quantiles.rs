//! Transformers that make columns look normal, or even.

use super::builder::Builder;
use super::columns::{self, floats};
use super::scalers::{centred, is_on};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Learning, Unary, ValueId};

pub fn powers(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Result<ValueId, EngineError> {
    let lambdas = floats(of, "lambdas_")?;
    if lambdas.len() != width {
        return Err(EngineError::broken("powers of another number of columns"));
    }
    let is_box_cox = of.word("method") == Some("box-cox");
    let mut parts = Vec::new();
    for (n, lambda) in lambdas.into_iter().enumerate() {
        let column = to.pick(x, &[n])?;
        parts.push(if lambda.is_nan() {
            column
        } else if is_box_cox {
            power(to, column, lambda)?
        } else {
            yeo_johnson(to, column, lambda)?
        });
    }
    let x = to.beside(&parts)?;
    match of.find("_scaler") {
        Some(scaler) if is_on(of, "standardize", true)? => centred(to, scaler, x, ["mean_", "scale_"]),
        _ => Ok(x),
    }
}

/// `(x^lambda - 1) / lambda`, or the logarithm.
fn power(to: &mut Builder<'_>, x: ValueId, lambda: f64) -> Result<ValueId, EngineError> {
    if lambda.abs() < f64::EPSILON {
        return to.unary(Unary::Log, x);
    }
    let raised = to.with(Binary::Pow, x, lambda)?;
    let raised = to.with(Binary::Sub, raised, 1.0)?;
    to.with(Binary::Div, raised, lambda)
}

fn yeo_johnson(to: &mut Builder<'_>, x: ValueId, lambda: f64) -> Result<ValueId, EngineError> {
    let size = to.unary(Unary::Abs, x)?;
    let beyond = to.with(Binary::Add, size, 1.0)?;
    let above = power(to, beyond, lambda)?;
    let below = power(to, beyond, 2.0 - lambda)?;
    let below = to.unary(Unary::Neg, below)?;
    let is_above = to.compare_with(Compare::GreaterEqual, x, 0.0)?;
    let made = to.select(is_above, above, below)?;
    // What is missing stays.
    to.binary(Binary::Add, made, x).and_then(|sum| to.binary(Binary::Sub, sum, x))
}

/// Each value's place among the quantiles of training.
pub fn quantiles(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: ValueId,
    width: usize,
) -> Result<ValueId, EngineError> {
    let (quantiles, [count, of_width]) = columns::matrix(of.get("quantiles_")?)?;
    let references = floats(of, "references_")?;
    if of_width != width || references.len() != count || count == 0 {
        return Err(EngineError::broken("quantiles of another number of columns"));
    }
    let spread =
        |values: &[f64]| values.iter().flat_map(|v| std::iter::repeat_n(*v, width)).collect::<Vec<f64>>();
    let shape = [count, width];
    let places = to.constant(quantiles.clone(), &shape)?;
    let values = to.constant(spread(&references), &shape)?;
    // Flat stretches from both sides: the middle.
    let turned: Vec<f64> = quantiles.chunks_exact(width).rev().flatten().map(|q| -q).collect();
    let back: Vec<f64> = references.iter().rev().map(|r| -r).collect();
    let (turned, back) = (to.constant(turned, &shape)?, to.constant(spread(&back), &shape)?);
    let up = to.learning(Learning::Interpolate, &[x, places, values])?;
    let against = to.unary(Unary::Neg, x)?;
    let down = to.learning(Learning::Interpolate, &[against, turned, back])?;
    let apart = to.binary(Binary::Sub, up, down)?;
    let mut share = to.with(Binary::Mul, apart, 0.5)?;
    let is_normal = of.word("output_distribution") == Some("normal");
    let (first, last) = (quantiles[..width].to_vec(), quantiles[(count - 1) * width..].to_vec());
    for (bound, end, is_low) in [(first, 0.0, true), (last, 1.0, false)] {
        // Of a normal distribution what is almost at an end is there.
        let bound = bound
            .into_iter()
            .map(|b| if is_normal { if is_low { b + 1e-7 } else { b - 1e-7 } } else { b })
            .collect();
        let bound = to.row(bound)?;
        let compare = match (is_normal, is_low) {
            (true, true) => Compare::Less,
            (true, false) => Compare::Greater,
            _ => Compare::Equal,
        };
        let there = to.compare(compare, x, bound)?;
        let end = to.number(end)?;
        share = to.select(there, end, share)?;
    }
    if !is_normal {
        return Ok(share);
    }
    let function = crate::graph::Rare::Function(crate::graph::Function::Ndtri);
    let normal = to.add(crate::graph::Op::Rare(Box::new(function)), &[share])?;
    // The outermost 1e-7 of the distribution, as scikit-learn has it.
    let normal = to.with(Binary::Max, normal, NORMAL_END)?;
    to.with(Binary::Min, normal, -NORMAL_END)
}

/// The normal distribution's quantile of `1e-7 - 2^-52`.
const NORMAL_END: f64 = -5.199_337_582_605_575;
