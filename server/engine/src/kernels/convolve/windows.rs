//! The windows of an image as the rows of a matrix that is never made: blocks of it are copied run by run.

use super::super::gemm::{Row, Source, copy_run, zero_run};
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

impl Source for Windows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>) {
        let g = self.g;
        let (line, mut ox) = (first / g.out_width, first % g.out_width);
        let (mut image, mut oy) = (line / g.out_height, line % g.out_height);
        for row in block {
            self.row::<S>(row, [image, oy, ox], &depth);
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
