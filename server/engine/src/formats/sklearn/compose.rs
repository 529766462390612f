//! Estimators one after another and beside each other.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{self, Answer, Family, Method, no_such};
use crate::EngineError;
use crate::formats::pickle::{Node, View};
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

fn weighted(to: &mut Builder<'_>, x: Columns, weight: Option<View<'_>>) -> Result<Columns, EngineError> {
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

fn is_dropped(transformer: View<'_>) -> bool {
    transformer.text() == Some("drop")
}

/// One transformer of a table's columns.
pub struct Part<'t> {
    pub transformer: View<'t>,
    pub columns: Vec<usize>,
    /// It takes one column as documents, not a table of one column.
    pub is_single: bool,
}

pub const TABLES: Family = Family {
    classes: &["ColumnTransformer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let weights = of.find("transformer_weights");
        let mut made = Vec::new();
        for (name, part) in parts(of)? {
            let taken = columns::picked(to, x, &part.columns)?;
            let taken = match taken {
                Columns::Texts(id, 1) if part.is_single => Columns::Documents(to.squeeze(id, 1)?),
                taken => taken,
            };
            let answer = if is_passed(part.transformer) {
                taken
            } else {
                estimator::transformed(to, part.transformer, &taken)?
            };
            made.push(weighted(to, answer, weights.and_then(|weights| weights.entry(name)))?);
        }
        columns::beside(to, &made).map(Answer::Columns)
    },
};

/// The transformers of a table, but those that drop or get nothing, by name.
pub fn parts(of: View<'_>) -> Result<Vec<(&str, Part<'_>)>, EngineError> {
    let names = super::inputs::names(of)?;
    let width = super::width::of(of).ok().or(names.as_ref().map(Vec::len));
    let mut all = Vec::new();
    for named in of.get("transformers_")?.items() {
        let items = named.items();
        let [name, transformer, columns, ..] = &items[..] else {
            return Err(EngineError::broken("a part of a ColumnTransformer is none"));
        };
        if is_dropped(*transformer) {
            continue;
        }
        let name = name.text().unwrap_or("");
        let resolved = of.find("_transformer_to_input_indices").and_then(|all| all.entry(name));
        let is_single = columns.text().is_some() || matches!(columns.node(), Node::Int(_));
        let columns = match resolved {
            Some(indices) => places(indices, &[], width)?,
            None => places(*columns, names.as_deref().unwrap_or(&[]), width)?,
        };
        if !columns.is_empty() {
            all.push((name, Part { transformer: *transformer, columns, is_single }));
        }
    }
    Ok(all)
}

/// The columns that somebody names: by number, by name, by truth, or from one to another.
fn places(columns: View<'_>, names: &[String], width: Option<usize>) -> Result<Vec<usize>, EngineError> {
    let unknown = || EngineError::broken("columns of a ColumnTransformer cannot be told");
    let by_name = |name: &str| names.iter().position(|known| known == name).ok_or_else(unknown);
    let by_number = |n: i64| {
        let n = if n < 0 { width.and_then(|w| n.checked_add(w as i64)) } else { Some(n) };
        n.and_then(|n| usize::try_from(n).ok()).ok_or_else(unknown)
    };
    if let Some(name) = columns.text() {
        return by_name(name).map(|place| vec![place]);
    }
    if columns.class() == Some("slice") {
        return sliced(columns, names, width);
    }
    // A list of the newer versions is in an object.
    let columns = columns.find("data").unwrap_or(columns);
    let array = columns.array()?;
    if let Some(objects) = array.objects() {
        let truths = objects.iter().all(|one| matches!(one.node(), Node::Bool(_))) && !objects.is_empty();
        if !truths {
            let place = |one: &View<'_>| one.text().map_or_else(|| by_number(one.int()?), by_name);
            return objects.iter().map(place).collect();
        }
    } else if array.dtype != crate::formats::pickle::Type::Bool {
        return match array.ints() {
            Ok(numbers) => numbers.into_iter().map(by_number).collect(),
            Err(_) => array.texts()?.iter().map(|name| by_name(name)).collect(),
        };
    }
    Ok(array.ints()?.iter().enumerate().filter(|(_, flag)| **flag != 0).map(|(n, _)| n).collect())
}

fn sliced(columns: View<'_>, names: &[String], width: Option<usize>) -> Result<Vec<usize>, EngineError> {
    let unknown = || EngineError::broken("a slice of columns cannot be told");
    let arguments = columns.arguments();
    let [begin, end, step] = &arguments[..] else { return Err(unknown()) };
    let width = width.ok_or_else(unknown)?;
    let place = |view: View<'_>, default: usize, more: usize| match (view.text(), view.is_none()) {
        (_, true) => Ok(default),
        // To a name means that column too.
        (Some(name), _) => names.iter().position(|known| known == name).map(|n| n + more).ok_or_else(unknown),
        _ => {
            let n = view.int()?;
            let n = if n < 0 { n.saturating_add(width as i64).max(0) } else { n };
            Ok(usize::try_from(n).unwrap_or(width).min(width))
        }
    };
    let (begin, end) = (place(*begin, 0, 0)?, place(*end, width, 1)?);
    let step = if step.is_none() { 1 } else { step.size()? };
    if step == 0 { Err(unknown()) } else { Ok((begin..end).step_by(step).collect()) }
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
