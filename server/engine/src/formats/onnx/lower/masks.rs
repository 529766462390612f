//! What a query may not see: a mask that is given, what comes after it, what is out of its window, what is not filled yet.

use super::attention::Heads;
use super::{Elem, Lowering, Stop};
use crate::graph::{Along, Binary as B, Border, Compare as C, Op, Rare, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    /// Keys before the first query: those of the past, or of a cache that is kept outside, of each batch.
    pub(super) fn offset(&mut self, heads: &Heads) -> Result<ValueId, Stop> {
        if let Some((keys, _)) = self.optional(4) {
            return self.extent(keys, 2);
        }
        let Some((filled, of)) = self.optional(6) else { return Ok(self.build().int(0)?) };
        let filled = self.cast_to(filled, of, Elem::I64)?;
        let filled = self.build().reshape(filled, &[-1, 1, 1, 1])?;
        let queries = self.extent(heads.queries, 2)?;
        self.add(Op::Binary(B::Sub), &[filled, queries])
    }

    /// Scores with what a query may not see at minus infinity.
    pub(super) fn masked(
        &mut self,
        scores: ValueId,
        heads: &Heads,
        offset: ValueId,
    ) -> Result<ValueId, Stop> {
        let mut scores = scores;
        let keys = self.extent(heads.keys, 2)?;
        if let Some((mask, of)) = self.optional(3) {
            scores = self.with_mask(scores, mask, of, keys, heads.elem)?;
        }
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let columns = self.add(Op::Range, &[zero, keys, one])?;
        let queries = self.extent(heads.queries, 2)?;
        let rows = self.add(Op::Range, &[zero, queries, one])?;
        let rows = self.add(Op::ExpandDims, &[rows, one])?;
        let own = self.add(Op::Binary(B::Add), &[rows, offset])?;
        let mut limits = Vec::new();
        if self.flag("is_causal") {
            limits.push((C::LessEqual, 0));
        }
        if let Some(right) = self.int("right_window_size").filter(|n| *n >= 0) {
            limits.push((C::LessEqual, right));
        }
        if let Some(left) = self.int("left_window_size").filter(|n| *n >= 0) {
            limits.push((C::GreaterEqual, -left));
        }
        for (compare, distance) in limits {
            let distance = self.build().int(distance)?;
            let limit = self.add(Op::Binary(B::Add), &[own, distance])?;
            let seen = self.add(Op::Compare(compare), &[columns, limit])?;
            scores = self.hidden(scores, seen, heads.elem)?;
        }
        if let Some((filled, of)) = self.optional(6) {
            let filled = self.cast_to(filled, of, Elem::I64)?;
            let filled = self.build().reshape(filled, &[-1, 1, 1, 1])?;
            let seen = self.add(Op::Compare(C::Less), &[columns, filled])?;
            scores = self.hidden(scores, seen, heads.elem)?;
        }
        Ok(scores)
    }

    /// A mask may be shorter than the keys: what it does not reach is not seen.
    fn with_mask(
        &mut self,
        scores: ValueId,
        mask: ValueId,
        of: Elem,
        keys: ValueId,
        elem: Elem,
    ) -> Result<ValueId, Stop> {
        let reach = self.extent(mask, -1)?;
        let own = self.rank(mask)?;
        let missing = self.add(Op::Binary(B::Sub), &[keys, reach])?;
        let missing = self.build().reshape(missing, &[1])?;
        let zero = self.build().ints(&[0])?;
        let missing = self.add(Op::Binary(B::Max), &[missing, zero])?;
        let pads = self.row(&[zero, missing])?;
        let axes = self.build().ints(&[own as i64 - 1])?;
        let pad = Rare::Along(Along::Pad(Border::Constant));
        if of.kind() == Kind::Bool {
            let fill = self.number(0.0, of)?;
            let mask = self.rare(pad, &[mask, pads, axes, fill])?;
            return self.hidden(scores, mask, elem);
        }
        let fill = self.number(f64::NEG_INFINITY, of)?;
        let mask = self.rare(pad, &[mask, pads, axes, fill])?;
        let mask = self.cast_to(mask, of, elem)?;
        self.add(Op::Binary(B::Add), &[scores, mask])
    }

    pub(super) fn hidden(&mut self, scores: ValueId, seen: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let (nothing, zero) = (self.number(f64::NEG_INFINITY, elem)?, self.number(0.0, elem)?);
        let bias = self.add(Op::Select, &[seen, zero, nothing])?;
        self.add(Op::Binary(B::Add), &[scores, bias])
    }
}
