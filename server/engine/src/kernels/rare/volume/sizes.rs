//! Sizes of volumes and of what slides over them.

use super::super::super::{elements, fail};
use crate::EngineError;
use crate::graph::{Padding, Sliding};
use crate::value::Element;

/// Sizes of a volume and of what slides over it.
pub struct Sizes {
    pub batch: usize,
    pub own: [usize; 3],
    pub channels: usize,
    pub out: [usize; 3],
    pub before: [usize; 3],
    pub window: [usize; 3],
    pub strides: [usize; 3],
    pub dilations: [usize; 3],
}

/// The five extents of a filter; that of images has a depth of 1.
pub fn taps(dims: &[usize]) -> Result<[usize; 5], EngineError> {
    match *dims {
        [h, w, ins, outs] => Ok([1, h, w, ins, outs]),
        [d, h, w, ins, outs] => Ok([d, h, w, ins, outs]),
        _ => Err(fail(format!("a filter of shape {dims:?}"))),
    }
}

/// The five extents; an image gets a depth of 1.
pub fn five(dims: &[usize]) -> Result<[usize; 5], EngineError> {
    match *dims {
        [n, h, w, c] => Ok([n, 1, h, w, c]),
        [n, d, h, w, c] => Ok([n, d, h, w, c]),
        _ => Err(fail(format!("shape {dims:?} is of no image and no volume"))),
    }
}

impl Sizes {
    pub fn new(dims: [usize; 5], window: [usize; 3], s: &Sliding) -> Result<Self, EngineError> {
        let [batch, depth, height, width, channels] = dims;
        if window.iter().any(|w| *w == 0 || *w > 1 << 20) {
            return Err(fail(format!("a window of {window:?}")));
        }
        let own = [depth, height, width];
        let (mut out, mut before) = ([0; 3], [0; 3]);
        for i in 0..3 {
            let span = (window[i] - 1) * s.dilations[i] + 1;
            let (first, last) = match s.padding {
                Padding::Same | Padding::SameLower => {
                    out[i] = own[i].div_ceil(s.strides[i]);
                    let needed = (out[i].max(1) - 1).saturating_mul(s.strides[i]).saturating_add(span);
                    let around = needed.saturating_sub(own[i]);
                    before[i] = if s.padding == Padding::Same { around / 2 } else { around.div_ceil(2) };
                    continue;
                }
                Padding::Valid => (0, 0),
                Padding::Explicit([t, b, l, r]) => {
                    [(s.depth_padding[0], s.depth_padding[1]), (t, b), (l, r)][i]
                }
            };
            let rest = own[i].saturating_add(first).saturating_add(last).checked_sub(span);
            let rest = rest.ok_or_else(|| fail(format!("a window of {span} over {}", own[i])))?;
            (out[i], before[i]) = (rest / s.strides[i] + 1, first);
        }
        elements(&[batch, out[0], out[1], out[2]])?;
        Ok(Self { batch, own, channels, out, before, window, strides: s.strides, dilations: s.dilations })
    }

    pub fn pixels(&self) -> usize {
        self.batch * self.out.iter().product::<usize>()
    }

    pub fn taps(&self) -> usize {
        self.window.iter().product()
    }

    /// The shape of the result, of as many axes as the input.
    pub fn shape(&self, rank: usize, channels: usize) -> Result<Vec<usize>, EngineError> {
        let [depth, height, width] = self.out;
        let shape = match (rank, depth) {
            (4, 1) => vec![self.batch, height, width, channels],
            (4, _) => return Err(fail("a window that is deeper than an image")),
            _ => vec![self.batch, depth, height, width, channels],
        };
        elements(&shape)?;
        Ok(shape)
    }

    /// Calls with each tap of a window that lies in the volume: its number and the place of its pixel.
    pub fn each(&self, pixel: usize, mut f: impl FnMut(usize, usize)) {
        let [_, oh, ow] = self.out;
        let at = [pixel / (oh * ow) % self.out[0], pixel / ow % oh, pixel % ow];
        let image = pixel / (oh * ow) / self.out[0];
        let place = |i: usize, tap: usize| {
            let at = (at[i] * self.strides[i] + tap * self.dilations[i]).checked_sub(self.before[i])?;
            (at < self.own[i]).then_some(at)
        };
        for kd in 0..self.window[0] {
            let Some(d) = place(0, kd) else { continue };
            for kh in 0..self.window[1] {
                let Some(h) = place(1, kh) else { continue };
                for kw in 0..self.window[2] {
                    let Some(w) = place(2, kw) else { continue };
                    let tap = (kd * self.window[1] + kh) * self.window[2] + kw;
                    f(tap, ((image * self.own[0] + d) * self.own[1] + h) * self.own[2] + w);
                }
            }
        }
    }

    /// The windows of some pixels as the rows of a matrix.
    pub fn cut<T: Element>(&self, x: &[T], first: usize, to: &mut [T]) {
        let c = self.channels;
        let row = self.taps() * c;
        to.fill(T::default());
        if row == 0 {
            return;
        }
        for (n, to) in to.chunks_exact_mut(row).enumerate() {
            self.each(first + n, |tap, from| {
                to[tap * c..(tap + 1) * c].copy_from_slice(&x[from * c..(from + 1) * c]);
            });
        }
    }
}
