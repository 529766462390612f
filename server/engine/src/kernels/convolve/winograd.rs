//! Winograd's convolution for windows of 3x3: a tile of 4x4 results needs 36 products for each channel instead of 144.
//!
//! Some tiles at a time are transformed, multiplied (36 products of matrices), and transformed back, so that what is between
//! stays in the second cache.

mod filters;

pub use filters::{TAPS, filters, put};

use super::super::gemm::{
    DEPTH, Epilogue, Filled, PANEL, Packed, Panels, Problem, ROW, Row, Shared, recycled, share, workers,
};
use super::super::simd::{Isa, Kernel, Lanes, Simd, run_on};
use super::Geometry;
use std::cell::Cell;

/// Numbers of a transformed tile.
pub const POINTS: usize = SIDE * SIDE;
const SIDE: usize = 6;
/// Results of a tile, one way.
const TILE: usize = 4;
/// The polynomials are evaluated at 0, 1, -1, this, its negative, and infinity. Of 0.5, 0.6, 2/3, 4/3, 1.5 and 2 it and 2/3
/// give the smallest errors, two thirds of those with the usual 2; it is exact in binary.
const POINT: f32 = 1.5;
const SQUARE: f32 = POINT * POINT;

/// Bytes of transformed tiles and their products that are worked on at a time, and the least and most tiles.
const WORKING_SET: usize = 1 << 19;
const FEWEST: usize = 48;
const MOST: usize = 144;

thread_local! {
    static TILES: Cell<Vec<Row>> = const { Cell::new(Vec::new()) };
    static PRODUCTS: Cell<Vec<[f32; PANEL]>> = const { Cell::new(Vec::new()) };
}

struct Work<'a> {
    isa: Isa,
    x: &'a [f32],
    g: &'a Geometry,
    points: &'a [Packed],
    epilogue: Epilogue<'a>,
    out: Shared,
    outs: usize,
    /// Outputs of whole panels.
    padded: usize,
    /// Tiles of an image, down and across.
    grid: [usize; 2],
    /// Channels of a block.
    deep: usize,
}

pub fn convolution(
    isa: Isa,
    out: &mut [f32],
    x: &[f32],
    g: &Geometry,
    points: &[Packed],
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let outs = points[0].columns();
    assert!(epilogue.fits(outs, out.len()) && g.strides == [1, 1] && g.dilations == [1, 1]);
    let out = Shared::new(out);
    let grid = [g.out_height.div_ceil(TILE), g.out_width.div_ceil(TILE)];
    let padded = outs.next_multiple_of(PANEL);
    let blocks = g.channels.div_ceil(DEPTH).max(1);
    let deep = g.channels.div_ceil(blocks).next_multiple_of(16).max(16);
    let work = Work { isa, x, g, points, epilogue: *epilogue, out, outs, padded, grid, deep };
    let tiles = g.batch * grid[0] * grid[1];
    let threads = workers(threads, tiles.saturating_mul(POINTS * g.channels).saturating_mul(outs));
    let fit = WORKING_SET / (POINTS * 4 * (g.channels + padded));
    let cut = Cut::of(tiles, fit.clamp(FEWEST, MOST), threads);
    let one = |n: usize, threads| work.some(n * cut.many, cut.many.min(tiles - n * cut.many), threads);
    if cut.alone {
        share(threads, cut.batches, |n| one(n, 1));
    } else {
        (0..cut.batches).for_each(|n| one(n, threads));
    }
}

/// How tiles are cut into batches of about the same size: one that is left over, and a thread that waits for it, would cost as much as
/// a whole one.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    batches: usize,
    /// Tiles of each batch but the last.
    many: usize,
    /// Whether a batch is the work of one thread, and not of all.
    alone: bool,
}

impl Cut {
    /// `fit`: tiles that a batch should have.
    fn of(tiles: usize, fit: usize, threads: usize) -> Self {
        let batches = (tiles + fit / 2) / fit;
        let alone = batches >= 2 * threads;
        let batches = if alone { batches.next_multiple_of(threads) } else { batches.max(1) };
        let many = tiles.div_ceil(batches).max(1);
        Self { batches: tiles.div_ceil(many), many, alone }
    }
}

impl Work<'_> {
    /// Some tiles, from the image to the result.
    fn some(&self, first: usize, count: usize, threads: usize) {
        let blocks = self.g.channels.div_ceil(self.deep).max(1);
        recycled(&TILES, blocks * POINTS * count, |tiles| {
            recycled(&PRODUCTS, POINTS * count * self.padded / PANEL, |products| {
                let shared = Shared::new(tiles.as_flattened_mut());
                share(threads, count, |n| run_on(self.isa, Forward(self, shared, first + n, n, count)));
                let products = Shared::new(products.as_flattened_mut());
                let parts = if threads > 1 { 2.min(self.padded / PANEL) } else { 1 };
                share(threads, POINTS * parts, |n| {
                    self.point(tiles, products, count, n / parts, [n % parts, parts]);
                });
                share(threads, count, |n| run_on(self.isa, Back(self, products, first + n, n, count)));
            });
        });
    }

    /// The product of one point, or of a part of its panels.
    fn point(&self, tiles: &[Row], products: Shared, count: usize, point: usize, [part, parts]: [usize; 2]) {
        let all = Panels { columns: self.padded, ..self.points[point].panels() };
        let out = products.from(point * count * self.padded);
        let problem =
            Problem { isa: self.isa, rows: count, panels: all, out_step: self.padded, first_column: 0 };
        let panels = all.count() * part / parts..all.count() * (part + 1) / parts;
        for (n, start) in (0..self.g.channels.max(1)).step_by(self.deep).enumerate() {
            let block = &tiles[(n * POINTS + point) * count..][..count];
            let depth = start..(start + self.deep).min(self.g.channels);
            Filled { block, depth, first_row: 0 }.times(&problem, out, &Epilogue::NONE, panels.clone());
        }
    }

    /// A tile's image, and where its results begin there.
    fn place(&self, tile: usize) -> [usize; 3] {
        let (line, column) = (tile / self.grid[1], tile % self.grid[1]);
        [line / self.grid[0], line % self.grid[0] * TILE, column * TILE]
    }
}

/// Transforms one tile of the image: its number, its place among those at hand, and how many these are.
struct Forward<'a>(&'a Work<'a>, Shared, usize, usize, usize);

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(w, tiles, tile, n, count) = self;
        let (g, [image, top, left]) = (w.g, w.place(tile));
        let mut from = [[None; SIDE]; SIDE];
        for (i, line) in from.iter_mut().enumerate() {
            for (j, from) in line.iter_mut().enumerate() {
                let at = g.place(0, top + i, 0).zip(g.place(1, left + j, 0));
                *from = at.map(|(y, x)| ((image * g.height + y) * g.width + x) * g.channels);
            }
        }
        for channel in (0..g.channels).step_by(16) {
            let many = (g.channels - channel).min(16);
            let mut v = [[S::splat(0.0); SIDE]; SIDE];
            for (from, v) in from.as_flattened().iter().zip(v.as_flattened_mut()) {
                if let Some(from) = from {
                    let from = &w.x[from + channel..from + channel + many];
                    *v = match <&Lanes>::try_from(from) {
                        Ok(lanes) => S::load(lanes),
                        Err(_) => S::load_part(from),
                    };
                }
            }
            for line in &mut v {
                *line = forward::<S>(*line);
            }
            let row = channel / w.deep * POINTS * count + n;
            #[allow(clippy::needless_range_loop, reason = "a column of an array of lines")]
            for j in 0..SIDE {
                let column = forward::<S>(std::array::from_fn(|i| v[i][j]));
                for (i, value) in column.into_iter().enumerate() {
                    let at = (row + (i * SIDE + j) * count) * ROW + channel % w.deep;
                    // SAFETY: each tile has rows of its own, and the memory outlives the kernel.
                    #[allow(unsafe_code)]
                    let to = unsafe { tiles.part(at, 16) };
                    S::store_part(value, to);
                }
            }
        }
    }
}

/// `Bᵀ d`
#[inline(always)]
fn forward<S: Simd>([d0, d1, d2, d3, d4, d5]: [S::V; SIDE]) -> [S::V; SIDE] {
    let (square, more) = (S::splat(SQUARE), S::splat(-1.0 - SQUARE));
    let less = S::splat(-SQUARE);
    let (even, odd) = (S::fma(d2, less, d4), S::fma(d1, less, d3));
    let (even2, odd2) = (S::sub(d4, d2), S::mul(S::splat(POINT), S::sub(d3, d1)));
    [
        S::fma(d0, square, S::fma(d2, more, d4)),
        S::add(even, odd),
        S::sub(even, odd),
        S::add(even2, odd2),
        S::sub(even2, odd2),
        S::fma(d1, square, S::fma(d3, more, d5)),
    ]
}

/// Transforms the products of one tile back; as [`Forward`].
struct Back<'a>(&'a Work<'a>, Shared, usize, usize, usize);

impl Kernel for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(w, products, tile, n, count) = self;
        let (g, [image, top, left]) = (w.g, w.place(tile));
        for channel in (0..w.outs).step_by(16) {
            let mut lines = [[S::splat(0.0); TILE]; SIDE];
            for (i, line) in lines.iter_mut().enumerate() {
                *line = back::<S>(std::array::from_fn(|j| {
                    let at = ((i * SIDE + j) * count + n) * w.padded + channel;
                    // SAFETY: nobody writes to the products now, and the memory outlives the kernel.
                    #[allow(unsafe_code)]
                    S::load_part(unsafe { products.part(at, 16) })
                }));
            }
            let many = (w.outs - channel).min(16);
            #[allow(clippy::needless_range_loop, reason = "a column of an array of lines")]
            for j in 0..TILE.min(g.out_width - left) {
                let column = back::<S>(std::array::from_fn(|i| lines[i][j]));
                for (i, v) in column.into_iter().enumerate().take(g.out_height - top) {
                    let pixel = (image * g.out_height + top + i) * g.out_width + left + j;
                    let at = pixel * w.outs + channel;
                    let v = w.epilogue.apply::<S>(v, channel, at, many);
                    // SAFETY: each tile has results of its own.
                    #[allow(unsafe_code)]
                    S::store_part(v, unsafe { w.out.part(at, many) });
                }
            }
        }
    }
}

/// `Aᵀ m`
#[inline(always)]
fn back<S: Simd>([m0, m1, m2, m3, m4, m5]: [S::V; SIDE]) -> [S::V; TILE] {
    let (even, odd) = (S::add(m1, m2), S::sub(m1, m2));
    let (even2, odd2) = (S::add(m3, m4), S::sub(m3, m4));
    [
        S::add(m0, S::add(even, even2)),
        S::fma(odd2, S::splat(POINT), odd),
        S::fma(even2, S::splat(SQUARE), even),
        S::fma(odd2, S::splat(POINT * SQUARE), S::add(odd, m5)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Cut, MOST};

    #[test]
    fn no_batch_is_a_left_over() {
        assert_eq!(Cut::of(0, 48, 2).batches, 0);
        for tiles in 1..1000 {
            for (fit, threads) in [(48, 1), (48, 2), (MOST, 2), (60, 3), (48, 16)] {
                let cut = Cut::of(tiles, fit, threads);
                let last = tiles - cut.many * cut.batches.saturating_sub(1);
                let case = format!("{tiles} tiles, {fit} fit, {threads} threads: {cut:?}");
                assert!(last <= cut.many && cut.many <= fit + fit / 2, "{case}");
                assert!(cut.many - last < cut.batches.max(1), "{case}");
                assert!(!cut.alone || cut.batches >= threads, "{case}");
            }
        }
    }
}
