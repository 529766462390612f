//! Depthwise convolution of channels-last images: sixteen channels at once, a run of output columns in registers.
//!
//! Rows of the window that lie outside of the image are left out before a row begins; the columns whose windows reach over an edge
//! have a loop of their own. So the loop that does the work asks nothing.

use super::{in_parts, piece};
use crate::graph::Activation;
use crate::kernels::activate;
use crate::kernels::simd::{Kernel, LANES, Lanes, Simd, run};
use crate::kernels::spatial::Geometry;

/// Output columns whose sums are held at once.
const COLUMNS: usize = 8;
/// Bytes of the image that a band of rows may take, so that it stays in the cache while its channels are gone through.
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
            run(Band { conv, x, first: n * rows, to: &mut *to });
            activate::apply(conv.activation, to);
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
            rows::<S>(conv, g, x, first, to);
        } else {
            // Each channel as often as it has filters: then every filter has a channel of its own.
            let wide: Vec<f32> = x.iter().flat_map(|x| std::iter::repeat_n(*x, conv.multiplier)).collect();
            let g = Geometry { channels: g.channels * conv.multiplier, ..*g };
            rows::<S>(conv, &g, &wide, first, to);
        }
    }
}

/// A row of the output for sixteen channels.
struct Row<'a> {
    /// The image from the first channel on.
    x: &'a [f32],
    filter: &'a [f32],
    to: &'a mut [f32],
    /// Channels of an image; of this row: 16 at most.
    channels: usize,
    count: usize,
    /// The row of the image under the first row of the window, which may lie before it.
    top: isize,
    /// Rows of the window that lie in the image.
    taps: (usize, usize),
}

#[inline(always)]
fn rows<S: Simd>(conv: &Depthwise<'_>, g: &Geometry, x: &[f32], first: usize, to: &mut [f32]) {
    let c = g.channels;
    let interior = interior(g);
    let mut channel = 0;
    while channel < c {
        // The last channels are done together with some before them, if there are any: no lane is left empty.
        let at = if c >= LANES { channel.min(c - LANES) } else { 0 };
        let count = c.min(LANES);
        let bias = conv.bias.map_or(S::splat(0.0), |b| S::load_part(&b[at..at + count]));
        for (n, to) in to.chunks_exact_mut(g.out_width * c).enumerate() {
            let top = ((first + n) * g.strides[0]) as isize - g.before[0] as isize;
            let taps = inside(top, g.dilations[0], g.window[0], g.height);
            let mut row = Row {
                x: &x[at..],
                filter: &conv.filter[at..],
                to: &mut to[at..],
                channels: c,
                count,
                top,
                taps,
            };
            match (count == LANES && g.dilations[1] == 1, g.window[1], g.strides[1]) {
                (true, 3, 1) => across::<S, 3, 1>(g, &mut row, interior, bias),
                (true, 3, 2) => across::<S, 3, 2>(g, &mut row, interior, bias),
                (true, 5, 1) => across::<S, 5, 1>(g, &mut row, interior, bias),
                (true, 5, 2) => across::<S, 5, 2>(g, &mut row, interior, bias),
                _ => edge::<S>(g, &mut row, 0..g.out_width, bias),
            }
        }
        channel += LANES;
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

/// A row with a window of `W` columns.
#[inline(always)]
fn across<S: Simd, const W: usize, const STRIDE: usize>(
    g: &Geometry,
    row: &mut Row<'_>,
    (low, high): (usize, usize),
    bias: S::V,
) {
    edge::<S>(g, row, 0..low, bias);
    let mut column = low;
    while column + COLUMNS <= high {
        columns::<S, W, STRIDE, COLUMNS>(g, row, column, bias);
        column += COLUMNS;
    }
    if column + 4 <= high {
        columns::<S, W, STRIDE, 4>(g, row, column, bias);
        column += 4;
    }
    if column + 2 <= high {
        columns::<S, W, STRIDE, 2>(g, row, column, bias);
        column += 2;
    }
    if column < high {
        columns::<S, W, STRIDE, 1>(g, row, column, bias);
    }
    edge::<S>(g, row, high..g.out_width, bias);
}

/// Some neighbouring output columns, all of whose windows lie in the image.
#[inline(always)]
#[allow(unsafe_code)]
fn columns<S: Simd, const W: usize, const STRIDE: usize, const N: usize>(
    g: &Geometry,
    row: &mut Row<'_>,
    column: usize,
    bias: S::V,
) {
    let c = row.channels;
    let left = column * STRIDE - g.before[1];
    let reach = ((N - 1) * STRIDE + W - 1) * c + LANES;
    let mut sums = [bias; N];
    for tap in row.taps.0..row.taps.1 {
        let y = (row.top + (tap * g.dilations[0]) as isize).unsigned_abs();
        let x = &row.x[(y * g.width + left) * c..][..reach];
        let w = &row.filter[tap * W * c..][..(W - 1) * c + LANES];
        for kx in 0..W {
            // SAFETY: sixteen numbers from `(W - 1) * c` on are in the slice, and `kx < W`.
            let weights = S::load(unsafe { lanes(w, kx.wrapping_mul(c)) });
            for (n, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `n * STRIDE + kx` is at most what `reach` was worked out for.
                let pixel = S::load(unsafe { lanes(x, (n * STRIDE + kx).wrapping_mul(c)) });
                *sum = S::fma(pixel, weights, *sum);
            }
        }
    }
    let to = &mut row.to[column * c..][..(N - 1) * c + LANES];
    for (n, sum) in sums.iter().enumerate() {
        if let Some(to) = to[n * c..].first_chunk_mut() {
            S::store(*sum, to);
        }
    }
}

/// Sixteen numbers of a slice.
///
/// # Safety
/// The slice has them.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn lanes(x: &[f32], at: usize) -> &Lanes {
    debug_assert!(at + LANES <= x.len());
    // SAFETY: the caller says that sixteen numbers from `at` on are in the slice.
    unsafe { &*x.as_ptr().add(at).cast::<Lanes>() }
}

/// Columns one by one, with the taps that lie in the image; any window, any number of channels.
#[inline(always)]
fn edge<S: Simd>(g: &Geometry, row: &mut Row<'_>, columns: std::ops::Range<usize>, bias: S::V) {
    let (c, count) = (row.channels, row.count);
    for column in columns {
        let left = (column * g.strides[1]) as isize - g.before[1] as isize;
        let (low, high) = inside(left, g.dilations[1], g.window[1], g.width);
        let mut sum = bias;
        for ky in row.taps.0..row.taps.1 {
            let y = (row.top + (ky * g.dilations[0]) as isize).unsigned_abs();
            for kx in low..high {
                let x_at = (left + (kx * g.dilations[1]) as isize).unsigned_abs();
                let pixel = S::load_part(&row.x[(y * g.width + x_at) * c..][..count]);
                let weights = S::load_part(&row.filter[(ky * g.window[1] + kx) * c..][..count]);
                sum = S::fma(pixel, weights, sum);
            }
        }
        S::store_part(sum, &mut row.to[column * c..][..count]);
    }
}

#[cfg(test)]
mod tests;
