//! Winograd's convolution for windows of 3x3: a tile of 4x4 results needs 36 products for each channel instead of 144.
//!
//! Some tiles at a time are transformed. Then, panel by panel of the outputs, the filter is transformed, multiplied with them (36
//! products of matrices), and the results are transformed back, so that all of it but the tiles stays in the second cache. Filters are
//! transformed anew each time: kept, they would take four times the memory, and reading that takes longer than making it.

mod filters;

use super::super::gemm::{DEPTH, Epilogue, PANEL, Panel, Panels, ROW, Scratch, Shared, load, share, workers};
use super::super::simd::{Isa, Kernel, Lanes, Simd, run_on};
use super::Geometry;
use filters::Transform;
use std::sync::{Mutex, PoisonError};

/// Numbers of a transformed tile.
const POINTS: usize = SIDE * SIDE;
const SIDE: usize = 6;
/// Results of a tile, one way.
const TILE: usize = 4;
/// The polynomials are evaluated at 0, 1, -1, this, its negative, and infinity. Of 0.5, 0.6, 2/3, 4/3, 1.5 and 2 it and 2/3
/// give the smallest errors, two thirds of those with the usual 2; it is exact in binary.
const POINT: f32 = 1.5;
const SQUARE: f32 = POINT * POINT;

/// Most channels whose filters are transformed at once: those of a panel then take a third of the second cache.
const DEEP: usize = 128;
/// Bytes that a thread works on at a time: tiles, filters and products in one large page. And the least and most tiles of it.
const WORKING_SET: usize = 2 << 20;
const FEWEST: usize = 24;
const MOST: usize = 96;

thread_local! {
    // Written and read in 36 places by turns: in small pages each would have to be looked up.
    static MEMORY: Scratch = const { Scratch::large() };
}

/// What the method costs, in multiplications of sixteen numbers for each channel and vector of outputs.
pub fn cost(g: &Geometry, [_, _, ins, outs]: [usize; 4]) -> usize {
    let tiles = g.batch.saturating_mul(g.out_height.div_ceil(TILE) * g.out_width.div_ceil(TILE));
    // Tiles are transformed for each channel and back for each output; filters once.
    let tile = POINTS + POINTS / 8 + 200 / ins.max(1) + 200 / outs.max(1);
    tiles.saturating_mul(tile).saturating_add(260)
}

/// What products of whole windows cost, likewise.
pub fn direct_cost(g: &Geometry) -> usize {
    g.batch.saturating_mul(g.out_height * g.out_width * filters::TAPS)
}

struct Work<'a> {
    isa: Isa,
    x: &'a [f32],
    g: &'a Geometry,
    /// Of the filter as it is: taps, channels.
    panels: Panels<'a>,
    epilogue: Epilogue<'a>,
    out: Shared,
    /// Tiles of an image, down and across.
    grid: [usize; 2],
    /// Channels of a block.
    deep: usize,
}

pub fn convolution(
    isa: Isa,
    out: Shared,
    x: &[f32],
    g: &Geometry,
    panels: Panels<'_>,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    assert!(epilogue.fits(panels.columns) && g.strides == [1, 1] && g.dilations == [1, 1]);
    assert!(g.channels > 0 && panels.inner == filters::TAPS * g.channels);
    let grid = [g.out_height.div_ceil(TILE), g.out_width.div_ceil(TILE)];
    let blocks = g.channels.div_ceil(DEEP);
    let deep = g.channels.div_ceil(blocks).next_multiple_of(16);
    let work = Work { isa, x, g, panels, epilogue: *epilogue, out, grid, deep };
    let tiles = g.batch * grid[0] * grid[1];
    let threads = workers(threads, tiles.saturating_mul(POINTS * g.channels).saturating_mul(panels.columns));
    // A tile's numbers, with what rows leave free, and its products.
    let each = POINTS * (deep * blocks * ROW / DEPTH + PANEL);
    let fit = (WORKING_SET / size_of::<f32>() - work.filter_rows() * PANEL) / each;
    let cut = Cut::of(tiles, fit.clamp(FEWEST, MOST), threads, panels.count());
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
    /// `fit`: tiles that a batch should have. Panels are the work that threads share in a batch.
    fn of(tiles: usize, fit: usize, threads: usize, panels: usize) -> Self {
        // Threads that share a batch read each other's tiles; threads that do not transform the same filters.
        let alone = tiles >= if panels < threads { threads } else { FEWEST * threads };
        let batches = (tiles + fit / 2) / fit;
        let batches = if alone { batches.next_multiple_of(threads).max(threads) } else { batches.max(1) };
        let many = tiles.div_ceil(batches).max(1);
        Self { batches: tiles.div_ceil(many), many, alone }
    }
}

/// Tiles that are transformed: the first one's number, how many they are, and where their numbers lie.
#[derive(Debug, Clone, Copy)]
struct Tiles<'a> {
    first: usize,
    count: usize,
    numbers: &'a [f32],
}

impl Work<'_> {
    /// Some tiles, from the image to the result.
    fn some(&self, first: usize, count: usize, threads: usize) {
        let blocks = self.g.channels.div_ceil(self.deep);
        // One row more: blocks begin anywhere in a row.
        let rows = (blocks * POINTS).div_ceil(self.abreast()) * count + 1;
        let (lines, room) = ((rows * ROW).div_ceil(PANEL), self.filter_rows() + POINTS * count);
        Scratch::lend(&MEMORY, lines + room, |memory| {
            let (numbers, own) = memory.split_at_mut(lines);
            let shared = Shared::new(numbers.as_flattened_mut());
            share(threads, count, |n| run_on(self.isa, Forward(self, shared, first + n, n, count)));
            let tiles = Tiles { first, count, numbers: numbers.as_flattened() };
            let (caller, own) = (std::thread::current().id(), Mutex::new(own));
            share(threads, self.panels.count(), |panel| {
                // This thread has lent its memory already.
                if std::thread::current().id() == caller {
                    let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
                    return self.results(tiles, panel, &mut own);
                }
                Scratch::lend(&MEMORY, room, |own| self.results(tiles, panel, own));
            });
        });
    }

    /// Rows that the transformed filters of a block take. One more for each point: at a distance of a power of two they would all want
    /// the same places in the first cache.
    fn filter_rows(&self) -> usize {
        POINTS * (self.deep + 1)
    }

    /// Blocks of channels of a tile that lie in a row.
    fn abreast(&self) -> usize {
        ROW / self.deep
    }

    /// Where the first tile's channels of a block and a point begin.
    fn place_of(&self, block: usize, point: usize, count: usize) -> usize {
        let n = block * POINTS + point;
        n / self.abreast() * count * ROW + n % self.abreast() * self.deep
    }

    /// The results of one panel of outputs. `memory` is for its filters and products.
    fn results(&self, tiles: Tiles<'_>, panel: usize, memory: &mut [[f32; PANEL]]) {
        let (filters, products) = memory.split_at_mut(self.filter_rows());
        let products = &mut products[..POINTS * tiles.count];
        for start in (0..self.g.channels).step_by(self.deep) {
            self.add_products(tiles, panel, start, filters, Shared::new(products.as_flattened_mut()));
        }
        run_on(self.isa, Back { work: self, products, tiles, panel });
    }

    /// What a block of channels, from `start` on, adds to the products of each point.
    fn add_products(
        &self,
        tiles: Tiles<'_>,
        panel: usize,
        start: usize,
        filters: &mut [[f32; PANEL]],
        products: Shared,
    ) {
        let (channels, count, step) = (self.g.channels, tiles.count, self.deep + 1);
        let depth = start..(start + self.deep).min(channels);
        let (first, last, many) = (start == 0, depth.end == channels, depth.len());
        let width = if self.panels.columns - panel * PANEL <= PANEL / 2 { PANEL / 2 } else { PANEL };
        let taps = self.panels.panel(panel);
        run_on(self.isa, Transform { points: filters, step, taps, channels, depth });
        for point in 0..POINTS {
            let rows = &tiles.numbers[self.place_of(start / self.deep, point, count)..][..count * ROW];
            let product = Panel {
                block: rows.as_chunks().0,
                weights: &filters[point * step..][..many],
                next: filters.get((point + 1) * step..).and_then(|next| next.get(..many)).unwrap_or_default(),
                out: products,
                at: point * count * PANEL,
                step: PANEL,
                column: 0,
                width,
                first,
                last,
                epilogue: Epilogue::NONE,
            };
            run_on(self.isa, product);
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
        let mut to = [0; POINTS];
        for (block, start) in (0..g.channels).step_by(w.deep).enumerate() {
            for (point, to) in to.iter_mut().enumerate() {
                *to = w.place_of(block, point, count) + n * ROW;
            }
            for channel in (start..g.channels.min(start + w.deep)).step_by(16) {
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
                #[allow(clippy::needless_range_loop, reason = "a column of an array of lines")]
                for j in 0..SIDE {
                    let column = forward::<S>(std::array::from_fn(|i| v[i][j]));
                    for (i, value) in column.into_iter().enumerate() {
                        // SAFETY: each tile has rows of its own, and the memory outlives the kernel.
                        #[allow(unsafe_code)]
                        let to = unsafe { tiles.part(to[i * SIDE + j] + channel - start, 16) };
                        S::store_part(value, to);
                    }
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

/// Transforms the products of tiles and a panel back.
struct Back<'a> {
    work: &'a Work<'a>,
    products: &'a [[f32; PANEL]],
    tiles: Tiles<'a>,
    panel: usize,
}

impl Kernel for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for n in 0..self.tiles.count {
            let place = self.work.place(self.tiles.first + n);
            for half in 0..PANEL / 16 {
                self.part::<S>(n, place, half);
            }
        }
    }
}

impl Back<'_> {
    /// Half of a panel's channels.
    #[inline(always)]
    fn part<S: Simd>(&self, n: usize, [image, top, left]: [usize; 3], half: usize) {
        let (w, g, outs) = (self.work, self.work.g, self.work.panels.columns);
        let channel = self.panel * PANEL + half * 16;
        if channel >= outs {
            return;
        }
        let mut lines = [[S::splat(0.0); TILE]; SIDE];
        for (i, line) in lines.iter_mut().enumerate() {
            let mut m = [S::splat(0.0); SIDE];
            for (j, m) in m.iter_mut().enumerate() {
                *m = S::load(&self.products[(i * SIDE + j) * self.tiles.count + n].as_chunks().0[half]);
            }
            *line = back::<S>(m);
        }
        let many = (outs - channel).min(16);
        #[allow(clippy::needless_range_loop, reason = "a column of an array of lines")]
        for j in 0..TILE.min(g.out_width - left) {
            let column = back::<S>(std::array::from_fn(|i| lines[i][j]));
            for (i, v) in column.into_iter().enumerate().take(g.out_height - top) {
                let pixel = (image * g.out_height + top + i) * g.out_width + left + j;
                let at = pixel * outs + channel;
                // SAFETY: each tile has results of its own.
                #[allow(unsafe_code)]
                let to = unsafe { w.out.part(at, many) };
                let v = if w.epilogue.adds { S::add(v, load::<S>(to)) } else { v };
                S::store_part(w.epilogue.apply::<S>(v, channel, many), to);
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
    use super::{Cut, FEWEST, MOST};

    #[test]
    fn no_batch_is_a_left_over() {
        assert_eq!(Cut::of(0, 48, 2, 8).batches, 0);
        for tiles in 1..1000 {
            for (fit, threads, panels) in
                [(FEWEST, 1, 1), (48, 1, 8), (48, 2, 1), (MOST, 2, 4), (60, 3, 2), (48, 16, 8), (48, 16, 32)]
            {
                let cut = Cut::of(tiles, fit, threads, panels);
                let last = tiles - cut.many * cut.batches.saturating_sub(1);
                let case = format!("{tiles} tiles, {fit} fit, {threads} threads, {panels} panels: {cut:?}");
                assert!(last <= cut.many && cut.many <= fit + fit / 2, "{case}");
                assert!(cut.many - last < cut.batches.max(1), "{case}");
                assert!(!cut.alone || 2 * cut.batches >= threads, "{case}");
            }
        }
    }
}
