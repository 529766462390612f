//! `com.microsoft`: attention, with its projections or without.

use super::attention::Heads;
use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Compare as C, Op, ValueId};

/// What is added to the scores of places that a mask hides.
const HIDDEN: f32 = -10000.0;

/// The masks of a node, by their inputs.
struct Masks {
    padding: usize,
    bias: usize,
    /// How many keys there were before the first query; none, if nothing is said.
    before: Option<ValueId>,
}

impl Lowering<'_, '_> {
    pub(super) fn runtime_attention(&mut self) -> Outcome {
        match self.runtime() {
            "Attention" => self.projected_attention(),
            "MultiHeadAttention" => self.plain_attention(),
            _ => Ok(None),
        }
    }

    /// Queries, keys and values are one product.
    fn projected_attention(&mut self) -> Outcome {
        if self.flag("do_rotary") || self.flag("past_present_share_buffer") {
            return Self::refuse("turned places, or states that share their memory");
        }
        let ((x, elem), weights) = (self.tensor(0)?, self.value(1)?);
        let count = self.heads("num_heads")?;
        let mut all = self.product(x, weights)?;
        if let Some((bias, _)) = self.optional(2) {
            all = self.add(Op::Binary(B::Add), &[all, bias])?;
        }
        let last = self.build().int(-1)?;
        let parts = match self.ints("qkv_hidden_sizes").filter(|s| !s.is_empty()) {
            Some(sizes) if sizes.len() == 3 => {
                let sizes = self.build().ints(sizes)?;
                self.build().add_many(Op::SplitSizes(3), &[all, sizes, last], 3)?
            }
            Some(_) => return Err(Self::broken("its qkv_hidden_sizes are not three")),
            None => self.build().add_many(Op::Split(3), &[all, last], 3)?,
        };
        let (q, mut k, mut v) = (
            self.by_heads(parts[0], count)?,
            self.by_heads(parts[1], count)?,
            self.by_heads(parts[2], count)?,
        );
        let mut before = None;
        if let Some((past, _)) = self.optional(4) {
            before = Some(self.extent(past, 3)?);
            let both = self.build().add_many(Op::Unpack(0, 2), &[past], 2)?;
            (k, v) = self.behind(both[0], k, both[1], v)?;
        }
        let present = self.add(Op::Pack(0), &[k, v])?;
        let heads = Heads { queries: q, keys: k, values: v, elem };
        let made = self.attended(heads, &Masks { padding: 3, bias: 5, before })?;
        Ok(Some(vec![Val::Tensor(made, elem), Val::Tensor(present, elem)]))
    }

    fn plain_attention(&mut self) -> Outcome {
        let (q, elem) = self.tensor(0)?;
        let count = self.heads("num_heads")?;
        let (Some((k, _)), Some((v, _))) = (self.optional(1), self.optional(2)) else {
            return Self::refuse("queries, keys and values in one value");
        };
        if self.rank(q)? != 3 || self.optional(8).is_some() {
            return Self::refuse("queries, keys and values in one value, or states that share their memory");
        }
        let mut sides = [q, k, v];
        if let Some((bias, _)) = self.optional(3) {
            let zero = self.build().int(0)?;
            let widths: Option<Vec<i64>> = sides
                .iter()
                .map(|s| Some(self.build().shape(*s)?.get(2).copied().flatten()? as i64))
                .collect();
            let widths = widths.ok_or_else(|| Stop::Refused("a width that is not known".to_owned()))?;
            let widths = self.build().ints(&widths)?;
            let parts = self.build().add_many(Op::SplitSizes(3), &[bias, widths, zero], 3)?;
            for (side, part) in sides.iter_mut().zip(parts) {
                *side = self.add(Op::Binary(B::Add), &[*side, part])?;
            }
        }
        let [q, k, v] = sides;
        let queries = self.by_heads(q, count)?;
        // Those of another layer are by heads already.
        let apart = |this: &mut Self, x| if this.rank(x)? == 4 { Ok(x) } else { this.by_heads(x, count) };
        let (mut keys, mut values) = (apart(self, k)?, apart(self, v)?);
        let mut before = None;
        if let (Some((old, _)), Some((older, _))) = (self.optional(6), self.optional(7)) {
            before = Some(self.extent(old, 2)?);
            (keys, values) = self.behind(old, keys, older, values)?;
        }
        let heads = Heads { queries, keys, values, elem };
        let made = self.attended(heads, &Masks { padding: 4, bias: 5, before })?;
        Ok(Some([made, keys, values].map(|v| Val::Tensor(v, elem)).to_vec()))
    }

    /// Keys and values behind those of before.
    fn behind(
        &mut self,
        keys: ValueId,
        key: ValueId,
        values: ValueId,
        value: ValueId,
    ) -> Result<(ValueId, ValueId), Stop> {
        let axis = self.build().int(2)?;
        Ok((self.add(Op::Concat, &[keys, key, axis])?, self.add(Op::Concat, &[values, value, axis])?))
    }

    fn attended(&mut self, heads: Heads, masks: &Masks) -> Result<ValueId, Stop> {
        let elem = heads.elem;
        let mut scores = self.scores(&heads)?;
        if let Some((bias, _)) = self.optional(masks.bias) {
            scores = self.add(Op::Binary(B::Add), &[scores, bias])?;
        }
        if let Some((mask, of)) = self.optional(masks.padding) {
            let seen = self.seen(mask, of, heads.keys)?;
            let hidden = self.float("mask_filter_value").unwrap_or(HIDDEN);
            let (hidden, zero) = (self.number(f64::from(hidden), elem)?, self.number(0.0, elem)?);
            let bias = self.add(Op::Select, &[seen, zero, hidden])?;
            scores = self.add(Op::Binary(B::Add), &[scores, bias])?;
        }
        let causal = self.flag("unidirectional");
        if causal {
            scores = self.without_later(scores, &heads, masks.before)?;
        }
        let weights = self.weights(scores, causal, elem)?;
        let made = Op::MatMul { transpose_a: false, transpose_b: false };
        let made = self.add(made, &[weights, heads.values])?;
        self.joined_heads(made)
    }

    /// Which keys queries may see, `[batch, 1, queries or 1, keys]`, of the forms that a mask has.
    fn seen(&mut self, mask: ValueId, of: Elem, keys: ValueId) -> Result<ValueId, Stop> {
        let mask = self.cast_to(mask, of, Elem::I64)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        if self.rank(mask)? == 1 {
            // How many there are of each row. Longer forms, which say more, do not fit the batch.
            let length = self.extent(keys, 2)?;
            let columns = self.add(Op::Range, &[zero, length, one])?;
            let shape = self.add(Op::Shape, &[keys])?;
            let (batch, rest) = (self.part(shape, 0, 1)?, self.build().ints(&[1, 1, 1])?);
            let shape = self.row(&[batch, rest])?;
            let lengths = self.add(Op::Reshape, &[mask, shape])?;
            return self.add(Op::Compare(C::Less), &[columns, lengths]);
        }
        let wide = match self.rank(mask)? {
            2 => self.unsqueezed(mask, &[1, 2], 2)?,
            3 => self.unsqueezed(mask, &[1], 3)?,
            other => return Self::refuse(format!("a mask of {other} axes")),
        };
        self.add(Op::Compare(C::Greater), &[wide, zero])
    }

    /// Scores with what comes after a query at minus infinity.
    fn without_later(
        &mut self,
        scores: ValueId,
        heads: &Heads,
        before: Option<ValueId>,
    ) -> Result<ValueId, Stop> {
        let (keys, queries) = (self.extent(heads.keys, 2)?, self.extent(heads.queries, 2)?);
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let columns = self.add(Op::Range, &[zero, keys, one])?;
        let rows = self.add(Op::Range, &[zero, queries, one])?;
        let rows = self.add(Op::ExpandDims, &[rows, one])?;
        let own = match before {
            Some(before) => self.add(Op::Binary(B::Add), &[rows, before])?,
            None => rows,
        };
        let seen = self.add(Op::Compare(C::LessEqual), &[columns, own])?;
        self.hidden(scores, seen, heads.elem)
    }
}
