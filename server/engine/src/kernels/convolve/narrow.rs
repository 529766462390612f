//! Convolutions of images of few channels, a network's first layer as a rule. A line of a window is a short run of memory and that of
//! the next window begins a few numbers later: numbers are read straight from the image, where copies of each window would take as
//! long as the products. A band of the image is copied once if windows reach over its edges.

use super::super::gemm::{
    Epilogue, PANEL, Panels, RowParts, Scratch, Shared, activate, activate_rows, load, share, store, workers,
};
use super::super::simd::{Isa, Kernel, LANES, Simd, load_all, run_on};
use super::Geometry;
use crate::graph::Activation;
use std::ops::Range;

/// Neighbouring windows whose sums are held at once, where there are registers for so many.
const ROWS: usize = 12;
/// The same on other machines, whose sums are of one vector.
const FEW_ROWS: usize = 6;
/// Lines of the result in a band: enough that the lines above and below, which two bands read, are few.
const BAND: usize = 8;

/// Whether a convolution of one group is done here.
pub fn fits(g: &Geometry) -> bool {
    let known = matches!(g.strides[1] * g.channels, 1 | 2 | 3 | 4 | 6 | 8 | 12);
    known && g.dilations == [1, 1] && g.window != [1, 1] && g.channels <= 4 && g.out_width >= ROWS
}

thread_local! {
    static LINES: Scratch = const { Scratch::new() };
}

/// `out = epilogue(convolution of x)`.
pub fn convolution(
    isa: Isa,
    out: Shared,
    x: &[f32],
    g: &Geometry,
    panels: Panels<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let outs = panels.columns;
    assert!(x.len() == g.batch * g.height * g.width * g.channels && epilogue.fits(outs));
    assert!(out.len() == g.batch * g.out_height * g.out_width * outs);
    assert!(panels.inner == g.window[0] * g.window[1] * g.channels && fits(g));
    let threads = workers(threads, g.batch * g.out_height * g.out_width * outs * panels.inner);
    let band = if threads > 1 { BAND.min(g.out_height.div_ceil(2 * threads)).max(1) } else { BAND };
    let bands = g.out_height.div_ceil(band);
    let image = g.height * g.width * g.channels;
    share(threads, g.batch * bands, |n| {
        let (number, first) = (n / bands, n % bands * band);
        let lines = first..(first + band).min(g.out_height);
        let at = (number * g.out_height + first) * g.out_width * outs;
        let around = Around::of(g, &lines);
        Scratch::lend(&LINES, around.count().div_ceil(LANES), |memory| {
            let memory: &mut [[f32; LANES]] = memory;
            let memory = &mut memory.as_flattened_mut()[..around.count()];
            let x = around.copy(g, &x[number * image..][..image], memory);
            let (lines, width) = (lines.len(), around.width);
            run_on(isa, Band { x, width, g, lines, panels, out, at, epilogue: *epilogue });
        });
    });
}

/// The part of an image that a band's windows lie in, which may reach over its edges.
struct Around {
    /// The first line, and the first column, may lie before the image.
    top: isize,
    left: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl Around {
    fn of(g: &Geometry, lines: &Range<usize>) -> Self {
        let extent = |axis: usize, outs: usize| (outs - 1) * g.strides[axis] + g.window[axis];
        Self {
            top: (lines.start * g.strides[0]) as isize - g.before[0] as isize,
            left: g.before[1],
            height: extent(0, lines.len()),
            width: extent(1, g.out_width),
            channels: g.channels,
        }
    }

    fn count(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Copies it, with zeros where there is no image.
    fn copy<'m>(&self, g: &Geometry, image: &[f32], memory: &'m mut [f32]) -> &'m [f32] {
        let (c, line) = (self.channels, self.width * self.channels);
        let run = g.width.min(self.width.saturating_sub(self.left)) * c;
        for (n, to) in memory.chunks_exact_mut(line).enumerate() {
            let y = usize::try_from(self.top + n as isize).ok().filter(|y| *y < g.height);
            let Some(y) = y else {
                to.fill(0.0);
                continue;
            };
            let (before, rest) = to.split_at_mut((self.left * c).min(line));
            let (there, after) = rest.split_at_mut(run);
            before.fill(0.0);
            there.copy_from_slice(&image[y * g.width * c..][..run]);
            after.fill(0.0);
        }
        memory
    }
}

/// Some lines of the result of one image.
struct Band<'a> {
    /// All that its windows read.
    x: &'a [f32],
    /// Columns of a line of `x`.
    width: usize,
    g: &'a Geometry,
    lines: usize,
    panels: Panels<'a>,
    out: Shared,
    at: usize,
    epilogue: Epilogue<'a>,
}

impl Kernel for Band<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let late = self.epilogue.late();
        if late.is_some() {
            self.epilogue.activation = Activation::None;
        }
        for n in 0..self.panels.count() {
            let wide = (self.panels.columns - n * PANEL).min(PANEL);
            if S::TILE[1] == 2 && wide > LANES {
                self.panel::<S, 2>(n * PANEL, wide);
            } else {
                for from in (0..wide).step_by(LANES) {
                    self.panel::<S, 1>(n * PANEL + from, (wide - from).min(LANES));
                }
            }
            if let Some(activation) = late {
                let (at, step) = (self.at + n * PANEL, self.panels.columns);
                let rows = self.lines * self.g.out_width;
                activate_rows(RowParts { activation, out: self.out, at, step, width: wide, rows });
            }
        }
    }
}

impl Band<'_> {
    #[inline(always)]
    fn panel<S: Simd, const WIDE: usize>(&self, column: usize, wide: usize) {
        macro_rules! steps {
            ($($step:literal)*) => {
                match self.g.strides[1] * self.g.channels {
                    $($step if S::TILE[0] >= ROWS => self.tiles::<S, WIDE, ROWS, $step>(column, wide),
                    $step => self.tiles::<S, WIDE, FEW_ROWS, $step>(column, wide),)*
                    _ => {}
                }
            };
        }
        steps!(1 2 3 4 6 8 12);
    }

    /// All tiles of a panel, or of its half. The last one of a line begins before the line's end, over one that is done already.
    #[inline(always)]
    fn tiles<S: Simd, const WIDE: usize, const R: usize, const STEP: usize>(
        &self,
        column: usize,
        wide: usize,
    ) {
        let bias = self.bias::<S, WIDE>(column, wide);
        let (weights, from) = (self.panels.panel(column / PANEL), column % PANEL / LANES);
        let line = self.width * self.g.channels;
        for y in 0..self.lines {
            let x = &self.x[y * self.g.strides[0] * line..];
            let mut done = 0;
            while done < self.g.out_width {
                let ox = done.min(self.g.out_width - R);
                let sums = tile::<S, WIDE, R, STEP>(&x[ox * STEP..], line, self.g, weights, from, bias);
                let pixel = y * self.g.out_width + ox;
                self.finish::<S, WIDE, R>(sums, pixel, column, wide, done - ox);
                done = ox + R;
            }
        }
    }

    #[inline(always)]
    fn bias<S: Simd, const WIDE: usize>(&self, column: usize, wide: usize) -> [S::V; WIDE] {
        let mut bias = [S::splat(0.0); WIDE];
        if let Some(all) = self.epilogue.bias {
            for (bias, part) in bias.iter_mut().zip(all[column..column + wide].chunks(LANES)) {
                *bias = load::<S>(part);
            }
        }
        bias
    }

    /// Writes the results of a tile but the first ones, which are there already.
    #[inline(always)]
    fn finish<S: Simd, const WIDE: usize, const R: usize>(
        &self,
        sums: [[S::V; WIDE]; R],
        pixel: usize,
        column: usize,
        wide: usize,
        done: usize,
    ) {
        let mut at = self.at + pixel * self.panels.columns + column;
        for (n, mut v) in sums.into_iter().enumerate() {
            if n < done {
                at += self.panels.columns;
                continue;
            }
            // SAFETY: the lines of a band are the work of one call.
            #[allow(unsafe_code)]
            let out = unsafe { self.out.part(at, wide) };
            if self.epilogue.adds {
                for (v, part) in v.iter_mut().zip(out.chunks(LANES)) {
                    *v = S::add(*v, load::<S>(part));
                }
            }
            let v = activate::<S, WIDE>(self.epilogue.activation, v);
            for (v, to) in v.into_iter().zip(out.chunks_mut(LANES)) {
                store::<S>(v, to);
            }
            at += self.panels.columns;
        }
    }
}

/// The sums of some windows that begin `STEP` numbers after each other.
#[inline(always)]
fn tile<S: Simd, const WIDE: usize, const R: usize, const STEP: usize>(
    x: &[f32],
    line: usize,
    g: &Geometry,
    weights: &[[f32; PANEL]],
    from: usize,
    bias: [S::V; WIDE],
) -> [[S::V; WIDE]; R] {
    let run = g.window[1] * g.channels;
    // Two vectors are all of a panel.
    let from = if WIDE == 2 { 0 } else { from };
    let mut sums = [bias; R];
    for (ky, weights) in weights.chunks_exact(run).enumerate() {
        let x = &x[ky * line..][..(R - 1) * STEP + run];
        for (k, weights) in weights.iter().enumerate() {
            let w = load_all::<S, WIDE>(&weights.as_chunks().0[from..from + WIDE]);
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `r < R` and `k < run`, so that it is one of the numbers that were cut out just above.
                #[allow(unsafe_code)]
                let x = S::splat(unsafe { *x.get_unchecked(r * STEP + k) });
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = S::fma(x, w, *sum);
                }
            }
        }
    }
    sums
}
