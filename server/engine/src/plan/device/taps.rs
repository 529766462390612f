//! Depthwise convolutions, tap by tap: candle makes a convolution of its own of each group, which are hundreds here.

use super::convolution::around;
use super::form::{Made, Wrong, fail};
use super::parts::countable;
use crate::kernels::Geometry;
use candle_core::Tensor;

/// A convolution of each channel by filters of its own.
pub struct Taps {
    pub geometry: Geometry,
    /// `[taps, outs]`
    pub weights: Tensor,
    /// Results of each channel.
    pub multiplier: usize,
}

impl Taps {
    /// Over an image with channels first.
    pub fn run(&self, x: &Tensor) -> Made {
        let g = &self.geometry;
        let outs = self.weights.dim(1)?;
        let x = self.repeated(x)?;
        let (x, blocks) = self.in_blocks(&x)?;
        let mut sum: Option<Tensor> = None;
        for down in 0..g.window[0] {
            for right in 0..g.window[1] {
                let weights = self.weights.get(down * g.window[1] + right)?.reshape((1, outs, 1, 1))?;
                let seen = self.seen(&x, blocks, [down * g.dilations[0], right * g.dilations[1]])?;
                let part = seen.broadcast_mul(&weights)?;
                sum = Some(match sum {
                    Some(sum) => sum.add(&part)?,
                    None => part,
                });
            }
        }
        sum.ok_or_else(|| fail("a window without taps"))
    }

    /// Each channel as often as it has results.
    fn repeated(&self, x: &Tensor) -> Made {
        if self.multiplier == 1 {
            return Ok(x.clone());
        }
        let (batch, channels, height, width) = x.dims4()?;
        countable(x.elem_count().saturating_mul(self.multiplier))?;
        let all = x.unsqueeze(2)?.broadcast_as((batch, channels, self.multiplier, height, width))?;
        Ok(all.reshape((batch, channels * self.multiplier, height, width))?)
    }

    /// The image with what lies around it, its rows and columns in blocks as long as a step; the number of blocks.
    fn in_blocks(&self, x: &Tensor) -> Result<(Tensor, [usize; 2]), Wrong> {
        let g = &self.geometry;
        let outs = [g.out_height, g.out_width];
        let sizes = [g.height, g.width];
        let blocks = [0, 1].map(|axis| {
            let last = (g.window[axis] - 1) * g.dilations[axis];
            let reached = last / g.strides[axis] + outs[axis];
            reached.max((g.before[axis] + sizes[axis]).div_ceil(g.strides[axis]))
        });
        let after =
            [0, 1].map(|axis| (blocks[axis] * g.strides[axis]).saturating_sub(g.before[axis] + sizes[axis]));
        let x = around(x, g.before, after)?.contiguous()?;
        let (batch, channels, ..) = x.dims4()?;
        let [down, right] = g.strides;
        Ok((x.reshape(vec![batch, channels, blocks[0], down, blocks[1], right])?, blocks))
    }

    /// What a tap sees, from these places on: a view.
    fn seen(&self, x: &Tensor, blocks: [usize; 2], from: [usize; 2]) -> Made {
        let g = &self.geometry;
        let mut x = x.clone();
        for (axis, size) in [g.out_height, g.out_width].into_iter().enumerate() {
            let (block, place) = (from[axis] / g.strides[axis], from[axis] % g.strides[axis]);
            if block + size > blocks[axis] {
                return Err(fail("a window beyond what lies around the image"));
            }
            // The axes of the step that were seen to already are gone.
            x = x.narrow(2 + axis, block, size)?.narrow(3 + axis, place, 1)?.squeeze(3 + axis)?;
        }
        Ok(x)
    }
}
