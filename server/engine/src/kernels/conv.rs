//! Convolution as a matrix product: the windows of some output rows side by side as the rows of one matrix, times the filter, which
//! in channels-last order is the other matrix as it lies in memory.

use super::access::{make, with, zeros};
use super::matrix::{View, product, threads};
use super::moves::{cat, narrow};
use super::product::finish;
use super::spatial::Geometry;
use super::{Outcome, Value, elements, fail};
use crate::graph::Conv;
use rayon::prelude::*;

/// Elements of the matrix of windows that are made at a time: what a core's cache holds matters less than how
/// often the filter is packed anew.
const TILE: usize = 4 << 20;

pub fn conv(x: &Value, filter: &Value, bias: Option<&Value>, conv: &Conv) -> Outcome {
    let [kh, kw, per_group, outs] = *filter.dims() else {
        return Err(fail(format!("a convolution's filter has shape {:?}", filter.dims())));
    };
    let g = Geometry::new(x, [kh, kw], conv.strides, conv.dilations, conv.padding)?;
    if per_group == 0 || g.channels % per_group != 0 || bias.is_some_and(|b| b.dims() != [outs]) {
        return Err(fail(format!("a filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    if g.channels != per_group {
        return grouped(x, filter, bias, conv, g.channels / per_group);
    }
    let shape = [g.batch, g.out_height, g.out_width, outs];
    let mut out = zeros::<f32>(&shape)?;
    let inner = elements(&[kh, kw, per_group])?;
    with(x, |x| with(filter, |w| multiply(&g, x, w, &mut out, inner, outs)))??;
    finish(&mut out, outs, bias, conv.activation)?;
    make(out, &shape)
}

fn multiply(g: &Geometry, x: &[f32], w: &[f32], out: &mut [f32], inner: usize, outs: usize) {
    let pixels = g.batch * g.out_height * g.out_width;
    let filter = View::rows(w, inner, outs);
    let threads = threads(pixels.saturating_mul(inner).saturating_mul(outs));
    let pointwise = g.window == [1, 1] && g.strides == [1, 1] && g.before == [0, 0] && g.out_width == g.width;
    if pointwise && g.out_height == g.height {
        product(out, View::rows(x, pixels, inner), filter, threads);
        return;
    }
    // Whole rows of the output, so that a tile's windows are cut row by row.
    let rows = g.batch * g.out_height;
    let row = g.out_width * inner;
    let tile_rows = (TILE / row.max(1)).clamp(1, rows.max(1));
    let mut windows = vec![0.0; tile_rows * row];
    for first in (0..rows).step_by(tile_rows) {
        let count = tile_rows.min(rows - first);
        let windows = &mut windows[..count * row];
        if threads > 1 {
            windows.par_chunks_mut(row).enumerate().for_each(|(n, to)| cut(g, x, first + n, to));
        } else {
            windows.chunks_mut(row.max(1)).enumerate().for_each(|(n, to)| cut(g, x, first + n, to));
        }
        let from = first * g.out_width * outs;
        let out = &mut out[from..from + count * g.out_width * outs];
        product(out, View::rows(windows, count * g.out_width, inner), filter, threads);
    }
}

/// The windows of one row of the output.
fn cut(g: &Geometry, x: &[f32], row: usize, to: &mut [f32]) {
    let (image, oy) = (row / g.out_height, row % g.out_height);
    let c = g.channels;
    let mut to = to.chunks_exact_mut(c);
    for ox in 0..g.out_width {
        for ky in 0..g.window[0] {
            let y = g.place(0, oy, ky);
            for kx in 0..g.window[1] {
                let Some(to) = to.next() else { return };
                match y.zip(g.place(1, ox, kx)) {
                    Some((y, x_at)) => {
                        let from = ((image * g.height + y) * g.width + x_at) * c;
                        to.copy_from_slice(&x[from..from + c]);
                    }
                    None => to.fill(0.0),
                }
            }
        }
    }
}

/// Each group of channels has filters of its own.
fn grouped(x: &Value, filter: &Value, bias: Option<&Value>, options: &Conv, groups: usize) -> Outcome {
    let (per_group, outs) = (filter.dims()[2], filter.dims()[3]);
    if outs % groups != 0 {
        return Err(fail(format!("{outs} filters in {groups} groups")));
    }
    let mut parts = Vec::new();
    for n in 0..groups {
        let x = narrow(x, 3, n * per_group, per_group)?;
        let filter = narrow(filter, 3, n * (outs / groups), outs / groups)?;
        let bias = bias.map(|b| narrow(b, 0, n * (outs / groups), outs / groups)).transpose()?;
        parts.push(conv(&x, &filter, bias.as_ref(), options)?);
    }
    cat(&parts.iter().collect::<Vec<_>>(), 3)
}
