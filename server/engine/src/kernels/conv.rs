//! Convolution by a filter that is not known before the request.

use super::access::output;
use super::convolve::{self, Weights};
use super::gemm::Epilogue;
use super::spatial::Geometry;
use super::threads::threads;
use super::{Outcome, Value, fail};
use crate::graph::Conv;

pub fn conv(x: &Value, filter: &Value, bias: Option<&Value>, conv: &Conv) -> Outcome {
    let Ok(dims) = <[usize; 4]>::try_from(filter.dims()) else {
        return Err(fail(format!("a convolution's filter has shape {:?}", filter.dims())));
    };
    let [kh, kw, per_group, outs] = dims;
    let g = Geometry::new(x.dims(), [kh, kw], conv.strides, conv.dilations, conv.padding)?;
    let groups = g.channels.checked_div(per_group).unwrap_or(0);
    let fits = groups > 0 && groups * per_group == g.channels && outs.is_multiple_of(groups);
    if !fits || bias.is_some_and(|b| b.dims() != [outs]) {
        return Err(fail(format!("a filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    let weights = Weights::new(filter.slice()?, dims, groups);
    let shape = [g.batch, g.out_height, g.out_width, outs];
    let mut out = output::<f32>(&shape)?;
    let epilogue =
        Epilogue { bias: bias.map(Value::slice).transpose()?, adds: false, activation: conv.activation };
    let work = out.len().saturating_mul(kh * kw * per_group);
    convolve::convolution(&mut out, x.slice()?, &g, &weights, &epilogue, threads(work));
    Value::of(out, &shape)
}
