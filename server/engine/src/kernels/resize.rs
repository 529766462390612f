//! Scaling images.

use super::access::{make, sizes, zeros};
use super::{Outcome, Value, fail};
use crate::graph::Resize;

pub fn resize(x: &Value, size: &Value, how: &Resize) -> Outcome {
    let size = sizes(size)?;
    let ([batch, height, width, c], [out_h, out_w]) = (x.dims(), size.as_slice()) else {
        return Err(fail("a resize needs an image and its new height and width"));
    };
    if *height == 0 || *width == 0 {
        return Err(fail("a resize of an empty image"));
    }
    super::elements(&[*batch, *out_h, *out_w, *c])?;
    if !how.bilinear && x.kind() != crate::value::Kind::F32 {
        // Pixels that are only repeated keep their type.
        let places = |size, out| taps(how, size, out).into_iter().map(|t| t.0 as i64).collect::<Vec<_>>();
        let rows = super::moves::index_select(x, &places(*height, *out_h), 1)?;
        return super::moves::index_select(&rows, &places(*width, *out_w), 2);
    }
    let x = super::shapes::cast(x, crate::DType::F32)?;
    let shape = [*batch, *out_h, *out_w, *c];
    let mut out = zeros::<f32>(&shape)?;
    let (ys, xs) = (taps(how, *height, *out_h), taps(how, *width, *out_w));
    let x = x.slice::<f32>()?;
    let mut to = out.chunks_exact_mut((*c).max(1));
    for image in 0..*batch {
        for (y0, y1, fy) in &ys {
            for (x0, x1, fx) in &xs {
                let Some(to) = to.next() else { break };
                let at = |y: usize, x_at: usize| {
                    let from = ((image * height + y) * width + x_at) * c;
                    &x[from..from + c]
                };
                let corners = [at(*y0, *x0), at(*y0, *x1), at(*y1, *x0), at(*y1, *x1)];
                for (i, to) in to.iter_mut().enumerate() {
                    let [a, b, c, d] = corners.map(|p| p[i]);
                    let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
                    *to = top + (bottom - top) * fy;
                }
            }
        }
    }
    make(out, &shape)
}

/// The two places that a place of the result comes from, and how far it is towards the second.
pub type Tap = (usize, usize, f32);

/// For each place of the result of an axis, where it comes from; the axis has one place at least.
pub fn taps(how: &Resize, size: usize, out: usize) -> Vec<Tap> {
    let scale = match (how.align_corners, out) {
        (true, 2..) => (size - 1) as f32 / (out - 1) as f32,
        _ => size as f32 / out.max(1) as f32,
    };
    let last = size - 1;
    (0..out)
        .map(|n| {
            if how.bilinear {
                let at = if how.half_pixel { (n as f32 + 0.5) * scale - 0.5 } else { n as f32 * scale };
                let at = at.max(0.0);
                let low = (at.floor() as usize).min(last);
                (low, (low + 1).min(last), if low == last { 0.0 } else { at - low as f32 })
            } else {
                let at = if how.half_pixel { (n as f32 + 0.5) * scale } else { n as f32 * scale };
                let near = if how.align_corners { at.round() } else { at.floor() } as usize;
                (near.min(last), near.min(last), 0.0)
            }
        })
        .collect()
}
