//! Maximum and average over windows; padding counts in neither.

use super::access::output;
use super::spatial::Geometry;
use super::threads::threads;
use super::vector::pool::{self as vector, Fold};
use super::{Outcome, Value};
use crate::graph::Pool;

pub fn pool(x: &Value, pool: &Pool) -> Outcome {
    let g = Geometry::new(x.dims(), pool.window, pool.strides, [1, 1], pool.padding)?;
    let shape = [g.batch, g.out_height, g.out_width, g.channels];
    let mut out = output::<f32>(&shape)?;
    let work = out.len().saturating_mul(2 * g.window[0] * g.window[1]);
    let fold = if pool.max { Fold::Max } else { Fold::Mean };
    vector::pool(&g, fold, x.slice()?, &mut out, threads(work));
    Value::of(out, &shape)
}
