//! How much less dense it is around rows than around their neighbours.

use super::builder::Builder;
use super::columns::{floats, matrix};
use super::estimator::{self, Family, Method};
use super::neighbours;
use crate::EngineError;
use crate::formats::pickle::View;
use crate::graph::{Binary, Op, ValueId};

/// A density is that of rows not nearer than this.
const NEAREST: f64 = 1e-10;

pub const FACTOR: Family = Family {
    classes: &["LocalOutlierFactor"],
    methods: |of| {
        if of.find("novelty").map_or(Ok(false), View::bool)? {
            return Ok(vec![Method::Predict, Method::Decision, Method::Samples]);
        }
        Err(EngineError::broken(
            "LocalOutlierFactor knows new rows only if it was fitted with novelty=True; it was not",
        ))
    },
    lower: |to, of, x, method| {
        let k = of.get("n_neighbors_")?.size()?;
        let (near, trained) = neighbours::nearest_rows(to, of, x, k)?;
        let scores = scores(to, of, near, [trained, k])?;
        estimator::outliers(to, of, method, scores, of.get("offset_")?.float()?)
    },
};

/// The neighbours' densities by a row's own, turned around: [rows].
fn scores(
    to: &mut Builder<'_>,
    of: View<'_>,
    [distances, places]: [ValueId; 2],
    [trained, k]: [usize; 2],
) -> Result<ValueId, EngineError> {
    let (fitted, [count, kept]) = matrix(of.get("_distances_fit_X_")?)?;
    let densities = floats(of, "_lrd")?;
    if count != trained || kept < k || densities.len() != trained {
        return Err(EngineError::broken(
            "LocalOutlierFactor has densities of other rows than those of training",
        ));
    }
    // Nobody is nearer to a neighbour than the neighbour's own k-th.
    let reaches = fitted.chunks_exact(kept).map(|row| row[k - 1]).collect();
    let axis = to.int(0)?;
    let of_places = |to: &mut Builder<'_>, all: Vec<f64>| {
        let all = to.constant(all, &[trained])?;
        to.add(Op::Gather { batch_dims: 0 }, &[all, places, axis])
    };
    let (reaches, densities) = (of_places(to, reaches)?, of_places(to, densities)?);
    let reached = to.binary(Binary::Max, distances, reaches)?;
    let sum = to.sum(reached)?;
    let mean = to.with(Binary::Div, sum, k as f64)?;
    let safe = to.with(Binary::Add, mean, NEAREST)?;
    let ratios = to.binary(Binary::Mul, densities, safe)?;
    let sum = to.sum(ratios)?;
    let scores = to.with(Binary::Div, sum, -(k as f64))?;
    to.squeeze(scores, 1)
}
