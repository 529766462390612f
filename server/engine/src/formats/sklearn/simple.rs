//! What answers without looking, and what goes up only.

use super::builder::{Builder, Columns};
use super::columns::{self, floats};
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use super::labels;
use crate::formats::pickle::View;
use crate::graph::{Learning, Op, Reduce, Unary, ValueId};
use crate::{DType, EngineError};

pub const CLASSIFIERS: Family = Family {
    classes: &["DummyClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["DummyRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let constants = floats(of, "constant_")?;
        let width = constants.len();
        let said = repeated(to, x, constants)?;
        if width > 1 {
            return Ok(Answer::Part(Part::floats(said, Some(width))));
        }
        Ok(Answer::Part(Part::floats(to.squeeze(said, 1)?, None)))
    },
};

/// Zeros, as many as there are rows: [rows, 1].
fn zeros(to: &mut Builder<'_>, x: &Columns) -> Result<ValueId, EngineError> {
    match x {
        Columns::Documents(id) => {
            let lengths = to.add(Op::Text(crate::graph::Text::Length { utf8: false }), &[*id])?;
            let lengths = to.float(lengths)?;
            let zeros = to.unary(Unary::ZerosLike, lengths)?;
            to.expand(zeros, 1)
        }
        Columns::Frame(parts) => match parts.first() {
            Some(Columns::Texts(id, 1)) => {
                let flat = to.squeeze(*id, 1)?;
                zeros(to, &Columns::Documents(flat))
            }
            Some(first) => zeros(to, first),
            None => Err(EngineError::broken("rows without columns")),
        },
        Columns::Texts(..) => {
            let first = columns::column(to, x, 0)?;
            let flat = to.squeeze(first, 1)?;
            zeros(to, &Columns::Documents(flat))
        }
        _ => {
            let first = columns::column(to, x, 0)?;
            to.unary(Unary::ZerosLike, first)
        }
    }
}

/// The same for each row: [rows, width]. Whatever a row holds.
pub fn repeated(to: &mut Builder<'_>, x: &Columns, row: Vec<f64>) -> Result<ValueId, EngineError> {
    let zeros = zeros(to, x)?;
    to.with_row(crate::graph::Binary::Add, zeros, row)
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if of.find("n_outputs_").map_or(Ok(1), View::size)? > 1 {
        return Err(EngineError::broken("DummyClassifier of several outputs"));
    }
    let classes = labels::count(of)?;
    let strategy = of.find("_strategy").or_else(|| of.find("strategy")).and_then(View::text).unwrap_or("");
    let priors = floats(of, "class_prior_")?;
    if priors.len() != classes {
        return Err(EngineError::broken("DummyClassifier with other priors than classes"));
    }
    let first =
        |row: &[f64]| row.iter().enumerate().fold(0, |best, (n, p)| if *p > row[best] { n } else { best });
    let hot = |place: usize| (0..classes).map(|n| f64::from(u8::from(n == place))).collect::<Vec<f64>>();
    let chosen = match strategy {
        "most_frequent" | "prior" => first(&priors),
        "constant" => {
            let constant = labels::Labels::of(of.get("constant")?)?;
            place_of(&constant, &labels::Labels::of(of.get("classes_")?)?)
                .ok_or_else(|| EngineError::broken("DummyClassifier says what is no class"))?
        }
        other => {
            return Err(EngineError::broken(format!(
                "DummyClassifier draws by chance ({other:?}): its answers cannot be repeated"
            )));
        }
    };
    match method {
        Method::Proba => {
            let row = if strategy == "prior" { priors } else { hot(chosen) };
            Ok(Answer::Part(Part::floats(repeated(to, x, row)?, Some(classes))))
        }
        Method::Predict => {
            let number = repeated(to, x, vec![chosen as f64])?;
            let number = to.squeeze(number, 1)?;
            let number = to.add(Op::Cast(DType::I64), &[number])?;
            labels::labelled(to, of.get("classes_")?, number).map(Answer::Part)
        }
        _ => Err(no_such(of, method)),
    }
}

fn place_of(one: &labels::Labels, all: &labels::Labels) -> Option<usize> {
    use labels::Labels::{Bools, Floats, Ints, Texts};
    match (one, all) {
        (Ints(one), Ints(all)) => all.iter().position(|c| Some(c) == one.first()),
        (Texts(one), Texts(all)) => all.iter().position(|c| Some(c) == one.first()),
        (Bools(one), Bools(all)) => all.iter().position(|c| Some(c) == one.first()),
        (Floats(one), Floats(all)) => all.iter().position(|c| Some(c) == one.first()),
        _ => None,
    }
}

pub const ISOTONIC: Family = Family {
    classes: &["IsotonicRegression"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let (x, _) = columns::dense(to, x)?;
        let made = isotonic(to, of, x)?;
        Ok(Answer::Part(Part::floats(to.squeeze(made, 1)?, None)))
    },
};

/// On lines between what was fitted: [rows, 1].
pub fn isotonic(to: &mut Builder<'_>, of: View<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    let (places, values) = match of.find("X_thresholds_") {
        Some(places) => (places.array()?.floats()?, floats(of, "y_thresholds_")?),
        // Before 0.24.
        None => (floats(of, "_necessary_X_")?, floats(of, "_necessary_y_")?),
    };
    let count = places.len();
    if of.word("out_of_bounds") == Some("raise") {
        return Err(EngineError::broken(
            "IsotonicRegression with out_of_bounds=\"raise\"; fit it with \"clip\" or \"nan\"",
        ));
    }
    let clips = of.word("out_of_bounds") == Some("clip");
    let ends = [places.first().copied().unwrap_or(0.0), places.last().copied().unwrap_or(0.0)];
    let (places, values) = (to.constant(places, &[count, 1])?, to.constant(values, &[count, 1])?);
    let made = to.learning(Learning::Interpolate, &[x, places, values])?;
    if clips {
        return Ok(made);
    }
    let below = to.compare_with(crate::graph::Compare::Less, x, ends[0])?;
    let above = to.compare_with(crate::graph::Compare::Greater, x, ends[1])?;
    let outside = to.binary(crate::graph::Binary::Or, below, above)?;
    let nothing = to.number(f64::NAN)?;
    to.select(outside, nothing, made)
}

/// The mean of some values.
pub fn mean(to: &mut Builder<'_>, all: &[ValueId]) -> Result<ValueId, EngineError> {
    let Some((first, rest)) = all.split_first() else { return Err(EngineError::broken("a mean of nothing")) };
    let mut sum = *first;
    for one in rest {
        sum = to.binary(crate::graph::Binary::Add, sum, *one)?;
    }
    to.with(crate::graph::Binary::Div, sum, all.len() as f64)
}

/// The weighted mean along a row.
pub fn weighted(to: &mut Builder<'_>, x: ValueId, weights: Vec<f64>) -> Result<ValueId, EngineError> {
    let sum: f64 = weights.iter().sum();
    let scaled = to.with_row(crate::graph::Binary::Mul, x, weights)?;
    let total = to.reduce(Reduce::Sum, scaled, 1, false)?;
    to.with(crate::graph::Binary::Div, total, sum)
}
