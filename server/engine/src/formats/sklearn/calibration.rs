//! From what a classifier says to chances.

use super::builder::{Builder, Columns};
use super::estimator::{self, Method};
use super::{columns, simple};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Op, Unary, ValueId};

/// Chances of all classes by one calibrated classifier: [rows, classes].
pub fn chances(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    classes: usize,
) -> Result<ValueId, EngineError> {
    let model = of.any(&["estimator", "base_estimator"]);
    let model = model.ok_or_else(|| EngineError::broken("a calibrated classifier without a classifier"))?;
    let calibrators = of.any(&["calibrators", "calibrators_"]);
    let calibrators = calibrators
        .ok_or_else(|| EngineError::broken("a calibrated classifier without calibrators"))?
        .items();
    if of.word("method") == Some("temperature") {
        let calibrator = calibrators.first().copied();
        let calibrator = calibrator.ok_or_else(|| EngineError::broken("a temperature that is not there"))?;
        return tempered(to, model, x, calibrator.get("beta_")?.float()?);
    }
    // A decision where there is one, else chances; of two classes that of the second.
    let said = if estimator::has(model, Method::Decision)? {
        let part = estimator::part(to, model, x, Method::Decision)?;
        columns_of(to, part)?
    } else {
        let (chances, width) = estimator::proba(to, model, x)?;
        if width == 2 { (to.pick(chances, &[1])?, 1) } else { (chances, width) }
    };
    if said.1 != calibrators.len() || (classes > 2 && said.1 != classes) {
        return Err(EngineError::broken("a calibrated classifier with other calibrators than classes"));
    }
    let mut parts = Vec::new();
    for (n, calibrator) in calibrators.into_iter().enumerate() {
        let column = to.pick(said.0, &[n])?;
        parts.push(one(to, calibrator, column)?);
    }
    if classes == 2 {
        return to.both(parts[0]);
    }
    let all = to.beside(&parts)?;
    let sum = to.sum(all)?;
    // Where no class is likely, all are equally so.
    let none = to.compare_with(Compare::Equal, sum, 0.0)?;
    let none = to.float(none)?;
    let all = to.binary(Binary::Add, all, none)?;
    to.shares(all)
}

/// What scikit-learn adds to chances before it takes their logarithms.
const LEAST_CHANCE: f64 = 1e-12;

/// Shares by the logarithms of odds times a number: [rows, classes].
fn tempered(to: &mut Builder<'_>, model: View<'_>, x: &Columns, factor: f64) -> Result<ValueId, EngineError> {
    let odds = if estimator::has(model, Method::Decision)? {
        let part = estimator::part(to, model, x, Method::Decision)?;
        let (said, width) = columns_of(to, part)?;
        if width == 1 {
            let against = to.unary(Unary::Neg, said)?;
            to.beside(&[against, said])?
        } else {
            said
        }
    } else {
        let (chances, _) = estimator::proba(to, model, x)?;
        let moved = to.with(Binary::Add, chances, LEAST_CHANCE)?;
        to.unary(Unary::Log, moved)?
    };
    let odds = to.with(Binary::Mul, odds, factor)?;
    to.add(Op::Softmax { log: false }, &[odds])
}

fn columns_of(to: &mut Builder<'_>, part: estimator::Part) -> Result<(ValueId, usize), EngineError> {
    let made = columns::of_part(to, part)?;
    columns::dense(to, &made)
}

fn one(to: &mut Builder<'_>, of: View<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    match of.class() {
        Some("_SigmoidCalibration") => {
            let scaled = to.with(Binary::Mul, x, of.get("a_")?.float()?)?;
            let moved = to.with(Binary::Add, scaled, of.get("b_")?.float()?)?;
            let against = to.unary(Unary::Neg, moved)?;
            to.unary(Unary::Sigmoid, against)
        }
        Some("IsotonicRegression") => simple::isotonic(to, of, x),
        other => Err(EngineError::broken(format!("calibration by {}", other.unwrap_or("something")))),
    }
}
