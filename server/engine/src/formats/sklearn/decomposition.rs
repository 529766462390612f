//! Projections, and discriminants.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{Answer, Family, Lowered, Method, Part, no_such};
use super::linear;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Op, Unary, ValueId};

pub const PROJECTIONS: Family = Family {
    classes: &[
        "PCA",
        "IncrementalPCA",
        "TruncatedSVD",
        "FastICA",
        "GaussianRandomProjection",
        "SparseRandomProjection",
    ],
    methods: |of| {
        let scores = of.class() == Some("PCA");
        Ok([&[Method::Transform][..], if scores { &[Method::Samples] } else { &[] }].concat())
    },
    lower: |to, of, x, method| {
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
        match method {
            Method::Samples if of.class() == Some("PCA") => {
                return likelihoods(to, of, &x, (made, components.1));
            }
            Method::Transform => {}
            _ => return Err(no_such(of, method)),
        }
        let whitens = matches!(of.class(), Some("PCA" | "IncrementalPCA"))
            && of.find("whiten").map_or(Ok(false), View::bool)?;
        if whitens {
            let scale =
                floats(of, "explained_variance_")?.into_iter().map(|v| v.sqrt().max(f64::EPSILON)).collect();
            made = to.with_row(Binary::Div, made, scale)?;
        }
        Ok(Answer::Columns(Columns::Numbers(made, width)))
    },
};

/// How likely rows are under the normal distribution that the components and the noise beside them say.
fn likelihoods(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    (along, [count, width]): (ValueId, [usize; 2]),
) -> Lowered {
    let noise = of.get("noise_variance_")?.float()?;
    // With whitening scikit-learn takes components for longer than they are.
    let whitens = of.find("whiten").map_or(Ok(false), View::bool)?;
    let variance = |v: f64| (v - noise).max(0.0) * if whitens { v } else { 1.0 } + noise;
    let variances: Vec<f64> = floats(of, "explained_variance_")?.into_iter().map(variance).collect();
    let others = width
        .checked_sub(count)
        .ok_or_else(|| EngineError::broken("PCA has more components than features"))?;
    if variances.len() != count || (others > 0 && noise <= 0.0) {
        return Err(EngineError::broken(
            "PCA has no variance beside its components: score_samples is not defined",
        ));
    }
    let (x, _) = columns::dense(to, x)?;
    let inverse = if others > 0 { 1.0 / noise } else { 0.0 };
    let squares = to.unary(Unary::Square, along)?;
    let scaled = to.with_row(Binary::Mul, squares, variances.iter().map(|v| 1.0 / v - inverse).collect())?;
    let (inside, squares) = (to.sum(scaled)?, to.unary(Unary::Square, x)?);
    let all = to.sum(squares)?;
    let all = to.with(Binary::Mul, all, inverse)?;
    let distance = to.binary(Binary::Add, inside, all)?;
    let noise = if others > 0 { others as f64 * noise.ln() } else { 0.0 };
    let base =
        width as f64 * std::f64::consts::TAU.ln() + variances.iter().map(|v| v.ln()).sum::<f64>() + noise;
    let doubled = to.with(Binary::Add, distance, base)?;
    let scores = to.with(Binary::Mul, doubled, -0.5)?;
    Ok(Answer::Part(Part::floats(to.squeeze(scores, 1)?, None)))
}

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
    linear::by_odds(to, of, (sums, outputs), method)
}

/// Rows along the axes that tell the classes apart best.
fn scaled(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let scalings = matrix(of.get("scalings_")?)?;
    let [features, axes] = scalings.1;
    let most = of.find("_max_components").map_or(Ok(axes), View::size)?.min(axes);
    let x = columns::numbers(to, x, features)?;
    let is_svd = of.word("solver") == Some("svd");
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
