//! `com.microsoft`: products by weights of a few bits, which blocks of them share a scale.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{Binary as B, Op, ValueId};

/// What a weight's bits are counted from, and in.
struct Blocks {
    /// Results, and what each sums up.
    rows: i64,
    columns: i64,
    bits: i64,
    /// Weights of a block, and blocks of a row.
    size: i64,
    count: i64,
}

impl Lowering<'_, '_> {
    pub(super) fn runtime_blocks(&mut self) -> Outcome {
        match self.runtime() {
            "MatMulNBits" => self.product_of_blocks(),
            _ => Ok(None),
        }
    }

    fn blocks(&self) -> Result<Blocks, Stop> {
        let size = |name| self.int(name).filter(|n| (1..=1 << 31).contains(n));
        let told = (size("N"), size("K"), size("block_size"), self.int("bits").unwrap_or(4));
        let (Some(rows), Some(columns), Some(size), bits @ (2 | 4 | 8)) = told else {
            return Err(Self::broken("its N, K, bits and block_size are none"));
        };
        let count = columns.unsigned_abs().div_ceil(size.unsigned_abs());
        Ok(Blocks { rows, columns, bits, size, count: i64::try_from(count).unwrap_or(i64::MAX) })
    }

    fn product_of_blocks(&mut self) -> Outcome {
        let of = self.blocks()?;
        let ((x, elem), codes) = (self.tensor(0)?, self.value(1)?);
        let codes = self.codes(codes, of.bits)?;
        let codes = self.build().reshape(codes, &[of.rows, of.count, of.size])?;
        let mut weights = self.cast_to(codes, Elem::U8, Elem::F32)?;
        let zero = self.zeros_of_blocks(&of)?;
        let scale = self.value(2)?;
        let mut scale = self.build().reshape(scale, &[of.rows, of.count, 1])?;
        let mut zero = self.build().reshape(zero, &[-1, of.count, 1])?;
        if let Some((groups, _)) = self.optional(4) {
            // Each column says to which block it belongs.
            weights = self.row_of_columns(weights, &of)?;
            let axis = self.build().int(1)?;
            for side in [&mut scale, &mut zero] {
                let flat = self.build().reshape(*side, &[-1, of.count])?;
                *side = self.add(Op::Gather { batch_dims: 0 }, &[flat, groups, axis])?;
            }
        }
        weights = self.add(Op::Binary(B::Sub), &[weights, zero])?;
        weights = self.add(Op::Binary(B::Mul), &[weights, scale])?;
        weights = self.row_of_columns(weights, &of)?;
        let mut made = self.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[x, weights])?;
        if let Some((bias, _)) = self.optional(5) {
            made = self.add(Op::Binary(B::Add), &[made, bias])?;
        }
        Self::give(made, elem)
    }

    /// Blocks behind one another, without what fills up the last one.
    fn row_of_columns(&mut self, x: ValueId, of: &Blocks) -> Result<ValueId, Stop> {
        let x = self.build().reshape(x, &[of.rows, -1])?;
        let (begin, size) = (self.build().ints(&[0, 0])?, self.build().ints(&[of.rows, of.columns])?);
        self.add(Op::Slice, &[x, begin, size])
    }

    /// The code of zero in each block, or of all of them.
    fn zeros_of_blocks(&mut self, of: &Blocks) -> Result<ValueId, Stop> {
        match self.optional(3) {
            None => {
                let middle = (1i64 << (of.bits - 1)) as f32;
                let middle = crate::graph::Literal::F32(vec![middle], vec![1, 1]);
                let (middle, all) = (self.build().literal(middle)?, self.build().ints(&[1, of.count])?);
                self.add(Op::BroadcastTo, &[middle, all])
            }
            Some((zero, own)) if own.is_float() => self.cast_to(zero, own, Elem::F32),
            Some((zero, _)) => {
                let codes = self.codes(zero, of.bits)?;
                let codes = self.build().reshape(codes, &[of.rows, -1])?;
                let (begin, size) = (self.build().ints(&[0, 0])?, self.build().ints(&[of.rows, of.count])?);
                let codes = self.add(Op::Slice, &[codes, begin, size])?;
                self.cast_to(codes, Elem::U8, Elem::F32)
            }
        }
    }

    /// The codes in bytes, the first in the lowest bits, along a new last axis.
    fn codes(&mut self, bytes: ValueId, bits: i64) -> Result<ValueId, Stop> {
        if bits == 8 {
            return Ok(bytes);
        }
        let base = self.build().int(1 << bits)?;
        let mut parts = Vec::new();
        for place in 0..8 / bits {
            let below = self.build().int(1 << (place * bits))?;
            let part = self.add(Op::Binary(B::FloorDiv), &[bytes, below])?;
            parts.push(self.add(Op::Binary(B::FloorMod), &[part, base])?);
        }
        self.add(Op::Pack(-1), &parts)
    }
}
