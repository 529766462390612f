//! LightGBM's text model: sections of `name=value` lines, one for the whole and one for each tree.
//!
//! `serving_default` answers as `Booster.predict` does, `raw_score` without the objective's transform.

mod linear;
mod section;
mod trees;

use super::lowering::{self, Lowering, MOST_OUTPUTS};
use super::{Artifact, Program};
use crate::graph::{Binary, Forest, Forests, Learning, Op, Rare, Unary, ValueId};
use crate::{DType, EngineError};
use section::Section;
use std::path::Path;
use std::sync::Arc;

/// Name of the format.
const FORMAT: &str = "lightgbm";

/// Whether a file begins as such a model does.
pub fn is_likely(head: &[u8]) -> bool {
    let rest = head.strip_prefix(b"tree");
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"version="))
}

/// From the sum of trees to answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Transform {
    Identity,
    /// `1 / (1 + exp(-s * x))`
    Sigmoid(f64),
    Exp,
    Softmax,
    /// `log(1 + exp(x))`
    Log1pExp,
    /// `sign(x) * x^2`
    SignedSquare,
}

/// Reads a model.
pub fn read(file: &Path) -> Result<Artifact, EngineError> {
    lowering::of_file(file, read_bytes)
}

/// Reads a model that lies in another file, such as a pickle.
pub fn read_bytes(bytes: &[u8]) -> Result<Artifact, EngineError> {
    let text = std::str::from_utf8(bytes).map_err(|_| EngineError::broken("it is not UTF-8"))?;
    Ok(lowering::artifact(FORMAT, programs(text)?))
}

fn programs(text: &str) -> Result<Vec<Program>, EngineError> {
    let mut sections = section::all(text);
    let head = sections.next().unwrap_or_default();
    let features = head.number("max_feature_idx")?.saturating_add(1);
    let outputs = head.number("num_tree_per_iteration")?;
    if outputs == 0 || outputs > MOST_OUTPUTS {
        return Err(EngineError::broken(format!("{outputs} trees in an iteration")));
    }
    let trees: Vec<Section<'_>> = sections.collect();
    // Raw scores of a random forest are the sum all the same.
    let mean = head.has("average_output").then_some(trees.len() / outputs);
    let (mut forest, leaves) = if trees.iter().any(linear::is_linear) {
        let (forest, leaves) = linear::forest(&trees, features, outputs)?;
        (forest, Some(Arc::new(leaves)))
    } else {
        (plain(&trees, features, outputs)?, None)
    };
    forest.finish();
    let (forest, transform) =
        (Arc::new(Forests::F64(forest)), transform(head.text("objective").unwrap_or(""))?);
    let program = |signature, output, mean: Option<usize>, transform| {
        let (mut to, x) = Lowering::new(DType::F64, features)?;
        let found = to.forest(&forest, x)?;
        let sum = match &leaves {
            Some(leaves) => {
                let op = Rare::Learning(Learning::LinearLeaves(Arc::clone(leaves)));
                to.add(Op::Rare(Box::new(op)), &[x, found])?
            }
            None => found,
        };
        let sum = to.narrowed(sum, outputs)?;
        let sum = match mean {
            Some(count) => {
                let count = to.number(count.max(1) as f64)?;
                to.add(Op::Binary(Binary::Div), &[sum, count])?
            }
            None => sum,
        };
        let answer = apply(&mut to, transform, sum)?;
        Ok(to.finish(
            signature,
            output,
            answer,
            if outputs == 1 { &[] } else { std::slice::from_ref(&outputs) },
        ))
    };
    Ok(vec![
        program("raw_score", "raw_score", None, Transform::Identity)?,
        program("serving_default", "predictions", mean, transform)?,
    ])
}

/// The forest of trees whose leaves are numbers.
fn plain(trees: &[Section<'_>], features: usize, outputs: usize) -> Result<Forest<f64>, EngineError> {
    let mut forest = Forest::<f64>::new(features, vec![0.0; outputs])?;
    for (n, tree) in trees.iter().enumerate() {
        let branches = trees::leaf_values(tree).and_then(|values| trees::branches(tree, values));
        forest.add(n % outputs, &branches.map_err(|e| trees::named(n, &e))?)?;
    }
    Ok(forest)
}

/// What an objective, its parameters behind it, makes of sums.
fn transform(objective: &str) -> Result<Transform, EngineError> {
    let mut words = objective.split_whitespace();
    let name = words.next().unwrap_or("");
    let sigmoid = || {
        let value =
            objective.split_whitespace().find_map(|word| word.strip_prefix("sigmoid:")).unwrap_or("1");
        let value = value.parse().map_err(|_| EngineError::broken(format!("objective {objective:?}")));
        value.map(Transform::Sigmoid)
    };
    match name {
        "regression" if words.any(|word| word == "sqrt") => Ok(Transform::SignedSquare),
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank"
        | "rank_xendcg" | "custom" | "none" | "" => Ok(Transform::Identity),
        "poisson" | "gamma" | "tweedie" => Ok(Transform::Exp),
        "binary" | "multiclassova" => sigmoid(),
        "cross_entropy" => Ok(Transform::Sigmoid(1.0)),
        "cross_entropy_lambda" => Ok(Transform::Log1pExp),
        "multiclass" => Ok(Transform::Softmax),
        _ => Err(EngineError::broken(format!("objective {name:?} is not one of LightGBM's own"))),
    }
}

fn apply(to: &mut Lowering, transform: Transform, x: ValueId) -> Result<ValueId, EngineError> {
    match transform {
        Transform::Identity => Ok(x),
        Transform::Sigmoid(scale) => {
            let scale = to.number(scale)?;
            let x = to.add(Op::Binary(Binary::Mul), &[x, scale])?;
            to.add(Op::Unary(Unary::Sigmoid), &[x])
        }
        Transform::Exp => to.add(Op::Unary(Unary::Exp), &[x]),
        Transform::Softmax => to.add(Op::Softmax { log: false }, &[x]),
        Transform::Log1pExp => to.add(Op::Unary(Unary::Softplus), &[x]),
        Transform::SignedSquare => {
            let sign = to.add(Op::Unary(Unary::Sign), &[x])?;
            let square = to.add(Op::Unary(Unary::Square), &[x])?;
            to.add(Op::Binary(Binary::Mul), &[sign, square])
        }
    }
}
