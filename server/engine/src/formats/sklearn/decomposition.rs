//! Projections, and discriminants.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use super::linear;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Op, Unary, ValueId};

pub const PROJECTIONS: Family = Family {
    classes: &["PCA", "IncrementalPCA", "TruncatedSVD", "FastICA", "GaussianRandomProjection", "SparseRandomProjection"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let components = matrix(of.get("components_")?)?;
        let width = components.1[0];
        let x = match of.find("mean_") {
            Some(mean) => {
                let id = columns::numbers(to, x, components.1[1])?;
                Columns::Numbers(to.with_row(Binary::Sub, id, mean.array()?.floats()?)?, components.1[1])
            }
            None => x.clone(),
        };
        let mut made = columns::product(to, &x, columns::transposed(&components))?;
        let whitens = matches!(of.class(), Some("PCA" | "IncrementalPCA"))
            && of.find("whiten").map_or(Ok(false), View::bool)?;
        if whitens {
            let least = f64::EPSILON;
            let scale = floats(of, "explained_variance_")?.into_iter().map(|v| v.sqrt().max(least)).collect();
            made = to.with_row(Binary::Div, made, scale)?;
        }
        Ok(Answer::Columns(Columns::Numbers(made, width)))
    },
};

pub const LINEAR: Family = Family {
    classes: &["LinearDiscriminantAnalysis"],
    methods: |of| {
        let transforms = of.find("scalings_").is_some();
        let more = if transforms { &[Method::Transform][..] } else { &[] };
        Ok([&[Method::Predict, Method::Proba, Method::Decision][..], more].concat())
    },
    lower: discriminant,
};

fn discriminant(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    if method == Method::Transform {
        return scaled(to, of, x);
    }
    let coefficients = matrix(of.get("coef_")?)?;
    let outputs = coefficients.1[0];
    let sums = columns::linear(to, x, &coefficients, floats(of, "intercept_")?)?;
    match (method, outputs) {
        (Method::Proba, 1) => {
            let second = to.unary(Unary::Sigmoid, sums)?;
            Ok(Answer::Part(Part::floats(to.both(second)?, Some(2))))
        }
        (Method::Proba, _) => {
            let chances = to.add(Op::Softmax { log: false }, &[sums])?;
            Ok(Answer::Part(Part::floats(chances, Some(outputs))))
        }
        _ => linear::decided(to, of, of.get("classes_")?, (sums, outputs), method),
    }
}

/// Rows along the axes that tell the classes apart best.
fn scaled(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let scalings = matrix(of.get("scalings_")?)?;
    let [features, axes] = scalings.1;
    let most = of.find("_max_components").map_or(Ok(axes), View::size)?.min(axes);
    let x = columns::numbers(to, x, features)?;
    let is_svd = of.find("solver").and_then(|solver| solver.text()) == Some("svd");
    let x = if is_svd { to.with_row(Binary::Sub, x, floats(of, "xbar_")?)? } else { x };
    let made = columns::product(to, &Columns::Numbers(x, features), scalings)?;
    let wanted: Vec<usize> = (0..most).collect();
    let made = if most < axes { to.pick(made, &wanted)? } else { made };
    Ok(Answer::Columns(Columns::Numbers(made, most)))
}

pub const QUADRATIC: Family = Family {
    classes: &["QuadraticDiscriminantAnalysis"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba, Method::Decision]),
    lower: quadratic,
};

/// How likely each class is, but for a constant.
fn posteriors(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Result<(ValueId, usize), EngineError> {
    let (means, [classes, width]) = matrix(of.get("means_")?)?;
    let (rotations, scalings) = (of.get("rotations_")?.items(), of.get("scalings_")?.items());
    let priors = floats(of, "priors_")?;
    if rotations.len() != classes || scalings.len() != classes || priors.len() != classes {
        return Err(EngineError::broken("a discriminant of other classes than its means"));
    }
    let x = columns::numbers(to, x, width)?;
    let mut parts = Vec::new();
    for class in 0..classes {
        let apart = to.with_row(Binary::Sub, x, means[class * width..(class + 1) * width].to_vec())?;
        let (rotation, shape) = matrix(rotations[class])?;
        let scaling = scalings[class].array()?.floats()?;
        if scaling.len() != shape[1] {
            return Err(EngineError::broken("a discriminant's scales are not those of its axes"));
        }
        let axes = rotation.iter().enumerate().map(|(n, r)| r / scaling[n % shape[1]].sqrt()).collect();
        let turned = columns::product(to, &Columns::Numbers(apart, width), (axes, shape))?;
        let squares = to.unary(Unary::Square, turned)?;
        let norm = to.sum(squares)?;
        let scale: f64 = scaling.iter().map(|s| s.ln()).sum();
        let half = to.with(Binary::Mul, norm, -0.5)?;
        parts.push(to.with(Binary::Add, half, priors[class].ln() - 0.5 * scale)?);
    }
    Ok((to.beside(&parts)?, classes))
}

fn quadratic(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let (sums, classes) = posteriors(to, of, x)?;
    match (method, classes) {
        (Method::Proba, _) => {
            let chances = to.add(Op::Softmax { log: false }, &[sums])?;
            Ok(Answer::Part(Part::floats(chances, Some(classes))))
        }
        (Method::Decision, 2) => {
            let (second, first) = (to.pick(sums, &[1])?, to.pick(sums, &[0])?);
            let apart = to.binary(Binary::Sub, second, first)?;
            Ok(Answer::Part(Part::floats(to.squeeze(apart, 1)?, None)))
        }
        _ => linear::decided(to, of, of.get("classes_")?, (sums, classes.max(2)), method),
    }
}
