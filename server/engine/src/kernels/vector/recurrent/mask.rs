//! Steps that are masked: the states stay as they are, and what is put out is not what a step makes. Where no row of a piece has
//! anything to do, as behind the ends of texts, no step is made.

use super::Sequence;
use crate::kernels::gemm::Shared;
use std::ops::Range;

/// At which steps of which rows a layer does something, and what it puts out at the others.
#[derive(Debug)]
pub struct Mask<'a> {
    /// `[steps, batch]` or `[steps, batch, units]`: 0 is masked.
    pub made: &'a [u8],
    /// `[batch, units]`: what comes before the first output; afterwards the last output.
    pub shown: &'a mut [f32],
    /// `[batch, units]`: what is put out where a step is masked. None: what was put out before.
    pub filler: Option<&'a [f32]>,
}

impl Mask<'_> {
    pub fn fits(&self, Sequence { batch, steps, units }: Sequence) -> bool {
        let state = batch * units;
        let marks = self.made.len();
        (marks == steps * batch || marks == steps * state)
            && self.shown.len() == state
            && self.filler.is_none_or(|f| f.len() == state)
    }

    /// The same, for pieces that write to other rows each.
    pub fn share(&mut self) -> Pieces<'_> {
        Pieces { made: self.made, shown: Shared::new(self.shown), filler: self.filler }
    }
}

/// A mask whose rows are dealt out.
pub struct Pieces<'a> {
    made: &'a [u8],
    shown: Shared,
    filler: Option<&'a [f32]>,
}

impl<'a> Pieces<'a> {
    pub fn rows(&self, sequence: Sequence, rows: Range<usize>) -> Rows<'a> {
        let Sequence { batch, steps, units } = sequence;
        let wide = self.made.len() / (steps * batch).max(1);
        let part = rows.start * units..rows.end * units;
        let (filler, by_row) = (self.filler.map(|f| &f[part.clone()]), wide == 1);
        Rows {
            made: self.made,
            line: batch * wide,
            marks: rows.start * wide..rows.end * wide,
            shown: self.shown,
            part,
            filler,
            by_row,
        }
    }
}

/// The mask of some rows.
#[derive(Debug)]
pub struct Rows<'a> {
    made: &'a [u8],
    /// Marks of a step.
    line: usize,
    /// Those of the rows.
    marks: Range<usize>,
    shown: Shared,
    /// The rows' outputs.
    part: Range<usize>,
    filler: Option<&'a [f32]>,
    /// A mark is of a whole row.
    by_row: bool,
}

impl<'a> Rows<'a> {
    /// The marks of a step.
    fn of_step(&self, t: usize) -> &'a [u8] {
        &self.made[t * self.line..][self.marks.clone()]
    }

    /// Before the first step.
    pub fn begin(&self) -> Masked<'_> {
        // SAFETY: pieces have other rows each, and the slice is borrowed as long as there are pieces; a piece begins once.
        #[allow(unsafe_code)]
        let shown = unsafe { self.shown.part(self.part.start, self.part.len()) };
        let kept = if self.by_row { Vec::new() } else { vec![0.0; 2 * self.part.len()] };
        Masked { rows: self, shown, kept }
    }
}

/// Some rows on their way through a masked sequence.
pub struct Masked<'a> {
    rows: &'a Rows<'a>,
    shown: &'a mut [f32],
    /// The states of before a step, if it is not masked for whole rows.
    kept: Vec<f32>,
}

impl<'a> Masked<'a> {
    /// The last output.
    pub fn shown(&self) -> &[f32] {
        self.shown
    }

    /// Before a step: for which rows it is made, 0 for none; an empty slice is all of them. None: nothing is to be made.
    pub fn begin_step(&mut self, t: usize, h: &[f32], c: &[f32]) -> Option<&'a [u8]> {
        let marks = self.rows.of_step(t);
        if marks.iter().all(|m| *m == 0) {
            return None;
        }
        if self.rows.by_row {
            return Some(marks);
        }
        self.kept[..h.len()].copy_from_slice(h);
        self.kept[h.len()..][..c.len()].copy_from_slice(c);
        Some(&[])
    }

    /// After it: what is masked in a row that it was made for gets its state of before back, and all rows put something out.
    pub fn end_step(&mut self, t: usize, h: &mut [f32], c: &mut [f32]) {
        let marks = self.rows.of_step(t);
        if !self.rows.by_row && marks.iter().any(|m| *m != 0) {
            let (kept_h, kept_c) = self.kept.split_at(h.len());
            copy_where(marks, false, kept_h, h);
            copy_where(marks, false, &kept_c[..c.len()], c);
        }
        copy_where(marks, true, h, self.shown);
        if let Some(filler) = self.rows.filler {
            copy_where(marks, false, filler, self.shown);
        }
    }
}

/// Copies what is marked so. There is a mark for each number or for several that lie beside each other.
fn copy_where(marks: &[u8], made: bool, from: &[f32], to: &mut [f32]) {
    let wide = (to.len() / marks.len().max(1)).max(1);
    for ((mark, to), from) in marks.iter().zip(to.chunks_exact_mut(wide)).zip(from.chunks_exact(wide)) {
        if (*mark != 0) == made {
            to.copy_from_slice(from);
        }
    }
}
