//! Convolutions whose windows are bent: each tap is read where an offset moves it.

use super::super::{Outcome, Value, elements, fail};
use super::{at, narrowed, wide};
use crate::EngineError;
use crate::graph::Window;

/// What was checked of a call.
struct Call<'w> {
    window: &'w Window,
    image: [usize; 4],
    out: [usize; 2],
    taps: usize,
    offset_groups: usize,
}

/// x, weights `[out, in / groups, h, w]`, offsets, mask?
pub fn convolve(window: &Window, groups: usize, offset_groups: usize, inputs: &[&Value]) -> Outcome {
    let (x, weights, offsets) = (at(inputs, 0)?, at(inputs, 1)?, at(inputs, 2)?);
    let mask = inputs.get(3);
    let (&[batch, channels, height, width], &[outs, per_group, _, _]) = (x.dims(), weights.dims()) else {
        return Err(fail("a bent convolution is of an image"));
    };
    let wrong = || fail(format!("a bent convolution of {:?} by {:?}", x.dims(), weights.dims()));
    let fits =
        groups > 0 && per_group.checked_mul(groups) == Some(channels) && outs.is_multiple_of(groups.max(1));
    let divides = offset_groups > 0 && channels.is_multiple_of(offset_groups.max(1));
    if !fits || !divides || !window.is_sound() || weights.dims()[2..] != window.kernel {
        return Err(wrong());
    }
    let side = |n: usize, size: usize| {
        let [before, after] = window.pads[n];
        let rest = size.saturating_add(before + after).checked_sub(window.span(n));
        rest.map(|rest| rest / window.strides[n] + 1).ok_or_else(wrong)
    };
    let out = [side(0, height)?, side(1, width)?];
    let taps = elements(&window.kernel)?;
    let call = Call { window, image: [batch, channels, height, width], out, taps, offset_groups };
    let pixels = elements(&out)?;
    let moved = |each: usize| [batch, offset_groups * taps * each, out[0], out[1]];
    if offsets.dims() != moved(2) || mask.is_some_and(|m| m.dims() != moved(1)) {
        return Err(fail(format!("offsets {:?} for windows at {out:?}", offsets.dims())));
    }
    let shape = [batch, outs, out[0], out[1]];
    let mut result = vec![0.0; elements(&shape)?];
    let rows = per_group * taps;
    elements(&[channels, taps, pixels])?;
    let (data, weights) = (wide(x)?, wide(weights)?);
    let (offsets, mask) = (wide(offsets)?, mask.map(|m| wide(m)).transpose()?);
    for image in 0..batch {
        let columns = call.columns(image, &data, &offsets, mask.as_deref())?;
        for number in 0..outs {
            let first = number / (outs / groups) * rows;
            let to = &mut result[(image * outs + number) * pixels..][..pixels];
            for row in 0..rows {
                let weight = weights[number * rows + row];
                let from = &columns[(first + row) * pixels..][..pixels];
                to.iter_mut().zip(from).for_each(|(t, f)| *t += weight * f);
            }
        }
    }
    narrowed(x.kind(), result, &shape)
}

impl Call<'_> {
    /// For each channel and tap the values at all windows of an image.
    fn columns(
        &self,
        image: usize,
        data: &[f64],
        offsets: &[f64],
        mask: Option<&[f64]>,
    ) -> Result<Vec<f64>, EngineError> {
        let [_, channels, height, width] = self.image;
        let [rows, across] = self.out;
        let pixels = rows * across;
        let mut columns = vec![0.0; elements(&[channels, self.taps, pixels])?];
        let each = channels / self.offset_groups;
        for (number, column) in columns.chunks_exact_mut(pixels).enumerate() {
            let (channel, tap) = (number / self.taps, number % self.taps);
            let plane = &data[(image * self.image[1] + channel) * height * width..][..height * width];
            let moved = (image * self.offset_groups + channel / each) * self.taps + tap;
            for (pixel, to) in column.iter_mut().enumerate() {
                let place = |axis: usize, window: usize, tap: usize| {
                    let start =
                        (window * self.window.strides[axis] + tap * self.window.dilations[axis]) as f64;
                    start - self.window.pads[axis][0] as f64 + offsets[(moved * 2 + axis) * pixels + pixel]
                };
                let kernel = self.window.kernel[1];
                let y = place(0, pixel / across, tap / kernel);
                let x = place(1, pixel % across, tap % kernel);
                let value = between(plane, [height, width], y, x);
                *to = mask.map_or(value, |mask| value * mask[moved * pixels + pixel]);
            }
        }
        Ok(columns)
    }
}

/// Between four pixels; what lies outside is zero.
fn between(plane: &[f64], [height, width]: [usize; 2], y: f64, x: f64) -> f64 {
    let (top, left) = (y.floor(), x.floor());
    let (down, along) = (y - top, x - left);
    let pixel = |y: f64, x: f64| {
        let inside = y >= 0.0 && x >= 0.0 && y < height as f64 && x < width as f64;
        if inside { plane[y as usize * width + x as usize] } else { 0.0 }
    };
    let above = pixel(top, left) * (1.0 - along) + pixel(top, left + 1.0) * along;
    let below = pixel(top + 1.0, left) * (1.0 - along) + pixel(top + 1.0, left + 1.0) * along;
    above * (1.0 - down) + below * down
}
