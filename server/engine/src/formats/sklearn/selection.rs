//! Selection of features.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{self, Answer, Family, Lowered, Method, no_such};
use super::trees;
use crate::EngineError;
use crate::formats::pickle::View;

pub const SELECTORS: Family = Family {
    classes: &[
        "SelectKBest",
        "SelectPercentile",
        "SelectFpr",
        "SelectFdr",
        "SelectFwe",
        "SelectFromModel",
        "RFE",
        "RFECV",
        "SequentialFeatureSelector",
        "VarianceThreshold",
    ],
    methods: |of| match of.class() {
        Some("RFE" | "RFECV") => {
            let own = estimator::methods(of.get("estimator_")?)?;
            Ok(own.into_iter().filter(|m| *m != Method::Transform).chain([Method::Transform]).collect())
        }
        _ => Ok(vec![Method::Transform]),
    },
    lower: selected,
};

fn selected(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let kept: Vec<usize> =
        support(of)?.into_iter().enumerate().filter(|(_, kept)| *kept).map(|(n, _)| n).collect();
    let made = match x {
        // Rows of a sparse table that is narrow already: its columns by name would be no smaller.
        Columns::Sparse(..) => narrowed(to, x, &kept)?,
        _ => columns::picked(to, x, &kept)?,
    };
    match (method, of.class()) {
        (Method::Transform, _) => Ok(Answer::Columns(made)),
        (_, Some("RFE" | "RFECV")) => estimator::answer(to, of.get("estimator_")?, &made, method),
        _ => Err(no_such(of, method)),
    }
}

/// Some columns of a sparse table: a product with a matrix would be as large as both, so new numbers are looked up.
fn narrowed(to: &mut Builder<'_>, x: &Columns, kept: &[usize]) -> Result<Columns, EngineError> {
    let ([indices, values, shape], width) = columns::sparse(to, x)?;
    let mut places = vec![-1; width];
    for (place, column) in kept.iter().enumerate() {
        let to =
            places.get_mut(*column).ok_or_else(|| EngineError::broken("a selected column is not there"))?;
        *to = place as i64;
    }
    super::text::renumbered(to, [indices, values, shape], places, kept.len())
}

/// Which features are kept.
fn support(of: View<'_>) -> Result<Vec<bool>, EngineError> {
    match of.class() {
        Some("RFE" | "RFECV" | "SequentialFeatureSelector") => {
            Ok(of.get("support_")?.array()?.ints()?.into_iter().map(|flag| flag != 0).collect())
        }
        Some("VarianceThreshold") => {
            let threshold = of.get("threshold")?.float()?;
            Ok(floats(of, "variances_")?.into_iter().map(|v| v > threshold).collect())
        }
        Some("SelectFromModel") => by_importance(of),
        Some("SelectKBest") => {
            let scores = scores(of)?;
            let Ok(k) = of.get("k")?.int() else { return Ok(vec![true; scores.len()]) };
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            let mut kept = vec![false; scores.len()];
            order.iter().rev().take(usize::try_from(k).unwrap_or(0)).for_each(|n| kept[*n] = true);
            Ok(kept)
        }
        Some("SelectPercentile") => percentile(&scores(of)?, of.get("percentile")?.float()?),
        _ => by_chance(of),
    }
}

/// What is no number is the worst.
fn scores(of: View<'_>) -> Result<Vec<f64>, EngineError> {
    Ok(floats(of, "scores_")?.into_iter().map(|s| if s.is_nan() { f64::MIN } else { s }).collect())
}

fn percentile(scores: &[f64], percent: f64) -> Result<Vec<bool>, EngineError> {
    if percent >= 100.0 || percent <= 0.0 || scores.is_empty() {
        return Ok(vec![percent > 0.0; scores.len()]);
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (100.0 - percent) / 100.0 * (sorted.len() - 1) as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    let next = sorted.get(low + 1).copied().unwrap_or(sorted[low]);
    let threshold = sorted[low] + (next - sorted[low]) * share;
    let mut kept: Vec<bool> = scores.iter().map(|s| *s > threshold).collect();
    let most = (scores.len() as f64 * percent / 100.0) as usize;
    let mut left = most.saturating_sub(kept.iter().filter(|k| **k).count());
    for (kept, score) in kept.iter_mut().zip(scores) {
        if *score == threshold && left > 0 {
            (*kept, left) = (true, left - 1);
        }
    }
    Ok(kept)
}

fn by_chance(of: View<'_>) -> Result<Vec<bool>, EngineError> {
    let chances = floats(of, "pvalues_")?;
    let (alpha, count) = (of.get("alpha")?.float()?, chances.len() as f64);
    let limit = match of.class() {
        Some("SelectFwe") => alpha / count,
        Some("SelectFdr") => {
            let mut sorted = chances.clone();
            sorted.sort_by(f64::total_cmp);
            let passes = |(n, p): (usize, &f64)| (*p <= alpha / count * (n as f64 + 1.0)).then_some(*p);
            let largest = sorted.iter().enumerate().filter_map(passes).fold(None, |_, p| Some(p));
            let Some(largest) = largest else { return Ok(vec![false; chances.len()]) };
            return Ok(chances.into_iter().map(|p| p <= largest).collect());
        }
        _ => alpha,
    };
    Ok(chances.into_iter().map(|p| p < limit).collect())
}

/// By how much a model that was fitted uses each feature.
fn by_importance(of: View<'_>) -> Result<Vec<bool>, EngineError> {
    let model = of.find("estimator_").map_or_else(|| of.get("estimator"), Ok)?;
    let importances = importances(of, model)?;
    let mean = || importances.iter().sum::<f64>() / importances.len().max(1) as f64;
    let median = || {
        let mut sorted = importances.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() % 2 {
            1 => sorted[middle],
            _ => {
                sorted.get(middle.wrapping_sub(1)).zip(sorted.get(middle)).map_or(0.0, |(a, b)| (a + b) / 2.0)
            }
        }
    };
    let named = |name: &str| match name.split_once('*') {
        Some((factor, name)) => (factor.trim().parse().unwrap_or(1.0), name.trim().to_owned()),
        None => (1.0, name.trim().to_owned()),
    };
    let lasso = is_lasso(of, model)?;
    let threshold = match of.find("threshold") {
        None if lasso => 1e-5,
        None => mean(),
        Some(view) => match view.text().map(named) {
            None => view.float()?,
            Some((factor, name)) if name == "mean" => factor * mean(),
            Some((factor, _)) => factor * median(),
        },
    };
    let mut kept: Vec<bool> = importances.iter().map(|i| *i >= threshold).collect();
    if let Some(most) = of.find("max_features").filter(|most| most.int().is_ok()) {
        let mut order: Vec<usize> = (0..importances.len()).collect();
        order.sort_by(|a, b| importances[*b].total_cmp(&importances[*a]));
        order.iter().skip(most.size()?).for_each(|n| kept[*n] = false);
    }
    Ok(kept)
}

/// Whether a model was fitted so that features that do not matter count nothing.
fn is_lasso(of: View<'_>, model: View<'_>) -> Result<bool, EngineError> {
    let share = match model.class() {
        Some("ElasticNet") => "l1_ratio",
        Some("ElasticNetCV") => "l1_ratio_",
        Some("LogisticRegression") if super::is_since(of, [1, 8]) => "l1_ratio",
        class => {
            let named = class.is_some_and(|class| class.contains("Lasso"));
            return Ok(named || model.word("penalty") == Some("l1"));
        }
    };
    let all = model.find(share).map_or(Ok(false), |share| Ok::<_, EngineError>(share.float()? == 1.0))?;
    Ok(all || model.word("penalty") == Some("l1"))
}

fn importances(of: View<'_>, model: View<'_>) -> Result<Vec<f64>, EngineError> {
    if model.find("coef_").is_some() {
        let (data, [rows, width]) = matrix(model.get("coef_")?)?;
        if of.find("norm_order").map_or(Ok(1.0), View::float)? != 1.0 {
            return Err(EngineError::broken("SelectFromModel with another norm than the first"));
        }
        let of_column = |n: usize| (0..rows).map(|row| data[row * width + n].abs()).sum();
        return Ok((0..width).map(of_column).collect());
    }
    let all = trees::trees(model)
        .map_err(|_| EngineError::broken("SelectFromModel of a model whose importances cannot be told"))?;
    let features = all.first().map_or(0, |tree| tree.features);
    let mut sums = vec![0.0; features];
    for tree in &all {
        let own = tree.importances()?;
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own / all.len() as f64);
    }
    let total: f64 = sums.iter().sum();
    Ok(sums.into_iter().map(|sum| if total > 0.0 { sum / total } else { sum }).collect())
}
