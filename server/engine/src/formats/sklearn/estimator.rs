//! What every estimator is asked: a method, of rows.

use super::builder::{Builder, Columns};
use super::{FAMILIES, columns, labels};
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, ValueId};
use crate::{DType, EngineError};

/// What of an estimator is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Predict,
    Proba,
    Decision,
    Transform,
    Samples,
}

impl Method {
    /// Its name, and the name of what it answers.
    pub fn names(self) -> [&'static str; 2] {
        match self {
            Self::Predict => ["predict", "predictions"],
            Self::Proba => ["predict_proba", "probabilities"],
            Self::Decision => ["decision_function", "decision"],
            Self::Transform => ["transform", "transformed"],
            Self::Samples => ["score_samples", "scores"],
        }
    }
}

/// [rows], or [rows, width].
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub id: ValueId,
    pub dtype: DType,
    pub width: Option<usize>,
}

impl Part {
    /// Floats: of each row one, or `width`.
    pub fn floats(id: ValueId, width: Option<usize>) -> Self {
        Self { id, dtype: DType::F64, width }
    }
}

/// What a method answers.
pub enum Answer {
    Part(Part),
    /// One for each output of a model of several.
    Parts(Vec<Part>),
    Columns(Columns),
}

pub type Lowered = Result<Answer, EngineError>;

/// Estimators that are read alike.
pub struct Family {
    pub classes: &'static [&'static str],
    pub methods: fn(View<'_>) -> Result<Vec<Method>, EngineError>,
    pub lower: fn(&mut Builder<'_>, View<'_>, &Columns, Method) -> Lowered,
}

/// For errors and messages: an estimator's class.
pub fn class(of: View<'_>) -> &str {
    of.class().unwrap_or("an object without a class")
}

fn family(of: View<'_>) -> Result<&'static Family, EngineError> {
    let name = class(of);
    let found = of.package().filter(|package| *package == "sklearn");
    let found = found.and_then(|_| FAMILIES.iter().copied().find(|family| family.classes.contains(&name)));
    found.ok_or_else(|| {
        EngineError::broken(format!("scikit-learn's {name} is not one of the estimators that are read"))
    })
}

/// The methods that an estimator has.
pub fn methods(of: View<'_>) -> Result<Vec<Method>, EngineError> {
    (family(of)?.methods)(of)
}

/// Whether an estimator has a method.
pub fn has(of: View<'_>, method: Method) -> Result<bool, EngineError> {
    Ok(methods(of)?.contains(&method))
}

/// What an estimator answers.
pub fn answer(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let family = family(of)?;
    to.deeper(|to| (family.lower)(to, of, x, method))
}

/// What an estimator answers, of one output.
pub fn part(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Result<Part, EngineError> {
    match answer(to, of, x, method)? {
        Answer::Part(part) => Ok(part),
        Answer::Columns(columns) => {
            let (id, width) = columns::dense(to, &columns)?;
            Ok(Part::floats(id, Some(width)))
        }
        Answer::Parts(_) => {
            Err(EngineError::broken(format!("{} has several outputs, which is not known here", class(of))))
        }
    }
}

/// Probabilities: [rows, classes].
pub fn proba(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let part = part(to, of, x, Method::Proba)?;
    part.width.map(|width| (part.id, width)).ok_or_else(|| EngineError::broken("probabilities of no class"))
}

/// Predictions as floats.
pub fn predicted(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<Part, EngineError> {
    let part = part(to, of, x, Method::Predict)?;
    match part.dtype {
        DType::F64 => Ok(part),
        DType::String => {
            Err(EngineError::broken(format!("{} says texts where numbers are needed", class(of))))
        }
        _ => Ok(Part::floats(to.float(part.id)?, part.width)),
    }
}

/// What a transformer makes of rows.
pub fn transformed(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<Columns, EngineError> {
    match answer(to, of, x, Method::Transform)? {
        Answer::Columns(columns) => Ok(columns),
        Answer::Part(part) => columns::of_part(to, part),
        Answer::Parts(_) => Err(EngineError::broken(format!("{} makes several tables", class(of)))),
    }
}

/// The class of the largest number of each row.
pub fn label_of_largest(to: &mut Builder<'_>, of: View<'_>, x: ValueId) -> Lowered {
    let index = to.largest(x)?;
    labels::labelled(to, of.get("classes_")?, index).map(Answer::Part)
}

/// Of two classes: the second, where a number is above a limit. Numbers are [rows].
pub fn label_if_above(to: &mut Builder<'_>, of: View<'_>, x: ValueId, limit: f64) -> Lowered {
    label_if(to, of, x, (Compare::Greater, limit))
}

/// The second class where x is not below a limit.
pub fn label_if_reaches(to: &mut Builder<'_>, of: View<'_>, x: ValueId, limit: f64) -> Lowered {
    label_if(to, of, x, (Compare::GreaterEqual, limit))
}

fn label_if(to: &mut Builder<'_>, of: View<'_>, x: ValueId, (compare, limit): (Compare, f64)) -> Lowered {
    let second = to.compare_with(compare, x, limit)?;
    let index = to.add(crate::graph::Op::Cast(DType::I64), &[second])?;
    labels::labelled(to, of.get("classes_")?, index).map(Answer::Part)
}

/// 1, or -1 for what is below or at a limit: [rows].
pub fn inlier(to: &mut Builder<'_>, compare: Compare, x: ValueId) -> Lowered {
    let inside = to.compare_with(compare, x, 0.0)?;
    let index = to.add(crate::graph::Op::Cast(DType::I64), &[inside])?;
    let names = to.literal(crate::graph::Literal::I64(vec![-1, 1], vec![2]))?;
    let axis = to.int(0)?;
    let id = to.add(crate::graph::Op::Gather { batch_dims: 0 }, &[names, index, axis])?;
    Ok(Answer::Part(Part { id, dtype: DType::I64, width: None }))
}

/// What scores say of rows: themselves, how far they are above a limit, or 1, and -1 for what is below it.
pub fn outliers(to: &mut Builder<'_>, of: View<'_>, method: Method, scores: ValueId, limit: f64) -> Lowered {
    if method == Method::Samples {
        return Ok(Answer::Part(Part::floats(scores, None)));
    }
    let decision = to.with(Binary::Sub, scores, limit)?;
    match method {
        Method::Decision => Ok(Answer::Part(Part::floats(decision, None))),
        Method::Predict => inlier(to, Compare::GreaterEqual, decision),
        _ => Err(no_such(of, method)),
    }
}

/// Neither this method nor another one that is not the estimator's.
pub fn no_such(of: View<'_>, method: Method) -> EngineError {
    EngineError::broken(format!("{} has no {}", class(of), method.names()[0]))
}
