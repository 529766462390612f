//! Gradient boosting: sums of trees, each a step from where training began.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Lowered, Method, Part, label_of_largest, no_such};
use super::{labels, linear, trees};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Branch, Compare, Forest, Forests, Op, Reduce, Unary, ValueId};

pub const CLASSIFIERS: Family = Family {
    classes: &["GradientBoostingClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Decision]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["GradientBoostingRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let (sums, _) = sums(to, of, x)?;
        Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None)))
    },
};

/// The sums of trees, with what they begin with: [rows, outputs].
fn sums(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let estimators = of.get("estimators_")?.array()?;
    let [_, outputs] = estimators.shape[..] else {
        return Err(EngineError::broken("boosting without rounds of trees"));
    };
    let all = estimators.objects().unwrap_or_default();
    let rate = of.get("learning_rate")?.float()?;
    let features = super::width::of(of)?;
    let numbers = columns::numbers(to, x, features)?;
    let single = trees::single(to, numbers)?;
    let sums = to.forest((of.id(), 0), single, || {
        let mut forest = Forest::<f64>::new(features, vec![0.0; outputs])?;
        for (n, view) in all.iter().enumerate() {
            let tree = trees::grown(view.get("tree_")?)?;
            let leaf =
                |node: usize| Ok(Branch::Leaf(tree.values(node, 0).first().copied().unwrap_or(0.0) * rate));
            forest.add(n % outputs, &tree.branches(leaf)?)?;
        }
        forest.finish();
        Ok(Forests::F64(forest))
    })?;
    let begin = begin(to, of, &Columns::Numbers(single, features), outputs)?;
    let sums = match begin {
        Some(begin) => to.binary(Binary::Add, sums, begin)?,
        None => sums,
    };
    Ok((sums, outputs))
}

/// What the first estimator says, as margins.
fn begin(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    outputs: usize,
) -> Result<Option<ValueId>, EngineError> {
    let first = of.any(&["init_", "init"]);
    let Some(first) = first.filter(|first| first.text() != Some("zero")) else { return Ok(None) };
    if of.class() == Some("GradientBoostingRegressor") {
        let part = estimator::predicted(to, first, x)?;
        return if part.width.is_none() { to.expand(part.id, 1).map(Some) } else { Ok(Some(part.id)) };
    }
    let (chances, classes) = estimator::proba(to, first, x)?;
    let least = f64::from(f32::EPSILON);
    let chances = to.with(Binary::Max, chances, least)?;
    let chances = to.with(Binary::Min, chances, 1.0 - least)?;
    if outputs > 1 {
        if classes != outputs {
            return Err(EngineError::broken("boosting begins with another number of classes"));
        }
        let log = to.unary(Unary::Log, chances)?;
        // From 1.4 on their mean is zero.
        if !super::is_since(of, [1, 4]) {
            return Ok(Some(log));
        }
        let mean = to.reduce(Reduce::Mean, log, 1, true)?;
        return to.binary(Binary::Sub, log, mean).map(Some);
    }
    let second = to.pick(chances, &[1])?;
    let (one, second) = (to.number(1.0)?, second);
    let first = to.binary(Binary::Sub, one, second)?;
    let odds = to.binary(Binary::Div, second, first)?;
    let log = to.unary(Unary::Log, odds)?;
    if is_exponential(of) { to.with(Binary::Mul, log, 0.5).map(Some) } else { Ok(Some(log)) }
}

fn is_exponential(of: View<'_>) -> bool {
    of.word("loss") == Some("exponential")
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let (sums, outputs) = sums(to, of, x)?;
    match (method, outputs) {
        (Method::Proba, 1) => {
            let sums = if is_exponential(of) { to.with(Binary::Mul, sums, 2.0)? } else { sums };
            let second = to.unary(Unary::Sigmoid, sums)?;
            Ok(Answer::Part(Part::floats(to.both(second)?, Some(2))))
        }
        (Method::Proba, _) => {
            let chances = to.add(Op::Softmax { log: false }, &[sums])?;
            Ok(Answer::Part(Part::floats(chances, Some(outputs))))
        }
        // From 1.4 on what is between the classes is of the second.
        (Method::Predict, 1) if super::is_since(of, [1, 4]) => {
            let sums = to.squeeze(sums, 1)?;
            let above = to.compare_with(Compare::GreaterEqual, sums, 0.0)?;
            let index = to.add(Op::Cast(crate::DType::I64), &[above])?;
            labels::labelled(to, of.get("classes_")?, index).map(Answer::Part)
        }
        (Method::Predict | Method::Decision, _) => {
            linear::decided(to, of, of.get("classes_")?, (sums, outputs), method)
        }
        _ => Err(no_such(of, method)),
    }
}

pub const ADA_CLASSIFIERS: Family = Family {
    classes: &["AdaBoostClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Decision]),
    lower: ada_classifier,
};

/// What the estimators of AdaBoost decide together: [rows, classes].
fn ada_sums(to: &mut Builder<'_>, of: View<'_>, x: &Columns, classes: usize) -> Result<ValueId, EngineError> {
    let all = of.get("estimators_")?.items();
    let weights = columns::floats(of, "estimator_weights_")?;
    let by_chance = of.word("algorithm") == Some("SAMME.R");
    let others = if super::is_since(of, [1, 2]) { -1.0 / (classes as f64 - 1.0) } else { 0.0 };
    let mut sum = None;
    for (one, weight) in all.iter().zip(&weights) {
        let said = if by_chance {
            let (chances, _) = estimator::proba(to, *one, x)?;
            let chances = to.with(Binary::Max, chances, f64::EPSILON)?;
            let log = to.unary(Unary::Log, chances)?;
            let mean = to.reduce(Reduce::Mean, log, 1, true)?;
            let apart = to.binary(Binary::Sub, log, mean)?;
            to.with(Binary::Mul, apart, classes as f64 - 1.0)?
        } else {
            let index = index_of(to, *one, x, of.get("classes_")?)?;
            let hot = to.one_hot(index, classes)?;
            let scaled = to.with(Binary::Mul, hot, weight * (1.0 - others))?;
            to.with(Binary::Add, scaled, weight * others)?
        };
        sum = Some(match sum {
            Some(sum) => to.binary(Binary::Add, sum, said)?,
            None => said,
        });
    }
    let sum = sum.ok_or_else(|| EngineError::broken("boosting without estimators"))?;
    to.with(Binary::Div, sum, weights.iter().sum())
}

/// The number among all classes of what an estimator says: [rows].
pub fn index_of(
    to: &mut Builder<'_>,
    one: View<'_>,
    x: &Columns,
    classes: View<'_>,
) -> Result<ValueId, EngineError> {
    let part = estimator::part(to, one, x, Method::Predict)?;
    let known = labels::Labels::of(classes)?;
    let table = super::encoders::known(known, "predictions", true)?;
    let id = match part.dtype {
        crate::DType::String | crate::DType::F64 => part.id,
        _ => to.float(part.id)?,
    };
    to.learning(crate::graph::Learning::Categories(table), &[id])
}

fn ada_classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let classes = labels::count(of)?;
    if classes < 2 {
        return Err(EngineError::broken("boosting of a single class"));
    }
    let sums = ada_sums(to, of, x, classes)?;
    if classes > 2 {
        return match method {
            Method::Predict => label_of_largest(to, of, sums),
            Method::Decision => Ok(Answer::Part(Part::floats(sums, Some(classes)))),
            _ => {
                let scaled = to.with(Binary::Div, sums, classes as f64 - 1.0)?;
                let chances = to.add(Op::Softmax { log: false }, &[scaled])?;
                Ok(Answer::Part(Part::floats(chances, Some(classes))))
            }
        };
    }
    let signs = to.row(vec![-1.0, 1.0])?;
    let signed = to.binary(Binary::Mul, sums, signs)?;
    let decision = to.sum(signed)?;
    if method != Method::Proba {
        return linear::decided(to, of, of.get("classes_")?, (decision, 1), method);
    }
    let half = to.with(Binary::Div, decision, 2.0)?;
    let other = to.unary(Unary::Neg, half)?;
    let both = to.beside(&[other, half])?;
    let chances = to.add(Op::Softmax { log: false }, &[both])?;
    Ok(Answer::Part(Part::floats(chances, Some(2))))
}

pub const ADA_REGRESSORS: Family =
    Family { classes: &["AdaBoostRegressor"], methods: |_| Ok(vec![Method::Predict]), lower: ada_regressor };

/// The median of what estimators say, by their weights.
fn ada_regressor(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Predict {
        return Err(no_such(of, method));
    }
    let all = of.get("estimators_")?.items();
    let mut said = Vec::new();
    for one in &all {
        let part = estimator::predicted(to, *one, x)?;
        said.push(to.expand(part.id, 1)?);
    }
    let weights: Vec<f64> = columns::floats(of, "estimator_weights_")?.into_iter().take(all.len()).collect();
    let half = weights.iter().sum::<f64>() * 0.5;
    let said = to.beside(&said)?;
    let against = to.unary(Unary::Neg, said)?;
    let count = to.int(all.len() as i64)?;
    let sorted = to.add_many(Op::TopK, &[against, count], 2)?;
    let axis = to.int(0)?;
    let shape = weights.len();
    let weights = to.constant(weights, &[shape])?;
    let weights = to.add(Op::Gather { batch_dims: 0 }, &[weights, sorted[1], axis])?;
    let along = to.int(1)?;
    let running =
        crate::graph::Rare::Running { kind: crate::graph::Running::Sum, exclusive: false, reverse: false };
    let running = to.add(Op::Rare(Box::new(running)), &[weights, along])?;
    let enough = to.compare_with(crate::graph::Compare::GreaterEqual, running, half)?;
    let enough = to.float(enough)?;
    let first = to.largest(enough)?;
    let hot = to.one_hot(first, all.len())?;
    let chosen = to.binary(Binary::Mul, sorted[0], hot)?;
    let chosen = to.reduce(Reduce::Sum, chosen, 1, false)?;
    Ok(Answer::Part(Part::floats(to.unary(Unary::Neg, chosen)?, None)))
}
