//! Maximum and average over windows; padding counts in neither.

use super::access::{make, with, zeros};
use super::matrix::threads;
use super::spatial::Geometry;
use super::{Outcome, Value};
use crate::graph::Pool;
use rayon::prelude::*;

pub fn pool(x: &Value, pool: &Pool) -> Outcome {
    let g = Geometry::new(x, pool.window, pool.strides, [1, 1], pool.padding)?;
    let shape = [g.batch, g.out_height, g.out_width, g.channels];
    let mut out = zeros::<f32>(&shape)?;
    let row = (g.out_width * g.channels).max(1);
    let work = out.len().saturating_mul(g.window[0] * g.window[1]);
    with(x, |x| {
        if threads(work.saturating_mul(8)) > 1 {
            out.par_chunks_mut(row).enumerate().for_each(|(n, to)| slide(&g, pool.max, x, n, to));
        } else {
            out.chunks_mut(row).enumerate().for_each(|(n, to)| slide(&g, pool.max, x, n, to));
        }
    })?;
    make(out, &shape)
}

/// One row of the output.
fn slide(g: &Geometry, max: bool, x: &[f32], row: usize, to: &mut [f32]) {
    let (image, oy) = (row / g.out_height.max(1), row % g.out_height.max(1));
    let c = g.channels;
    for (ox, to) in to.chunks_exact_mut(c.max(1)).enumerate() {
        let mut count = 0u32;
        to.fill(if max { f32::NEG_INFINITY } else { 0.0 });
        for ky in 0..g.window[0] {
            let Some(y) = g.place(0, oy, ky) else { continue };
            for kx in 0..g.window[1] {
                let Some(x_at) = g.place(1, ox, kx) else { continue };
                let from = ((image * g.height + y) * g.width + x_at) * c;
                let pixel = &x[from..from + c];
                if max {
                    to.iter_mut().zip(pixel).for_each(|(t, p)| *t = if *p > *t { *p } else { *t });
                } else {
                    to.iter_mut().zip(pixel).for_each(|(t, p)| *t += p);
                }
                count += 1;
            }
        }
        if !max {
            to.iter_mut().for_each(|t| *t /= count as f32);
        }
    }
}
