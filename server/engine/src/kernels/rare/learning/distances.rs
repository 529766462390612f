//! How far rows are from each other.

use super::super::super::access::{make, output};
use super::super::super::{Outcome, Value, elements, fail};
use crate::graph::Distance;

/// Each row of x to each row of y.
pub fn distances(metric: Distance, x: &Value, y: &Value) -> Outcome {
    let (&[rows, width], &[others, of]) = (x.dims(), y.dims()) else {
        return Err(fail("distances are between rows"));
    };
    if width != of {
        return Err(fail(format!("distances of rows of {width} to rows of {of} numbers")));
    }
    elements(&[rows, others])?;
    let (x, y) = (x.slice::<f64>()?, y.slice::<f64>()?);
    let mut out = output::<f64>(&[rows, others])?;
    if width == 0 {
        out.fill(0.0);
        return make(out, &[rows, others]);
    }
    for (to, x) in out.chunks_exact_mut(others.max(1)).zip(x.chunks_exact(width)) {
        for (to, y) in to.iter_mut().zip(y.chunks_exact(width)) {
            *to = distance(metric, x, y);
        }
    }
    make(out, &[rows, others])
}

fn distance(metric: Distance, x: &[f64], y: &[f64]) -> f64 {
    let apart = x.iter().zip(y).map(|(x, y)| (x - y).abs());
    match metric {
        Distance::SquaredEuclidean => apart.map(|d| d * d).sum(),
        Distance::Manhattan => apart.sum(),
        Distance::Chebyshev => apart.fold(0.0, f64::max),
        Distance::Minkowski(p) => apart.map(|d| d.powf(p)).sum::<f64>().powf(1.0 / p),
        Distance::Cosine => {
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let lengths = (product(x, x) * product(y, y)).sqrt();
            (1.0 - product(x, y) / if lengths == 0.0 { 1.0 } else { lengths }).clamp(0.0, 2.0)
        }
    }
}
