//! Sequences that are shorter than what holds them.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::graph::{Compare, Op, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn sequences(&mut self) -> Outcome {
        Self::one(match self.op() {
            "SequenceMask" | "_npx_sequence_mask" => self.sequence_mask(),
            "SequenceLast" => self.sequence_last(),
            "SequenceReverse" => {
                let x = self.input(0)?;
                let lengths = if self.has_lengths()? { Some(self.lengths(1, x, 0)?) } else { None };
                self.turned(x, lengths)
            }
            _ => return Ok(None),
        })
    }

    fn has_lengths(&self) -> Result<bool, super::Stop> {
        Ok(self.node.flag("use_sequence_length", false)?)
    }

    /// The axis of the steps, the first or the second; the other one is the batch.
    fn steps(&self) -> Result<usize, super::Stop> {
        let axis = self.node.size("axis", 0)?;
        if axis > 1 { Err(Self::broken(format!("steps along axis {axis}"))) } else { Ok(axis) }
    }

    fn sequence_mask(&mut self) -> Made {
        let x = self.input(0)?;
        if !self.has_lengths()? {
            return Ok(x);
        }
        let (axis, rank) = (self.steps()?, self.rank(x)?.max(2));
        let lengths = self.lengths(1, x, axis)?;
        let marks = self.within(lengths, x, axis, rank)?;
        let filler = self.node.float("value", 0.0)?;
        let filler = self.build().float(filler)?;
        self.add(Op::Select, &[marks, x, filler])
    }

    fn sequence_last(&mut self) -> Made {
        let (x, axis) = (self.input(0)?, self.steps()?);
        let one = self.build().int(1)?;
        if !self.has_lengths()? {
            let count = self.count(x, axis)?;
            let last = self.add(Op::Binary(crate::graph::Binary::Sub), &[count, one])?;
            let axis = self.build().int(axis as i64)?;
            return self.add(Op::Gather { batch_dims: 0 }, &[x, last, axis]);
        }
        let rank = self.rank(x)?.max(2);
        let lengths = self.lengths(1, x, axis)?;
        let last = self.add(Op::Binary(crate::graph::Binary::Sub), &[lengths, one])?;
        let zero = self.build().int(0)?;
        let last = self.add(Op::Binary(crate::graph::Binary::Max), &[last, zero])?;
        let rows = if axis == 0 {
            let order: Vec<usize> = [1, 0].into_iter().chain(2..rank).collect();
            self.build().transpose(x, &order)?
        } else {
            x
        };
        let made = self.add(Op::Gather { batch_dims: 1 }, &[rows, last, one])?;
        let rest: Option<Vec<_>> = self.context.build.shape(rows).map(|shape| {
            shape.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, extent)| *extent).collect()
        });
        if let Some(rest) = rest {
            self.build().tell(made, rest);
        }
        Ok(made)
    }

    /// Whether each step along an axis, the first or the second, is within the lengths of the other; the rest are axes of 1.
    pub(super) fn within(&mut self, lengths: ValueId, x: ValueId, axis: usize, rank: usize) -> Made {
        let numbers = self.numbered(x, axis)?;
        let (numbers, lengths) = (self.along(numbers, axis, rank)?, self.along(lengths, 1 - axis, rank)?);
        self.add(Op::Compare(Compare::Less), &[numbers, lengths])
    }

    /// The numbers of a value's places along an axis.
    pub(super) fn numbered(&mut self, x: ValueId, axis: usize) -> Made {
        let count = self.count(x, axis)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        self.add(Op::Range, &[zero, count, one])
    }

    /// The extent of an axis, as a number of the graph.
    pub(super) fn count(&mut self, x: ValueId, axis: usize) -> Made {
        let shape = self.add(Op::Shape, &[x])?;
        let (at, zero) = (self.build().int(axis as i64)?, self.build().int(0)?);
        self.add(Op::Gather { batch_dims: 0 }, &[shape, at, zero])
    }

    /// Floats of integers.
    pub(super) fn as_float(&mut self, x: ValueId) -> Made {
        self.add(Op::Cast(DType::F32), &[x])
    }
}
