//! Nearest neighbours.

use super::builder::{Builder, Columns};
use super::clusters::{distances, nearest};
use super::columns::{self, matrix};
use super::estimator::{Answer, Family, Lowered, Method, Part, label_of_largest, no_such};
use super::labels;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Distance, Op, Reduce, Unary, ValueId};

pub const CLASSIFIERS: Family = Family {
    classes: &["KNeighborsClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: classifier,
};

pub const REGRESSORS: Family = Family {
    classes: &["KNeighborsRegressor", "RadiusNeighborsRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: regressor,
};

pub const RADIUS: Family = Family {
    classes: &["RadiusNeighborsClassifier"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: within_radius,
};

pub const CENTROIDS: Family = Family {
    classes: &["NearestCentroid"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        if let Some(priors) = of.find("class_prior_") {
            let priors = priors.array()?.floats()?;
            if priors.iter().any(|prior| (prior * priors.len() as f64 - 1.0).abs() > 1e-5) {
                return Err(EngineError::broken("NearestCentroid with priors"));
            }
        }
        let metric = match of.word("metric") {
            Some("manhattan") => Distance::Manhattan,
            Some("euclidean") => Distance::SquaredEuclidean,
            other => {
                return Err(EngineError::broken(format!(
                    "NearestCentroid by {}",
                    other.unwrap_or("a function")
                )));
            }
        };
        let (distances, _) = distances(to, of, x, "centroids_", metric)?;
        let index = nearest(to, distances)?;
        labels::labelled(to, of.get("classes_")?, index).map(Answer::Part)
    },
};

/// How far rows are from those of training: [rows, trained].
fn apart(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let name = of.any(&["effective_metric_", "metric"]).and_then(View::text).unwrap_or("a function");
    let power = || {
        let own = of.find("effective_metric_params_").and_then(|parameters| parameters.entry("p"));
        own.or_else(|| of.find("p")).map_or(Ok(2.0), View::float)
    };
    let parameters = ["effective_metric_params_", "metric_params"].map(|name| of.find(name));
    if parameters.iter().flatten().any(|all| all.entry("w").is_some()) {
        return Err(EngineError::broken("neighbours by a metric with a weight for each feature"));
    }
    let metric = match name {
        "euclidean" | "l2" => Distance::SquaredEuclidean,
        "sqeuclidean" => {
            let (squares, count) = distances(to, of, x, "_fit_X", Distance::SquaredEuclidean)?;
            return Ok((squares, count));
        }
        "manhattan" | "l1" | "cityblock" => Distance::Manhattan,
        "chebyshev" | "infinity" => Distance::Chebyshev,
        "cosine" => Distance::Cosine,
        "minkowski" => match power()? {
            2.0 => Distance::SquaredEuclidean,
            1.0 => Distance::Manhattan,
            p => Distance::Minkowski(p),
        },
        other => return Err(EngineError::broken(format!("neighbours by metric {other:?}"))),
    };
    let (apart, count) = distances(to, of, x, "_fit_X", metric)?;
    if metric == Distance::SquaredEuclidean {
        Ok((to.unary(Unary::Sqrt, apart)?, count))
    } else {
        Ok((apart, count))
    }
}

/// The k nearest of each row, the nearest first: how far they are and which, both [rows, k]; and how many rows of training there are.
pub fn nearest_rows(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    k: usize,
) -> Result<([ValueId; 2], usize), EngineError> {
    let (apart, count) = apart(to, of, x)?;
    if k == 0 || k > count {
        return Err(EngineError::broken(format!("{k} neighbours of {count} rows")));
    }
    let near = to.unary(Unary::Neg, apart)?;
    let k = to.int(k as i64)?;
    let best = to.add_many(Op::TopK, &[near, k], 2)?;
    Ok(([to.unary(Unary::Neg, best[0])?, best[1]], count))
}

/// The nearest of each row: which they are, and their weights, both [rows, k].
fn neighbours(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, ValueId), EngineError> {
    let k = of.get("n_neighbors")?.size()?;
    let ([distances, places], _) = nearest_rows(to, of, x, k)?;
    let weights = weights(to, of, distances)?;
    Ok((places, weights))
}

/// What neighbours count, by their distances.
fn weights(to: &mut Builder<'_>, of: View<'_>, distance: ValueId) -> Result<ValueId, EngineError> {
    match of.find("weights").map(View::text) {
        None | Some(Some("uniform")) => to.unary(Unary::OnesLike, distance),
        Some(Some("distance")) => inverse(to, distance),
        Some(_) => Err(EngineError::broken(
            "neighbours are weighted by a function, and nothing of a pickle is called",
        )),
    }
}

/// What neighbours count by the inverse of their distances: one that is there already counts alone.
pub fn inverse(to: &mut Builder<'_>, distance: ValueId) -> Result<ValueId, EngineError> {
    let same = to.compare_with(Compare::Equal, distance, 0.0)?;
    let same = to.float(same)?;
    let any = to.reduce(Reduce::Max, same, 1, true)?;
    let any = to.compare_with(Compare::Greater, any, 0.0)?;
    let safe = to.binary(Binary::Add, distance, same)?;
    let inverse = to.unary(Unary::Reciprocal, safe)?;
    to.select(any, same, inverse)
}

fn classifier(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let classes = labels::count(of)?;
    let labels = of.get("_y")?.array()?;
    if labels.shape.get(1).is_some_and(|outputs| *outputs > 1)
        || of.find("outputs_2d_").map_or(Ok(false), View::bool)?
    {
        return Err(EngineError::broken("KNeighborsClassifier of several outputs"));
    }
    let (places, weights) = neighbours(to, of, x)?;
    let labels = to.ints(labels.ints()?)?;
    let axis = to.int(0)?;
    let said = to.add(Op::Gather { batch_dims: 0 }, &[labels, places, axis])?;
    let hot = to.one_hot(said, classes)?;
    let weights = to.expand(weights, 2)?;
    let weighted = to.binary(Binary::Mul, hot, weights)?;
    let sums = to.reduce(Reduce::Sum, weighted, 1, false)?;
    match method {
        Method::Predict => label_of_largest(to, of, sums),
        Method::Proba => Ok(Answer::Part(Part::floats(to.shares(sums)?, Some(classes)))),
        _ => Err(no_such(of, method)),
    }
}

/// Rows without a neighbour are of a class of their own, which has to be known.
fn within_radius(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let classes = of.get("classes_")?;
    let count = labels::count(of)?;
    let outlier = of.find("outlier_label_").map(|label| label.array()?.floats()).transpose()?;
    let known = classes.array()?.floats().ok().zip(outlier.and_then(|all| all.first().copied()));
    let place = known.and_then(|(known, outlier)| known.iter().position(|class| *class == outlier));
    let place = place.ok_or_else(|| {
        EngineError::broken(
            "RadiusNeighborsClassifier needs an outlier_label that is one of its classes, which are numbers",
        )
    })?;
    let (apart, trained) = apart(to, of, x)?;
    let inside = to.compare_with(Compare::LessEqual, apart, of.get("radius")?.float()?)?;
    let inside = to.float(inside)?;
    let weights = weights(to, of, apart)?;
    let weights = to.binary(Binary::Mul, weights, inside)?;
    let labels = of.get("_y")?.array()?.ints()?;
    let hot = labels
        .iter()
        .flat_map(|label| (0..count as i64).map(move |class| f64::from(u8::from(class == *label))));
    let sums = columns::product(to, &Columns::Numbers(weights, trained), (hot.collect(), [trained, count]))?;
    let total = to.sum(inside)?;
    let none = to.compare_with(Compare::Equal, total, 0.0)?;
    let alone = to.row((0..count).map(|class| f64::from(u8::from(class == place))).collect())?;
    let sums = to.select(none, alone, sums)?;
    match method {
        Method::Predict => label_of_largest(to, of, sums),
        Method::Proba => Ok(Answer::Part(Part::floats(to.shares(sums)?, Some(count)))),
        _ => Err(no_such(of, method)),
    }
}

fn regressor(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method != Method::Predict {
        return Err(no_such(of, method));
    }
    let targets = of.get("_y")?;
    let one_axis = targets.array()?.shape.len() == 1;
    let mut known = matrix(targets)?;
    if one_axis {
        known.1 = [known.1[1], 1];
    }
    let width = known.1[1];
    // A row's weight of each row of training, then their mean.
    let weights = if of.class() == Some("RadiusNeighborsRegressor") {
        let (apart, _) = apart(to, of, x)?;
        let inside = to.compare_with(Compare::LessEqual, apart, of.get("radius")?.float()?)?;
        let inside = to.float(inside)?;
        let weights = weights(to, of, apart)?;
        to.binary(Binary::Mul, weights, inside)?
    } else {
        let (places, weights) = neighbours(to, of, x)?;
        let values = to.constant(known.0, &known.1)?;
        let axis = to.int(0)?;
        let values = to.add(Op::Gather { batch_dims: 0 }, &[values, places, axis])?;
        let each = to.expand(weights, 2)?;
        let weighted = to.binary(Binary::Mul, values, each)?;
        let sums = to.reduce(Reduce::Sum, weighted, 1, false)?;
        let total = to.sum(weights)?;
        return finished(to, sums, total, one_axis, width);
    };
    let total = to.sum(weights)?;
    let sums = columns::product(to, &Columns::Numbers(weights, known.1[0]), known)?;
    finished(to, sums, total, one_axis, width)
}

fn finished(to: &mut Builder<'_>, sums: ValueId, total: ValueId, one_axis: bool, width: usize) -> Lowered {
    let mean = to.binary(Binary::Div, sums, total)?;
    if one_axis {
        return Ok(Answer::Part(Part::floats(to.squeeze(mean, 1)?, None)));
    }
    Ok(Answer::Part(Part::floats(mean, Some(width))))
}
