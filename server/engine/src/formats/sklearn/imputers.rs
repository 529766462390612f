//! What stands for missing values.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{Answer, Family, Lowered, Method, no_such};
use super::inputs::{self, Kind};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Compare, Op, ValueId};

pub const IMPUTERS: Family = Family {
    classes: &["SimpleImputer", "MissingIndicator"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| match (method, of.class()) {
        (Method::Transform, Some("SimpleImputer")) => simple(to, of, x),
        (Method::Transform, _) => {
            let (id, width) = columns::dense(to, x)?;
            indicated(to, of, id, width).map(|(id, width)| Answer::Columns(Columns::Numbers(id, width)))
        }
        _ => Err(no_such(of, method)),
    },
};

/// Where values are missing.
fn missing(to: &mut Builder<'_>, of: View<'_>, x: ValueId) -> Result<ValueId, EngineError> {
    let stands = of.find("missing_values").map_or(Ok(f64::NAN), View::float)?;
    if stands.is_nan() { columns::is_nan(to, x) } else { to.compare_with(Compare::Equal, x, stands) }
}

fn indicated(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: ValueId,
    width: usize,
) -> Result<(ValueId, usize), EngineError> {
    let missing = missing(to, of, x)?;
    let missing = to.float(missing)?;
    let features = of.get("features_")?.array()?.ints()?;
    let features: Vec<usize> = features.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
    if features.iter().any(|feature| *feature >= width) {
        return Err(EngineError::broken("an indicator of a column that is not there"));
    }
    Ok((to.pick(missing, &features)?, features.len()))
}

fn simple(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    if let Columns::Texts(id, width) = x {
        return texts(to, of, *id, *width);
    }
    if let (Columns::Frame(_), true) = (x, inputs::kinds(of)?.contains(&Kind::Text)) {
        return Err(EngineError::broken("SimpleImputer over columns of different types"));
    }
    let (x, width) = columns::dense(to, x)?;
    let statistics = columns::floats(of, "statistics_")?;
    if statistics.len() != width {
        return Err(EngineError::broken("SimpleImputer of another number of columns"));
    }
    let missing = missing(to, of, x)?;
    // Columns that had no value in training go, unless they are kept as zeros.
    let keeps = of.find("keep_empty_features").map_or(Ok(false), View::bool)?
        || of.word("strategy") == Some("constant");
    let kept: Vec<usize> = (0..width).filter(|n| keeps || !statistics[*n].is_nan()).collect();
    let values = to.row(statistics.iter().map(|s| if s.is_nan() { 0.0 } else { *s }).collect())?;
    let mut filled = to.select(missing, values, x)?;
    if kept.len() < width {
        filled = to.pick(filled, &kept)?;
    }
    with_indicator(to, of, (x, width), (filled, kept.len()))
}

/// What was filled, and behind it what was missing where an imputer shows that.
pub fn with_indicator(
    to: &mut Builder<'_>,
    of: View<'_>,
    (x, width): (ValueId, usize),
    (filled, kept): (ValueId, usize),
) -> Lowered {
    let Some(indicator) = of.find("indicator_") else {
        return Ok(Answer::Columns(Columns::Numbers(filled, kept)));
    };
    let (shown, more) = indicated(to, indicator, x, width)?;
    let id = if more == 0 { filled } else { to.beside(&[filled, shown])? };
    Ok(Answer::Columns(Columns::Numbers(id, kept + more)))
}

/// A missing text is an empty one.
fn texts(to: &mut Builder<'_>, of: View<'_>, x: ValueId, width: usize) -> Lowered {
    let statistics = of.get("statistics_")?.array()?.texts()?;
    if statistics.len() != width || of.find("indicator_").is_some() {
        return Err(EngineError::broken(
            "SimpleImputer of texts with another number of columns, or with an indicator",
        ));
    }
    let stands = of.word("missing_values").unwrap_or("");
    let mut parts = Vec::new();
    for (n, value) in statistics.iter().enumerate() {
        let column = to.pick(x, &[n])?;
        let (stands, value) = (columns::text(to, stands)?, columns::text(to, value)?);
        let missing = to.add(Op::Compare(Compare::Equal), &[column, stands])?;
        parts.push(to.select(missing, value, column)?);
    }
    Ok(Answer::Columns(Columns::Texts(to.beside(&parts)?, width)))
}
