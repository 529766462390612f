//! Tiles of the image transformed, and products transformed back to results.

use super::super::super::gemm::{PANEL, ROW, Shared, load};
use super::super::super::simd::{Kernel, Lanes, Simd};
use super::super::super::vector::pool::larger;
use super::{POINT, POINTS, SIDE, SQUARE, TILE, Tiles, Work};

/// Transforms one tile of the image: its number, its place among those at hand, and how many these are.
pub struct Forward<'a>(pub &'a Work<'a>, pub Shared, pub usize, pub usize, pub usize);

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
pub struct Back<'a> {
    pub work: &'a Work<'a>,
    pub products: &'a [[f32; PANEL]],
    pub tiles: Tiles<'a>,
    pub panel: usize,
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
        if w.pool {
            return self.pooled::<S>(&lines, [image, top, left], channel, many);
        }
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

impl Back<'_> {
    /// The largest of each 2x2 results of a tile; those without a neighbour at the image's end are left out.
    #[inline(always)]
    fn pooled<S: Simd>(
        &self,
        lines: &[[S::V; TILE]; SIDE],
        [image, top, left]: [usize; 3],
        channel: usize,
        many: usize,
    ) {
        let (w, outs) = (self.work, self.work.panels.columns);
        let [height, width] = [w.g.out_height / 2, w.g.out_width / 2];
        for j in (0..TILE).step_by(2).take(width - (left / 2).min(width)) {
            let a = back::<S>(std::array::from_fn(|i| lines[i][j]));
            let b = back::<S>(std::array::from_fn(|i| lines[i][j + 1]));
            for i in (0..TILE).step_by(2).take(height - (top / 2).min(height)) {
                let v = larger::<S>(larger::<S>(a[i], a[i + 1]), larger::<S>(b[i], b[i + 1]));
                let pixel = (image * height + (top + i) / 2) * width + (left + j) / 2;
                // SAFETY: each tile has results of its own.
                #[allow(unsafe_code)]
                let to = unsafe { w.out.part(pixel * outs + channel, many) };
                // Bias and activation keep the order, so that the largest is the same before and after them.
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
