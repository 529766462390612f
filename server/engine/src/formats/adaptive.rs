//! Axes pooled to an extent that does not divide theirs: by what each part is made of.

use super::builder::Builder;
use crate::EngineError;
use crate::graph::{Activation, Literal, Op, ValueId};
use crate::value::Kind;
use std::ops::Range;

/// Places of an axis, and parts of it, that a table is made for.
pub const MOST_PLACES: usize = 4096;

/// The places of one of the parts into which an axis is cut; neighbours may share one.
pub fn part(n: usize, extent: usize, parts: usize) -> Range<usize> {
    n * extent / parts..((n + 1) * extent).div_ceil(parts)
}

impl Builder {
    /// The means of so many parts of an axis of some extent, of numbers of a kind.
    pub fn means_of_parts(
        &mut self,
        x: ValueId,
        kind: Kind,
        axis: usize,
        rank: usize,
        [extent, parts]: [usize; 2],
    ) -> Result<ValueId, EngineError> {
        if extent.max(parts) > MOST_PLACES {
            return Err(EngineError::broken(format!("{extent} places in {parts} parts")));
        }
        let mut shares = vec![0f64; extent * parts];
        for n in 0..parts {
            let part = part(n, extent, parts);
            let share = 1.0 / part.len() as f64;
            part.for_each(|place| shares[place * parts + n] = share);
        }
        let shape = vec![extent, parts];
        let (product, shares) = if kind == Kind::F64 {
            (Op::MatMul { transpose_a: false, transpose_b: false }, Literal::F64(shares, shape))
        } else {
            let shares = shares.into_iter().map(|share| share as f32).collect();
            (Op::Dense(Activation::None), Literal::F32(shares, shape))
        };
        let shares = self.literal(shares)?;
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(axis, rank - 1);
        let moved = self.transpose(x, &order)?;
        let made = self.add(product, &[moved, shares])?;
        self.transpose(made, &order)
    }
}
