//! Clusters around centres.

use super::builder::{Builder, Columns};
use super::columns::{self, matrix};
use super::estimator::{Answer, Family, Method, Part, no_such};
use super::labels;
use crate::formats::pickle::View;
use crate::graph::{Distance, Learning, Op, Unary, ValueId};
use crate::{DType, EngineError};

pub const MEANS: Family = Family {
    classes: &["KMeans", "MiniBatchKMeans"],
    methods: |_| Ok(vec![Method::Predict, Method::Transform]),
    lower: |to, of, x, method| {
        let (squares, count) = distances(to, of, x, "cluster_centers_", Distance::SquaredEuclidean)?;
        match method {
            Method::Predict => {
                let id = nearest(to, squares)?;
                Ok(Answer::Part(Part { id, dtype: DType::I64, width: None }))
            }
            Method::Transform => {
                Ok(Answer::Columns(Columns::Numbers(to.unary(Unary::Sqrt, squares)?, count)))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

pub const BIRCH: Family = Family {
    classes: &["Birch"],
    methods: |_| Ok(vec![Method::Predict, Method::Transform]),
    lower: |to, of, x, method| {
        let (squares, count) = distances(to, of, x, "subcluster_centers_", Distance::SquaredEuclidean)?;
        match method {
            Method::Predict => {
                let names = of.get("subcluster_labels_")?;
                if names.array()?.len() != count {
                    return Err(EngineError::broken("Birch has labels of other clusters than its centres"));
                }
                let index = nearest(to, squares)?;
                labels::labelled(to, names, index).map(Answer::Part)
            }
            Method::Transform => {
                Ok(Answer::Columns(Columns::Numbers(to.unary(Unary::Sqrt, squares)?, count)))
            }
            _ => Err(no_such(of, method)),
        }
    },
};

/// Distances to what an attribute holds: [rows, count].
pub fn distances(
    to: &mut Builder<'_>,
    of: View<'_>,
    x: &Columns,
    name: &str,
    metric: Distance,
) -> Result<(ValueId, usize), EngineError> {
    let (data, shape) = matrix(of.get(name)?)?;
    let x = columns::numbers(to, x, shape[1])?;
    let others = to.constant(data, &shape)?;
    Ok((to.learning(Learning::Distances(metric), &[x, others])?, shape[0]))
}

/// The first of the nearest: [rows].
pub fn nearest(to: &mut Builder<'_>, distances: ValueId) -> Result<ValueId, EngineError> {
    let axis = to.int(1)?;
    to.add(Op::ArgExtreme { max: false }, &[distances, axis])
}
