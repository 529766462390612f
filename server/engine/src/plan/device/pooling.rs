//! The largest and the mean of windows; what lies around the image counts in neither.

use super::convolution::around;
use super::form::Made;
use super::layout::{channels_first, channels_last};
use crate::graph::Pool;
use crate::kernels::Geometry;
use candle_core::Tensor;

pub fn pool(x: &Tensor, pool: &Pool) -> Made {
    let g = Geometry::new(x.dims(), pool.window, pool.strides, [1, 1], pool.padding)?;
    let after = [g.after(0), g.after(1)];
    let bare = g.before == [0, 0] && after == [0, 0];
    let x = channels_first(x)?;
    let (window, strides) = ((g.window[0], g.window[1]), (g.strides[0], g.strides[1]));
    let made = match pool.max {
        true if bare => x.max_pool2d_with_stride(window, strides)?,
        true => lowest_around(&x, g.before, after)?.max_pool2d_with_stride(window, strides)?,
        false if bare => x.avg_pool2d_with_stride(window, strides)?,
        false => {
            let mean = around(&x, g.before, after)?.avg_pool2d_with_stride(window, strides)?;
            mean.broadcast_mul(&shares(&g, &x)?)?
        }
    };
    channels_last(&made)
}

/// The image in a border that no maximum is in.
fn lowest_around(x: &Tensor, before: [usize; 2], after: [usize; 2]) -> Made {
    let mut x = x.clone();
    for axis in 0..2 {
        let border = |size: usize| {
            let mut dims = x.dims().to_vec();
            dims[2 + axis] = size;
            Tensor::full(f32::NEG_INFINITY, dims, x.device())
        };
        let mut parts = Vec::new();
        if before[axis] > 0 {
            parts.push(border(before[axis])?);
        }
        parts.push(x.clone());
        if after[axis] > 0 {
            parts.push(border(after[axis])?);
        }
        x = Tensor::cat(&parts, 2 + axis)?;
    }
    Ok(x)
}

/// By what the means of whole windows are multiplied: the pixels of a window over those of them that are in the image.
fn shares(g: &Geometry, x: &Tensor) -> Made {
    let within = |axis: usize, out: usize| {
        (0..g.window[axis]).filter(|tap| g.place(axis, out, *tap).is_some()).count().max(1)
    };
    let all = (g.window[0] * g.window[1]) as f32;
    let rows: Vec<f32> = (0..g.out_height).map(|n| within(0, n) as f32).collect();
    let columns: Vec<f32> = (0..g.out_width).map(|n| within(1, n) as f32).collect();
    let shares: Vec<f32> = rows.iter().flat_map(|r| columns.iter().map(move |c| all / (r * c))).collect();
    Ok(Tensor::from_vec(shares, (1, 1, g.out_height, g.out_width), x.device())?)
}
