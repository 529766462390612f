//! Filters transformed: `G g Gᵀ` of every channel and output, as one packed matrix for each point.

use super::super::super::gemm::{PANEL, Packed, Rows, Side, pack_whole};
use super::super::super::simd::{Kernel, Simd, run};
use super::{POINT, POINTS, SIDE, SQUARE};

/// Weights of a window.
pub const TAPS: usize = 9;
/// Channels whose transformed filters stay in the second cache with what they are made of.
const MANY: usize = 16;

/// Transforms a filter `[3, 3, channels, outs]`.
pub fn filters(filter: &[f32], channels: usize, outs: usize) -> Vec<Packed> {
    let side = Side { count: POINTS, inner: channels, columns: outs };
    let all = |to: &Rows<'_>| {
        for first in (0..channels).step_by(MANY) {
            let many = MANY.min(channels - first);
            put(to, first, many, filter.get(first * outs..).unwrap_or_default(), channels * outs);
        }
    };
    pack_whole(side, all)
}

/// Transforms the filters of some channels. A tap's weights begin `step` after those of the tap before.
pub fn put(rows: &Rows<'_>, first: usize, many: usize, taps: &[f32], step: usize) {
    let columns = rows.side().columns;
    assert!(many == 0 || taps.len() >= (TAPS - 1) * step + many * columns);
    let mut points = vec![[0.0; PANEL]; POINTS * many];
    rows.fill(first, many, |panel, point, to| {
        // Of a panel, the points come one after the other, and are computed together.
        if point == 0 {
            let at = panel * PANEL;
            let width = (columns - at).min(PANEL);
            let factors = rows.factors().map(|f| &f[at..at + width]);
            run(Transform { points: &mut points, taps, step, row: columns, at, width, factors });
        }
        to.copy_from_slice(&points[point * many..][..many]);
    });
}

/// The filters of some channels and one panel of outputs.
struct Transform<'a> {
    /// `[point][channel]`
    points: &'a mut [[f32; PANEL]],
    taps: &'a [f32],
    /// From a tap to the next, from a channel to the next.
    step: usize,
    row: usize,
    /// The panel's first output, and how many it has.
    at: usize,
    width: usize,
    factors: Option<&'a [f32]>,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let many = self.points.len() / POINTS;
        for channel in 0..many {
            let mut taps = [[0f32; PANEL]; TAPS];
            for (tap, to) in taps.iter_mut().enumerate() {
                let at = tap * self.step + channel * self.row + self.at;
                to[..self.width].copy_from_slice(&self.taps[at..at + self.width]);
                if let Some(factors) = self.factors {
                    to.iter_mut().zip(factors).for_each(|(x, f)| *x *= f);
                }
            }
            let mut lines = [[[0f64; PANEL]; 3]; SIDE];
            for x in 0..3 {
                let column = [&taps[x], &taps[3 + x], &taps[6 + x]].map(wide);
                let mut made = [[0f64; PANEL]; SIDE];
                evaluate([&column[0], &column[1], &column[2]], &mut made);
                lines.iter_mut().zip(made).for_each(|(line, made)| line[x] = made);
            }
            for (i, [a, b, c]) in lines.iter().enumerate() {
                let mut made = [[0f64; PANEL]; SIDE];
                evaluate([a, b, c], &mut made);
                for (j, made) in made.iter().enumerate() {
                    let to = &mut self.points[(i * SIDE + j) * many + channel];
                    to.iter_mut().zip(made).for_each(|(to, v)| *to = *v as f32);
                }
            }
        }
    }
}

#[inline(always)]
fn wide(x: &[f32; PANEL]) -> [f64; PANEL] {
    let mut wide = [0.0; PANEL];
    wide.iter_mut().zip(x).for_each(|(wide, x)| *wide = f64::from(*x));
    wide
}

/// `G g`: the polynomial at the points, divided by what the other transforms leave out.
#[inline(always)]
fn evaluate([a, b, c]: [&[f64; PANEL]; 3], to: &mut [[f64; PANEL]; SIDE]) {
    const P: f64 = POINT as f64;
    const S: f64 = SQUARE as f64;
    const NONE: f64 = 1.0 / S;
    const ONE: f64 = 1.0 / (2.0 * (1.0 - S));
    const OTHER: f64 = 1.0 / (2.0 * S * (S - 1.0));
    let [at_none, at_one, at_minus, at_point, at_less, at_all] = to;
    for n in 0..PANEL {
        let (a, b, c) = (a[n], b[n], c[n]);
        let (even, far) = (a + c, a + S * c);
        at_none[n] = a * NONE;
        at_one[n] = (even + b) * ONE;
        at_minus[n] = (even - b) * ONE;
        at_point[n] = (far + P * b) * OTHER;
        at_less[n] = (far - P * b) * OTHER;
        at_all[n] = c;
    }
}
