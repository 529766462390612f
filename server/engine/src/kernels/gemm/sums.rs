//! The innermost loop: what the rows of a tile and a panel sum up to, in registers.

use super::super::simd::{LANES, Lanes, Simd, load_all, store_all};
use super::PANEL;
use super::block::{Block, ROW, Row, SIX, TALLEST};

/// The rows of a tile.
pub trait Tile: Copy {
    fn number(self, row: usize, k: usize) -> f32;
}

impl<const R: usize> Tile for &[Row; R] {
    #[inline(always)]
    fn number(self, row: usize, k: usize) -> f32 {
        self[row][k]
    }
}

impl<const R: usize> Tile for [&Row; R] {
    #[inline(always)]
    fn number(self, row: usize, k: usize) -> f32 {
        self[row][k]
    }
}

/// Cuts a block into tiles of `tall` rows. What is left over at the end shares its rows with the tile before it: a tile of a row or
/// two takes as long as one of four, because each sum waits for the one before.
#[inline(always)]
pub(super) fn tiles_of<'a>(mut block: Block<'a>, tall: usize) -> impl Iterator<Item = Block<'a>> {
    std::iter::from_fn(move || {
        let rows = block.len();
        let tile = if rows > tall && 2 * rows < 3 * tall { rows.div_ceil(2) } else { rows.min(tall) };
        let (tile, rest) = block.split_at(tile);
        block = rest;
        (tile.len() > 0).then_some(tile)
    })
}

/// Adds vectors from memory.
#[inline(always)]
pub(super) fn add_all<S: Simd, const N: usize>(to: &mut [S::V; N], from: &[Lanes]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = S::add(*to, S::load(from));
    }
}

/// Some rows by one or two vectors of the panel: each height has a loop of its own, in which the sums are registers. False: the rows
/// lie too near to their memory's end.
#[inline(always)]
pub(super) fn tile<S: Simd, const WIDE: usize>(
    block: Block<'_>,
    weights: &[[f32; PANEL]],
    next: &[[f32; PANEL]],
    from: usize,
    sums: &mut [[f32; PANEL]; TALLEST],
) -> bool {
    macro_rules! heights {
        ($($rows:literal)*) => {
            match (block, block.len()) {
                $((Block::Copied(rows), $rows) if $rows <= S::TILE[0] => {
                    if let Ok(rows) = <&[Row; $rows]>::try_from(rows) {
                        fixed::<S, _, $rows, WIDE>(rows, weights, next, from, sums);
                    }
                    true
                })*
                $((Block::Lying(rows), $rows) if $rows <= SIX && S::TILE[0] == SIX => match rows.tile::<$rows>() {
                    Some(rows) => {
                        fixed::<S, _, $rows, WIDE>(rows, weights, next, from, sums);
                        true
                    }
                    None => false,
                })*
                _ => false,
            }
        };
    }
    heights!(12 11 10 9 8 7 6 5 4 3 2 1)
}

#[inline(always)]
fn fixed<S: Simd, T: Tile, const R: usize, const WIDE: usize>(
    rows: T,
    weights: &[[f32; PANEL]],
    next: &[[f32; PANEL]],
    from: usize,
    to: &mut [[f32; PANEL]; TALLEST],
) {
    let sums = sums::<S, T, R, WIDE>(rows, weights, next, from, [S::splat(0.0); WIDE]);
    for (sums, to) in sums.iter().zip(to) {
        store_all::<S, WIDE>(sums, &mut to.as_chunks_mut().0[from..from + WIDE]);
    }
}

/// What the rows and the weights sum up to, with what each column begins with. `next` is fetched meanwhile, a line at each step: all at
/// once it would be more than the processor has places for what it waits for.
#[inline(always)]
pub(super) fn sums<S: Simd, T: Tile, const R: usize, const WIDE: usize>(
    rows: T,
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
        for (n, acc) in acc.iter_mut().enumerate() {
            let x = S::splat(rows.number(n, k));
            for (acc, w) in acc.iter_mut().zip(w) {
                *acc = S::fma(x, w, *acc);
            }
        }
    }
    acc
}
