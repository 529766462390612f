//! Normalisations: over the last axis, over groups of channels, by known statistics.

use super::{in_parts, in_rows};
use crate::kernels::simd::{Kernel, LANES, Simd, run};

/// What is done to each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Mean zero, variance one.
    Layer,
    /// Mean square one.
    Rms,
}

/// Parameters of a normalisation.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// A factor for each place of a row.
    pub gamma: Option<&'a [f32]>,
    /// Added to each place of a row.
    pub beta: Option<&'a [f32]>,
    /// Added to the variance.
    pub epsilon: f32,
}

/// Normalises each row of `x` of `width` numbers into `to`, on as many threads; `gamma` and `beta` are of that width.
pub fn rows(norm: Norm, p: Parameters<'_>, x: &[f32], width: usize, to: &mut [f32], threads: usize) {
    if width == 0 {
        return;
    }
    in_rows(threads, width, 4, x, to, |x, to| run(Rows { norm, p, x, width, to }));
}

struct Rows<'a> {
    norm: Norm,
    p: Parameters<'a>,
    x: &'a [f32],
    width: usize,
    to: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let count = self.width as f32;
        for (x, to) in self.x.chunks_exact(self.width).zip(self.to.chunks_exact_mut(self.width)) {
            let mean = match self.norm {
                Norm::Layer => sum_of::<S, false>(x, 0.0) / count,
                Norm::Rms => 0.0,
            };
            let variance = sum_of::<S, true>(x, mean) / count;
            affine::<S>(x, mean, 1.0 / (variance + self.p.epsilon).sqrt(), &self.p, to);
        }
    }
}

/// The sum of `x - from`, or of its square. Four sums that do not wait for each other: fast, and more exact than one.
#[inline(always)]
fn sum_of<S: Simd, const SQUARE: bool>(x: &[f32], from: f32) -> f32 {
    let mut sums = [S::splat(0.0); 4];
    let from = S::splat(from);
    let (fours, rest) = x.as_chunks::<{ 4 * LANES }>();
    for four in fours {
        let (lanes, _) = four.as_chunks::<LANES>();
        for (x, sum) in lanes.iter().zip(&mut sums) {
            let d = S::sub(S::load(x), from);
            *sum = if SQUARE { S::fma(d, d, *sum) } else { S::add(*sum, d) };
        }
    }
    let (whole, rest) = rest.as_chunks::<LANES>();
    for (x, sum) in whole.iter().zip(&mut sums) {
        let d = S::sub(S::load(x), from);
        *sum = if SQUARE { S::fma(d, d, *sum) } else { S::add(*sum, d) };
    }
    if !rest.is_empty() {
        let mut lanes = [0.0; LANES];
        let d = S::sub(S::load_part(rest), from);
        S::store(if SQUARE { S::mul(d, d) } else { d }, &mut lanes);
        sums[3] = S::add(sums[3], S::load_part(&lanes[..rest.len()]));
    }
    S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
}

/// `(x - mean) * scale * gamma + beta`
#[inline(always)]
fn affine<S: Simd>(x: &[f32], mean: f32, scale: f32, p: &Parameters<'_>, to: &mut [f32]) {
    let (mean, scale) = (S::splat(mean), S::splat(scale));
    for (n, (x, to)) in x.chunks(LANES).zip(to.chunks_mut(LANES)).enumerate() {
        let at = n * LANES;
        let v = S::mul(S::sub(S::load_part(x), mean), scale);
        let v = match p.gamma {
            Some(gamma) => S::mul(v, S::load_part(&gamma[at..at + to.len()])),
            None => v,
        };
        let v = match p.beta {
            Some(beta) => S::add(v, S::load_part(&beta[at..at + to.len()])),
            None => v,
        };
        S::store_part(v, to);
    }
}

/// `x * scale + shift` for each channel, the last axis: a batch normalisation by known statistics.
pub fn scale_shift(x: &[f32], scale: &[f32], shift: &[f32], to: &mut [f32], threads: usize) {
    let channels = scale.len();
    if channels == 0 || shift.len() != channels {
        return;
    }
    in_rows(threads, channels, 1, x, to, |x, to| run(ScaleShift { x, scale, shift, to }));
}

struct ScaleShift<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for ScaleShift<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let c = self.scale.len();
        // Few channels are repeated, so that the loop over them is long.
        let repeat = (256 / c).max(1);
        let (scale, shift) = (self.scale.repeat(repeat), self.shift.repeat(repeat));
        for (x, to) in self.x.chunks(c * repeat).zip(self.to.chunks_mut(c * repeat)) {
            let parameters = scale.chunks(LANES).zip(shift.chunks(LANES));
            for ((x, to), (a, b)) in x.chunks(LANES).zip(to.chunks_mut(LANES)).zip(parameters) {
                S::store_part(S::fma(S::load_part(x), S::load_part(a), S::load_part(b)), to);
            }
        }
    }
}

/// Group normalisation of `[batch, places, groups * size]`: mean and variance over the places and the channels of a group; `gamma` and
/// `beta` have one number for each channel.
pub fn groups(
    p: Parameters<'_>,
    x: &[f32],
    [places, groups, size]: [usize; 3],
    to: &mut [f32],
    threads: usize,
) {
    let image = places * groups * size;
    if image == 0 {
        return;
    }
    let whole = x.len().min(to.len()) / image * image;
    in_parts(threads, image, &mut to[..whole], |n, to| {
        run(Groups { p, x: &x[n * image..][..image], places, groups, size, to });
    });
}

/// One image.
struct Groups<'a> {
    p: Parameters<'a>,
    x: &'a [f32],
    places: usize,
    groups: usize,
    size: usize,
    to: &'a mut [f32],
}

impl Kernel for Groups<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (channels, count) = (self.groups * self.size, (self.places * self.size) as f64);
        let (mut scale, mut shift) = (vec![0.0; channels], vec![0.0; channels]);
        for g in 0..self.groups {
            let rows = || self.x.chunks_exact(channels).map(|row| &row[g * self.size..(g + 1) * self.size]);
            let mut sum = 0.0;
            for row in rows() {
                sum += f64::from(sum_of::<S, false>(row, 0.0));
            }
            let mean = (sum / count) as f32;
            let mut squares = 0.0;
            for row in rows() {
                squares += f64::from(sum_of::<S, true>(row, mean));
            }
            let factor = 1.0 / ((squares / count) as f32 + self.p.epsilon).sqrt();
            for c in g * self.size..(g + 1) * self.size {
                scale[c] = factor * self.p.gamma.map_or(1.0, |p| p[c]);
                shift[c] = self.p.beta.map_or(0.0, |p| p[c]) - mean * scale[c];
            }
        }
        ScaleShift { x: self.x, scale: &scale, shift: &shift, to: self.to }.run::<S>();
    }
}

#[cfg(test)]
mod tests;
