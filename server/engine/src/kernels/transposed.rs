//! Transposed convolution: the gradient of a convolution, used as a layer that enlarges.

use super::access::{make, sizes, zeros};
use super::gemm::{Epilogue, Matrix, product_unpacked};
use super::spatial::Geometry;
use super::threads::threads;
use super::{Outcome, Value, fail};
use crate::graph::Conv;

/// `filter` is [height, width, out, in]; `size` the shape of the result.
pub fn transposed(size: &Value, filter: &Value, x: &Value, conv: &Conv) -> Outcome {
    let shape = sizes(size)?;
    let [kh, kw, outs, ins] = *filter.dims() else {
        return Err(fail(format!("a transposed convolution's filter has shape {:?}", filter.dims())));
    };
    let shape = match (shape.as_slice(), x.dims()) {
        ([height, width], [batch, ..]) => vec![*batch, *height, *width, outs],
        ([_, _, _, _], _) => shape,
        _ => return Err(fail(format!("a transposed convolution to {shape:?}"))),
    };
    let mut out = zeros::<f32>(&shape)?;
    // The geometry of the convolution whose gradient this is: from the result to x.
    let g = Geometry::of(
        [shape[0], shape[1], shape[2], outs],
        [kh, kw],
        conv.strides,
        conv.dilations,
        conv.padding,
    )?;
    if x.dims() != [g.batch, g.out_height, g.out_width, ins] || shape[3] != outs {
        return Err(fail(format!("a transposed convolution of {:?} to {shape:?}", x.dims())));
    }
    let pixels = g.batch * g.out_height * g.out_width;
    let taps = kh * kw * outs;
    let mut parts = zeros::<f32>(&[pixels, taps])?;
    let work = pixels.saturating_mul(taps).saturating_mul(ins);
    let turned = Matrix::new(filter.slice()?, taps, ins).transposed();
    let pixel_rows = Matrix::new(x.slice()?, pixels, ins);
    product_unpacked(&mut parts, pixel_rows, turned, &Epilogue::NONE, threads(work));
    for (pixel, part) in parts.chunks_exact(taps).enumerate() {
        let (image, oy, ox) =
            (pixel / (g.out_height * g.out_width), pixel / g.out_width % g.out_height, pixel % g.out_width);
        for (tap, part) in part.chunks_exact(outs).enumerate() {
            let place = g.place(0, oy, tap / kw).zip(g.place(1, ox, tap % kw));
            if let Some((y, x)) = place {
                let to = ((image * g.height + y) * g.width + x) * outs;
                out[to..to + outs].iter_mut().zip(part).for_each(|(t, p)| *t += p);
            }
        }
    }
    make(out, &shape)
}
