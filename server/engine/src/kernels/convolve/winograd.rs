//! Winograd's convolution for windows of 3x3: a tile of 4x4 results needs 36 products for each channel instead of 144.
//!
//! Some tiles at a time are transformed. Then, panel by panel of the outputs, the filter is transformed, multiplied with them (36
//! products of matrices), and the results are transformed back, so that all of it but the tiles stays in the second cache. Filters are
//! transformed anew each time: kept, they would take four times the memory, and reading that takes longer than making it.

mod filters;
mod tiles;

use super::super::caches;
use super::super::gemm::{
    Block, DEPTH, Epilogue, PANEL, Panel, Panels, ROW, Scratch, Shared, share, workers,
};
use super::super::simd::{Isa, run_on};
use super::Geometry;
use filters::Transform;
use std::sync::{Mutex, PoisonError};
use tiles::{Back, Forward};

/// Numbers of a transformed tile.
const POINTS: usize = SIDE * SIDE;
const SIDE: usize = 6;
/// Results of a tile, one way.
const TILE: usize = 4;
/// The polynomials are evaluated at 0, 1, -1, this, its negative, and infinity. Of 0.5, 0.6, 2/3, 4/3, 1.5 and 2 it and 2/3
/// give the smallest errors, two thirds of those with the usual 2; it is exact in binary.
const POINT: f32 = 1.5;
const SQUARE: f32 = POINT * POINT;

/// Bytes that a thread works on at a time: tiles, filters and products in one large page. And the least and most tiles of it.
const WORKING_SET: usize = 2 << 20;
const FEWEST: usize = 24;
const MOST: usize = 96;

/// Most channels whose filters are transformed at once: those of a panel then take a third of the second cache, or four fifths where there
/// are tiles enough to make up for writing them.
fn deepest(tiles: usize) -> usize {
    let channel = POINTS * PANEL * size_of::<f32>();
    let part = if tiles < FEWEST { caches::second() / 3 } else { caches::second() / 5 * 4 };
    (part / channel / 16 * 16).clamp(32, 128)
}

thread_local! {
    // Written and read in 36 places by turns: in small pages each would have to be looked up.
    static MEMORY: Scratch = const { Scratch::large() };
}

/// What the method costs, in multiplications of sixteen numbers for each channel and vector of outputs.
pub fn cost(g: &Geometry, [_, _, ins, outs]: [usize; 4]) -> usize {
    let tiles = g.batch.saturating_mul(g.out_height.div_ceil(TILE) * g.out_width.div_ceil(TILE));
    // Tiles are transformed for each channel and back for each output; filters once.
    let tile = POINTS + POINTS / 8 + 200 / ins.max(1) + 200 / outs.max(1);
    tiles.saturating_mul(tile).saturating_add(filter_cost(Isa::best()))
}

/// What the transformation of a filter costs, likewise, as measured: registers of half the width write for longer than they multiply.
fn filter_cost(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => 260,
        _ => 600,
    }
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
    /// Only the largest of each 2x2 results is wanted.
    pool: bool,
    out: Shared,
    /// Tiles of an image, down and across.
    grid: [usize; 2],
    /// Channels of a block.
    deep: usize,
}

/// `pool`: instead of all results, the largest of each 2x2 of them, side by side, of which the activation keeps the order.
pub fn convolution(
    isa: Isa,
    out: Shared,
    x: &[f32],
    g: &Geometry,
    panels: Panels<'_>,
    (epilogue, pool): (&Epilogue<'_>, bool),
    threads: usize,
) {
    assert!(
        epilogue.fits(panels.columns)
            && !(epilogue.adds && pool)
            && g.strides == [1, 1]
            && g.dilations == [1, 1]
    );
    assert!(g.channels > 0 && panels.inner == filters::TAPS * g.channels);
    let grid = [g.out_height.div_ceil(TILE), g.out_width.div_ceil(TILE)];
    let tiles = g.batch * grid[0] * grid[1];
    let blocks = g.channels.div_ceil(deepest(tiles));
    let deep = g.channels.div_ceil(blocks).next_multiple_of(16);
    let work = Work { isa, x, g, panels, epilogue: *epilogue, pool, out, grid, deep };
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
                block: Block::Copied(rows.as_chunks().0),
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
