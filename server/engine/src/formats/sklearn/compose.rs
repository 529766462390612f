//! Estimators one after another and beside each other.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Method, no_such};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Unary};

pub const PIPELINES: Family = Family {
    classes: &["Pipeline"],
    methods: |of| match steps(of)?.split_last() {
        Some((last, _)) if is_passed(*last) => Ok(vec![Method::Transform]),
        Some((last, _)) => estimator::methods(*last),
        None => Err(EngineError::broken("a Pipeline without steps")),
    },
    lower: |to, of, x, method| {
        let steps = steps(of)?;
        let Some((last, before)) = steps.split_last() else { return Err(no_such(of, method)) };
        let mut x = x.clone();
        for step in before.iter().filter(|step| !is_passed(**step)) {
            x = estimator::transformed(to, *step, &x)?;
        }
        if is_passed(*last) { Ok(Answer::Columns(x)) } else { estimator::answer(to, *last, &x, method) }
    },
};

/// The estimators of a pipeline.
pub fn steps(of: View<'_>) -> Result<Vec<View<'_>>, EngineError> {
    let steps = of.get("steps")?.items();
    steps
        .into_iter()
        .map(|step| {
            step.items().get(1).copied().ok_or_else(|| EngineError::broken("a step of a Pipeline is none"))
        })
        .collect()
}

/// Whether a step does nothing.
pub fn is_passed(step: View<'_>) -> bool {
    step.is_none() || step.text() == Some("passthrough")
}

pub const UNIONS: Family = Family {
    classes: &["FeatureUnion"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let weights = of.find("transformer_weights");
        let mut parts = Vec::new();
        for named in of.get("transformer_list")?.items() {
            let items = named.items();
            let [name, transformer, ..] = &items[..] else {
                return Err(EngineError::broken("a part of a union is none"));
            };
            if is_dropped(*transformer) {
                continue;
            }
            let made = if is_passed(*transformer) {
                x.clone()
            } else {
                estimator::transformed(to, *transformer, x)?
            };
            let weight = name.text().and_then(|name| weights?.entry(name));
            parts.push(weighted(to, made, weight)?);
        }
        columns::beside(to, &parts).map(Answer::Columns)
    },
};

pub fn weighted(to: &mut Builder<'_>, x: Columns, weight: Option<View<'_>>) -> Result<Columns, EngineError> {
    let Some(weight) = weight else { return Ok(x) };
    let weight = weight.float()?;
    match x {
        Columns::Sparse([indices, values, shape], width) => {
            let values = to.with(Binary::Mul, values, weight)?;
            Ok(Columns::Sparse([indices, values, shape], width))
        }
        other => {
            let (id, width) = columns::dense(to, &other)?;
            Ok(Columns::Numbers(to.with(Binary::Mul, id, weight)?, width))
        }
    }
}

pub fn is_dropped(transformer: View<'_>) -> bool {
    transformer.text() == Some("drop")
}

pub const FUNCTIONS: Family = Family {
    classes: &["FunctionTransformer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, _| {
        let Some(function) = of.find("func") else { return Ok(Answer::Columns(x.clone())) };
        // Nothing is done by what only checks.
        let checks = function.class() == Some("partial")
            && function.arguments().first().and_then(|f| f.class()) == Some("check_array");
        if checks {
            return Ok(Answer::Columns(x.clone()));
        }
        let name = super::ufunc(function);
        let (id, width) = columns::dense(to, x)?;
        let id = match name {
            Some("log1p") => to.unary(Unary::Log1p, id)?,
            Some("expm1") => to.unary(Unary::Expm1, id)?,
            Some("log") => to.unary(Unary::Log, id)?,
            Some("exp") => to.unary(Unary::Exp, id)?,
            Some("sqrt") => to.unary(Unary::Sqrt, id)?,
            Some("square") => to.unary(Unary::Square, id)?,
            Some("abs" | "absolute") => to.unary(Unary::Abs, id)?,
            Some("sin") => to.unary(Unary::Sin, id)?,
            Some("cos") => to.unary(Unary::Cos, id)?,
            Some("log2") => {
                let log = to.unary(Unary::Log, id)?;
                to.with(Binary::Div, log, std::f64::consts::LN_2)?
            }
            Some("log10") => {
                let log = to.unary(Unary::Log, id)?;
                to.with(Binary::Div, log, std::f64::consts::LN_10)?
            }
            _ => {
                return Err(EngineError::broken(
                    "FunctionTransformer has a function, and nothing of a pickle is called: use func=None or one of NumPy's own \
                     (log1p, expm1, log, exp, sqrt, square, abs)",
                ));
            }
        };
        Ok(Answer::Columns(Columns::Numbers(id, width)))
    },
};

pub const SEARCHES: Family = Family {
    classes: &["GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"],
    methods: |of| estimator::methods(of.get("best_estimator_")?),
    lower: |to, of, x, method| estimator::answer(to, of.get("best_estimator_")?, x, method),
};

pub const FROZEN: Family = Family {
    classes: &["FrozenEstimator"],
    methods: |of| estimator::methods(of.get("estimator")?),
    lower: |to, of, x, method| estimator::answer(to, of.get("estimator")?, x, method),
};

pub const TARGETS: Family = Family {
    classes: &["TransformedTargetRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let part = estimator::predicted(to, of.get("regressor_")?, x)?;
        let id = inverted(to, of.get("transformer_")?, part.id)?;
        Ok(Answer::Part(estimator::Part { id, ..part }))
    },
};

/// What a transformer of targets was given, from what it made of it.
fn inverted(
    to: &mut Builder<'_>,
    of: View<'_>,
    y: crate::graph::ValueId,
) -> Result<crate::graph::ValueId, EngineError> {
    let first = |name: &str| of.find(name).map(|view| view.array()?.floats()).transpose();
    let number = |all: Option<Vec<f64>>, default: f64| match all.as_deref() {
        None => Ok(default),
        Some([one]) => Ok(*one),
        Some(_) => Err(EngineError::broken("a target of several columns that is transformed")),
    };
    match of.class() {
        Some("StandardScaler" | "RobustScaler" | "MaxAbsScaler") => {
            let centre = number(first("mean_")?.or(first("center_")?), 0.0)?;
            let scaled = to.with(Binary::Mul, y, number(first("scale_")?, 1.0)?)?;
            to.with(Binary::Add, scaled, centre)
        }
        Some("MinMaxScaler") => {
            let moved = to.with(Binary::Sub, y, number(first("min_")?, 0.0)?)?;
            to.with(Binary::Div, moved, number(first("scale_")?, 1.0)?)
        }
        Some("FunctionTransformer") => match of.find("inverse_func").map(super::ufunc) {
            None => Ok(y),
            Some(Some("expm1")) => to.unary(Unary::Expm1, y),
            Some(Some("exp")) => to.unary(Unary::Exp, y),
            Some(Some("log1p")) => to.unary(Unary::Log1p, y),
            Some(Some("log")) => to.unary(Unary::Log, y),
            Some(Some("square")) => to.unary(Unary::Square, y),
            Some(Some("sqrt")) => to.unary(Unary::Sqrt, y),
            Some(_) => Err(EngineError::broken(
                "TransformedTargetRegressor has a function, and nothing of a pickle is called",
            )),
        },
        other => {
            Err(EngineError::broken(format!("a target that {} transforms", other.unwrap_or("something"))))
        }
    }
}
