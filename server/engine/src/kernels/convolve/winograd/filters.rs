//! Filters transformed: `G g Gᵀ` of some channels and a panel of outputs.

use super::super::super::gemm::PANEL;
use super::super::super::simd::{Kernel, Lanes, Simd};
use super::{POINT, POINTS, SIDE, SQUARE};
use std::ops::Range;

/// Weights of a window.
pub const TAPS: usize = 9;

/// The filters of some channels and one panel of outputs.
pub struct Transform<'a> {
    /// `[point][channel]`
    pub points: &'a mut [[f32; PANEL]],
    /// From a point to the next.
    pub step: usize,
    /// `[tap][channel]`
    pub taps: &'a [[f32; PANEL]],
    /// Of all.
    pub channels: usize,
    /// Those that are transformed.
    pub depth: Range<usize>,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let from: [&[[f32; PANEL]]; TAPS] =
            std::array::from_fn(|tap| &self.taps[tap * self.channels..][self.depth.clone()]);
        let mut to = self.points.chunks_mut(self.step);
        let mut to: [&mut [[f32; PANEL]]; POINTS] = std::array::from_fn(|_| to.next().unwrap_or_default());
        for channel in 0..self.depth.len() {
            for half in 0..PANEL / 16 {
                let mut lines = [[S::splat(0.0); 3]; SIDE];
                for x in 0..3 {
                    let mut column = [S::splat(0.0); 3];
                    for (y, v) in column.iter_mut().enumerate() {
                        *v = S::load(part(&from[y * 3 + x][channel], half));
                    }
                    let made = evaluate::<S>(column);
                    for (line, made) in lines.iter_mut().zip(made) {
                        line[x] = made;
                    }
                }
                for (line, to) in lines.iter().zip(to.as_chunks_mut::<SIDE>().0) {
                    let made = evaluate::<S>(*line);
                    for (made, to) in made.into_iter().zip(to) {
                        S::store(made, part_mut(&mut to[channel], half));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn part(panel: &[f32; PANEL], half: usize) -> &Lanes {
    &panel.as_chunks().0[half]
}

#[inline(always)]
fn part_mut(panel: &mut [f32; PANEL], half: usize) -> &mut Lanes {
    &mut panel.as_chunks_mut().0[half]
}

/// `G g`: the polynomial at the points, divided by what the other transforms leave out.
#[inline(always)]
fn evaluate<S: Simd>([a, b, c]: [S::V; 3]) -> [S::V; SIDE] {
    const NONE: f32 = 1.0 / SQUARE;
    const ONE: f32 = 1.0 / (2.0 * (1.0 - SQUARE));
    const OTHER: f32 = 1.0 / (2.0 * SQUARE * (SQUARE - 1.0));
    let even = S::mul(S::add(a, c), S::splat(ONE));
    let far = S::mul(S::fma(c, S::splat(SQUARE), a), S::splat(OTHER));
    [
        S::mul(a, S::splat(NONE)),
        S::fma(b, S::splat(ONE), even),
        S::fma(b, S::splat(-ONE), even),
        S::fma(b, S::splat(POINT * OTHER), far),
        S::fma(b, S::splat(-POINT * OTHER), far),
        c,
    ]
}
