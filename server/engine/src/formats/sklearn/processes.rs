//! Gaussian processes, and the kernels that they are made of.

use super::builder::{Builder, Columns};
use super::columns::{self, floats, matrix};
use super::estimator::{self, Answer, Family, Lowered, Method, Part, label_if_above, no_such};
use super::kernels::{distances, weighted};
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Distance, Matrix, Op, Rare, Reduce, Unary, ValueId};

/// The logistic function as a sum of error functions: their slopes, and what each counts (Williams and Barber 1998).
const SLOPES: [f64; 5] = [0.41, 0.4, 0.37, 0.44, 0.39];
const SHARES: [f64; 5] =
    [-1_854.821_415_1, 3_516.898_936_46, 221.293_467_12, 128.123_238_05, -2_010.494_226_54];

pub const REGRESSORS: Family = Family {
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

/// One process of two classes, or one of each class against the rest or another.
pub const CLASSIFIERS: Family = Family {
    classes: &["GaussianProcessClassifier"],
    methods: |of| {
        let all = estimator::methods(of.get("base_estimator_")?)?;
        Ok(all.into_iter().filter(|method| matches!(method, Method::Predict | Method::Proba)).collect())
    },
    lower: |to, of, x, method| estimator::answer(to, of.get("base_estimator_")?, x, method),
};

pub const LAPLACE: Family = Family {
    classes: &["_BinaryGaussianProcessClassifierLaplace"],
    methods: |_| Ok(vec![Method::Predict, Method::Proba]),
    lower: laplace,
};

fn laplace(to: &mut Builder<'_>, of: View<'_>, x: &Columns, method: Method) -> Lowered {
    let trained = matrix(of.get("X_train_")?)?;
    let count = trained.1[0];
    let (labels, chances) = (floats(of, "y_train_")?, floats(of, "pi_")?);
    if labels.len() != count || chances.len() != count {
        return Err(EngineError::broken(
            "a Gaussian process has labels of other rows than those of training",
        ));
    }
    let kernel = of.get("kernel_")?;
    let like = covariance(to, kernel, x, &trained)?;
    let surprise = labels.iter().zip(&chances).map(|(label, chance)| label - chance).collect();
    let mean = columns::product(to, &Columns::Numbers(like, count), (surprise, [count, 1]))?;
    match method {
        Method::Predict => {
            let mean = to.squeeze(mean, 1)?;
            label_if_above(to, of, mean, 0.0)
        }
        Method::Proba => {
            let own = variance(to, kernel, x, trained.1[1])?;
            let told = told(to, of, like, count)?;
            let left = to.binary(Binary::Sub, own, told)?;
            let second = chance(to, mean, left)?;
            Ok(Answer::Part(Part::floats(to.both(second)?, Some(2))))
        }
        _ => Err(no_such(of, method)),
    }
}

/// The variance that the rows of training take away: [rows, 1].
fn told(to: &mut Builder<'_>, of: View<'_>, like: ValueId, count: usize) -> Result<ValueId, EngineError> {
    let (lower, roots) = (matrix(of.get("L_")?)?, floats(of, "W_sr_")?);
    if lower.1 != [count, count] || roots.len() != count {
        return Err(EngineError::broken(
            "a Gaussian process has variances of other rows than those of training",
        ));
    }
    let scaled = to.with_row(Binary::Mul, like, roots)?;
    let turn = to.ints(vec![1, 0])?;
    let turned = to.add(Op::Transpose, &[scaled, turn])?;
    let lower = to.constant(lower.0, &lower.1)?;
    let solve = Rare::Matrix(Matrix::TriangularSolve { lower: true, adjoint: false });
    let solved = to.add(Op::Rare(Box::new(solve)), &[lower, turned])?;
    let squares = to.unary(Unary::Square, solved)?;
    let sums = to.reduce(Reduce::Sum, squares, 0, false)?;
    to.expand(sums, 1)
}

/// The mean of the logistic function over a normal distribution: [rows, 1].
fn chance(to: &mut Builder<'_>, mean: ValueId, variance: ValueId) -> Result<ValueId, EngineError> {
    let spread = to.with_row(Binary::Mul, variance, SLOPES.map(|slope| 2.0 * slope * slope).to_vec())?;
    let spread = to.with(Binary::Add, spread, 1.0)?;
    let spread = to.unary(Unary::Sqrt, spread)?;
    let steep = to.with_row(Binary::Mul, mean, SLOPES.to_vec())?;
    let steep = to.binary(Binary::Div, steep, spread)?;
    let error = to.unary(Unary::Erf, steep)?;
    let weighted = to.with_row(Binary::Mul, error, SHARES.map(|share| 0.5 * share).to_vec())?;
    let sum = to.sum(weighted)?;
    to.with(Binary::Add, sum, 0.5 * SHARES.iter().sum::<f64>())
}

/// The covariance of rows with themselves: one for each, or for all.
fn variance(
    to: &mut Builder<'_>,
    kernel: View<'_>,
    x: &Columns,
    width: usize,
) -> Result<ValueId, EngineError> {
    to.deeper(|to| match kernel.class() {
        Some(class @ ("Sum" | "Product")) => {
            let both =
                [variance(to, kernel.get("k1")?, x, width)?, variance(to, kernel.get("k2")?, x, width)?];
            to.binary(if class == "Sum" { Binary::Add } else { Binary::Mul }, both[0], both[1])
        }
        Some("Exponentiation") => {
            let inner = variance(to, kernel.get("kernel")?, x, width)?;
            to.with(Binary::Pow, inner, kernel.get("exponent")?.float()?)
        }
        Some("ConstantKernel") => to.number(kernel.get("constant_value")?.float()?),
        Some("WhiteKernel") => to.number(kernel.get("noise_level")?.float()?),
        Some("DotProduct") => {
            let x = columns::numbers(to, x, width)?;
            let squares = to.unary(Unary::Square, x)?;
            let sum = to.sum(squares)?;
            let sigma = kernel.get("sigma_0")?.float()?;
            to.with(Binary::Add, sum, sigma * sigma)
        }
        // What is known of the rest: `covariance` refused all others. A row is wholly like itself.
        _ => to.number(1.0),
    })
}
