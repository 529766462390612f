//! The inner loop: tiles of some rows by 32 columns whose sums stay in registers.

use super::super::simd::{Kernel, Lanes, Simd};
use super::epilogue::load;
use super::{Epilogue, PANEL, Shared};

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
    pub out: Shared,
    /// Where the result of the first row begins in `out`.
    pub at: usize,
    /// From a row of the result to the next.
    pub step: usize,
    /// The panel's first column, of all.
    pub column: usize,
    /// Columns that are wanted.
    pub width: usize,
    /// Whether this part of the sums is the first, and the last.
    pub first: bool,
    pub last: bool,
    pub epilogue: Epilogue<'a>,
}

impl Kernel for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut sums = [[0.0; PANEL]; TALLEST];
        let mut at = self.at;
        for block in self.block.chunks(S::PRODUCT_ROWS.min(TALLEST)) {
            tile::<S>(block, self.weights, &mut sums);
            for sums in &sums[..block.len()] {
                self.finish::<S>(sums, at);
                at += self.step;
            }
        }
    }
}

impl Panel<'_> {
    /// Writes one row of a tile.
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
                v = self.epilogue.apply::<S>(v, self.column + n * 16, at + n * 16, out.len());
            }
            match <&mut Lanes>::try_from(&mut *out) {
                Ok(lanes) => S::store(v, lanes),
                Err(_) => S::store_part(v, out),
            }
        }
    }
}

/// Some rows: each height has a loop of its own, in which the sums are registers.
#[inline(always)]
fn tile<S: Simd>(block: &[Row], weights: &[[f32; PANEL]], sums: &mut [[f32; PANEL]; TALLEST]) {
    macro_rules! heights {
        ($($rows:literal)*) => {
            match block.len() {
                $($rows if $rows <= S::PRODUCT_ROWS => {
                    if let Ok(block) = <&[Row; $rows]>::try_from(block) {
                        fixed::<S, $rows>(block, weights, sums);
                    }
                })*
                _ => {}
            }
        };
    }
    heights!(12 11 10 9 8 7 6 5 4 3 2 1);
}

#[inline(always)]
fn fixed<S: Simd, const R: usize>(
    block: &[Row; R],
    weights: &[[f32; PANEL]],
    sums: &mut [[f32; PANEL]; TALLEST],
) {
    let mut acc = [[S::splat(0.0); 2]; R];
    for (k, weights) in weights.iter().enumerate().take(ROW) {
        let (halves, _) = weights.as_chunks::<16>();
        let (w0, w1) = (S::load(&halves[0]), S::load(&halves[1]));
        for (acc, row) in acc.iter_mut().zip(block) {
            let x = S::splat(row[k]);
            acc[0] = S::fma(x, w0, acc[0]);
            acc[1] = S::fma(x, w1, acc[1]);
        }
    }
    for (acc, sums) in acc.iter().zip(sums) {
        let (halves, _) = sums.as_chunks_mut::<16>();
        S::store(acc[0], &mut halves[0]);
        S::store(acc[1], &mut halves[1]);
    }
}

/// Copies a run to the start of `to`, which needs 16 numbers more room than the run has.
#[inline(always)]
pub fn copy_run<S: Simd>(from: &[f32], to: &mut [f32]) {
    let (whole, rest) = from.as_chunks::<16>();
    let (to, _) = to.as_chunks_mut::<16>();
    let (to, after) = to.split_at_mut(whole.len());
    whole.iter().zip(to).for_each(|(from, to)| S::store(S::load(from), to));
    if let Some(to) = after.first_mut().filter(|_| !rest.is_empty()) {
        S::store(S::load_part(rest), to);
    }
}

/// Zeros at the start of `to`, which needs 16 numbers more room.
#[inline(always)]
pub fn zero_run<S: Simd>(count: usize, to: &mut [f32]) {
    let (to, _) = to.as_chunks_mut::<16>();
    to.iter_mut().take(count.div_ceil(16)).for_each(|to| S::store(S::splat(0.0), to));
}
