//! Depthwise convolution of channels-last images: sixteen channels at once, two rows of a few output columns in registers.
//!
//! Rows of the window that lie outside of the image are left out before a row begins; the columns whose windows reach over an edge
//! have a loop of their own. So the loop that does the work asks nothing.

mod tile;

use super::{in_parts, piece};
use crate::graph::Activation;
use crate::kernels::activate;
use crate::kernels::simd::{Kernel, LANES, Simd, run};
use crate::kernels::spatial::Geometry;
use std::ops::Range;
use tile::{edge, tile};

/// Bytes of the image that a band of rows may take, so that an activation that follows finds its results in the cache.
const BAND: usize = 256 << 10;

/// What a depthwise convolution does besides sliding.
#[derive(Debug, Clone, Copy)]
pub struct Depthwise<'a> {
    /// Sizes; `channels` are those of the input.
    pub geometry: &'a Geometry,
    /// Filters `[height, width, channels, multiplier]`.
    pub filter: &'a [f32],
    /// Outputs for each input channel.
    pub multiplier: usize,
    /// One number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
}

/// Convolves `x` of `[batch, height, width, channels]` into `out`, whole rows at a time, on as many threads. False, and nothing done,
/// if a slice has another size than the geometry says.
#[must_use]
pub fn depthwise(conv: &Depthwise<'_>, x: &[f32], out: &mut [f32], threads: usize) -> bool {
    let g = conv.geometry;
    let outs = g.channels * conv.multiplier;
    let row = g.out_width * outs;
    let fits = x.len() == g.batch * g.height * g.width * g.channels
        && conv.filter.len() == g.window[0] * g.window[1] * outs
        && out.len() == g.batch * g.out_height * row
        && conv.bias.is_none_or(|b| b.len() == outs);
    if !fits {
        return false;
    }
    if out.is_empty() {
        return true;
    }
    let fitting = (BAND / (4 * g.strides[0] * g.width * outs).max(1)).max(4);
    let shared = piece(out.len(), row, threads, g.window[0] * g.window[1]) / row;
    let rows = if threads > 1 { shared.min(fitting.max(8)) } else { fitting }.clamp(1, g.out_height);
    for (image, out) in out.chunks_exact_mut(g.out_height * row).enumerate() {
        let x = &x[image * g.height * g.width * g.channels..][..g.height * g.width * g.channels];
        in_parts(threads, rows * row, out, |n, to| {
            run(Band { conv, x, first: n * rows, to });
        });
    }
    true
}

/// Some rows of the output of one image.
struct Band<'a> {
    conv: &'a Depthwise<'a>,
    x: &'a [f32],
    first: usize,
    to: &'a mut [f32],
}

impl Kernel for Band<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { conv, x, first, to } = self;
        let g = conv.geometry;
        if conv.multiplier == 1 {
            rows::<S>(&Layer { conv, geometry: g, x, first }, to);
        } else {
            // Each channel as often as it has filters: then every filter has a channel of its own.
            let wide: Vec<f32> = x.iter().flat_map(|x| std::iter::repeat_n(*x, conv.multiplier)).collect();
            let g = Geometry { channels: g.channels * conv.multiplier, ..*g };
            rows::<S>(&Layer { conv, geometry: &g, x: &wide, first }, to);
        }
        if !Clamp::<S>::is_all_of(conv.activation) {
            activate::slice::<S>(conv.activation, to);
        }
    }
}

/// What all rows of a band share; each channel has one filter.
struct Layer<'a> {
    conv: &'a Depthwise<'a>,
    geometry: &'a Geometry,
    x: &'a [f32],
    /// The band's first row of the output.
    first: usize,
}

impl Layer<'_> {
    /// The row of the image under the first row of the window, which may lie before it.
    #[inline(always)]
    fn top(&self, row: usize) -> isize {
        ((self.first + row) * self.geometry.strides[0]) as isize - self.geometry.before[0] as isize
    }

    /// Blocks of sixteen channels. The last one shares channels with the one before it rather than have empty lanes; only an image
    /// of fewer than sixteen has a smaller one.
    #[inline(always)]
    fn blocks(&self) -> usize {
        self.geometry.channels.div_ceil(LANES)
    }

    /// The first channel of a block.
    #[inline(always)]
    fn block(&self, n: usize) -> usize {
        (n * LANES).min(self.geometry.channels.saturating_sub(LANES))
    }

    /// What the sums of a block begin with.
    #[inline(always)]
    fn bias<S: Simd>(&self, channel: usize) -> S::V {
        match self.conv.bias.map(|b| &b[channel..]) {
            Some(bias) => bias.first_chunk().map_or_else(|| S::load_part(bias), |b| S::load(b)),
            None => S::splat(0.0),
        }
    }
}

/// The activations that a sum is kept between two numbers by; of others nothing is done.
#[derive(Clone, Copy)]
struct Clamp<S: Simd> {
    least: S::V,
    most: S::V,
}

impl<S: Simd> Clamp<S> {
    #[inline(always)]
    fn of(activation: Activation) -> Self {
        let (least, most) = match activation {
            Activation::Relu => (0.0, f32::INFINITY),
            Activation::Relu6 => (0.0, 6.0),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        Self { least: S::splat(least), most: S::splat(most) }
    }

    /// Whether nothing of an activation is left to do.
    fn is_all_of(activation: Activation) -> bool {
        matches!(activation, Activation::None | Activation::Relu | Activation::Relu6)
    }

    /// NaN stays NaN: the second of two is what `max` and `min` give then.
    #[inline(always)]
    fn call(self, sum: S::V) -> S::V {
        S::min(self.most, S::max(self.least, sum))
    }
}

#[inline(always)]
fn rows<S: Simd>(layer: &Layer<'_>, to: &mut [f32]) {
    let g = layer.geometry;
    let interior = interior(g);
    let count = to.len() / (g.out_width * g.channels);
    let square = g.window[0] == g.window[1] && g.strides[0] == g.strides[1] && g.dilations[0] == 1;
    let taps = |row: usize| {
        let (low, high) = inside(layer.top(row), g.dilations[0], g.window[0], g.height);
        low..high
    };
    let mut row = 0;
    while row < count {
        let (these, whole) = (taps(row), 0..g.window[0]);
        // Two rows whose windows overlap read the rows of the image that both have once.
        let pair = square && row + 1 < count && these == whole && taps(row + 1) == whole;
        let of_row = Row { layer, row, pair, taps: these };
        match (g.dilations[1] == 1 && g.channels >= LANES, g.window[1], g.strides[1]) {
            (true, 3, 1) => of_row.across::<S, 3, 1>(to, interior),
            (true, 3, 2) => of_row.across::<S, 3, 2>(to, interior),
            (true, 5, 1) => of_row.across::<S, 5, 1>(to, interior),
            (true, 5, 2) => of_row.across::<S, 5, 2>(to, interior),
            (true, 7, 1) => of_row.across::<S, 7, 1>(to, interior),
            _ => of_row.edges::<S>(to, 0..g.out_width),
        }
        row += 1 + usize::from(pair);
    }
}

/// Which taps lie in an image of this size, if the first lies at `start`.
#[inline(always)]
fn inside(start: isize, dilation: usize, window: usize, size: usize) -> (usize, usize) {
    let dilation = dilation.max(1);
    let low = if start < 0 { start.unsigned_abs().div_ceil(dilation) } else { 0 };
    let room = size as isize - start;
    let high = if room <= 0 { 0 } else { room.unsigned_abs().div_ceil(dilation) };
    (low.min(window), high.min(window).max(low.min(window)))
}

/// The output columns whose windows lie in the image.
fn interior(g: &Geometry) -> (usize, usize) {
    let span = (g.window[1] - 1) * g.dilations[1] + 1;
    let low = g.before[1].div_ceil(g.strides[1]).min(g.out_width);
    let high = (g.width + g.before[1]).checked_sub(span).map_or(0, |room| room / g.strides[1] + 1);
    (low, high.clamp(low, g.out_width))
}

/// A row of the output, or two.
struct Row<'a> {
    layer: &'a Layer<'a>,
    row: usize,
    pair: bool,
    /// Rows of its window that lie in the image; of two rows all of them do.
    taps: Range<usize>,
}

impl Row<'_> {
    /// All columns, for a square window of `W` columns.
    #[inline(always)]
    fn across<S: Simd, const W: usize, const STRIDE: usize>(&self, to: &mut [f32], interior: (usize, usize)) {
        let (low, high) = interior;
        self.edges::<S>(to, 0..low);
        let mut column = low;
        if S::TILE == [12, 2] {
            while column + 4 <= high {
                self.tile::<S, W, STRIDE, 4>(to, column);
                column += 4;
            }
        }
        while column + 2 <= high {
            self.tile::<S, W, STRIDE, 2>(to, column);
            column += 2;
        }
        if column < high {
            self.tile::<S, W, STRIDE, 1>(to, column);
        }
        self.edges::<S>(to, high..self.layer.geometry.out_width);
    }

    #[inline(always)]
    fn tile<S: Simd, const W: usize, const STRIDE: usize, const N: usize>(
        &self,
        to: &mut [f32],
        column: usize,
    ) {
        let at = [self.row, column];
        if self.pair {
            tile::<S, W, STRIDE, 2, N>(self.layer, to, at, 0..W + STRIDE);
        } else {
            tile::<S, W, STRIDE, 1, N>(self.layer, to, at, self.taps.clone());
        }
    }

    /// Columns whose windows may reach over an edge.
    #[inline(always)]
    fn edges<S: Simd>(&self, to: &mut [f32], columns: Range<usize>) {
        for row in self.row..=self.row + usize::from(self.pair) {
            edge::<S>(self.layer, to, row, columns.clone(), self.taps.clone());
        }
    }
}

#[cfg(test)]
mod tests;
