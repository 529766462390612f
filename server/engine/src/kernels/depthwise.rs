//! Depthwise convolution: each channel with filters of its own.

use super::access::{make, with, zeros};
use super::matrix::threads;
use super::product::finish;
use super::spatial::Geometry;
use super::{Outcome, Value, fail};
use crate::graph::Conv;
use rayon::prelude::*;

pub fn depthwise(x: &Value, filter: &Value, bias: Option<&Value>, conv: &Conv) -> Outcome {
    let [kh, kw, channels, multiplier] = *filter.dims() else {
        return Err(fail(format!("a depthwise filter has shape {:?}", filter.dims())));
    };
    let g = Geometry::new(x, [kh, kw], conv.strides, conv.dilations, conv.padding)?;
    let outs = channels * multiplier;
    if channels != g.channels || multiplier == 0 || bias.is_some_and(|b| b.dims() != [outs]) {
        return Err(fail(format!("a depthwise filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    let shape = [g.batch, g.out_height, g.out_width, outs];
    let mut out = zeros::<f32>(&shape)?;
    let row = (g.out_width * outs).max(1);
    let work = out.len() * kh * kw;
    with(x, |x| {
        with(filter, |w| {
            if threads(work.saturating_mul(8)) > 1 {
                out.par_chunks_mut(row).enumerate().for_each(|(n, to)| slide(&g, x, w, multiplier, n, to));
            } else {
                out.chunks_mut(row).enumerate().for_each(|(n, to)| slide(&g, x, w, multiplier, n, to));
            }
        })
    })??;
    finish(&mut out, outs, bias, conv.activation)?;
    make(out, &shape)
}

/// One row of the output.
fn slide(g: &Geometry, x: &[f32], w: &[f32], multiplier: usize, row: usize, to: &mut [f32]) {
    let (image, oy) = (row / g.out_height.max(1), row % g.out_height.max(1));
    let (c, outs) = (g.channels, g.channels * multiplier);
    for (ox, to) in to.chunks_exact_mut(outs).enumerate() {
        for ky in 0..g.window[0] {
            let Some(y) = g.place(0, oy, ky) else { continue };
            for kx in 0..g.window[1] {
                let Some(x_at) = g.place(1, ox, kx) else { continue };
                let from = ((image * g.height + y) * g.width + x_at) * c;
                let (pixel, tap) = (&x[from..from + c], (ky * g.window[1] + kx) * outs);
                let weights = &w[tap..tap + outs];
                if multiplier == 1 {
                    to.iter_mut().zip(pixel).zip(weights).for_each(|((t, p), w)| *t += p * w);
                } else {
                    let groups = to.chunks_exact_mut(multiplier).zip(weights.chunks_exact(multiplier));
                    for ((to, weights), p) in groups.zip(pixel) {
                        to.iter_mut().zip(weights).for_each(|(t, w)| *t += p * w);
                    }
                }
            }
        }
    }
}
