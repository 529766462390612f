//! Convolutions. candle's are of images and filters with channels first, with one stride, one dilation and one padding for both axes:
//! other paddings are laid around the image before, other dilations into the filter.

use super::form::{Made, Wrong, fail};
use super::layout::{channels_first, channels_last};
use super::parts::{AT_ONCE, countable, in_parts};
use super::taps::Taps;
use crate::graph::Conv;
use crate::kernels::{Geometry, elements};
use candle_core::Tensor;

/// A filter `[height, width, in, out]` as candle wants it: `[out, in, height, width]`.
pub fn filter(filter: &Tensor) -> Made {
    Ok(filter.permute([3, 2, 0, 1])?.contiguous()?)
}

/// By a filter as candle wants it; the channels of the image say in how many groups.
pub fn conv(x: &Tensor, filter: &Tensor, bias: Option<&Tensor>, conv: &Conv) -> Made {
    let (outs, ins, height, width) = filter.dims4()?;
    let g = geometry(x, [height, width], conv)?;
    let groups = g.channels.checked_div(ins).filter(|n| n * ins == g.channels && *n > 0);
    let groups = groups.filter(|n| outs.is_multiple_of(*n));
    let groups =
        groups.ok_or_else(|| fail(format!("a filter {:?} on an image {:?}", filter.dims(), x.dims())))?;
    let x = channels_first(x)?;
    let made = if ins == 1 && groups > 1 {
        let taps = filter.permute([2, 3, 0, 1])?.contiguous()?.reshape((height * width, outs))?;
        Taps { geometry: g, weights: taps, multiplier: outs / groups }.run(&x)?
    } else if [height, width] == [1, 1]
        && g.strides == [1, 1]
        && g.before == [0, 0]
        && groups == 1
        && [g.out_height, g.out_width] == [g.height, g.width]
    {
        pointwise(&x, filter)?
    } else {
        windows(&x, filter, &g, groups)?
    };
    finished(&made, bias)
}

/// By a filter `[height, width, in, multiplier]`, each channel by its own.
pub fn depthwise(x: &Tensor, filter: &Tensor, bias: Option<&Tensor>, conv: &Conv) -> Made {
    let (height, width, ins, multiplier) = filter.dims4()?;
    let geometry = geometry(x, [height, width], conv)?;
    if geometry.channels != ins || multiplier == 0 {
        return Err(fail(format!("a depthwise filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    let weights = filter.reshape((height * width, ins * multiplier))?;
    finished(&Taps { geometry, weights, multiplier }.run(&channels_first(x)?)?, bias)
}

/// The gradient of a convolution, used as a layer: `filter` is `[height, width, out, in]`.
pub fn transposed(shape: &[usize], filter: &Tensor, x: &Tensor, conv: &Conv) -> Made {
    let (height, width, outs, ins) = filter.dims4()?;
    let batch = x.dim(0)?;
    let shape = match shape {
        [height, width] => [batch, *height, *width, outs],
        [batch, height, width, channels] => [*batch, *height, *width, *channels],
        _ => return Err(fail(format!("a transposed convolution to {shape:?}"))),
    };
    elements(&shape)?;
    // From the result to x.
    let g = Geometry::of(shape, [height, width], conv.strides, conv.dilations, conv.padding)?;
    if x.dims() != [g.batch, g.out_height, g.out_width, ins] || shape[3] != outs {
        return Err(fail(format!("a transposed convolution of {:?} to {shape:?}", x.dims())));
    }
    let filter = filter.permute([3, 2, 0, 1])?.contiguous()?;
    let (filter, dilation) = dilated(&filter, conv.dilations)?;
    let made = channels_first(x)?.conv_transpose2d(&filter, 0, 0, conv.strides[0], dilation)?;
    // What lies beyond the result goes; what no window reaches is zero.
    let mut made = made;
    for (axis, (before, size)) in g.before.into_iter().zip([g.height, g.width]).enumerate() {
        let there = made.dim(2 + axis)?;
        if there < before + size {
            made = made.pad_with_zeros(2 + axis, 0, before + size - there)?;
        }
        made = made.narrow(2 + axis, before, size)?;
    }
    channels_last(&made.contiguous()?)
}

/// Whether candle can enlarge by these steps.
pub fn has_transposed(conv: &Conv) -> bool {
    conv.strides[0] == conv.strides[1]
}

fn geometry(x: &Tensor, window: [usize; 2], conv: &Conv) -> Result<Geometry, Wrong> {
    Ok(Geometry::new(x.dims(), window, conv.strides, conv.dilations, conv.padding)?)
}

/// With its bias, as the graph sees it.
fn finished(made: &Tensor, bias: Option<&Tensor>) -> Made {
    let made = match bias {
        Some(bias) => made.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)?,
        None => made.clone(),
    };
    channels_last(&made)
}

/// A window of one pixel is a matrix.
fn pointwise(x: &Tensor, filter: &Tensor) -> Made {
    let (batch, ins, height, width) = x.dims4()?;
    let outs = filter.dim(0)?;
    let filter = filter.reshape((1, outs, ins))?.broadcast_as((batch, outs, ins))?;
    let made = filter.matmul(&x.reshape((batch, ins, height * width))?)?;
    Ok(made.reshape((batch, outs, height, width))?)
}

fn windows(x: &Tensor, filter: &Tensor, g: &Geometry, groups: usize) -> Made {
    // As much before as after, whether windows reach all of it or not.
    let alike = g.before[0] == g.before[1]
        && [(0, g.height, g.out_height), (1, g.width, g.out_width)].iter().all(|(axis, size, outs)| {
            let span = (g.window[*axis] - 1) * g.dilations[*axis] + 1;
            (size + 2 * g.before[*axis]).checked_sub(span).map(|rest| rest / g.strides[*axis] + 1)
                == Some(*outs)
        });
    let (x, padding) =
        if alike { (x.clone(), g.before[0]) } else { (around(x, g.before, [g.after(0), g.after(1)])?, 0) };
    let (filter, dilation) = dilated(filter, g.dilations)?;
    let how = How { padding, dilation, groups };
    if g.strides[0] == g.strides[1] {
        return how.run(&x, &filter, g.strides[0], AT_ONCE);
    }
    // Steps that differ are rare enough to compute what lies between them too.
    let mut made = how.run(&x, &filter, 1, AT_ONCE)?;
    for (axis, (step, size)) in g.strides.into_iter().zip([g.out_height, g.out_width]).enumerate() {
        let places: Vec<u32> = (0..size).filter_map(|n| u32::try_from(n * step).ok()).collect();
        made = made.index_select(&Tensor::from_slice(&places, size, made.device())?, 2 + axis)?;
    }
    Ok(made)
}

/// candle's convolution.
#[derive(Clone, Copy)]
struct How {
    padding: usize,
    dilation: usize,
    groups: usize,
}

impl How {
    /// It lays all windows of its images side by side, which take many times the images' memory: of as many images at a time as make no
    /// more than `most` elements.
    fn run(self, x: &Tensor, filter: &Tensor, stride: usize, most: usize) -> Made {
        let (batch, channels, height, width) = x.dims4()?;
        let (outs, _, down, right) = filter.dims4()?;
        let steps = |size: usize, window: usize| {
            let span = (window.saturating_sub(1) * self.dilation).saturating_add(1);
            (size + 2 * self.padding).saturating_sub(span) / stride + 1
        };
        let places = steps(height, down).saturating_mul(steps(width, right));
        countable(batch.saturating_mul(outs).saturating_mul(places))?;
        // Groups are done one after another.
        let window = (channels / self.groups.max(1)).saturating_mul(down * right);
        let each = places.saturating_mul(window);
        in_parts(batch, each, most, |from, count| {
            let x = x.narrow(0, from, count)?;
            Ok(x.conv2d(filter, self.padding, stride, self.dilation, self.groups)?)
        })
    }
}

/// Zeros around an image with channels first.
pub fn around(x: &Tensor, before: [usize; 2], after: [usize; 2]) -> Made {
    let mut x = x.clone();
    for axis in 0..2 {
        if before[axis] + after[axis] > 0 {
            x = x.pad_with_zeros(2 + axis, before[axis], after[axis])?;
        }
    }
    Ok(x)
}

/// A filter, and the dilation that is left to do: one for both axes, or zeros lie in the filter.
fn dilated(filter: &Tensor, dilations: [usize; 2]) -> Result<(Tensor, usize), Wrong> {
    let (_, _, height, width) = filter.dims4()?;
    match dilations {
        [down, _] if width == 1 => return Ok((filter.clone(), down)),
        [_, right] if height == 1 => return Ok((filter.clone(), right)),
        [down, right] if down == right => return Ok((filter.clone(), down)),
        _ => {}
    }
    let mut filter = filter.clone();
    for (axis, step) in dilations.into_iter().enumerate() {
        let size = filter.dim(2 + axis)?;
        // Each row gets a new axis for the zeros behind it; those behind the last one go.
        let spread = filter.unsqueeze(3 + axis)?.pad_with_zeros(3 + axis, 0, step - 1)?;
        let mut dims = filter.dims().to_vec();
        dims[2 + axis] = size * step;
        filter = spread.reshape(dims)?.narrow(2 + axis, 0, (size - 1) * step + 1)?.contiguous()?;
    }
    Ok((filter, 1))
}

#[cfg(test)]
mod tests {
    use super::How;
    use candle_core::{Device, Tensor};

    #[test]
    fn images_in_parts_are_convolved_as_at_once() {
        let x = Tensor::arange(0f32, 5. * 4. * 36., &Device::Cpu).unwrap().reshape((5, 4, 6, 6)).unwrap();
        let filter = Tensor::arange(-20f32, 52., &Device::Cpu).unwrap().reshape((4, 2, 3, 3)).unwrap();
        let how = How { padding: 1, dilation: 1, groups: 2 };
        for stride in [1, 2] {
            let wanted = x.conv2d(&filter, 1, stride, 1, 2).unwrap();
            for most in [1, 1400, usize::MAX] {
                let made = how.run(&x, &filter, stride, most).unwrap();
                assert_eq!(made.dims(), wanted.dims());
                let far = made.sub(&wanted).unwrap().abs().unwrap().max_all().unwrap();
                assert_eq!(far.to_scalar::<f32>().unwrap(), 0.);
            }
        }
    }
}
