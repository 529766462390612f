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

pub fn distances(
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
pub fn weighted(
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

pub const COMPONENTS: Family = Family {
    classes: &["KernelPCA"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        let like = named(to, of, x, matrix(of.get("X_fit_")?)?)?;
        // Renamed in 1.0.
        let vectors = of.any(&["eigenvectors_", "alphas_"]);
        let values = of.any(&["eigenvalues_", "lambdas_"]);
        let (Some(vectors), Some(values)) = (vectors, values) else {
            return Err(EngineError::broken("KernelPCA has no eigenvectors_: was it fitted?"));
        };
        let (mut vectors, shape) = matrix(vectors)?;
        let values = values.array()?.floats()?;
        let [trained, width] = shape;
        if values.len() != width {
            return Err(EngineError::broken("KernelPCA has eigenvalues of other components"));
        }
        // What has no variance says nothing.
        let scale = |v: f64| if v == 0.0 { 0.0 } else { 1.0 / v.sqrt() };
        vectors.iter_mut().enumerate().for_each(|(n, x)| *x *= scale(values[n % width]));
        let centred = centred(to, of.get("_centerer")?, like, trained)?;
        let made = columns::product(to, &Columns::Numbers(centred, trained), (vectors, shape))?;
        Ok(Answer::Columns(Columns::Numbers(made, width)))
    },
};

/// Likenesses as if the rows of training had their mean at the origin of the kernel's space.
fn centred(
    to: &mut Builder<'_>,
    by: View<'_>,
    like: ValueId,
    trained: usize,
) -> Result<ValueId, EngineError> {
    let means = floats(by, "K_fit_rows_")?;
    if means.len() != trained {
        return Err(EngineError::broken("a kernel is centred by other rows than those of training"));
    }
    let sum = to.sum(like)?;
    let own = to.with(Binary::Div, sum, trained as f64)?;
    let moved = to.with_row(Binary::Sub, like, means)?;
    let moved = to.binary(Binary::Sub, moved, own)?;
    to.with(Binary::Add, moved, by.get("K_fit_all_")?.float()?)
}
