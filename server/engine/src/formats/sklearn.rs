//! scikit-learn's estimators, out of pickles, joblib's files and `.skops`.
//!
//! Each method that an estimator has is a signature of its name (`predict`, `predict_proba`, `decision_function`, `transform`,
//! `score_samples`); `serving_default` is `predict`, or `transform` where there is no `predict`. Estimators are known by their class
//! and read by their fitted attributes, under the names of all versions since 0.22; they compose as scikit-learn's own do.

mod bayes;
mod boosting;
mod builder;
mod calibration;
mod clusters;
mod columns;
mod compose;
mod decomposition;
mod encoders;
mod ensembles;
mod estimator;
mod factors;
mod hist;
mod imputers;
mod inputs;
mod iterative;
mod kernels;
mod labels;
mod linear;
mod mixtures;
mod multiple;
mod neighbours;
mod networks;
mod outliers;
mod processes;
mod programs;
mod quantiles;
mod scalers;
mod selection;
mod simple;
mod splines;
mod support;
mod tables;
mod text;
mod thresholds;
mod trees;
mod width;

use super::pickle::{self, View};
use super::{Artifact, Source, lightgbm, lowering, skops, xgboost, zip};
use crate::EngineError;
use bytes::Bytes;
use estimator::Family;
use std::path::Path;

/// Name of the format.
const FORMAT: &str = "sklearn";

/// All estimators.
const FAMILIES: &[&Family] = &[
    &linear::REGRESSORS,
    &linear::CLASSIFIERS,
    &linear::ONE_CLASS,
    &linear::CONSENSUS,
    &linear::PARTIAL,
    &trees::CLASSIFIERS,
    &trees::REGRESSORS,
    &trees::ISOLATION,
    &boosting::CLASSIFIERS,
    &boosting::REGRESSORS,
    &boosting::ADA_CLASSIFIERS,
    &boosting::ADA_REGRESSORS,
    &hist::CLASSIFIERS,
    &hist::REGRESSORS,
    &compose::PIPELINES,
    &compose::UNIONS,
    &tables::TABLES,
    &compose::FUNCTIONS,
    &compose::SEARCHES,
    &compose::FROZEN,
    &thresholds::THRESHOLDS,
    &compose::TARGETS,
    &scalers::SCALERS,
    &splines::SPLINES,
    &imputers::IMPUTERS,
    &iterative::ITERATIVE,
    &iterative::NEAREST,
    &encoders::ENCODERS,
    &encoders::LABELS,
    &selection::SELECTORS,
    &text::VECTORISERS,
    &text::WEIGHERS,
    &support::CLASSIFIERS,
    &support::REGRESSORS,
    &support::ONE_CLASS,
    &kernels::RIDGE,
    &kernels::FEATURES,
    &kernels::COMPONENTS,
    &processes::REGRESSORS,
    &processes::CLASSIFIERS,
    &processes::LAPLACE,
    &neighbours::CLASSIFIERS,
    &neighbours::REGRESSORS,
    &neighbours::RADIUS,
    &neighbours::CENTROIDS,
    &outliers::FACTOR,
    &bayes::FAMILY,
    &networks::CLASSIFIERS,
    &networks::REGRESSORS,
    &clusters::MEANS,
    &clusters::BIRCH,
    &decomposition::PROJECTIONS,
    &decomposition::LINEAR,
    &decomposition::QUADRATIC,
    &factors::ANALYSIS,
    &factors::NON_NEGATIVE,
    &mixtures::MIXTURES,
    &mixtures::ENVELOPE,
    &simple::CLASSIFIERS,
    &simple::REGRESSORS,
    &simple::ISOTONIC,
    &ensembles::VOTING_CLASSIFIERS,
    &ensembles::VOTING_REGRESSORS,
    &ensembles::STACKING_CLASSIFIERS,
    &ensembles::STACKING_REGRESSORS,
    &ensembles::BAGGING_CLASSIFIERS,
    &ensembles::BAGGING_REGRESSORS,
    &ensembles::CALIBRATED,
    &multiple::OUTPUT_CLASSIFIERS,
    &multiple::OUTPUT_REGRESSORS,
    &multiple::REST,
    &multiple::PAIRS,
    &multiple::CHAINS,
    &multiple::CONSTANT,
];

/// Whether a file begins as a pickle, a compressed one or a `.skops` file does.
pub fn is_likely(name: &str, head: &[u8]) -> bool {
    pickle::is_likely(name, head) || skops::is_likely(name, head)
}

/// Reads a model.
pub fn read(file: &Path) -> Result<Artifact, EngineError> {
    lowering::of_whole_file(file, |bytes| {
        let tree = if zip::is_likely(&bytes) {
            skops::read(Bytes::from(bytes))?
        } else {
            pickle::read(pickle::decompressed(bytes)?)?
        };
        model(View::root(&tree))
    })
}

fn model(root: View<'_>) -> Result<Artifact, EngineError> {
    match root.package() {
        Some("sklearn") => {
            let mut pool = builder::Pool::default();
            let programs = programs::programs(&mut pool, root)?;
            Ok(Artifact {
                parsed: 0,
                format: FORMAT,
                programs,
                weights: pool.weights,
                unsupported: Vec::new(),
                source: Source::Values(pool.values),
                preferences: crate::Preferences::default(),
            })
        }
        Some("xgboost") => xgboost::read_bytes(&booster(root)?),
        Some("lightgbm") => lightgbm::read_bytes(&booster(root)?),
        Some(_) => {
            Err(EngineError::broken(format!("it holds {}, which is no model", estimator::class(root))))
        }
        None => Err(EngineError::broken(
            "it holds no estimator but something else, a dict, a list or a number; save the estimator itself (a Pipeline may hold several)",
        )),
    }
}

/// The bytes of a booster: its own, or those of the estimator around it.
fn booster(root: View<'_>) -> Result<Vec<u8>, EngineError> {
    let booster = root.any(&["_Booster"]).unwrap_or(root);
    let handle = booster.any(&["handle", "_handle", "_model_str"]);
    let handle = handle.ok_or_else(|| EngineError::broken("the booster has no model: was it fitted?"))?;
    let bytes = handle
        .bytes()
        .map(std::borrow::Cow::into_owned)
        .or_else(|| handle.text().map(|text| text.as_bytes().to_vec()));
    bytes.ok_or_else(|| EngineError::broken("the booster's model is not in its pickle"))
}

/// The name of one of NumPy's functions, as pickles say it.
fn ufunc(view: View<'_>) -> Option<&str> {
    match view.class()? {
        "_ufunc_reconstruct" => view.arguments().get(1)?.text(),
        _ if view.package() == Some("numpy") => view.class(),
        _ => None,
    }
}

/// Whether an estimator was fitted by this version or a newer one; one that does not say is old.
fn is_since(of: View<'_>, [major, minor]: [u32; 2]) -> bool {
    let version = of.word("_sklearn_version").unwrap_or("0.20");
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}
