//! One estimator for each output, or for each class, or for each pair of classes.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Lowered, Method, Part, no_such};
use super::{labels, linear, simple, support, trees};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, ValueId};

fn all_of(of: View<'_>) -> Result<Vec<View<'_>>, EngineError> {
    let all = of.get("estimators_")?.items();
    if all.is_empty() {
        Err(EngineError::broken(format!("{} has no estimators", estimator::class(of))))
    } else {
        Ok(all)
    }
}

pub const OUTPUT_CLASSIFIERS: Family = Family {
    classes: &["MultiOutputClassifier"],
    methods: |of| {
        let chances = all_of(of)?.first().map_or(Ok(false), |one| estimator::has(*one, Method::Proba))?;
        Ok([&[Method::Predict][..], if chances { &[Method::Proba] } else { &[] }].concat())
    },
    lower: |to, of, x, method| {
        let mut parts = Vec::new();
        for one in all_of(of)? {
            parts.push(estimator::part(to, one, x, method)?);
        }
        match (&parts[..], method) {
            ([_], Method::Predict) => {
                let made = to.expand(parts[0].id, 1)?;
                Ok(Answer::Part(Part { id: made, width: Some(1), ..parts[0] }))
            }
            _ => trees::together(to, parts, method),
        }
    },
};

pub const OUTPUT_REGRESSORS: Family = Family {
    classes: &["MultiOutputRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let mut parts = Vec::new();
        for one in all_of(of)? {
            let part = estimator::predicted(to, one, x)?;
            parts.push(to.expand(part.id, 1)?);
        }
        Ok(Answer::Part(Part::floats(to.beside(&parts)?, Some(parts.len()))))
    },
};

pub const CONSTANT: Family = Family {
    classes: &["_ConstantPredictor"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Decision]),
    lower: |to, of, x, method| {
        let said = columns::floats(of, "y_")?.first().copied().unwrap_or(0.0);
        let row = if method == Method::Proba { vec![1.0 - said, said] } else { vec![said] };
        let made = simple::repeated(to, x, row)?;
        if method == Method::Proba {
            return Ok(Answer::Part(Part::floats(made, Some(2))));
        }
        Ok(Answer::Part(Part::floats(to.squeeze(made, 1)?, None)))
    },
};

pub const REST: Family = Family {
    classes: &["OneVsRestClassifier"],
    methods: |of| {
        let first = all_of(of)?[0];
        let mut methods = vec![Method::Predict];
        for method in [Method::Proba, Method::Decision] {
            if estimator::has(first, method)? {
                methods.push(method);
            }
        }
        Ok(methods)
    },
    lower: rest,
};

/// What each estimator says of its own class: [rows, classes]; a decision where there is one, unless chances are asked for.
fn of_each(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    chances: bool,
) -> Result<(ValueId, usize, bool), EngineError> {
    let all = all_of(of)?;
    let (mut parts, mut by_chance) = (Vec::new(), false);
    for one in &all {
        parts.push(if !chances && estimator::has(*one, Method::Decision)? {
            let part = estimator::part(to, *one, x, Method::Decision)?;
            to.expand(part.id, 1)?
        } else {
            by_chance = true;
            let (said, _) = estimator::proba(to, *one, x)?;
            to.pick(said, &[1])?
        });
    }
    Ok((to.beside(&parts)?, all.len(), by_chance))
}

fn rest(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let binarizer = of.find("label_binarizer_");
    let classes = of.find("classes_").or_else(|| binarizer?.find("classes_"));
    let classes = classes.ok_or_else(|| EngineError::broken("OneVsRestClassifier has no classes_"))?;
    let several =
        binarizer.and_then(|b| b.find("y_type_")).and_then(|t| t.text().map(|t| t.starts_with("multilabel")));
    let several = several.unwrap_or(false);
    let (sums, count, by_chance) = of_each(to, of, x, method == Method::Proba)?;
    match method {
        Method::Predict if several => linear::there(to, (sums, count), if by_chance { 0.5 } else { 0.0 }),
        Method::Predict if count == 1 && by_chance => {
            let moved = to.with(Binary::Sub, sums, 0.5)?;
            linear::decided(to, of, classes, (moved, 1), method)
        }
        Method::Proba if count == 1 => Ok(Answer::Part(Part::floats(to.both(sums)?, Some(2)))),
        Method::Proba if several => Ok(Answer::Part(Part::floats(sums, Some(count)))),
        Method::Proba => Ok(Answer::Part(Part::floats(to.shares(sums)?, Some(count)))),
        _ => linear::decided(to, of, classes, (sums, count), method),
    }
}

pub const PAIRS: Family = Family {
    classes: &["OneVsOneClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Decision]),
    lower: |to, of, x, method| {
        let classes = labels::count(of)?;
        let all = all_of(of)?;
        let subsets = of.find("pairwise_indices_");
        if all.len() != classes * classes.saturating_sub(1) / 2 || subsets.is_some() {
            return Err(EngineError::broken("OneVsOneClassifier of other estimators than pairs of classes"));
        }
        let (mut said, mut sure) = (Vec::new(), Vec::new());
        for one in all {
            let part = estimator::predicted(to, one, x)?;
            said.push(to.expand(part.id, 1)?);
            sure.push(if estimator::has(one, Method::Decision)? {
                let part = estimator::part(to, one, x, Method::Decision)?;
                to.expand(part.id, 1)?
            } else {
                let (chances, _) = estimator::proba(to, one, x)?;
                to.pick(chances, &[1])?
            });
        }
        let (said, sure) = (to.beside(&said)?, to.beside(&sure)?);
        let first = to.compare_with(Compare::Equal, said, 0.0)?;
        // Estimators are sure of the second class.
        let against = to.unary(crate::graph::Unary::Neg, sure)?;
        let votes = support::votes(to, first, Some(against), classes)?;
        if classes == 2 && method == Method::Decision {
            let second = to.pick(votes, &[1])?;
            return Ok(Answer::Part(Part::floats(to.squeeze(second, 1)?, None)));
        }
        if classes == 2 {
            return linear::decided(to, of, of.get("classes_")?, (sure, 1), method);
        }
        linear::decided(to, of, of.get("classes_")?, (votes, classes), method)
    },
};

pub const CHAINS: Family = Family {
    classes: &["ClassifierChain", "RegressorChain"],
    methods: |of| {
        let is_classifier = of.class() == Some("ClassifierChain");
        let first = all_of(of)?[0];
        let mut methods = vec![Method::Predict];
        for method in [Method::Proba, Method::Decision] {
            if is_classifier && estimator::has(first, method)? {
                methods.push(method);
            }
        }
        Ok(methods)
    },
    lower: chain,
};

/// Each estimator sees what those before it said.
fn chain(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let order: Vec<usize> =
        of.get("order_")?.array()?.ints()?.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
    let all = all_of(of)?;
    let mut places: Vec<Option<ValueId>> = vec![None; all.len()];
    if order.len() != all.len() {
        return Err(EngineError::broken("a chain's order is not that of its estimators"));
    }
    if of.word("chain_method_").is_some_and(|m| m != "predict") {
        return Err(EngineError::broken("a chain that hands on chances; use chain_method=\"predict\""));
    }
    let mut seen = vec![x.clone()];
    for (one, place) in all.into_iter().zip(order) {
        let rows = columns::beside(to, &seen)?;
        let part = estimator::predicted(to, one, &rows)?;
        let said = to.expand(part.id, 1)?;
        let wanted = match method {
            Method::Predict => said,
            Method::Decision => {
                let part = estimator::part(to, one, &rows, method)?;
                to.expand(part.id, 1)?
            }
            _ => {
                let (chances, _) = estimator::proba(to, one, &rows)?;
                to.pick(chances, &[1])?
            }
        };
        seen.push(Columns::Numbers(said, 1));
        *places.get_mut(place).ok_or_else(|| EngineError::broken("a chain's order names no output"))? =
            Some(wanted);
    }
    let parts: Option<Vec<ValueId>> = places.into_iter().collect();
    let parts = parts.ok_or_else(|| EngineError::broken("a chain's order leaves an output out"))?;
    Ok(Answer::Part(Part::floats(to.beside(&parts)?, Some(parts.len()))))
}
