//! Rotary embeddings: pairs of numbers turned by an angle of their place.

use super::{Lowering, Outcome, Stop};
use crate::graph::{Binary as B, Masks, Op, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn rotary(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let flat = self.rank(x)? == 3;
        let x = if flat { self.by_heads(x, self.heads("num_heads")?)? } else { x };
        let last = |this: &mut Self, v| this.build().shape(v).and_then(|s| s.last().copied().flatten());
        // Where only a part is turned, that is said.
        let width = last(self, x).or(last(self, self.value(1)?).map(|half| 2 * half));
        let turned = self.int("rotary_embedding_dim").filter(|n| *n > 0).or(width.map(|w| w as i64));
        let Some(turned) = turned else { return Self::refuse("a width of heads that is not known") };
        let [cos, sin] = [1, 2].map(|n| self.turns(n));
        let (cos, sin) = (cos?, sin?);
        let rotated = self.last_axis(x, 0, turned, 1)?;
        let rest = self.last_axis(x, turned, i64::from(i32::MAX), 1)?;
        let interleaved = self.flag("interleaved");
        let (a, b) = if interleaved {
            (self.last_axis(rotated, 0, turned, 2)?, self.last_axis(rotated, 1, turned, 2)?)
        } else {
            (self.last_axis(rotated, 0, turned / 2, 1)?, self.last_axis(rotated, turned / 2, turned, 1)?)
        };
        let mut times = |x, y| self.add(Op::Binary(B::Mul), &[x, y]);
        let (ac, bs, a_s, bc) = (times(a, cos)?, times(b, sin)?, times(a, sin)?, times(b, cos)?);
        let real = self.add(Op::Binary(B::Sub), &[ac, bs])?;
        let imaginary = self.add(Op::Binary(B::Add), &[a_s, bc])?;
        let last = self.build().int(-1)?;
        let together = if interleaved {
            let pairs = self.add(Op::Pack(-1), &[real, imaginary])?;
            let shape = self.add(Op::Shape, &[rotated])?;
            self.add(Op::Reshape, &[pairs, shape])?
        } else {
            self.add(Op::Concat, &[real, imaginary, last])?
        };
        let mut made = self.add(Op::Concat, &[together, rest, last])?;
        if flat {
            made = self.joined_heads(made)?;
        }
        Self::give(made, elem)
    }

    /// Cosines or sines for `[batch, heads, places, half]`.
    fn turns(&mut self, n: usize) -> Result<ValueId, Stop> {
        let mut table = self.value(n)?;
        if let Some((places, _)) = self.optional(3) {
            let zero = self.build().int(0)?;
            table = self.add(Op::Gather { batch_dims: 0 }, &[table, places, zero])?;
        }
        let one = self.build().int(1)?;
        self.add(Op::ExpandDims, &[table, one])
    }

    /// A part of the last axis of four.
    fn last_axis(&mut self, x: ValueId, from: i64, to: i64, step: i64) -> Result<ValueId, Stop> {
        let masks = Masks { begin: 7, end: 7, ..Masks::default() };
        let build = self.build();
        let bounds =
            [build.ints(&[0, 0, 0, from])?, build.ints(&[0, 0, 0, to])?, build.ints(&[1, 1, 1, step])?];
        self.add(Op::StridedSlice(masks), &[x, bounds[0], bounds[1], bounds[2]])
    }
}
