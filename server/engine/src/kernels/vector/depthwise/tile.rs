//! What a depthwise convolution computes at once: a few neighbouring outputs, for one block of channels after the other, so that
//! memory is read in long runs.

use super::{Clamp, Layer};
use crate::kernels::simd::{LANES, Lanes, Simd};
use smallvec::SmallVec;
use std::ops::Range;

/// Pixels of one row of the image under a tile, at most: seven columns of a window at every second of four places.
const PIXELS: usize = 13;
/// Rows of the image under a tile, at most: seven rows of a window, and one more for the second row of outputs.
const TALLEST: usize = 8;

/// Outputs whose windows lie in the image from left to right: `R` rows and `N` columns of them, the first at `row` and `column`. The
/// window has `W` columns. `taps` are the rows of the image below the first window's top row that are read: of one row of outputs
/// those that lie in the image, of two all that either window has.
#[inline(always)]
#[allow(unsafe_code)]
pub fn tile<S: Simd, const W: usize, const STRIDE: usize, const R: usize, const N: usize>(
    layer: &Layer<'_>,
    to: &mut [f32],
    [row, column]: [usize; 2],
    taps: Range<usize>,
) {
    let (g, c) = (layer.geometry, layer.geometry.channels);
    let (top, left) = (layer.top(row), column * STRIDE - g.before[1]);
    let pixels = (N - 1) * STRIDE + W;
    let mut under = [0; TALLEST];
    for (tap, under) in taps.clone().zip(&mut under) {
        let y = (top + (tap * g.dilations[0]) as isize).unsigned_abs();
        *under = (y * g.width + left) * c;
    }
    let mut at = [0; R];
    for (r, at) in at.iter_mut().enumerate() {
        *at = ((row + r) * g.out_width + column) * c;
    }
    let clamp = Clamp::<S>::of(layer.conv.activation);
    for block in 0..layer.blocks() {
        let channel = layer.block(block);
        let mut sums = [[layer.bias::<S>(channel); N]; R];
        for (tap, under) in taps.clone().zip(under) {
            let x = &layer.x[under + channel..][..(pixels - 1) * c + LANES];
            let mut line = [S::splat(0.0); PIXELS];
            for (n, pixel) in line.iter_mut().enumerate().take(pixels) {
                // SAFETY: `n` is less than `pixels`, for which `x` was cut.
                *pixel = S::load(unsafe { lanes(x, n.wrapping_mul(c)) });
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let ky = tap.wrapping_sub(r * STRIDE);
                if R > 1 && ky >= W {
                    continue;
                }
                let w = &layer.conv.filter[ky * W * c + channel..][..(W - 1) * c + LANES];
                for kx in 0..W {
                    // SAFETY: `kx` is less than `W`, for which `w` was cut.
                    let weight = S::load(unsafe { lanes(w, kx.wrapping_mul(c)) });
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = S::fma(line[n * STRIDE + kx], weight, *sum);
                    }
                }
            }
        }
        for (at, sums) in at.iter().zip(&sums) {
            let to = &mut to[at + channel..][..(N - 1) * c + LANES];
            for (n, sum) in sums.iter().enumerate() {
                if let Some(to) = to[n * c..].first_chunk_mut() {
                    S::store(clamp.call(*sum), to);
                }
            }
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

/// Outputs of one row one by one, with the taps that lie in the image; any window, any number of channels.
#[inline(always)]
pub fn edge<S: Simd>(
    layer: &Layer<'_>,
    to: &mut [f32],
    row: usize,
    columns: Range<usize>,
    taps: Range<usize>,
) {
    let (g, c, count) = (layer.geometry, layer.geometry.channels, layer.geometry.channels.min(LANES));
    let clamp = Clamp::<S>::of(layer.conv.activation);
    let top = layer.top(row);
    // Where the pixels under a window and their weights begin.
    let mut places: SmallVec<[[usize; 2]; 64]> = SmallVec::new();
    for column in columns {
        let left = (column * g.strides[1]) as isize - g.before[1] as isize;
        let (low, high) = super::inside(left, g.dilations[1], g.window[1], g.width);
        places.clear();
        for ky in taps.clone() {
            let y = (top + (ky * g.dilations[0]) as isize).unsigned_abs();
            for kx in low..high {
                let x = (left + (kx * g.dilations[1]) as isize).unsigned_abs();
                places.push([(y * g.width + x) * c, (ky * g.window[1] + kx) * c]);
            }
        }
        let at = (row * g.out_width + column) * c;
        for block in 0..layer.blocks() {
            let channel = layer.block(block);
            let mut sum = layer.bias::<S>(channel);
            for [pixel, weight] in &places {
                let pixel = part::<S>(layer.x, pixel + channel, count);
                let weight = part::<S>(layer.conv.filter, weight + channel, count);
                sum = S::fma(pixel, weight, sum);
            }
            let to = &mut to[at + channel..];
            match to.first_chunk_mut() {
                Some(to) if count == LANES => S::store(clamp.call(sum), to),
                _ => S::store_part(clamp.call(sum), &mut to[..count]),
            }
        }
    }
}

/// Some numbers of a slice, mostly a whole vector of them.
#[inline(always)]
fn part<S: Simd>(x: &[f32], at: usize, count: usize) -> S::V {
    match x[at..].first_chunk() {
        Some(lanes) if count == LANES => S::load(lanes),
        _ => S::load_part(&x[at..][..count]),
    }
}
