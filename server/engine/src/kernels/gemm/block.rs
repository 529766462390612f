//! The rows of the left operand as a tile reads them: copies side by side, or where they lie.

use super::super::simd::{Kernel, Simd};
use super::copy_run;

/// Most products that are summed in one go: longer sums are made in parts, through the result's memory.
pub const DEPTH: usize = 256;
/// Numbers of a row of a block. The 16 more than are used let copies end with a whole vector, and spread the rows of
/// a tile over the sets of the first cache.
pub const ROW: usize = DEPTH + 16;
/// A row of a block. The distance of two rows is a constant, so a tile needs one pointer and not twelve.
pub type Row = [f32; ROW];
/// Most rows of a tile, for any instruction set.
pub(super) const TALLEST: usize = 12;
/// Rows of a tile that are read where they lie: as many pointers as there are registers for.
pub(super) const SIX: usize = 6;

/// Some rows.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Copied, or made.
    Copied(&'a [Row]),
    /// Where they lie.
    Lying(Lying<'a>),
}

/// Rows in memory that is somebody else's.
#[derive(Debug, Clone, Copy)]
pub struct Lying<'a> {
    /// From the first number of the first row on.
    pub data: &'a [f32],
    /// From a row to the next.
    pub step: usize,
    pub count: usize,
}

impl<'a> Block<'a> {
    #[inline(always)]
    pub fn len(self) -> usize {
        match self {
            Self::Copied(rows) => rows.len(),
            Self::Lying(rows) => rows.count,
        }
    }

    #[inline(always)]
    pub(super) fn split_at(self, n: usize) -> (Self, Self) {
        match self {
            Self::Copied(rows) => {
                let (a, b) = rows.split_at(n);
                (Self::Copied(a), Self::Copied(b))
            }
            Self::Lying(Lying { data, step, count }) => {
                let rest = data.get(n * step..).unwrap_or_default();
                (
                    Self::Lying(Lying { data, step, count: n }),
                    Self::Lying(Lying { data: rest, step, count: count - n }),
                )
            }
        }
    }

    /// `depth` numbers of each row of a tile, copied to `spare` if they are not copies already.
    #[inline(always)]
    pub(super) fn copied<'s, S: Simd>(self, spare: &'s mut Option<[Row; SIX]>, depth: usize) -> Block<'s>
    where
        'a: 's,
    {
        match self {
            Self::Copied(_) => self,
            Self::Lying(rows) => {
                let spare = spare.get_or_insert([[0.0; ROW]; SIX]);
                let count = rows.count.min(SIX);
                for (n, to) in spare[..count].iter_mut().enumerate() {
                    copy_run::<S>(&rows.data[n * rows.step..][..depth], to);
                }
                Block::Copied(&spare[..count])
            }
        }
    }
}

impl<'a> Lying<'a> {
    /// The rows of a tile, each with what follows it in memory. None: they are not as many, or the memory ends before.
    #[inline(always)]
    pub(super) fn tile<const R: usize>(self) -> Option<[&'a Row; R]> {
        if self.count != R {
            return None;
        }
        let mut rows = [self.data.first_chunk()?; R];
        for (n, row) in rows.iter_mut().enumerate() {
            *row = self.data.get(n * self.step..)?.first_chunk()?;
        }
        Some(rows)
    }
}

/// Whether tiles of an instruction set read rows where they lie.
pub(super) struct Lies;

impl Kernel for Lies {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self) -> bool {
        S::TILE[0] == SIX
    }
}
