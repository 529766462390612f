//! The windows of an image as the rows of a matrix that is never made: blocks of it are copied run by run.

use super::super::gemm::{DEPTH, Row, Source, copy_run, zero_run};
use super::super::simd::Simd;
use super::Geometry;
use std::ops::Range;

/// Windows over some channels of an image.
pub struct Windows<'a> {
    x: &'a [f32],
    g: &'a Geometry,
    first_channel: usize,
    channels: usize,
    /// Whether neighbouring taps are neighbours in memory.
    adjacent: bool,
}

impl<'a> Windows<'a> {
    pub fn new(x: &'a [f32], g: &'a Geometry, first_channel: usize, channels: usize) -> Self {
        let adjacent = channels == g.channels && (g.dilations[1] == 1 || g.window[1] == 1);
        Self { x, g, first_channel, channels, adjacent }
    }

    /// Where a window begins in the image, if none of it is in the padding and its lines are runs.
    #[inline(always)]
    fn inside(&self, [image, oy, ox]: [usize; 3]) -> Option<usize> {
        let g = self.g;
        let start = |axis: usize, out: usize, size: usize| {
            let at = (out * g.strides[axis]).checked_sub(g.before[axis])?;
            (at + (g.window[axis] - 1) * g.dilations[axis] < size).then_some(at)
        };
        let (y, x) = start(0, oy, g.height).zip(start(1, ox, g.width)).filter(|_| self.adjacent)?;
        Some(((image * g.height + y) * g.width + x) * g.channels)
    }

    /// A row of the block that is a whole window inside of the image, with lines of at most a vector.
    #[inline(always)]
    fn short_lines<S: Simd>(&self, row: &mut Row, start: usize) {
        let line = self.g.window[1] * self.channels;
        let step = self.g.dilations[0] * self.g.width * self.g.channels;
        let (mut from, mut at) = (start, 0);
        for _ in 0..self.g.window[0] {
            // What is read too much is overwritten by the next line, or lies after the window.
            match self.x[from..].first_chunk::<16>().zip(row[at..].first_chunk_mut::<16>()) {
                Some((from, to)) => S::store(S::load(from), to),
                None => copy_run::<S>(&self.x[from..from + line], &mut row[at..]),
            }
            (from, at) = (from + step, at + line);
        }
    }

    /// As [`Self::short_lines`], with lines of any length.
    #[inline(always)]
    fn lines<S: Simd>(&self, row: &mut Row, start: usize) {
        let line = self.g.window[1] * self.channels;
        let step = self.g.dilations[0] * self.g.width * self.g.channels;
        for n in 0..self.g.window[0] {
            copy_run::<S>(&self.x[start + n * step..][..line], &mut row[n * line..]);
        }
    }

    /// One row of the block.
    #[inline(always)]
    fn row<S: Simd>(&self, row: &mut Row, [image, oy, ox]: [usize; 3], depth: &Range<usize>) {
        let (g, c) = (self.g, self.channels);
        let line = g.window[1] * c;
        let mut at = depth.start;
        let (mut ky, mut place) = (at / line.max(1), at % line.max(1));
        while at < depth.end {
            let Some(y) = g.place(0, oy, ky) else {
                let count = (line - place).min(depth.end - at);
                zero_run::<S>(count, &mut row[at - depth.start..]);
                (at, ky, place) = (at + count, ky + 1, 0);
                continue;
            };
            let line_start = (image * g.height + y) * g.width;
            while place < line && at < depth.end {
                let left = depth.end - at;
                let (from, count) = self.run(line_start, ox, place, line);
                let (count, to) = (count.min(left), &mut row[at - depth.start..]);
                match from {
                    Some(from) => copy_run::<S>(&self.x[from..from + count], to),
                    None => zero_run::<S>(count, to),
                }
                (at, place) = (at + count, place + count);
            }
            (ky, place) = (ky + 1, 0);
        }
    }

    /// The run that begins at a place in a line of a window: where in the image (None: in the padding), and how long it is.
    #[inline(always)]
    fn run(&self, line_start: usize, ox: usize, place: usize, line: usize) -> (Option<usize>, usize) {
        let (g, c) = (self.g, self.channels);
        let start = ox * g.strides[1];
        if self.adjacent {
            // Before the image, in it, after it.
            let (left, shifted) = (g.before[1].saturating_sub(start) * c, place + start * c);
            if place < left {
                return (None, left.min(line) - place);
            }
            let in_line = shifted - g.before[1] * c;
            let room = (g.width * c).saturating_sub(in_line);
            return match room {
                0 => (None, line - place),
                _ => (Some(line_start * c + in_line), room.min(line - place)),
            };
        }
        let (tap, channel) = (place / c, place % c);
        let from = g.place(1, ox, tap).map(|x| (line_start + x) * g.channels + self.first_channel + channel);
        (from, c - channel)
    }
}

/// A small image with its padding around it, and the sizes without: then every window is copied the quick way. None: it is not worth
/// it, because there is no padding, or because windows are so large that finding their lines takes no time.
pub fn padded(x: &[f32], g: &Geometry) -> Option<(Vec<f32>, Geometry)> {
    let extent = |i: usize, out: usize| {
        Some((out.checked_sub(1)?) * g.strides[i] + (g.window[i] - 1) * g.dilations[i] + 1)
    };
    let (height, width) = (extent(0, g.out_height)?, extent(1, g.out_width)?);
    let within = g.before == [0, 0] && height <= g.height && width <= g.width;
    let count = height.checked_mul(width)?.checked_mul(g.channels)?.checked_mul(g.batch)?;
    if within || count > SMALL || g.window[0] * g.window[1] * g.channels > DEPTH {
        return None;
    }
    let mut around = vec![0.0; count];
    let rows = g.height.min(height.saturating_sub(g.before[0]));
    let run = g.width.min(width.saturating_sub(g.before[1])) * g.channels;
    for (image, y) in (0..g.batch).flat_map(|image| (0..rows).map(move |y| (image, y))) {
        let from = (image * g.height + y) * g.width * g.channels;
        let to = ((image * height + g.before[0] + y) * width + g.before[1]) * g.channels;
        around[to..to + run].copy_from_slice(&x[from..from + run]);
    }
    Some((around, Geometry { height, width, before: [0, 0], ..*g }))
}

/// Numbers of an image that is worth a copy.
const SMALL: usize = 1 << 18;

impl Source for Windows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>) {
        let g = self.g;
        let (line, mut ox) = (first / g.out_width, first % g.out_width);
        let (mut image, mut oy) = (line / g.out_height, line % g.out_height);
        let whole = depth == (0..g.window[0] * g.window[1] * self.channels);
        let short = g.window[1] * self.channels <= 16;
        for row in block {
            match self.inside([image, oy, ox]).filter(|_| whole) {
                Some(start) if short => self.short_lines::<S>(row, start),
                Some(start) => self.lines::<S>(row, start),
                None => self.row::<S>(row, [image, oy, ox], &depth),
            }
            ox += 1;
            if ox == g.out_width {
                (ox, oy) = (0, oy + 1);
            }
            if oy == g.out_height {
                (oy, image) = (0, image + 1);
            }
        }
    }
}
