//! CatBoost's models in JSON, of numeric features: trees that ask the same on each level, or any trees.
//!
//! `serving_default` gives what the library's `predict_proba` does for classifiers and its `predict` for others; `raw_score` the sums.

mod trees;

use super::lowering::{self, Lowering, MOST_OUTPUTS};
use super::{Artifact, Program};
use crate::graph::{Binary, Forest, Forests, Op, Unary, ValueId};
use crate::{DType, EngineError, UnsupportedOp};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use trees::{Oblivious, Tree};

/// Name of the format.
const FORMAT: &str = "catboost";

#[derive(Deserialize)]
struct Document {
    features_info: Features,
    #[serde(default)]
    model_info: Value,
    #[serde(default)]
    oblivious_trees: Vec<Oblivious>,
    #[serde(default)]
    trees: Vec<Tree>,
    scale_and_bias: Option<(f64, Bias)>,
}

/// Older versions write one number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bias {
    One(f64),
    Each(Vec<f64>),
}

#[derive(Deserialize)]
struct Features {
    #[serde(default)]
    float_features: Vec<FloatFeature>,
    #[serde(default)]
    categorical_features: Vec<Value>,
    #[serde(default)]
    text_features: Vec<Value>,
}

#[derive(Deserialize)]
struct FloatFeature {
    flat_feature_index: usize,
    #[serde(default)]
    nan_value_treatment: String,
}

/// What is made of sums.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Transform {
    Identity,
    Exp,
    /// The chances of two classes.
    Two,
    /// The chances of classes of which one is right.
    Softmax,
    /// The chances of classes each for itself.
    Sigmoid,
}

/// Whether a file begins as one of them does.
pub fn is_likely(head: &[u8]) -> bool {
    let Some(inner) = head.trim_ascii_start().strip_prefix(b"{") else { return false };
    inner.trim_ascii_start().starts_with(b"\"features_info\"")
}

/// Reads a model.
pub fn read(file: &Path) -> Result<Artifact, EngineError> {
    let programs = lowering::of_file(file, |bytes| {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|e| EngineError::broken(format!("it is not a CatBoost model in JSON: {e}")))?;
        programs(&document)
    })?;
    Ok(lowering::artifact(FORMAT, programs))
}

fn programs(document: &Document) -> Result<Vec<Program>, EngineError> {
    let of = &document.features_info;
    if !of.categorical_features.is_empty() || !of.text_features.is_empty() {
        return Err(EngineError::Unsupported(vec![UnsupportedOp {
            op: "categorical or text features of CatBoost".to_owned(),
            node: "features_info".to_owned(),
            function: None,
            detail: Some("export the model with save_model(format=\"onnx\"), or train on numbers".to_owned()),
        }]));
    }
    let (scale, bias) = match &document.scale_and_bias {
        Some((scale, Bias::Each(bias))) => (*scale, bias.clone()),
        Some((scale, Bias::One(bias))) => (*scale, vec![*bias]),
        None => (1.0, vec![0.0]),
    };
    let (features, outputs) = (trees::features(&of.float_features)?, bias.len());
    if outputs == 0 || outputs > MOST_OUTPUTS {
        return Err(EngineError::broken(format!("{outputs} outputs")));
    }
    let is_plain = scale == 1.0;
    let mut forest =
        Forest::<f64>::new(features.len(), if is_plain { bias.clone() } else { vec![0.0; outputs] })?;
    for tree in &document.oblivious_trees {
        forest.add(0, &tree.branches(&features, outputs)?)?;
    }
    for tree in &document.trees {
        forest.add(0, &tree.branches(&features, outputs)?)?;
    }
    forest.finish();
    let forest = Arc::new(Forests::F64(forest));
    let transform = transform(&document.model_info)?;
    let program = |signature, output, transform| {
        let (mut to, x) = Lowering::new(DType::F64, features.len())?;
        // Features are compared as `float32`.
        let narrow = to.add(Op::Cast(DType::F32), &[x])?;
        let x = to.add(Op::Cast(DType::F64), &[narrow])?;
        let mut sum = to.forest(&forest, x)?;
        if !is_plain {
            let (scale, bias) = (to.number(scale)?, to.numbers(&bias)?);
            let scaled = to.add(Op::Binary(Binary::Mul), &[sum, scale])?;
            sum = to.add(Op::Binary(Binary::Add), &[scaled, bias])?;
        }
        let (answer, width) = apply(&mut to, transform, sum, outputs)?;
        Ok(to.finish(signature, output, answer, if width == 1 { &[] } else { std::slice::from_ref(&width) }))
    };
    let output = if matches!(transform, Transform::Identity | Transform::Exp) {
        "predictions"
    } else {
        "probabilities"
    };
    Ok(vec![
        program("raw_score", "raw_score", Transform::Identity)?,
        program("serving_default", output, transform)?,
    ])
}

/// What the loss function says is made of sums. Older versions write the parameters as text.
fn transform(info: &Value) -> Result<Transform, EngineError> {
    let params = match info.get("params") {
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|e| EngineError::broken(format!("its parameters: {e}")))?
        }
        Some(other) => other.clone(),
        None => Value::Null,
    };
    Ok(match params.pointer("/loss_function/type").and_then(Value::as_str).unwrap_or_default() {
        "Logloss" | "CrossEntropy" => Transform::Two,
        "MultiClass" => Transform::Softmax,
        "MultiClassOneVsAll" => Transform::Sigmoid,
        "Poisson" | "Tweedie" => Transform::Exp,
        _ => Transform::Identity,
    })
}

/// The answer, and how many numbers a row of it has.
fn apply(
    to: &mut Lowering,
    transform: Transform,
    sum: ValueId,
    outputs: usize,
) -> Result<(ValueId, usize), EngineError> {
    Ok(match transform {
        Transform::Identity => (to.narrowed(sum, outputs)?, outputs),
        Transform::Exp => {
            let exp = to.add(Op::Unary(Unary::Exp), &[sum])?;
            (to.narrowed(exp, outputs)?, outputs)
        }
        Transform::Softmax => (to.add(Op::Softmax { log: false }, &[sum])?, outputs),
        Transform::Sigmoid => (to.add(Op::Unary(Unary::Sigmoid), &[sum])?, outputs),
        Transform::Two => {
            let second = to.add(Op::Unary(Unary::Sigmoid), &[sum])?;
            let one = to.number(1.0)?;
            let first = to.add(Op::Binary(Binary::Sub), &[one, second])?;
            let axis = to.axis(1)?;
            (to.add(Op::Concat, &[first, second, axis])?, 2)
        }
    })
}
