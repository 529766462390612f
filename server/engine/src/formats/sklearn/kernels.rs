//! What is built on how like rows are to others: kernels, and the processes and projections over them.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{Answer, Family, Method, Part, no_such};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Distance, Learning, Unary, ValueId};

/// How like rows are to others by a named kernel: [rows, others].
pub fn named(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    others: (Vec<f64>, [usize; 2]),
) -> Result<ValueId, EngineError> {
    let name = of.get("kernel")?.text().unwrap_or("a function");
    let width = others.1[1];
    // As support vectors were fitted, or as a share of the features.
    let gamma = of.find("_gamma").or_else(|| of.find("gamma_")).or_else(|| of.find("gamma"));
    let gamma = gamma.map_or(Ok(1.0 / width.max(1) as f64), View::float);
    let offset = of.find("coef0").map_or(Ok(1.0), View::float)?;
    match name {
        "linear" => columns::product(to, x, columns::transposed(&others)),
        "rbf" | "laplacian" => {
            let metric = if name == "rbf" { Distance::SquaredEuclidean } else { Distance::Manhattan };
            let apart = distances(to, x, others, metric)?;
            let scaled = to.with(Binary::Mul, apart, -gamma?)?;
            to.unary(Unary::Exp, scaled)
        }
        "poly" | "polynomial" | "sigmoid" => {
            let product = columns::product(to, x, columns::transposed(&others))?;
            let scaled = to.with(Binary::Mul, product, gamma?)?;
            let moved = to.with(Binary::Add, scaled, offset)?;
            if name == "sigmoid" {
                return to.unary(Unary::Tanh, moved);
            }
            to.with(Binary::Pow, moved, of.find("degree").map_or(Ok(3.0), View::float)?)
        }
        "cosine" => {
            let apart = distances(to, x, others, Distance::Cosine)?;
            let one = to.number(1.0)?;
            to.binary(Binary::Sub, one, apart)
        }
        other => Err(EngineError::broken(format!("kernel {other:?} is not known"))),
    }
}

fn distances(
    to: &mut Builder<'_>,
    x: &Columns,
    (data, shape): (Vec<f64>, [usize; 2]),
    metric: Distance,
) -> Result<ValueId, EngineError> {
    let x = columns::numbers(to, x, shape[1])?;
    let others = to.constant(data, &shape)?;
    to.learning(Learning::Distances(metric), &[x, others])
}

pub const RIDGE: Family = Family {
    classes: &["KernelRidge"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let like = named(to, of, x, matrix(of.get("X_fit_")?)?)?;
        let (id, width) = weighted(to, like, of.get("dual_coef_")?)?;
        Ok(Answer::Part(Part::floats(id, width)))
    },
};

/// A product with what each row of training weighs: [rows], or [rows, outputs].
fn weighted(
    to: &mut Builder<'_>,
    like: ValueId,
    weights: View<'_>,
) -> Result<(ValueId, Option<usize>), EngineError> {
    let one_axis = weights.array()?.shape.len() == 1;
    let mut weights = matrix(weights)?;
    if one_axis {
        weights.1 = [weights.1[1], 1];
    }
    let width = weights.1[1];
    let sums = columns::product(to, &Columns::Numbers(like, weights.1[0]), weights)?;
    if one_axis { Ok((to.squeeze(sums, 1)?, None)) } else { Ok((sums, Some(width))) }
}

pub const FEATURES: Family = Family {
    classes: &["RBFSampler", "Nystroem"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        if of.class() == Some("Nystroem") {
            let like = named(to, of, x, matrix(of.get("components_")?)?)?;
            let turned = columns::transposed(&matrix(of.get("normalization_")?)?);
            let ([rows, width], like) = (turned.1, like);
            let made = columns::product(to, &Columns::Numbers(like, rows), turned)?;
            return Ok(Answer::Columns(Columns::Numbers(made, width)));
        }
        let weights = matrix(of.get("random_weights_")?)?;
        let width = weights.1[1];
        let sums = columns::product(to, x, weights)?;
        let moved = to.with_row(Binary::Add, sums, floats(of, "random_offset_")?)?;
        let waves = to.unary(Unary::Cos, moved)?;
        let made = to.with(Binary::Mul, waves, (2.0 / width as f64).sqrt())?;
        Ok(Answer::Columns(Columns::Numbers(made, width)))
    },
};

pub const PROCESSES: Family = Family {
    classes: &["GaussianProcessRegressor"],
    methods: |_| Ok(vec![Method::Predict]),
    lower: |to, of, x, method| {
        if method != Method::Predict {
            return Err(no_such(of, method));
        }
        let trained = matrix(of.get("X_train_")?)?;
        let like = covariance(to, of.get("kernel_")?, x, &trained)?;
        let (id, width) = weighted(to, like, of.get("alpha_")?)?;
        let scale =
            |name: &str, default: f64| of.find(name).map_or(Ok(vec![default]), |view| view.array()?.floats());
        let (scales, means) = (scale("_y_train_std", 1.0)?, scale("_y_train_mean", 0.0)?);
        let (id, width) = match width {
            Some(_) => {
                let scaled = to.with_row(Binary::Mul, id, scales)?;
                (to.with_row(Binary::Add, scaled, means)?, width)
            }
            None => {
                let first = |all: &[f64], default: f64| all.first().copied().unwrap_or(default);
                let scaled = to.with(Binary::Mul, id, first(&scales, 1.0))?;
                (to.with(Binary::Add, scaled, first(&means, 0.0))?, None)
            }
        };
        Ok(Answer::Part(Part::floats(id, width)))
    },
};

/// The covariance of rows with those of training, by a kernel of a Gaussian process: [rows, trained].
fn covariance(
    to: &mut Builder<'_>,
    kernel: View<'_>,
    x: &Columns,
    trained: &(Vec<f64>, [usize; 2]),
) -> Result<ValueId, EngineError> {
    to.deeper(|to| match kernel.class() {
        Some(class @ ("Sum" | "Product")) => {
            let both = [
                covariance(to, kernel.get("k1")?, x, trained)?,
                covariance(to, kernel.get("k2")?, x, trained)?,
            ];
            to.binary(if class == "Sum" { Binary::Add } else { Binary::Mul }, both[0], both[1])
        }
        Some("Exponentiation") => {
            let inner = covariance(to, kernel.get("kernel")?, x, trained)?;
            to.with(Binary::Pow, inner, kernel.get("exponent")?.float()?)
        }
        // Noise is of rows with themselves alone.
        Some(class @ ("ConstantKernel" | "WhiteKernel")) => {
            let like = distances(to, x, trained.clone(), Distance::SquaredEuclidean)?;
            let zeros = to.unary(Unary::ZerosLike, like)?;
            let value = if class == "WhiteKernel" { 0.0 } else { kernel.get("constant_value")?.float()? };
            to.with(Binary::Add, zeros, value)
        }
        Some("DotProduct") => {
            let product = columns::product(to, x, columns::transposed(trained))?;
            let sigma = kernel.get("sigma_0")?.float()?;
            to.with(Binary::Add, product, sigma * sigma)
        }
        Some("RBF") => {
            let apart = scaled(to, kernel, x, trained)?;
            let half = to.with(Binary::Mul, apart, -0.5)?;
            to.unary(Unary::Exp, half)
        }
        Some("RationalQuadratic") => {
            let apart = distances(to, x, trained.clone(), Distance::SquaredEuclidean)?;
            let (alpha, length) = (kernel.get("alpha")?.float()?, kernel.get("length_scale")?.float()?);
            let share = to.with(Binary::Div, apart, 2.0 * alpha * length * length)?;
            let base = to.with(Binary::Add, share, 1.0)?;
            to.with(Binary::Pow, base, -alpha)
        }
        Some("Matern") => matern(to, kernel, x, trained),
        other => {
            Err(EngineError::broken(format!("the kernel {} of a Gaussian process", other.unwrap_or("?"))))
        }
    })
}

/// Squared distances in lengths of the kernel.
fn scaled(
    to: &mut Builder<'_>,
    kernel: View<'_>,
    x: &Columns,
    (data, shape): &(Vec<f64>, [usize; 2]),
) -> Result<ValueId, EngineError> {
    let lengths = floats(kernel, "length_scale")?;
    let lengths = if lengths.len() == 1 { vec![lengths[0]; shape[1]] } else { lengths };
    if lengths.len() != shape[1] {
        return Err(EngineError::broken("a kernel has lengths of other features"));
    }
    let trained = data.iter().enumerate().map(|(n, x)| x / lengths[n % shape[1]]).collect();
    let x = columns::numbers(to, x, shape[1])?;
    let x = to.with_row(Binary::Div, x, lengths)?;
    distances(to, &Columns::Numbers(x, shape[1]), (trained, *shape), Distance::SquaredEuclidean)
}

fn matern(
    to: &mut Builder<'_>,
    kernel: View<'_>,
    x: &Columns,
    trained: &(Vec<f64>, [usize; 2]),
) -> Result<ValueId, EngineError> {
    let squares = scaled(to, kernel, x, trained)?;
    let nu = kernel.get("nu")?.float()?;
    if nu.is_infinite() {
        let half = to.with(Binary::Mul, squares, -0.5)?;
        return to.unary(Unary::Exp, half);
    }
    let apart = to.unary(Unary::Sqrt, squares)?;
    let steps = to.with(Binary::Mul, apart, (2.0 * nu).sqrt())?;
    let against = to.unary(Unary::Neg, steps)?;
    let fading = to.unary(Unary::Exp, against)?;
    if nu == 0.5 {
        return Ok(fading);
    }
    let mut factor = to.with(Binary::Add, steps, 1.0)?;
    if nu == 2.5 {
        let square = to.unary(Unary::Square, steps)?;
        let third = to.with(Binary::Div, square, 3.0)?;
        factor = to.binary(Binary::Add, factor, third)?;
    } else if nu != 1.5 {
        return Err(EngineError::broken(format!(
            "a Matern kernel with nu={nu}; 0.5, 1.5, 2.5 and infinity are known"
        )));
    }
    to.binary(Binary::Mul, factor, fading)
}
