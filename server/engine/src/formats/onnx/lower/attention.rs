//! Attention, written out as products and a softmax: the plan's passes put it together again where it is plain.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Binary as B, Compare as C, Op, Rare, Reduce as R, Unary as U, ValueId};

/// Queries, keys and values `[batch, heads, places, width]`.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub queries: ValueId,
    pub keys: ValueId,
    pub values: ValueId,
    pub elem: Elem,
}

impl Lowering<'_, '_> {
    pub(super) fn attentions(&mut self) -> Outcome {
        match (self.op(), self.node.op_type.as_str()) {
            ("Attention", _) => self.attention(),
            ("", "FlexAttention") if self.node.domain == "ai.onnx.preview" => self.flexible(),
            ("LinearAttention", _) => self.linear_attention(),
            ("RotaryEmbedding", _) => self.rotary(),
            _ => Ok(None),
        }
    }

    fn attention(&mut self) -> Outcome {
        let (q, elem) = self.tensor(0)?;
        let flat = self.rank(q)? == 3;
        let (mut k, (mut v, of)) = (self.value(1)?, self.tensor(2)?);
        let mut q = q;
        if flat {
            let counts = (self.heads("q_num_heads")?, self.heads("kv_num_heads")?);
            q = self.by_heads(q, counts.0)?;
            k = self.by_heads(k, counts.1)?;
            v = self.by_heads(v, counts.1)?;
        }
        let past = self.optional(4).zip(self.optional(5));
        if let Some(((keys, _), (values, _))) = past {
            let axis = self.build().int(2)?;
            k = self.add(Op::Concat, &[keys, k, axis])?;
            v = self.add(Op::Concat, &[values, v, axis])?;
        }
        let present = [Val::Tensor(k, elem), Val::Tensor(v, of)];
        if of != elem {
            v = self.cast_to(v, of, elem)?;
        }
        let heads = self.shared(q, k, v, elem)?;
        let raw = self.scores(&heads)?;
        let cap = self.float("softcap").unwrap_or(0.0);
        let capped = if cap > 0.0 { self.capped(raw, cap, elem)? } else { raw };
        let offset = self.offset(&heads)?;
        let masked = self.masked(capped, &heads, offset)?;
        let guarded = masked != capped;
        let weights = self.weights(masked, guarded, elem)?;
        let mut y =
            self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[weights, heads.values])?;
        if flat {
            y = self.joined_heads(y)?;
        }
        let seen = match self.int("qk_matmul_output_mode").unwrap_or(0) {
            0 => raw,
            1 => capped,
            2 => masked,
            _ => weights,
        };
        let [keys, values] = present;
        Ok(Some(vec![Val::Tensor(y, elem), keys, values, Val::Tensor(seen, elem)]))
    }

    pub(super) fn heads(&self, name: &str) -> Result<i64, Stop> {
        let count = self.int(name).filter(|n| (1..=1 << 16).contains(n));
        count.ok_or_else(|| Self::broken(format!("it has no {name}")))
    }

    /// `[batch, places, heads width]` as `[batch, heads, places, width]`.
    pub(super) fn by_heads(&mut self, x: ValueId, heads: i64) -> Result<ValueId, Stop> {
        let shape = self.add(Op::Shape, &[x])?;
        let outer = self.part(shape, 0, 2)?;
        let inner = self.build().ints(&[heads, -1])?;
        let shape = self.row(&[outer, inner])?;
        let apart = self.add(Op::Reshape, &[x, shape])?;
        Ok(self.build().transpose(apart, &[0, 2, 1, 3])?)
    }

    pub(super) fn joined_heads(&mut self, x: ValueId) -> Result<ValueId, Stop> {
        let turned = self.build().transpose(x, &[0, 2, 1, 3])?;
        let shape = self.add(Op::Shape, &[turned])?;
        let outer = self.part(shape, 0, 2)?;
        let rest = self.build().ints(&[-1])?;
        let shape = self.row(&[outer, rest])?;
        self.add(Op::Reshape, &[turned, shape])
    }

    /// A head of keys and values serves several heads of queries that follow each other.
    fn shared(
        &mut self,
        queries: ValueId,
        keys: ValueId,
        values: ValueId,
        elem: Elem,
    ) -> Result<Heads, Stop> {
        let count = |this: &mut Self, x| this.build().shape(x).and_then(|s| s.get(1).copied().flatten());
        let (many, few) = (count(self, queries), count(self, keys));
        let (Some(many), Some(few)) = (many, few) else {
            return Self::refuse("a number of heads that is not known");
        };
        if few == 0 || many % few != 0 {
            return Err(Self::broken(format!("{many} heads of queries for {few} of keys")));
        }
        let [keys, values] = [keys, values].map(|x| self.repeated(x, (many / few) as i64));
        Ok(Heads { queries, keys: keys?, values: values?, elem })
    }

    fn repeated(&mut self, x: ValueId, times: i64) -> Result<ValueId, Stop> {
        if times == 1 {
            return Ok(x);
        }
        let two = self.build().int(2)?;
        let wide = self.add(Op::ExpandDims, &[x, two])?;
        let repeats = self.build().ints(&[1, 1, times, 1, 1])?;
        let wide = self.add(Op::Tile, &[wide, repeats])?;
        let shape = self.add(Op::Shape, &[x])?;
        let (batch, inner) = (self.part(shape, 0, 1)?, self.part(shape, 2, i64::MAX)?);
        let heads = self.build().ints(&[-1])?;
        let shape = self.row(&[batch, heads, inner])?;
        self.add(Op::Reshape, &[wide, shape])
    }

    pub(super) fn scores(&mut self, heads: &Heads) -> Result<ValueId, Stop> {
        let elem = heads.elem;
        let given = self.float("scale").filter(|s| *s != 0.0);
        let width = self.build().shape(heads.queries).and_then(|s| s.last().copied().flatten());
        let scale = match (given, width) {
            (Some(scale), _) => self.number(f64::from(scale), elem)?,
            (None, Some(width)) => self.number(1.0 / (width as f64).sqrt(), elem)?,
            (None, None) => {
                let shape = self.add(Op::Shape, &[heads.queries])?;
                let width = self.part(shape, -1, i64::MAX)?;
                let width = self.cast_to(width, Elem::I64, elem)?;
                self.add(Op::Unary(U::Rsqrt), &[width])?
            }
        };
        let op = Op::MatMul { transpose_a: false, transpose_b: true };
        let products = self.add(op, &[heads.queries, heads.keys])?;
        self.add(Op::Binary(B::Mul), &[products, scale])
    }

    fn capped(&mut self, x: ValueId, cap: f32, elem: Elem) -> Result<ValueId, Stop> {
        let cap = self.number(f64::from(cap), elem)?;
        let x = self.add(Op::Binary(B::Div), &[x, cap])?;
        let x = self.add(Op::Unary(U::Tanh), &[x])?;
        self.add(Op::Binary(B::Mul), &[x, cap])
    }

    /// The extent of an axis, as a number.
    pub(super) fn extent(&mut self, x: ValueId, axis: i64) -> Result<ValueId, Stop> {
        let shape = self.add(Op::Shape, &[x])?;
        let part = self.part(shape, axis, axis + 1)?;
        Ok(self.build().reshape(part, &[])?)
    }

    /// The softmax; rows of which nothing is seen become zeros.
    pub(super) fn weights(&mut self, scores: ValueId, guarded: bool, elem: Elem) -> Result<ValueId, Stop> {
        let weights = self.add(Op::Softmax { log: false }, &[scores])?;
        if !guarded {
            return Ok(weights);
        }
        let axes = self.build().ints(&[-1])?;
        let largest = self.add(Op::Reduce { kind: R::Max, keep: true }, &[scores, axes])?;
        let (nothing, zero) = (self.number(f64::NEG_INFINITY, elem)?, self.number(0.0, elem)?);
        let sees = self.add(Op::Compare(C::Greater), &[largest, nothing])?;
        self.add(Op::Select, &[sees, weights, zero])
    }

    /// Scores and weights go through graphs of the model's.
    fn flexible(&mut self) -> Outcome {
        let (q, elem) = self.tensor(0)?;
        let (k, v) = (self.value(1)?, self.value(2)?);
        let wide = if elem == Elem::F64 { Elem::F64 } else { Elem::F32 };
        let wide = self.int("softmax_precision").and_then(Elem::of).unwrap_or(wide);
        let heads = self.shared(q, k, v, elem)?;
        let scores = self.scores(&heads)?;
        let scores = self.cast_to(scores, elem, wide)?;
        let scores = self.modified("score_mod", scores, wide)?;
        let weights = self.weights(scores, true, wide)?;
        let weights = self.modified("prob_mod", weights, wide)?;
        let weights = self.cast_to(weights, wide, elem)?;
        let y = self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[weights, heads.values])?;
        Self::give(y, elem)
    }

    fn modified(&mut self, graph: &str, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        if self.attribute(graph).is_none() {
            return Ok(x);
        }
        let graph = self.graph(graph)?;
        let vals = self.context.here(graph, &[Val::Tensor(x, elem)])?;
        match vals.first() {
            Some(Val::Tensor(value, _)) => Ok(*value),
            Some(Val::Unknown) => Self::refuse("its graph has operations that are not supported"),
            _ => Err(Self::broken("its graph has no result")),
        }
    }

    fn linear_attention(&mut self) -> Outcome {
        let (q, elem) = self.tensor(0)?;
        let mut inputs = vec![q, self.value(1)?, self.value(2)?];
        let rule = self.text("update_rule").unwrap_or("gated_delta");
        let (decays, corrects) = match rule {
            "linear" => (false, false),
            "gated" => (true, false),
            "delta" => (false, true),
            "gated_delta" => (true, true),
            other => return Self::refuse(format!("update rule {other:?}")),
        };
        let state = self.optional(3).map(|(state, _)| state);
        inputs.extend(state);
        if decays {
            inputs.push(self.value(4)?);
        }
        if corrects {
            inputs.push(self.value(5)?);
        }
        let heads = |name: &str| Ok::<usize, Stop>(self.heads(name)? as usize);
        let op = crate::graph::LinearAttention {
            queries: heads("q_num_heads")?,
            keys: heads("kv_num_heads")?,
            scale: self.float("scale").filter(|s| *s != 0.0),
            state: state.is_some(),
            decays,
            corrects,
        };
        let made = self.build().add_many(Op::Rare(Box::new(Rare::LinearAttention(op))), &inputs, 2)?;
        let of = self.optional(3).map_or(elem, |(_, of)| of);
        Ok(Some(vec![Val::Tensor(made[0], elem), Val::Tensor(made[1], of)]))
    }
}
