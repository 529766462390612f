//! Attention whose queries, keys and values lie interleaved, head by head, and what transformers need beside it.

use super::{Lowering, Made, Outcome};
use crate::graph::{Binary, Op, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn transformers(&mut self) -> Outcome {
        Self::one(match self.op() {
            "_contrib_interleaved_matmul_selfatt_qk" => {
                let x = self.input(0)?;
                self.scores([(x, 0, 3), (x, 1, 3)])
            }
            "_contrib_interleaved_matmul_encdec_qk" => {
                let (queries, keys) = (self.input(0)?, self.input(1)?);
                self.scores([(queries, 0, 1), (keys, 0, 2)])
            }
            "_contrib_interleaved_matmul_selfatt_valatt" => self.attended(2, 3),
            "_contrib_interleaved_matmul_encdec_valatt" => self.attended(1, 2),
            "_contrib_div_sqrt_dim" => {
                let x = self.input(0)?;
                self.by_root(x)
            }
            "_contrib_arange_like" | "_npx_arange_like" => self.numbers_like(),
            _ => return Ok(None),
        })
    }

    /// Divided by the root of how long the last axis is.
    fn by_root(&mut self, x: ValueId) -> Made {
        let last = self.rank(x)?.saturating_sub(1);
        let count = self.count(x, last)?;
        let count = self.as_float(count)?;
        let root = self.unary(Unary::Sqrt, count)?;
        self.pair(Binary::Div, x, root)
    }

    /// One of the parts that are interleaved in `[steps, batch, heads parts width]`: `[batch heads, steps, width]`.
    fn heads(&mut self, (x, part, parts): (ValueId, i64, i64)) -> Made {
        let heads = self.node.size("heads", 0)?.max(1) as i64;
        let shape = self.add(Op::Shape, &[x])?;
        let outer = self.part_of(shape, 0, 2)?;
        let inner = self.build().ints(&[heads, parts, -1])?;
        let apart = self.row(&[outer, inner])?;
        let apart = self.add(Op::Reshape, &[x, apart])?;
        let (part, axis) = (self.build().int(part)?, self.build().int(3)?);
        let own = self.add(Op::Gather { batch_dims: 0 }, &[apart, part, axis])?;
        let own = self.build().transpose(own, &[1, 2, 0, 3])?;
        let shape = self.add(Op::Shape, &[own])?;
        let (all, inner) = (self.build().ints(&[-1])?, self.part_of(shape, 2, 2)?);
        let flat = self.row(&[all, inner])?;
        self.add(Op::Reshape, &[own, flat])
    }

    /// How much each query looks at each key.
    fn scores(&mut self, [queries, keys]: [(ValueId, i64, i64); 2]) -> Made {
        let (queries, keys) = (self.heads(queries)?, self.heads(keys)?);
        let queries = self.by_root(queries)?;
        self.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[queries, keys])
    }

    /// Values by how much is looked at them: `[steps, batch, heads width]`.
    fn attended(&mut self, part: i64, parts: i64) -> Made {
        let (x, shares) = (self.input(0)?, self.input(1)?);
        let values = self.heads((x, part, parts))?;
        let made = self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[shares, values])?;
        let heads = self.node.size("heads", 0)?.max(1) as i64;
        let shape = self.add(Op::Shape, &[made])?;
        let (inner, outer) = (self.part_of(shape, 1, 2)?, self.build().ints(&[-1, heads])?);
        let apart = self.row(&[outer, inner])?;
        let apart = self.add(Op::Reshape, &[made, apart])?;
        let turned = self.build().transpose(apart, &[2, 0, 1, 3])?;
        let shape = self.add(Op::Shape, &[turned])?;
        let (outer, all) = (self.part_of(shape, 0, 2)?, self.build().ints(&[-1])?);
        let flat = self.row(&[outer, all])?;
        self.add(Op::Reshape, &[turned, flat])
    }

    /// Numbers that go up along an axis of a value, or over all of it.
    fn numbers_like(&mut self) -> Made {
        let x = self.input(0)?;
        let (start, step) = (self.node.float("start", 0.0)?, self.node.float("step", 1.0)?);
        if self.node.int("repeat", 1)? != 1 {
            return Self::refuse("numbers that are repeated");
        }
        let shape = self.add(Op::Shape, &[x])?;
        let is_whole = self.node.text("axis").is_none();
        let count = if is_whole {
            self.reduced(crate::graph::Reduce::Prod, shape, &[0], false)?
        } else {
            let rank = self.rank(x)?;
            let axis = self.axis("axis", 0, rank)?;
            self.count(x, axis)?
        };
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let numbers = self.add(Op::Range, &[zero, count, one])?;
        let numbers = self.as_float(numbers)?;
        let scaled = self.times(numbers, step)?;
        let made = self.plus(scaled, start)?;
        if is_whole { self.add(Op::Reshape, &[made, shape]) } else { Ok(made) }
    }
}
