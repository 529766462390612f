//! Depthwise convolution by a filter that is not known before the request.

use super::access::output;
use super::spatial::Geometry;
use super::threads::threads;
use super::vector::depthwise::{self as vector, Depthwise};
use super::{Outcome, Value, fail};
use crate::graph::Conv;

pub fn depthwise(x: &Value, filter: &Value, bias: Option<&Value>, conv: &Conv) -> Outcome {
    let [kh, kw, channels, multiplier] = *filter.dims() else {
        return Err(fail(format!("a depthwise filter has shape {:?}", filter.dims())));
    };
    let g = Geometry::new(x.dims(), [kh, kw], conv.strides, conv.dilations, conv.padding)?;
    let outs = channels * multiplier;
    if channels != g.channels || multiplier == 0 || bias.is_some_and(|b| b.dims() != [outs]) {
        return Err(fail(format!("a depthwise filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    let shape = [g.batch, g.out_height, g.out_width, outs];
    let mut out = output::<f32>(&shape)?;
    let bias = bias.map(Value::slice).transpose()?;
    let conv =
        Depthwise { geometry: &g, filter: filter.slice()?, multiplier, bias, activation: conv.activation };
    let work = out.len().saturating_mul(4 * kh * kw);
    if vector::depthwise(&conv, x.slice()?, &mut out, threads(work)) {
        Value::of(out, &shape)
    } else {
        Err(fail("a depthwise convolution of other sizes than its filter's"))
    }
}
