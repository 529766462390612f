//! Multi-layer perceptrons.

use super::builder::{Builder, Columns};
use super::columns::{self, matrix};
use super::estimator::{Answer, Family, Lowered, Method, Part, label_if_above, label_of_largest, no_such};
use super::linear;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Op, Unary, ValueId};

pub const CLASSIFIERS: Family = Family {
    classes: &["MLPClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["MLPRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let (out, width) = forward(to, of, x)?;
        if width > 1 {
            return Ok(Answer::Part(Part::floats(out, Some(width))));
        }
        Ok(Answer::Part(Part::floats(to.squeeze(out, 1)?, None)))
    },
};

fn forward(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let (weights, biases) = (of.get("coefs_")?.items(), of.get("intercepts_")?.items());
    if weights.len() != biases.len() || weights.is_empty() {
        return Err(EngineError::broken("a network has other biases than layers"));
    }
    let names =
        [of.get("activation")?.text(), of.get("out_activation_")?.text()].map(|name| name.unwrap_or(""));
    let (mut x, mut width) = (x.clone(), 0);
    for (n, (weight, bias)) in weights.iter().zip(&biases).enumerate() {
        let weights = columns::transposed(&matrix(*weight)?);
        width = weights.1[0];
        let sums = columns::linear(to, &x, &weights, bias.array()?.floats()?)?;
        let made = activated(to, names[usize::from(n + 1 == biases.len())], sums)?;
        x = Columns::Numbers(made, width);
    }
    Ok((columns::dense(to, &x)?.0, width))
}

fn activated(to: &mut Builder<'_>, name: &str, x: ValueId) -> Result<ValueId, EngineError> {
    match name {
        "identity" => Ok(x),
        "logistic" => to.unary(Unary::Sigmoid, x),
        "tanh" => to.unary(Unary::Tanh, x),
        "relu" => to.unary(Unary::Relu, x),
        "softmax" => to.add(Op::Softmax { log: false }, &[x]),
        other => Err(EngineError::broken(format!("activation {other:?} is not known"))),
    }
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let (out, width) = forward(to, of, x)?;
    let several = width > 1 && of.get("out_activation_")?.text() == Some("logistic");
    match (method, width) {
        (Method::Proba, 1) => Ok(Answer::Part(Part::floats(to.both(out)?, Some(2)))),
        (Method::Proba, _) => Ok(Answer::Part(Part::floats(out, Some(width)))),
        // Of several labels each is there or not.
        (Method::Predict, _) if several => linear::there(to, (out, width), 0.5),
        (Method::Predict, 1) => {
            let out = to.squeeze(out, 1)?;
            label_if_above(to, of, out, 0.5)
        }
        (Method::Predict, _) => label_of_largest(to, of, out),
        _ => Err(no_such(of, method)),
    }
}
