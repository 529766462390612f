//! Mixtures of normal distributions.

use super::bayes::apart;
use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{self, Answer, Family, Method, Part, no_such};
use crate::formats::pickle::View;
use crate::graph::{Binary, Op, Reduce, Unary, ValueId};
use crate::{DType, EngineError};

pub const MIXTURES: Family = Family {
    classes: &["GaussianMixture"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Samples]),
    lower: |to, of, x, method| {
        let (logs, count) = logs(to, of, x)?;
        match method {
            Method::Predict => {
                let id = to.largest(logs)?;
                Ok(Answer::Part(Part { id, dtype: DType::I64, width: None }))
            }
            Method::Proba => {
                let chances = to.add(Op::Softmax { log: false }, &[logs])?;
                Ok(Answer::Part(Part::floats(chances, Some(count))))
            }
            Method::Samples => {
                let sum = to.log_sum(logs)?;
                Ok(Answer::Part(Part::floats(to.squeeze(sum, 1)?, None)))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

/// The logarithm of each component's density at a row, times its weight.
fn logs(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let (means, [count, width]) = matrix(of.get("means_")?)?;
    let roots = of.get("precisions_cholesky_")?.array()?.floats()?;
    let weights = floats(of, "weights_")?;
    let x = columns::numbers(to, x, width)?;
    let apart = apart(to, x, means, [count, width])?;
    let kind = of.get("covariance_type")?.text().unwrap_or("");
    let wrong = || {
        EngineError::broken(format!(
            "a mixture with covariances of kind {kind:?} and {} numbers",
            roots.len()
        ))
    };
    let (scaled, determinants): (ValueId, Vec<f64>) = match kind {
        "diag" | "spherical" => {
            let each = if kind == "diag" { width } else { 1 };
            if Some(roots.len()) != count.checked_mul(each) {
                return Err(wrong());
            }
            let of_component = |row: &[f64]| row.iter().map(|r| r.ln()).sum::<f64>() * (width / each) as f64;
            let determinants = roots.chunks_exact(each).map(of_component).collect();
            let scale = to.constant(roots.clone(), &[1, count, each])?;
            (to.binary(Binary::Mul, apart, scale)?, determinants)
        }
        "full" | "tied" => {
            let square = width.checked_mul(width).ok_or_else(wrong)?;
            let matrices = if kind == "full" { count } else { 1 };
            if Some(roots.len()) != matrices.checked_mul(square) || square == 0 {
                return Err(wrong());
            }
            let of_matrix = |m: &[f64]| (0..width).map(|n| m[n * width + n].ln()).sum::<f64>();
            let determinants: Vec<f64> = roots.chunks_exact(square).map(of_matrix).collect();
            let determinants = (0..count).map(|n| determinants[n % matrices]).collect();
            // [rows, count, 1, width] times [count, width, width].
            let apart = to.expand(apart, 2)?;
            let roots = to.constant(roots, &[1, matrices, width, width])?;
            let turned = to.product(apart, roots)?;
            (to.squeeze(turned, 2)?, determinants)
        }
        _ => return Err(wrong()),
    };
    let squares = to.unary(Unary::Square, scaled)?;
    let sums = to.reduce(Reduce::Sum, squares, 2, false)?;
    let half = to.with(Binary::Mul, sums, 0.5)?;
    let base = width as f64 * 0.5 * std::f64::consts::TAU.ln();
    let constants = determinants.iter().zip(&weights).map(|(d, weight)| d + weight.ln() - base).collect();
    let constants = to.row(constants)?;
    Ok((to.binary(Binary::Sub, constants, half)?, count))
}

pub const ENVELOPE: Family = Family {
    classes: &["EllipticEnvelope"],
    methods: |_| Ok(vec![Method::Predict, Method::Decision, Method::Samples]),
    lower: |to, of, x, method| {
        let (precision, shape) = matrix(of.get("precision_")?)?;
        let width = shape[0];
        let x = columns::numbers(to, x, width)?;
        let apart = to.with_row(Binary::Sub, x, floats(of, "location_")?)?;
        let turned = columns::product(to, &Columns::Numbers(apart, width), (precision, shape))?;
        let products = to.binary(Binary::Mul, turned, apart)?;
        let distance = to.reduce(Reduce::Sum, products, 1, false)?;
        let scores = to.unary(Unary::Neg, distance)?;
        estimator::outliers(to, of, method, scores, of.get("offset_")?.float()?)
    },
};
