//! What becomes of the left operand's rows on their way into a block: parts are laid side by side, scaled, shifted, activated. The whole
//! of it never lies in memory.

use super::super::simd::{Simd, load_all, store_all};
use super::{Activation, Row, Source, activate, load};
use std::borrow::Cow;
use std::ops::Range;

/// Some columns of all rows.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Rows without gaps.
    pub data: &'a [f32],
    pub width: usize,
}

/// `activation(parts side by side * scale + shift)`.
#[derive(Debug)]
pub struct Prologued<'a> {
    parts: Vec<Part<'a>>,
    rows: usize,
    columns: usize,
    /// A factor for each column, once for each so many rows.
    scale: Cow<'a, [f32]>,
    rows_each: usize,
    /// An offset for each column.
    shift: Cow<'a, [f32]>,
    activation: Activation,
}

impl<'a> Prologued<'a> {
    /// Parts side by side; None: they have not as many rows. With factors, once for each `rows_each` rows, and offsets; None: there are
    /// not as many.
    pub fn new(
        parts: Vec<Part<'a>>,
        rows: usize,
        (scale, rows_each): (Option<&'a [f32]>, usize),
        shift: Option<&'a [f32]>,
        activation: Activation,
    ) -> Option<Self> {
        let fits = |part: &Part<'_>| part.width.checked_mul(rows) == Some(part.data.len());
        let columns = parts.iter().try_fold(0, |sum: usize, part| sum.checked_add(part.width))?;
        let rows_each = if scale.is_some() { rows_each.max(1) } else { rows.max(1) };
        let factors = rows.div_ceil(rows_each).max(1).checked_mul(columns)?;
        let given = scale.is_none_or(|s| s.len() >= factors) && shift.is_none_or(|s| s.len() == columns);
        if !parts.iter().all(fits) || !given {
            return None;
        }
        let all = |given: Option<&'a [f32]>, number| match given {
            Some(given) => Cow::Borrowed(given),
            None => Cow::Owned(vec![number; columns]),
        };
        let (scale, shift) = (all(scale, 1.0), all(shift, 0.0));
        Some(Self { parts, rows, columns, scale, rows_each, shift, activation })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows that have the same factors, in order: how many of some rows, and these factors.
    #[inline(always)]
    fn alike(&self, first: usize, count: usize) -> (usize, &[f32]) {
        let item = first / self.rows_each;
        let alike = ((item + 1) * self.rows_each - first).min(count);
        (alike, &self.scale[item * self.columns..][..self.columns])
    }
}

impl Source for Prologued<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>) {
        match self.activation {
            Activation::None => self.by::<S, Same>(Same, block, first, depth),
            Activation::Relu => self.by::<S, Relu>(Relu, block, first, depth),
            other => self.by::<S, Activation>(other, block, first, depth),
        }
    }
}

/// An activation, each with a loop of its own.
trait Activate: Copy {
    fn of<S: Simd>(self, v: S::V) -> S::V;
}

#[derive(Clone, Copy)]
struct Same;
#[derive(Clone, Copy)]
struct Relu;

impl Activate for Same {
    #[inline(always)]
    fn of<S: Simd>(self, v: S::V) -> S::V {
        v
    }
}
impl Activate for Relu {
    #[inline(always)]
    fn of<S: Simd>(self, v: S::V) -> S::V {
        S::max(S::splat(0.0), v)
    }
}
impl Activate for Activation {
    #[inline(always)]
    fn of<S: Simd>(self, v: S::V) -> S::V {
        activate::<S, 1>(self, [v])[0]
    }
}

/// Some columns of a part and their place in a block.
struct Columns<'a> {
    /// From the first row on.
    data: &'a [f32],
    width: usize,
    scale: &'a [f32],
    shift: &'a [f32],
    /// The first of them in the part and in the block.
    from: usize,
    to: usize,
}

impl Prologued<'_> {
    #[inline(always)]
    fn by<S: Simd, A: Activate>(&self, activation: A, block: &mut [Row], first: usize, depth: Range<usize>) {
        let mut done = 0;
        while done < block.len() {
            let (alike, scale) = self.alike(first + done, block.len() - done);
            let mut column = 0;
            for part in &self.parts {
                let columns = column.max(depth.start)..(column + part.width).min(depth.end);
                if !columns.is_empty() {
                    let columns = Columns {
                        data: &part.data[(first + done) * part.width..],
                        width: part.width,
                        scale: &scale[columns.clone()],
                        shift: &self.shift[columns.clone()],
                        from: columns.start - column,
                        to: columns.start - depth.start,
                    };
                    columns.write::<S, A>(activation, &mut block[done..done + alike]);
                }
                column += part.width;
            }
            done += alike;
        }
    }
}

impl Columns<'_> {
    /// All of the columns. What is written behind a part's end is under the next part, or behind the block's depth.
    #[inline(always)]
    fn write<S: Simd, A: Activate>(&self, activation: A, block: &mut [Row]) {
        let count = self.scale.len();
        let mut done = 0;
        while count - done >= 64 {
            self.vectors::<S, A, 4>(activation, done, block);
            done += 64;
        }
        if count - done >= 32 {
            self.vectors::<S, A, 2>(activation, done, block);
            done += 32;
        }
        if count - done >= 16 {
            self.vectors::<S, A, 1>(activation, done, block);
            done += 16;
        }
        if count > done {
            self.rest::<S, A>(activation, done, block);
        }
    }

    /// Some whole vectors of each row: their factors and offsets stay in registers.
    #[inline(always)]
    fn vectors<S: Simd, A: Activate, const N: usize>(&self, activation: A, at: usize, block: &mut [Row]) {
        let scale = load_all::<S, N>(self.scale[at..at + N * 16].as_chunks().0);
        let shift = load_all::<S, N>(self.shift[at..at + N * 16].as_chunks().0);
        let (from, to) = (self.from + at, self.to + at);
        for (row, block) in self.data.chunks_exact(self.width).zip(block) {
            let mut v = load_all::<S, N>(row[from..from + N * 16].as_chunks().0);
            for ((v, scale), shift) in v.iter_mut().zip(&scale).zip(&shift) {
                *v = activation.of::<S>(S::fma(*v, *scale, *shift));
            }
            store_all::<S, N>(&v, block[to..to + N * 16].as_chunks_mut().0);
        }
    }

    /// The columns that are no whole vector.
    #[inline(always)]
    fn rest<S: Simd, A: Activate>(&self, activation: A, at: usize, block: &mut [Row]) {
        let (scale, shift) = (load::<S>(&self.scale[at..]), load::<S>(&self.shift[at..]));
        let (from, to) = (self.from + at, self.to + at);
        let count = self.scale.len() - at;
        for (row, block) in self.data.chunks_exact(self.width).zip(block) {
            let v = S::fma(load::<S>(&row[from..from + count]), scale, shift);
            S::store_part(activation.of::<S>(v), &mut block[to..to + 16]);
        }
    }
}
