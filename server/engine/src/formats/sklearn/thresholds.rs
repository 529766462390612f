//! Classifiers of two classes that say which by a limit of their own.

use super::builder::{Builder, Columns};
use super::estimator::{self, Family, Lowered, Method, label_if_reaches};
use super::{columns, labels};
use crate::EngineError;
use crate::formats::pickle::View;

pub const THRESHOLDS: Family = Family {
    classes: &["FixedThresholdClassifier", "TunedThresholdClassifierCV"],
    methods: |of| estimator::methods(inner(of)?),
    lower: |to, of, x, method| match method {
        Method::Predict => predicted(to, of, x),
        _ => estimator::answer(to, inner(of)?, x, method),
    },
};

fn inner(of: View<'_>) -> Result<View<'_>, EngineError> {
    of.any(&["estimator_", "estimator"])
        .ok_or_else(|| EngineError::broken("a threshold without a classifier"))
}

fn predicted(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let model = inner(of)?;
    if labels::count(model)? != 2 || !says_the_second(of, model)? {
        return Err(EngineError::broken(format!(
            "{} that asks for the first of its classes; name the classes so that pos_label is the second",
            estimator::class(of)
        )));
    }
    let asked = of.word("response_method").unwrap_or("auto");
    let by_chance = asked == "predict_proba" || asked == "auto" && estimator::has(model, Method::Proba)?;
    let said = if by_chance {
        let (chances, _) = estimator::proba(to, model, x)?;
        let second = to.pick(chances, &[1])?;
        to.squeeze(second, 1)?
    } else {
        let part = estimator::part(to, model, x, Method::Decision)?;
        let made = columns::of_part(to, part)?;
        let column = columns::column(to, &made, 0)?;
        to.squeeze(column, 1)?
    };
    let limit = match of.find("best_threshold_") {
        Some(best) => best.float()?,
        None if of.word("threshold") == Some("auto") => f64::from(u8::from(by_chance)) / 2.0,
        None => of.get("threshold")?.float()?,
    };
    label_if_reaches(to, model, said, limit)
}

/// Whether the class that is asked for is the second, as it is where none is named.
fn says_the_second(of: View<'_>, model: View<'_>) -> Result<bool, EngineError> {
    let scorer = of.find("_curve_scorer").and_then(|scorer| scorer.find("_kwargs"));
    let Some(named) = of.find("pos_label").or_else(|| scorer?.entry("pos_label")) else { return Ok(true) };
    Ok(match labels::Labels::of(model.get("classes_")?)? {
        labels::Labels::Texts(classes) => named.text() == classes.get(1).map(String::as_str),
        labels::Labels::Ints(classes) => named.int().ok() == classes.get(1).copied(),
        labels::Labels::Floats(classes) => named.float().ok() == classes.get(1).copied(),
        labels::Labels::Bools(_) => named.bool().unwrap_or(false),
    })
}
