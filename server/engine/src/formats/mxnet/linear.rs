//! SageMaker's linear learner: a graph whose first output is the score. What is made of it is told by the options beside it, or by the
//! graph's last operator.
//!
//! A classifier of two classes says whether its score, a chance, is above the threshold; one of more says the class of the largest
//! score. Which keys the options have is not documented: `predictor_type` and `threshold` are read where they are.

use super::context::{Context, Output};
use super::places::Places;
use crate::graph::{Compare, Op, ValueId};
use crate::{DType, EngineError, Signature};
use serde_json::Value;

/// Name of the format.
pub const FORMAT: &str = "sagemaker-linear-learner";
/// What is above is of the second class.
const THRESHOLD: f64 = 0.5;

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number,
    TwoClasses,
    Classes,
}

/// The signature: scores and, of classifiers, labels.
pub fn finish(
    context: &mut Context<'_>,
    outputs: &[Output],
    places: &Places,
) -> Result<Signature, EngineError> {
    let options = match places.text("additional-params.json")? {
        Some(text) => serde_json::from_slice(&text)
            .map_err(|e| EngineError::broken(format!("additional-params.json: {e}")))?,
        None => Value::Null,
    };
    let score = outputs
        .first()
        .map(|(_, value)| *value)
        .ok_or_else(|| EngineError::broken("its graph has no end"))?;
    let width = context.build.shape(score).and_then(|shape| shape.get(1).copied().flatten()).unwrap_or(1);
    let kind = match options.get("predictor_type").and_then(Value::as_str) {
        Some("regressor") => Kind::Number,
        Some("binary_classifier") => Kind::TwoClasses,
        Some("multiclass_classifier") => Kind::Classes,
        Some(other) => {
            return Err(EngineError::broken(format!("additional-params.json: predictor_type {other:?}")));
        }
        None => told(context, score, width),
    };
    let named = |name: &str, value| (name.to_owned(), value);
    let mut made = Vec::new();
    match kind {
        Kind::Classes => {
            let axis = context.build.int(1)?;
            let class = context.build.add(Op::ArgExtreme { max: true }, &[score, axis])?;
            made.push(named("predicted_label", context.build.add(Op::Cast(DType::F32), &[class])?));
            made.push(named("score", score));
        }
        Kind::Number => made.push(named("score", context.build.reshape(score, &[-1])?)),
        Kind::TwoClasses => {
            let score = chance(context, score, width)?;
            let threshold = options.get("threshold").and_then(Value::as_f64).unwrap_or(THRESHOLD);
            let threshold = context.build.float(threshold as f32)?;
            let above = context.build.add(Op::Compare(Compare::Greater), &[score, threshold])?;
            made.push(named("predicted_label", context.build.add(Op::Cast(DType::F32), &[above])?));
            made.push(named("score", score));
        }
    }
    context.signature(super::SIGNATURE, made)
}

/// What the graph's last operator says.
fn told(context: &Context<'_>, score: ValueId, width: usize) -> Kind {
    match context.build.maker(score) {
        Some(Op::Softmax { .. }) if width > 2 => Kind::Classes,
        Some(Op::Softmax { .. } | Op::Unary(crate::graph::Unary::Sigmoid)) => Kind::TwoClasses,
        _ if width > 1 => Kind::Classes,
        _ => Kind::Number,
    }
}

/// The chance of the second class, one number a row.
fn chance(context: &mut Context<'_>, score: ValueId, width: usize) -> Result<ValueId, EngineError> {
    if width < 2 {
        return context.build.reshape(score, &[-1]);
    }
    let (place, axis) = (context.build.int(1)?, context.build.int(1)?);
    context.build.add(Op::Gather { batch_dims: 0 }, &[score, place, axis])
}
