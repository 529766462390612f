//! Estimators that answer together.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Lowered, Method, Part, label_of_largest, no_such};
use super::{calibration, labels, simple};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, ValueId};

pub const VOTING_CLASSIFIERS: Family = Family {
    classes: &["VotingClassifier"],
    methods: |of| {
        let chances = if is_soft(of) { &[Method::Proba][..] } else { &[] };
        Ok([&[Method::Predict, Method::Transform], chances].concat())
    },
    lower: voting,
};

pub const VOTING_REGRESSORS: Family = Family {
    classes: &["VotingRegressor"],
    methods: |_| Ok(vec![Method::Predict, Method::Transform]),
    lower: |to, of, x, method| {
        let all = of.get("estimators_")?.items();
        let mut said = Vec::new();
        for one in &all {
            let part = estimator::predicted(to, *one, x)?;
            said.push(if part.width.is_none() { to.expand(part.id, 1)? } else { part.id });
        }
        let said = to.beside(&said)?;
        match method {
            Method::Transform => Ok(Answer::Columns(Columns::Numbers(said, all.len()))),
            Method::Predict => {
                let id = simple::weighted(to, said, weights(of, all.len())?)?;
                Ok(Answer::Part(Part::floats(id, None)))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

fn is_soft(of: View<'_>) -> bool {
    of.word("voting") == Some("soft")
}

/// Weights of the estimators that are not dropped.
fn weights(of: View<'_>, count: usize) -> Result<Vec<f64>, EngineError> {
    let Some(weights) = of.find("weights") else { return Ok(vec![1.0; count]) };
    let weights = weights.array()?.floats()?;
    let named = of.find("estimators").map(View::items).unwrap_or_default();
    let dropped = |n: usize| named.get(n).and_then(|pair| pair.items().get(1)?.text()) == Some("drop");
    let kept: Vec<f64> =
        weights.into_iter().enumerate().filter(|(n, _)| !dropped(*n)).map(|(_, w)| w).collect();
    if kept.len() == count {
        Ok(kept)
    } else {
        Err(EngineError::broken("votes have other weights than voters"))
    }
}

fn voting(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let all = of.get("estimators_")?.items();
    let weights = weights(of, all.len())?;
    let classes = labels::count(of)?;
    if method == Method::Transform {
        return votes(to, of, x, classes);
    }
    let mut sum = None;
    for (one, weight) in all.iter().zip(&weights) {
        let said = if is_soft(of) {
            estimator::proba(to, *one, x)?.0
        } else {
            // Voters were fitted to the numbers of the classes.
            let part = estimator::part(to, *one, x, Method::Predict)?;
            let number = to.add(crate::graph::Op::Cast(crate::DType::I64), &[part.id])?;
            to.one_hot(number, classes)?
        };
        let said = to.with(Binary::Mul, said, *weight)?;
        sum = Some(sum.map_or(Ok(said), |sum| to.binary(Binary::Add, sum, said))?);
    }
    let sum = sum.ok_or_else(|| EngineError::broken("a vote without voters"))?;
    let mean = to.with(Binary::Div, sum, weights.iter().sum())?;
    match method {
        Method::Predict => label_of_largest(to, of, mean),
        Method::Proba if is_soft(of) => Ok(Answer::Part(Part::floats(mean, Some(classes)))),
        _ => Err(no_such(of, method)),
    }
}

/// What each voter says, beside each other: chances, or the numbers of classes.
fn votes(to: &mut Builder<'_>, of: View<'_>, x: &Columns, classes: usize) -> Lowered {
    let all = of.get("estimators_")?.items();
    let mut parts = Vec::new();
    for one in &all {
        parts.push(if is_soft(of) {
            Columns::Numbers(estimator::proba(to, *one, x)?.0, classes)
        } else {
            let part = estimator::predicted(to, *one, x)?;
            columns::of_part(to, part)?
        });
    }
    columns::beside(to, &parts).map(Answer::Columns)
}

pub const STACKING_CLASSIFIERS: Family = Family {
    classes: &["StackingClassifier"],
    methods: |of| {
        let last = estimator::methods(of.get("final_estimator_")?)?;
        let own =
            last.into_iter().filter(|m| matches!(m, Method::Predict | Method::Proba | Method::Decision));
        Ok(own.chain([Method::Transform]).collect())
    },
    lower: |to, of, x, method| {
        let stacked = stacked(to, of, x)?;
        if method == Method::Transform {
            return Ok(Answer::Columns(stacked));
        }
        let last = of.get("final_estimator_")?;
        if method != Method::Predict {
            return estimator::answer(to, last, &stacked, method);
        }
        // The last estimator knows the classes' numbers.
        let part = estimator::part(to, last, &stacked, method)?;
        let number = to.add(crate::graph::Op::Cast(crate::DType::I64), &[part.id])?;
        labels::labelled(
            to,
            of.get("classes_").or_else(|_| of.get("_label_encoder")?.get("classes_"))?,
            number,
        )
        .map(Answer::Part)
    },
};

pub const STACKING_REGRESSORS: Family = Family {
    classes: &["StackingRegressor"],
    methods: |_| Ok(vec![Method::Predict, Method::Transform]),
    lower: |to, of, x, method| {
        let stacked = stacked(to, of, x)?;
        if method == Method::Transform {
            return Ok(Answer::Columns(stacked));
        }
        estimator::answer(to, of.get("final_estimator_")?, &stacked, method)
    },
};

/// What the first estimators say, beside each other.
fn stacked(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<Columns, EngineError> {
    let all = of.get("estimators_")?.items();
    let methods = of.get("stack_method_")?.items();
    let mut parts = Vec::new();
    for (n, one) in all.iter().enumerate() {
        let method = match methods.get(n).and_then(|view| view.text()) {
            Some("predict_proba") => Method::Proba,
            Some("decision_function") => Method::Decision,
            _ => Method::Predict,
        };
        let part = if method == Method::Predict {
            estimator::predicted(to, *one, x)?
        } else {
            estimator::part(to, *one, x, method)?
        };
        let made = columns::of_part(to, part)?;
        // Of two chances one says all.
        parts.push(match (method, part.width) {
            (Method::Proba, Some(2)) => columns::picked(to, &made, &[1])?,
            _ => made,
        });
    }
    if of.find("passthrough").map_or(Ok(false), View::bool)? {
        parts.push(x.clone());
    }
    columns::beside(to, &parts)
}

pub const BAGGING_CLASSIFIERS: Family = Family {
    classes: &["BaggingClassifier"],
    methods: |of| {
        let decides = all_of(of)?.first().map_or(Ok(false), |one| estimator::has(*one, Method::Decision))?;
        Ok([&[Method::Predict, Method::Proba][..], if decides { &[Method::Decision] } else { &[] }].concat())
    },
    lower: bagging,
};

pub const BAGGING_REGRESSORS: Family = Family {
    classes: &["BaggingRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let mut said = Vec::new();
        let mut width = None;
        for (one, x) in bags(to, of, x)? {
            let part = estimator::predicted(to, one, &x)?;
            (width, _) = (part.width, said.push(part.id));
        }
        Ok(Answer::Part(Part::floats(simple::mean(to, &said)?, width)))
    },
};

fn all_of(of: View<'_>) -> Result<Vec<View<'_>>, EngineError> {
    Ok(of.get("estimators_")?.items())
}

/// Each estimator and the columns that it was fitted to.
fn bags<'t>(
    to: &mut Builder<'_>,
    of: View<'t>,
    x: &Columns,
) -> Result<Vec<(View<'t>, Columns)>, EngineError> {
    let subsets = of.get("estimators_features_")?.array()?.objects().unwrap_or_default();
    let mut all = Vec::new();
    for (n, one) in all_of(of)?.into_iter().enumerate() {
        let subset =
            subsets.get(n).ok_or_else(|| EngineError::broken("an estimator of a bag has no features"))?;
        let subset: Vec<usize> =
            subset.array()?.ints()?.into_iter().filter_map(|f| usize::try_from(f).ok()).collect();
        let picked = if subset.iter().copied().eq(0..columns::width(x)) {
            x.clone()
        } else {
            columns::picked(to, x, &subset)?
        };
        all.push((one, picked));
    }
    Ok(all)
}

fn bagging(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let classes = labels::count(of)?;
    let mut said: Vec<ValueId> = Vec::new();
    let mut width = None;
    for (one, x) in bags(to, of, x)? {
        if method == Method::Decision {
            let part = estimator::part(to, one, &x, method)?;
            (width, _) = (part.width, said.push(part.id));
        } else {
            said.push(spread(to, one, &x, classes)?);
        }
    }
    let mean = simple::mean(to, &said)?;
    match method {
        Method::Decision => Ok(Answer::Part(Part::floats(mean, width))),
        Method::Proba => Ok(Answer::Part(Part::floats(mean, Some(classes)))),
        Method::Predict => label_of_largest(to, of, mean),
        _ => Err(no_such(of, method)),
    }
}

/// What one estimator says of all classes, whose numbers are its own classes.
fn spread(to: &mut Builder<'_>, one: View<'_>, x: &Columns, classes: usize) -> Result<ValueId, EngineError> {
    if !estimator::has(one, Method::Proba)? {
        let part = estimator::part(to, one, x, Method::Predict)?;
        let number = to.add(crate::graph::Op::Cast(crate::DType::I64), &[part.id])?;
        return to.one_hot(number, classes);
    }
    let (chances, own) = estimator::proba(to, one, x)?;
    if own == classes {
        return Ok(chances);
    }
    let numbers = one.get("classes_")?.array()?.ints()?;
    let hot =
        |n: &i64| (0..classes as i64).map(|class| f64::from(u8::from(class == *n))).collect::<Vec<f64>>();
    let places = numbers.iter().flat_map(hot).collect();
    columns::product(to, &Columns::Numbers(chances, own), (places, [own, classes]))
}

pub const CALIBRATED: Family = Family {
    classes: &["CalibratedClassifierCV"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: |to, of, x, method| {
        let classes = labels::count(of)?;
        let mut said = Vec::new();
        for one in of.get("calibrated_classifiers_")?.items() {
            said.push(calibration::chances(to, one, x, classes)?);
        }
        let mean = simple::mean(to, &said)?;
        match method {
            Method::Predict => label_of_largest(to, of, mean),
            Method::Proba => Ok(Answer::Part(Part::floats(mean, Some(classes)))),
            _ => Err(no_such(of, method)),
        }
    },
};
