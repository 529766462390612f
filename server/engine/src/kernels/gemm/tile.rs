//! The inner loop: tiles of some rows by 32 columns, or by 16, whose sums stay in registers.

use super::super::activate::slice;
use super::super::simd::{Kernel, LANES, Lanes, Simd, load_all, run, store_all};
use super::block::{Block, Row, SIX, TALLEST};
use super::epilogue::{activate, load, store};
use super::sums::{Tile, add_all, sums, tile, tiles_of};
use super::{Activation, Epilogue, PANEL, Shared};

/// A block of rows times a part of one panel.
pub struct Panel<'a> {
    pub block: Block<'a>,
    pub weights: &'a [[f32; PANEL]],
    /// What is multiplied by next, to be fetched meanwhile.
    pub next: &'a [[f32; PANEL]],
    pub out: Shared,
    /// Where the result of the first row begins in `out`.
    pub at: usize,
    /// From a row of the result to the next.
    pub step: usize,
    /// The panel's first column, of all.
    pub column: usize,
    /// Columns that are wanted.
    pub width: usize,
    /// Whether this part of the sums is the first, which is not added to what is there, and the last.
    pub first: bool,
    pub last: bool,
    pub epilogue: Epilogue<'a>,
}

impl Kernel for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let late = self.epilogue.late().filter(|_| self.last);
        if late.is_some() {
            self.epilogue.activation = Activation::None;
        }
        match self.width {
            PANEL if S::TILE[1] == 2 => self.whole::<S, 2>(0),
            PANEL => {
                self.whole::<S, 1>(0);
                self.whole::<S, 1>(1);
            }
            16 => self.whole::<S, 1>(0),
            _ => self.rest::<S>(),
        }
        if let Some(activation) = late {
            // The panel's results are still in the first cache.
            let (rows, out, at) = (self.block.len(), self.out, self.at);
            activate_rows(RowParts { activation, out, at, step: self.step, width: self.width, rows });
        }
    }
}

/// A part of each of some rows, to be activated by the thread whose work they are.
pub struct RowParts {
    pub activation: Activation,
    pub out: Shared,
    pub at: usize,
    pub step: usize,
    pub width: usize,
    pub rows: usize,
}

impl Kernel for RowParts {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for n in 0..self.rows {
            // SAFETY: columns of one panel in rows of one block are the work of one call.
            #[allow(unsafe_code)]
            let part = unsafe { self.out.part(self.at + n * self.step, self.width) };
            slice::<S>(self.activation, part);
        }
    }
}

/// Not compiled into every tile: that would make it many times as large.
#[inline(never)]
pub fn activate_rows(rows: RowParts) {
    run(rows);
}

impl Panel<'_> {
    /// Columns that are whole vectors, from one of the panel on.
    #[inline(always)]
    fn whole<S: Simd, const WIDE: usize>(&self, from: usize) {
        let mut sums = [[0.0; PANEL]; TALLEST];
        let mut at = self.at + from * LANES;
        let tall = S::TILE[0].min(TALLEST);
        let tiles = self.block.len().div_ceil(tall);
        // With few tiles to hide behind, fetching ahead only gets in the way. What comes next is fetched once.
        let next = if tiles < 4 || from > 0 { &[] } else { self.next };
        let mut next = next.chunks(next.len().div_ceil(tiles).max(1));
        let bias = self.bias::<S, WIDE>(from);
        let mut spare = None;
        for block in tiles_of(self.block, tall) {
            let next = next.next().unwrap_or_default();
            self.expect::<S, WIDE>(at, block.len());
            if self.direct::<S, WIDE>(block, next, at, from, bias) {
                at += block.len() * self.step;
                continue;
            }
            if !tile::<S, WIDE>(block, self.weights, next, from, &mut sums) {
                let block = block.copied::<S>(&mut spare, self.weights.len());
                tile::<S, WIDE>(block, self.weights, &[], from, &mut sums);
            }
            for sums in &sums[..block.len()] {
                let (sums, _) = sums.as_chunks();
                self.finish_whole::<S, WIDE>(&sums[from..from + WIDE], at, bias);
                at += self.step;
            }
        }
    }

    /// A tile of as many rows as there are registers for goes from these to the result. False: it has fewer rows.
    #[inline(always)]
    fn direct<S: Simd, const WIDE: usize>(
        &self,
        block: Block<'_>,
        next: &[[f32; PANEL]],
        at: usize,
        from: usize,
        bias: [S::V; WIDE],
    ) -> bool {
        match block {
            Block::Lying(rows) if S::TILE[0] == SIX => {
                self.put::<S, _, SIX, WIDE>(rows.tile::<SIX>(), next, at, from, bias)
            }
            Block::Copied(rows) if S::TILE[0] == SIX => {
                self.put::<S, _, SIX, WIDE>(<&[Row; SIX]>::try_from(rows).ok(), next, at, from, bias)
            }
            Block::Copied(rows) if S::TILE[0] == TALLEST => {
                self.put::<S, _, TALLEST, WIDE>(<&[Row; TALLEST]>::try_from(rows).ok(), next, at, from, bias)
            }
            _ => false,
        }
    }

    /// The sums of a tile, which begin with the bias, row by row. False: there is no such tile.
    #[inline(always)]
    fn put<S: Simd, T: Tile, const R: usize, const WIDE: usize>(
        &self,
        rows: Option<T>,
        next: &[[f32; PANEL]],
        mut at: usize,
        from: usize,
        bias: [S::V; WIDE],
    ) -> bool {
        let Some(rows) = rows else { return false };
        let activation = if self.last { self.epilogue.activation } else { Activation::None };
        for mut v in sums::<S, T, R, WIDE>(rows, self.weights, next, from, bias) {
            // SAFETY: columns of one panel in rows of one block are the work of one call.
            #[allow(unsafe_code)]
            let (out, _) = unsafe { self.out.part(at, WIDE * 16) }.as_chunks_mut();
            if !self.first {
                add_all::<S, WIDE>(&mut v, out);
            }
            store_all::<S, WIDE>(&activate::<S, WIDE>(activation, v), out);
            at += self.step;
        }
        true
    }

    /// Any columns.
    #[inline(always)]
    fn rest<S: Simd>(&self) {
        let mut sums = [[0.0; PANEL]; TALLEST];
        let (mut at, mut spare) = (self.at, None);
        for block in tiles_of(self.block, S::TILE[0].min(TALLEST)) {
            let block = block.copied::<S>(&mut spare, self.weights.len());
            if S::TILE[1] == 2 && self.width > LANES {
                tile::<S, 2>(block, self.weights, &[], 0, &mut sums);
            } else {
                for from in 0..self.width.div_ceil(LANES) {
                    tile::<S, 1>(block, self.weights, &[], from, &mut sums);
                }
            }
            for sums in &sums[..block.len()] {
                self.finish::<S>(sums, at);
                at += self.step;
            }
        }
    }

    /// The bias of whole vectors; zeros if there is none to add.
    #[inline(always)]
    fn bias<S: Simd, const WIDE: usize>(&self, from: usize) -> [S::V; WIDE] {
        match self.epilogue.bias {
            Some(bias) if self.last => {
                let (parts, _) = bias[self.column + from * LANES..][..WIDE * LANES].as_chunks::<LANES>();
                load_all::<S, WIDE>(parts)
            }
            _ => [S::splat(0.0); WIDE],
        }
    }

    /// Fetches the memory of whole rows of the result while their tile is being computed.
    #[inline(always)]
    fn expect<S: Simd, const WIDE: usize>(&self, mut at: usize, rows: usize) {
        for _ in 0..rows {
            // SAFETY: as in `finish`.
            #[allow(unsafe_code)]
            let out = unsafe { self.out.part(at, WIDE * 16) };
            for line in out.as_chunks().0 {
                S::prefetch(line);
            }
            at += self.step;
        }
    }

    /// Writes one row of a tile of whole vectors.
    #[inline(always)]
    fn finish_whole<S: Simd, const WIDE: usize>(&self, sums: &[Lanes], at: usize, bias: [S::V; WIDE]) {
        // SAFETY: columns of one panel in rows of one block are the work of one call.
        #[allow(unsafe_code)]
        let out = unsafe { self.out.part(at, WIDE * 16) };
        let (out, _) = out.as_chunks_mut::<16>();
        let mut v = bias;
        add_all::<S, WIDE>(&mut v, sums);
        if !self.first {
            add_all::<S, WIDE>(&mut v, out);
        }
        if self.last {
            v = activate::<S, WIDE>(self.epilogue.activation, v);
        }
        store_all::<S, WIDE>(&v, out);
    }

    /// Writes one row of a tile that has some of the panel's columns.
    #[inline(always)]
    fn finish<S: Simd>(&self, sums: &[f32; PANEL], at: usize) {
        // SAFETY: columns of one panel in rows of one block are the work of one call.
        #[allow(unsafe_code)]
        let out = unsafe { self.out.part(at, self.width) };
        let (sums, _) = sums.as_chunks::<16>();
        for (n, (out, sum)) in out.chunks_mut(16).zip(sums).enumerate() {
            let mut v = S::load(sum);
            if !self.first {
                v = S::add(v, load::<S>(out));
            }
            if self.last {
                v = self.epilogue.apply::<S>(v, self.column + n * 16, out.len());
            }
            store::<S>(v, out);
        }
    }
}
