//! The inner loop: tiles of some rows by 32 columns, or by 16, whose sums stay in registers.

use super::super::activate::slice;
use super::super::simd::{Kernel, LANES, Lanes, Simd, load_all, run, store_all};
use super::epilogue::{activate, load, store};
use super::{Activation, Epilogue, PANEL, Shared};

/// Most products that are summed in one go: longer sums are made in parts, through the result's memory.
pub const DEPTH: usize = 256;
/// Numbers of a row of a block. The 16 more than are used let copies end with a whole vector, and spread the rows of
/// a tile over the sets of the first cache.
pub const ROW: usize = DEPTH + 16;
/// A row of a block. The distance of two rows is a constant, so a tile needs one pointer and not twelve.
pub type Row = [f32; ROW];
/// Most rows of a tile, for any instruction set.
const TALLEST: usize = 12;

/// A block of rows times a part of one panel.
pub struct Panel<'a> {
    pub block: &'a [Row],
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
        for block in tiles_of(self.block, tall) {
            let next = next.next().unwrap_or_default();
            self.expect::<S, WIDE>(at, block.len());
            let done = self.last
                && match S::TILE[0] {
                    12 => self.direct::<S, 12, WIDE>(block, next, at, from, bias),
                    6 => self.direct::<S, 6, WIDE>(block, next, at, from, bias),
                    _ => false,
                };
            if done {
                at += block.len() * self.step;
                continue;
            }
            tile::<S, WIDE>(block, self.weights, next, from, &mut sums);
            for sums in &sums[..block.len()] {
                let (sums, _) = sums.as_chunks();
                self.finish_whole::<S, WIDE>(&sums[from..from + WIDE], at, bias);
                at += self.step;
            }
        }
    }

    /// A tile that ends its sums goes from the registers to the result. False: it has fewer rows.
    #[inline(always)]
    fn direct<S: Simd, const R: usize, const WIDE: usize>(
        &self,
        block: &[Row],
        next: &[[f32; PANEL]],
        mut at: usize,
        from: usize,
        bias: [S::V; WIDE],
    ) -> bool {
        let Ok(block) = <&[Row; R]>::try_from(block) else { return false };
        for mut v in sums::<S, R, WIDE>(block, self.weights, next, from, bias) {
            // SAFETY: columns of one panel in rows of one block are the work of one call.
            #[allow(unsafe_code)]
            let (out, _) = unsafe { self.out.part(at, WIDE * 16) }.as_chunks_mut();
            if !self.first {
                add_all::<S, WIDE>(&mut v, out);
            }
            store_all::<S, WIDE>(&activate::<S, WIDE>(self.epilogue.activation, v), out);
            at += self.step;
        }
        true
    }

    /// Any columns.
    #[inline(always)]
    fn rest<S: Simd>(&self) {
        let mut sums = [[0.0; PANEL]; TALLEST];
        let mut at = self.at;
        for block in tiles_of(self.block, S::TILE[0].min(TALLEST)) {
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

/// Cuts a block into tiles of `tall` rows. What is left over at the end shares its rows with the tile before it: a tile of a row or
/// two takes as long as one of four, because each sum waits for the one before.
#[inline(always)]
fn tiles_of(mut block: &[Row], tall: usize) -> impl Iterator<Item = &[Row]> {
    std::iter::from_fn(move || {
        let rows = block.len();
        let tile = if rows > tall && 2 * rows < 3 * tall { rows.div_ceil(2) } else { rows.min(tall) };
        let (tile, rest) = block.split_at(tile);
        block = rest;
        (!tile.is_empty()).then_some(tile)
    })
}

/// Adds vectors from memory.
#[inline(always)]
fn add_all<S: Simd, const N: usize>(to: &mut [S::V; N], from: &[Lanes]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = S::add(*to, S::load(from));
    }
}

/// Some rows by one or two vectors of the panel: each height has a loop of its own, in which the sums are registers.
#[inline(always)]
fn tile<S: Simd, const WIDE: usize>(
    block: &[Row],
    weights: &[[f32; PANEL]],
    next: &[[f32; PANEL]],
    from: usize,
    sums: &mut [[f32; PANEL]; TALLEST],
) {
    macro_rules! heights {
        ($($rows:literal)*) => {
            match block.len() {
                $($rows if $rows <= S::TILE[0] => {
                    if let Ok(block) = <&[Row; $rows]>::try_from(block) {
                        fixed::<S, $rows, WIDE>(block, weights, next, from, sums);
                    }
                })*
                _ => {}
            }
        };
    }
    heights!(12 11 10 9 8 7 6 5 4 3 2 1);
}

#[inline(always)]
fn fixed<S: Simd, const R: usize, const WIDE: usize>(
    block: &[Row; R],
    weights: &[[f32; PANEL]],
    next: &[[f32; PANEL]],
    from: usize,
    to: &mut [[f32; PANEL]; TALLEST],
) {
    let sums = sums::<S, R, WIDE>(block, weights, next, from, [S::splat(0.0); WIDE]);
    for (sums, to) in sums.iter().zip(to) {
        store_all::<S, WIDE>(sums, &mut to.as_chunks_mut().0[from..from + WIDE]);
    }
}

/// What the rows and the weights sum up to, with what each column begins with. `next` is fetched meanwhile, a line at each step: all at
/// once it would be more than the processor has places for what it waits for.
#[inline(always)]
fn sums<S: Simd, const R: usize, const WIDE: usize>(
    block: &[Row; R],
    weights: &[[f32; PANEL]],
    next: &[[f32; PANEL]],
    from: usize,
    begin: [S::V; WIDE],
) -> [[S::V; WIDE]; R] {
    let mut acc = [begin; R];
    let (next, _) = next.as_flattened().as_chunks::<16>();
    for (k, weights) in weights.iter().enumerate().take(ROW) {
        if let Some(line) = next.get(k) {
            S::prefetch(line);
        }
        let (parts, _) = weights.as_chunks::<LANES>();
        let w = load_all::<S, WIDE>(&parts[from..from + WIDE]);
        for (acc, row) in acc.iter_mut().zip(block) {
            let x = S::splat(row[k]);
            for (acc, w) in acc.iter_mut().zip(w) {
                *acc = S::fma(x, w, *acc);
            }
        }
    }
    acc
}
