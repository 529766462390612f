//! How many features an estimator was fitted to.

use super::compose;
use crate::EngineError;
use crate::formats::pickle::View;

/// Estimators in estimators.
const DEEPEST: usize = 24;
/// Features of a row.
const MOST: usize = 1 << 24;

/// Number of features.
pub fn of(view: View<'_>) -> Result<usize, EngineError> {
    let width = found(view, 0)?.filter(|width| (1..=MOST).contains(width));
    width.ok_or_else(|| {
        EngineError::broken(format!(
            "it cannot be told how many features {} takes",
            super::estimator::class(view)
        ))
    })
}

fn found(view: View<'_>, depth: usize) -> Result<Option<usize>, EngineError> {
    if depth > DEEPEST {
        return Err(EngineError::broken("estimators are nested too deep"));
    }
    if view.class() == Some("IsotonicRegression") {
        return Ok(Some(1));
    }
    // Since 0.24; before, only trees had it, under other names.
    for name in ["n_features_in_", "n_features_", "_n_features", "n_input_features_", "n_features"] {
        if let Some(number) = view.find(name)
            && let Ok(width) = number.size()
        {
            return Ok(Some(width));
        }
    }
    // Rows of training; an old KernelPCA also has `lambdas_`, of its components.
    if let Some(trained) = view.find("X_fit_") {
        return Ok(Some(super::columns::matrix(trained)?.1[1]));
    }
    // One entry, or one column, for each feature.
    for name in [
        "categories_",
        "statistics_",
        "scale_",
        "mean_",
        "center_",
        "bin_edges_",
        "lambdas_",
        "scores_",
        "variances_",
    ] {
        if let Some(values) =
            view.find(name).and_then(|values| values.array().ok()).filter(|a| !a.shape.is_empty())
        {
            return Ok(Some(values.len()));
        }
    }
    let arrays = [
        "coef_",
        "support_vectors_",
        "theta_",
        "_fit_X",
        "cluster_centers_",
        "centroids_",
        "means_",
        "components_",
        "feature_log_prob_",
        "quantiles_",
        "subcluster_centers_",
        "X_train_",
    ];
    for name in arrays {
        if let Some(matrix) = view.find(name)
            && let Ok((_, [_, width])) = super::columns::matrix(matrix)
        {
            return Ok(Some(width));
        }
    }
    if let Some(first) = view.find("coefs_").and_then(|all| all.items().first().copied()) {
        return Ok(first.array()?.shape.first().copied());
    }
    inner(view).map_or(Ok(None), |inner| found(inner, depth + 1))
}

/// The estimator within another that takes its rows.
pub fn inner(view: View<'_>) -> Option<View<'_>> {
    if view.class() == Some("Pipeline") {
        // What applies a function to all columns does not know how many they are.
        let takes =
            |step: &View<'_>| !compose::is_passed(*step) && step.class() != Some("FunctionTransformer");
        return compose::steps(view).ok()?.into_iter().find(takes);
    }
    if let Some(one) = view.any(&["best_estimator_", "regressor_"]) {
        return Some(one);
    }
    for name in ["transformer_list", "estimators_", "calibrated_classifiers_"] {
        let Some(all) = view.find(name) else { continue };
        let all = all.array().ok().and_then(|all| all.objects()).unwrap_or_else(|| all.items());
        let first = all.first().copied()?;
        // A union names its parts.
        return if name == "transformer_list" { first.items().get(1).copied() } else { Some(first) };
    }
    view.any(&["estimator_", "base_estimator_", "base_estimator", "estimator"])
}
