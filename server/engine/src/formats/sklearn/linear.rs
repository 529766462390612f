//! Linear models.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{self, Answer, Family, Lowered, Method, Part, no_such};
use super::labels;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Op, Unary, ValueId};
use crate::{DType, EngineError};

pub const REGRESSORS: Family = Family {
    classes: &[
        "LinearRegression",
        "Ridge",
        "RidgeCV",
        "Lasso",
        "LassoCV",
        "ElasticNet",
        "ElasticNetCV",
        "Lars",
        "LarsCV",
        "LassoLars",
        "LassoLarsCV",
        "LassoLarsIC",
        "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV",
        "BayesianRidge",
        "ARDRegression",
        "HuberRegressor",
        "TheilSenRegressor",
        "QuantileRegressor",
        "PoissonRegressor",
        "GammaRegressor",
        "TweedieRegressor",
        "MultiTaskLasso",
        "MultiTaskElasticNet",
        "MultiTaskLassoCV",
        "MultiTaskElasticNetCV",
        "SGDRegressor",
        "PassiveAggressiveRegressor",
        "LinearSVR",
    ],
    methods: |_| Ok(vec![Method::Predict]),
    lower: regressor,
};

pub const CLASSIFIERS: Family = Family {
    classes: &[
        "LogisticRegression",
        "LogisticRegressionCV",
        "SGDClassifier",
        "Perceptron",
        "PassiveAggressiveClassifier",
        "LinearSVC",
        "RidgeClassifier",
        "RidgeClassifierCV",
    ],
    methods: |of| {
        let chances = !matches!(chance(of)?, Chance::None);
        Ok([&[Method::Predict, Method::Decision][..], if chances { &[Method::Proba] } else { &[] }].concat())
    },
    lower: classifier,
};

pub const ONE_CLASS: Family = Family {
    classes: &["SGDOneClassSVM"],
    methods: |_| Ok(vec![Method::Predict, Method::Decision, Method::Samples]),
    lower: one_class,
};

pub const CONSENSUS: Family = Family {
    classes: &["RANSACRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| estimator::answer(to, of.get("estimator_")?, x, method),
};

pub const PARTIAL: Family = Family {
    classes: &["PLSRegression"],
    methods: |_| Ok(vec![Method::Predict, Method::Transform]),
    lower: |to, of, x, method| {
        if !super::is_since(of, [1, 3]) {
            return Err(EngineError::broken("PLSRegression of a version before 1.3"));
        }
        let means = floats(of, "_x_mean")?;
        let width = means.len();
        let x = columns::numbers(to, x, width)?;
        let x = to.with_row(Binary::Sub, x, means)?;
        if method == Method::Transform {
            let x = to.with_row(Binary::Div, x, floats(of, "_x_std")?)?;
            let rotations = matrix(of.get("x_rotations_")?)?;
            let made = rotations.1[1];
            let x = columns::product(to, &Columns::Numbers(x, width), rotations)?;
            return Ok(Answer::Columns(Columns::Numbers(x, made)));
        }
        let (coefficients, intercepts, _) = model(of)?;
        let outputs = coefficients.1[0];
        let sums = columns::linear(to, &Columns::Numbers(x, width), &coefficients, intercepts)?;
        if of.find("_predict_1d").map_or(Ok(false), View::bool)? {
            return Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None)));
        }
        Ok(Answer::Part(Part::floats(sums, Some(outputs))))
    },
};

/// Coefficients of outputs in rows, and intercepts; whether there is an axis of outputs.
type Model = ((Vec<f64>, [usize; 2]), Vec<f64>, bool);

fn model(of: View<'_>) -> Result<Model, EngineError> {
    let coefficients = of.get("coef_")?;
    let several = coefficients.array().map_or(true, |array| array.shape.len() > 1);
    let intercepts = of.find("intercept_").map_or(Ok(vec![0.0]), |view| view.array()?.floats())?;
    Ok((matrix(coefficients)?, intercepts, several))
}

fn regressor(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Predict {
        return Err(no_such(of, method));
    }
    let (coefficients, intercepts, several) = model(of)?;
    let outputs = coefficients.1[0];
    let sums = columns::linear(to, x, &coefficients, intercepts)?;
    let power = || of.find("power").map_or(Ok(0.0), View::float);
    let log = match of.class() {
        Some("PoissonRegressor" | "GammaRegressor") => true,
        Some("TweedieRegressor") => match of.word("link") {
            Some("log") => true,
            Some("identity") => false,
            _ => power()? > 0.0,
        },
        _ => false,
    };
    let sums = if log { to.unary(Unary::Exp, sums)? } else { sums };
    if several {
        return Ok(Answer::Part(Part::floats(sums, Some(outputs))));
    }
    Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None)))
}

/// How decisions become chances.
enum Chance {
    None,
    /// Each for itself, then shares.
    Each,
    Softmax,
    /// Lines between -1 and 1.
    Huber,
}

fn chance(of: View<'_>) -> Result<Chance, EngineError> {
    let text = |name: &str| of.word(name).unwrap_or("");
    Ok(match of.class() {
        Some("LogisticRegression" | "LogisticRegressionCV") => match text("multi_class") {
            "ovr" | "warn" => Chance::Each,
            "multinomial" => Chance::Softmax,
            _ if labels::count(of)? <= 2 || text("solver") == "liblinear" => Chance::Each,
            _ => Chance::Softmax,
        },
        Some("SGDClassifier") => match text("loss") {
            "log" | "log_loss" => Chance::Each,
            "modified_huber" => Chance::Huber,
            _ => Chance::None,
        },
        _ => Chance::None,
    })
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let (coefficients, intercepts, _) = model(of)?;
    let outputs = coefficients.1[0];
    // Older versions have the classes of ridge classifiers in their binariser.
    let classes = of.find("classes_").or_else(|| of.find("_label_binarizer")?.find("classes_"));
    let classes =
        classes.ok_or_else(|| EngineError::broken(format!("{} has no classes_", estimator::class(of))))?;
    let sums = columns::linear(to, x, &coefficients, intercepts)?;
    let kind = of.find("_label_binarizer").and_then(|binarizer| binarizer.find("y_type_"));
    if method == Method::Predict
        && kind.and_then(View::text).is_some_and(|kind| kind.starts_with("multilabel"))
    {
        return there(to, (sums, outputs), 0.0);
    }
    decided(to, of, classes, (sums, outputs), method)
}

/// Of several labels each is there or not: [rows, labels].
pub fn there(to: &mut Builder<'_>, (said, labels): (ValueId, usize), limit: f64) -> Lowered {
    let there = to.compare_with(Compare::Greater, said, limit)?;
    let id = to.add(Op::Cast(DType::I64), &[there])?;
    Ok(Answer::Part(Part { id, dtype: DType::I64, width: Some(labels) }))
}

/// What the logarithms of odds [rows, outputs] mean; of two classes there is one output.
pub fn by_odds(
    to: &mut Builder<'_>,
    of: View<'_>,
    (sums, outputs): (ValueId, usize),
    method: Method,
) -> Lowered {
    match (method, outputs) {
        (Method::Proba, 1) => {
            let second = to.unary(Unary::Sigmoid, sums)?;
            Ok(Answer::Part(Part::floats(to.both(second)?, Some(2))))
        }
        (Method::Proba, _) => {
            let chances = to.add(Op::Softmax { log: false }, &[sums])?;
            Ok(Answer::Part(Part::floats(chances, Some(outputs))))
        }
        _ => decided(to, of, of.get("classes_")?, (sums, outputs), method),
    }
}

/// What decisions [rows, outputs] mean; of two classes there is one output.
pub fn decided(
    to: &mut Builder<'_>,
    of: View<'_>,
    classes: View<'_>,
    (sums, outputs): (ValueId, usize),
    method: Method,
) -> Lowered {
    match (method, outputs) {
        (Method::Decision, 1) => Ok(Answer::Part(Part::floats(to.squeeze(sums, 1)?, None))),
        (Method::Decision, _) => Ok(Answer::Part(Part::floats(sums, Some(outputs)))),
        (Method::Predict, 1) => {
            let sums = to.squeeze(sums, 1)?;
            let above = to.compare_with(Compare::Greater, sums, 0.0)?;
            let index = to.add(Op::Cast(DType::I64), &[above])?;
            labels::labelled(to, classes, index).map(Answer::Part)
        }
        (Method::Predict, _) => {
            let index = to.largest(sums)?;
            labels::labelled(to, classes, index).map(Answer::Part)
        }
        (Method::Proba, _) => {
            let chances = chances(to, of, sums, outputs)?;
            Ok(Answer::Part(Part::floats(chances, Some(outputs.max(2)))))
        }
        _ => Err(no_such(of, method)),
    }
}

fn chances(
    to: &mut Builder<'_>,
    of: View<'_>,
    sums: ValueId,
    outputs: usize,
) -> Result<ValueId, EngineError> {
    match chance(of)? {
        Chance::None => Err(no_such(of, Method::Proba)),
        Chance::Each => {
            let each = to.unary(Unary::Sigmoid, sums)?;
            if outputs == 1 { to.both(each) } else { to.shares(each) }
        }
        Chance::Softmax => {
            let sums = if outputs == 1 {
                let other = to.unary(Unary::Neg, sums)?;
                to.beside(&[other, sums])?
            } else {
                sums
            };
            to.add(crate::graph::Op::Softmax { log: false }, &[sums])
        }
        Chance::Huber => {
            let bounded = to.with(Binary::Min, sums, 1.0)?;
            let bounded = to.with(Binary::Max, bounded, -1.0)?;
            let above = to.with(Binary::Add, bounded, 1.0)?;
            let each = to.with(Binary::Div, above, 2.0)?;
            if outputs == 1 {
                return to.both(each);
            }
            // Where no class is likely, all are equally so.
            let sum = to.sum(each)?;
            let none = to.compare_with(Compare::Equal, sum, 0.0)?;
            let none = to.float(none)?;
            let each = to.binary(Binary::Add, each, none)?;
            to.shares(each)
        }
    }
}

fn one_class(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let coefficients = matrix(of.get("coef_")?)?;
    let sums = columns::linear(to, x, &coefficients, vec![0.0])?;
    let scores = to.squeeze(sums, 1)?;
    let offset = floats(of, "offset_")?.first().copied().unwrap_or(0.0);
    estimator::outliers(to, of, method, scores, offset)
}
