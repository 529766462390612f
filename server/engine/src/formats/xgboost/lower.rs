//! From boosters to graphs.

use super::super::Program;
use super::super::lowering::{Lowering, MOST_OUTPUTS};
use super::document::{Booster as Saved, Learner, Model};
use super::objective::{Meaning, Transform, meaning};
use super::trees;
use crate::graph::{Binary, Compare, Forest, Forests, Literal, Op, Unary, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

/// One booster, checked.
pub struct Booster {
    features: usize,
    outputs: usize,
    meaning: Meaning,
    sums: Sums,
}

/// What its answers are sums of.
enum Sums {
    Trees(Arc<Forests>),
    /// For each feature, and in the end for none, a weight for each output; and what outputs begin with.
    Weights(Vec<f32>, Vec<f32>),
}

impl Booster {
    /// Of what was learned.
    pub fn of(learner: &Learner) -> Result<Self, EngineError> {
        let parameters = &learner.learner_model_param;
        let name = &learner.objective.name;
        let meaning = meaning(name).ok_or_else(|| {
            EngineError::broken(format!(
                "objective {name:?} is not one of XGBoost's own: what answers mean is not known"
            ))
        })?;
        let classes = number("num_class", &parameters.num_class)?;
        let outputs = classes.max(number("num_target", &parameters.num_target)?).max(1);
        if outputs > MOST_OUTPUTS {
            return Err(EngineError::broken(format!("{outputs} outputs")));
        }
        let base = base(&parameters.base_score, outputs)?;
        let base = if learner.base_is_margin {
            base
        } else {
            base.into_iter().map(|score| meaning.link.margin(score)).collect::<Result<_, _>>()?
        };
        let features = number("num_feature", &parameters.num_feature)?;
        let booster = &learner.gradient_booster;
        let (features, sums) = match booster.name.as_str() {
            "gbtree" => forest(model(booster)?, &[], learner, features, base)?,
            "dart" => {
                let inner = booster.gbtree.as_deref();
                let inner = inner.ok_or_else(|| EngineError::broken("a dart booster without trees"))?;
                forest(model(inner)?, &booster.weight_drop, learner, features, base)?
            }
            "gblinear" => (features, linear(model(booster)?, features, &base)?),
            other => return Err(EngineError::broken(format!("booster {other:?} is not known"))),
        };
        Ok(Self { features, outputs, meaning, sums })
    }
}

fn model(booster: &Saved) -> Result<&Model, EngineError> {
    booster.model.as_ref().ok_or_else(|| EngineError::broken("the booster has no model"))
}

fn number(what: &str, text: &str) -> Result<usize, EngineError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| EngineError::broken(format!("{what} is {text:?}, not a number")))
}

/// A number, or since 3.1 one for each output.
fn base(text: &str, outputs: usize) -> Result<Vec<f32>, EngineError> {
    let wrong =
        || EngineError::broken(format!("base_score is {text:?}, not a number for each of {outputs} outputs"));
    let numbers = text.trim().trim_start_matches('[').trim_end_matches(']').split(',');
    let numbers: Vec<f32> =
        numbers.map(|n| n.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    match numbers[..] {
        _ if numbers.iter().any(|n| !n.is_finite()) => Err(wrong()),
        [one] => Ok(vec![one; outputs]),
        _ if numbers.len() == outputs => Ok(numbers),
        _ => Err(wrong()),
    }
}

fn forest(
    model: &Model,
    weights: &[f32],
    learner: &Learner,
    features: usize,
    base: Vec<f32>,
) -> Result<(usize, Sums), EngineError> {
    if model.tree_info.len() != model.trees.len()
        || (!weights.is_empty() && weights.len() != model.trees.len())
    {
        return Err(EngineError::broken("trees, their outputs and their weights are of different number"));
    }
    let used = &model.trees[..best(model, learner, base.len())?];
    let outputs = base.len();
    // Files of old versions may not say how wide rows are.
    let asked = used.iter().flat_map(|tree| &tree.split_indices).max().copied().unwrap_or(0);
    let features = if features == 0 { usize::try_from(asked + 1).unwrap_or(1) } else { features };
    let wide = used.iter().any(|tree| !matches!(tree.tree_param.size_leaf_vector.as_str(), "" | "0" | "1"));
    let mut forest = Forest::new(features, base)?;
    for (n, tree) in used.iter().enumerate() {
        let weight = weights.get(n).copied().unwrap_or(1.0);
        let output = usize::try_from(model.tree_info[n]).unwrap_or(usize::MAX);
        forest
            .add(if wide { 0 } else { output }, &trees::branches(tree, weight, wide.then_some(outputs))?)?;
    }
    forest.finish();
    Ok((features, Sums::Trees(Arc::new(Forests::F32(forest)))))
}

/// Trees up to the best iteration, if training has noted one.
fn best(model: &Model, learner: &Learner, outputs: usize) -> Result<usize, EngineError> {
    let noted = |name: &str| learner.attributes.get(name).map(|text| number(name, text)).transpose();
    let all = model.trees.len();
    let rounds = match (noted("best_ntree_limit")?, noted("best_iteration")?) {
        (Some(limit), _) => return Ok(limit.saturating_mul(outputs).min(all)),
        (None, Some(iteration)) => iteration.saturating_add(1),
        (None, None) => return Ok(all),
    };
    if let Some(trees) = model.iteration_indptr.get(rounds) {
        return Ok(usize::try_from(*trees).unwrap_or(all).min(all));
    }
    let parallel = number("num_parallel_tree", &model.gbtree_model_param.num_parallel_tree)?.max(1);
    Ok(rounds.saturating_mul(parallel).saturating_mul(outputs).min(all))
}

fn linear(model: &Model, features: usize, base: &[f32]) -> Result<Sums, EngineError> {
    let expected = features.checked_add(1).and_then(|rows| rows.checked_mul(base.len()));
    if Some(model.weights.len()) != expected || features == 0 {
        return Err(EngineError::broken(format!(
            "{} weights for {features} features and {} outputs",
            model.weights.len(),
            base.len()
        )));
    }
    // XGBoost begins all outputs of a linear booster with the first one's base score.
    Ok(Sums::Weights(model.weights.clone(), vec![base[0]; base.len()]))
}

/// The signatures of boosters that answer together.
pub fn programs(boosters: &[Booster]) -> Result<Vec<Program>, EngineError> {
    let [first, rest @ ..] = boosters else { return Err(EngineError::broken("there is no booster")) };
    let what = |b: &Booster| (b.features, b.outputs, b.meaning.transform);
    if let Some(other) = rest.iter().find(|other| what(other) != what(first)) {
        return Err(EngineError::broken(format!(
            "the archive's boosters cannot answer together: one has {:?} features, outputs and transform, another {:?}",
            what(first),
            what(other)
        )));
    }
    let rows: &[usize] = if first.outputs == 1 { &[] } else { &[first.outputs] };
    let mut programs = Vec::new();
    if rest.is_empty() {
        let (mut to, x) = Lowering::new(DType::F32, first.features)?;
        let margin = first.margin(&mut to, x)?;
        let margin = to.narrowed(margin, first.outputs)?;
        programs.push(to.finish("margin", "margin", margin, rows));
    }
    let (mut to, x) = Lowering::new(DType::F32, first.features)?;
    let answers = boosters.iter().map(|booster| booster.answer(&mut to, x)).collect::<Result<Vec<_>, _>>()?;
    let transform = first.meaning.transform;
    let answer = match transform {
        Transform::Argmax | Transform::Step if answers.len() > 1 => {
            most(&mut to, &answers, first.outputs.max(2))?
        }
        _ => to.mean(&answers)?,
    };
    let rows = if transform == Transform::Argmax { &[] } else { rows };
    programs.push(to.finish("serving_default", "predictions", answer, rows));
    Ok(programs)
}

/// What most of several classes are, the smallest of those that are as many.
fn most(to: &mut Lowering, classes: &[ValueId], count: usize) -> Result<ValueId, EngineError> {
    let depth = to.axis(count as i64)?;
    let (on, off) = (to.number(1.0)?, to.number(0.0)?);
    let mut votes = Vec::new();
    for class in classes {
        let class = to.add(Op::Cast(DType::I64), &[*class])?;
        votes.push(to.add(Op::OneHot(-1), &[class, depth, on, off])?);
    }
    let votes = to.mean(&votes)?;
    to.largest(votes)
}

impl Booster {
    /// [rows, outputs]
    fn margin(&self, to: &mut Lowering, x: ValueId) -> Result<ValueId, EngineError> {
        match &self.sums {
            Sums::Trees(forest) => to.forest(forest, x),
            Sums::Weights(weights, base) => {
                let (of_features, bias) = weights.split_at(self.features * self.outputs);
                let bias = bias.iter().zip(base).map(|(bias, base)| bias + base).collect();
                // What is missing counts as nothing.
                let zero = to.number(0.0)?;
                let given = to.add(Op::Compare(Compare::Equal), &[x, x])?;
                let x = to.add(Op::Select, &[given, x, zero])?;
                let weights = Literal::F32(of_features.to_vec(), vec![self.features, self.outputs]);
                let weights = to.literal(weights)?;
                let product = Op::MatMul { transpose_a: false, transpose_b: false };
                let product = to.add(product, &[x, weights])?;
                let bias = to.literal(Literal::F32(bias, vec![self.outputs]))?;
                to.add(Op::Binary(Binary::Add), &[product, bias])
            }
        }
    }

    fn answer(&self, to: &mut Lowering, x: ValueId) -> Result<ValueId, EngineError> {
        let margin = self.margin(to, x)?;
        let transform = self.meaning.transform;
        // Classes keep their axis, even if there is one.
        let is_class = transform == Transform::Argmax;
        let margin = if is_class { margin } else { to.narrowed(margin, self.outputs)? };
        match transform {
            Transform::Identity => Ok(margin),
            Transform::Sigmoid => to.add(Op::Unary(Unary::Sigmoid), &[margin]),
            Transform::Exp => to.add(Op::Unary(Unary::Exp), &[margin]),
            Transform::Softmax => to.add(Op::Softmax { log: false }, &[margin]),
            Transform::Argmax => to.largest(margin),
            Transform::Step => {
                let zero = to.number(0.0)?;
                let above = to.add(Op::Compare(Compare::Greater), &[margin, zero])?;
                to.add(Op::Cast(DType::F32), &[above])
            }
        }
    }
}
