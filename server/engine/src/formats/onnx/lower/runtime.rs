//! `com.microsoft`: what onnxruntime's optimiser and quantiser write into models, as far as it is well defined and common.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Activation, Binary as B, LayerNorm, Op, Unary as U, ValueId};
use crate::value::Kind;

/// Operators that are those of the default domain by the same name.
const ALIKE: &[&str] = &["DequantizeLinear", "GatherND", "GridSample", "QuantizeLinear", "Trilu"];
/// The factor of `QuickGelu` where nothing is said.
const QUICK: f32 = 1.702;

impl Lowering<'_, '_> {
    /// The operator's name, if its domain is onnxruntime's.
    pub(super) fn runtime(&self) -> &str {
        if self.node.domain == "com.microsoft" { &self.node.op_type } else { "" }
    }

    pub(super) fn runtimes(&mut self) -> Outcome {
        match self.runtime() {
            "Gelu" => self.gelu(Activation::Gelu, None),
            "BiasGelu" => self.gelu(Activation::Gelu, Some(1)),
            "FastGelu" => self.gelu(Activation::GeluTanh, Some(1)),
            "QuickGelu" => {
                let (x, elem) = self.tensor(0)?;
                let factor = self.number(f64::from(self.float("alpha").unwrap_or(QUICK)), elem)?;
                let inner = self.build().binary(B::Mul, x, factor)?;
                let gate = self.build().elementwise(Op::Unary(U::Sigmoid), &[inner])?;
                let made = self.build().binary(B::Mul, x, gate)?;
                Self::give(made, elem)
            }
            "FusedMatMul" | "TransposeMatMul" => self.turned_product(),
            "FusedGemm" => self.activated_layer("Gemm", 3),
            "FusedConv" => self.activated_layer("Conv", 3),
            "SkipLayerNormalization" => self.after_sum(true),
            "SkipSimplifiedLayerNormalization" => self.after_sum(false),
            "EmbedLayerNormalization" => self.embedded(),
            "RotaryEmbedding" => self.turned_by_place(),
            op if ALIKE.contains(&op) => {
                let (op, inputs) = (op.to_owned(), self.inputs.clone());
                self.as_usual(&op, inputs).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The version of the default domain.
    pub(super) fn usual_version(&self) -> i64 {
        self.context.versions.last().and_then(|v| v.get("")).copied().unwrap_or(1)
    }

    /// What an operator of the default domain makes of values, with this node's attributes.
    pub(super) fn as_usual(&mut self, op: &str, inputs: Vec<Val>) -> Result<Vec<Val>, Stop> {
        let version = self.usual_version();
        self.as_version(op, inputs, version)
    }

    pub(super) fn as_version(&mut self, op: &str, inputs: Vec<Val>, version: i64) -> Result<Vec<Val>, Stop> {
        let mut node = self.node.clone();
        (node.domain, node.op_type) = (String::new(), op.to_owned());
        Lowering::new(self.context, &node, inputs, version).run()
    }

    /// The only result of an operator of the default domain.
    pub(super) fn usual_tensor(&mut self, op: &str, inputs: Vec<Val>) -> Result<(ValueId, Elem), Stop> {
        let made = self.as_usual(op, inputs)?;
        made.first().and_then(|v| v.tensor()).ok_or_else(|| Self::broken("it makes no tensor"))
    }

    /// Of a value, and what is added to it before.
    fn gelu(&mut self, kind: Activation, bias: Option<usize>) -> Outcome {
        let (mut x, elem) = self.tensor(0)?;
        if let Some((bias, _)) = bias.and_then(|n| self.optional(n)) {
            x = self.build().binary(B::Add, x, bias)?;
        }
        let made = self.build().elementwise(Op::Activate(kind), &[x])?;
        Self::give(made, elem)
    }

    fn turned_product(&mut self) -> Outcome {
        let ((a, elem), b) = (self.tensor(0)?, self.value(1)?);
        let (a, b) = (self.batches_first(a, "transBatchA")?, self.batches_first(b, "transBatchB")?);
        let made = match (self.flag("transA"), self.flag("transB")) {
            (false, false) => self.product(a, b)?,
            (transpose_a, transpose_b) => self.add(Op::MatMul { transpose_a, transpose_b }, &[a, b])?,
        };
        let made = self.scaled(made, "alpha", elem)?;
        Self::give(made, elem)
    }

    /// A matrix whose rows are the first axis, before those of the batch, as one of which they come after these.
    fn batches_first(&mut self, x: ValueId, attribute: &str) -> Result<ValueId, Stop> {
        if !self.flag(attribute) {
            return Ok(x);
        }
        let rank = self.rank(x)?;
        if rank < 3 {
            return Err(Self::broken(format!("{attribute} of a value without a batch")));
        }
        let order: Vec<usize> = (1..rank - 1).chain([0, rank - 1]).collect();
        Ok(self.build().transpose(x, &order)?)
    }

    /// A layer, another value that is added to what it makes, and an activation.
    fn activated_layer(&mut self, op: &str, inputs: usize) -> Outcome {
        let more = self.optional(inputs);
        let own = self.inputs.iter().take(inputs).copied().collect();
        let (mut made, elem) = self.usual_tensor(op, own)?;
        if let Some((more, _)) = more {
            made = self.build().binary(B::Add, made, more)?;
        }
        let made = self.activated_by_name(made, elem)?;
        Self::give(made, elem)
    }

    /// An activation that is named, with numbers of its own.
    fn activated_by_name(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let params = self.floats("activation_params").unwrap_or_default();
        let param = |n: usize, name: &str| params.get(n).copied().or(self.float(name));
        let (alpha, beta) = (param(0, "activation_alpha"), param(1, "activation_beta"));
        let simple = |this: &mut Self, op| Ok(this.build().elementwise(Op::Unary(op), &[x])?);
        match self.text("activation").unwrap_or_default() {
            "" => Ok(x),
            "Relu" => simple(self, U::Relu),
            "Tanh" => simple(self, U::Tanh),
            "Sigmoid" => simple(self, U::Sigmoid),
            "LeakyRelu" => simple(self, U::LeakyRelu(alpha.unwrap_or(0.01))),
            "HardSigmoid" => self.hard_sigmoid(x, alpha.unwrap_or(0.2), beta.unwrap_or(0.5)),
            "Clip" => {
                let mut made = x;
                for (limit, op) in [(alpha, B::Max), (beta, B::Min)] {
                    if let Some(limit) = limit {
                        let limit = self.number(f64::from(limit), elem)?;
                        made = self.build().binary(op, made, limit)?;
                    }
                }
                Ok(made)
            }
            other => Self::refuse(format!("activation {other:?}")),
        }
    }

    /// Rows by their mean and spread, with a scale and an offset along the last axis.
    fn normalised_rows(
        &mut self,
        x: ValueId,
        elem: Elem,
        [scale, offset]: [Option<ValueId>; 2],
        centred: bool,
    ) -> Result<ValueId, Stop> {
        if elem.kind() != Kind::F32 {
            return Self::refuse("of float64");
        }
        let epsilon = self.float("epsilon").unwrap_or(1e-12);
        let op = LayerNorm { axis: -1, epsilon, centred, gamma: scale.is_some(), beta: offset.is_some() };
        let inputs: Vec<ValueId> = [Some(x), scale, offset].into_iter().flatten().collect();
        self.add(Op::LayerNorm(op), &inputs)
    }

    /// Results by their places, the others of which nobody may read.
    fn places_of(&self, all: &[Option<Val>]) -> Outcome {
        let read = |n: usize| self.node.output.get(n).is_some_and(|o| !o.is_empty());
        match (0..all.len()).find(|n| read(*n) && all[*n].is_none()) {
            Some(n) => Self::refuse(format!("its result {n} is for training")),
            None => Ok(Some(all.iter().map(|v| v.unwrap_or(Val::Absent)).collect())),
        }
    }

    fn after_sum(&mut self, centred: bool) -> Outcome {
        let ((x, elem), skip) = (self.tensor(0)?, self.value(1)?);
        let scale = Some(self.value(2)?);
        let optional = |this: &Self, n| this.optional(n).map(|(v, _)| v);
        let (offset, bias) =
            if centred { (optional(self, 3), optional(self, 4)) } else { (None, optional(self, 3)) };
        let mut sum = self.add(Op::Binary(B::Add), &[x, skip])?;
        if let Some(bias) = bias {
            sum = self.add(Op::Binary(B::Add), &[sum, bias])?;
        }
        let made = self.normalised_rows(sum, elem, [scale, offset], centred)?;
        self.places_of(&[Some(Val::Tensor(made, elem)), None, None, Some(Val::Tensor(sum, elem))])
    }

    /// Words, their places and their segments, looked up and added, then normalised.
    fn embedded(&mut self) -> Outcome {
        let (ids, (words, elem), places) = (self.value(0)?, self.tensor(2)?, self.value(3)?);
        let zero = self.build().int(0)?;
        let look = |this: &mut Self, table, at| this.add(Op::Gather { batch_dims: 0 }, &[table, at, zero]);
        let mut sum = look(self, words, ids)?;
        let at = match self.optional(8) {
            Some((at, _)) => at,
            None => {
                let (length, one) = (self.extent(ids, 1)?, self.build().int(1)?);
                self.add(Op::Range, &[zero, length, one])?
            }
        };
        let placed = look(self, places, at)?;
        sum = self.add(Op::Binary(B::Add), &[sum, placed])?;
        if let (Some((segments, _)), Some((table, _))) = (self.optional(1), self.optional(4)) {
            let of_segment = look(self, table, segments)?;
            sum = self.add(Op::Binary(B::Add), &[sum, of_segment])?;
        }
        let (scale, offset) = (self.value(5)?, self.value(6)?);
        let made = self.normalised_rows(sum, elem, [Some(scale), Some(offset)], true)?;
        let lengths = self.lengths(ids)?;
        self.places_of(&[
            Some(Val::Tensor(made, elem)),
            Some(Val::Tensor(lengths, Elem::I32)),
            Some(Val::Tensor(sum, elem)),
        ])
    }

    /// How many places of each row the mask says are there; none of them, if there is no mask.
    fn lengths(&mut self, ids: ValueId) -> Result<ValueId, Stop> {
        let mask = match self.optional(7) {
            Some((mask, _)) => mask,
            None => self.add(Op::Binary(B::Sub), &[ids, ids])?,
        };
        let axis = self.build().ints(&[1])?;
        self.add(Op::Reduce { kind: crate::graph::Reduce::Sum, keep: false }, &[mask, axis])
    }

    /// The default domain's operator takes its inputs in another order.
    fn turned_by_place(&mut self) -> Outcome {
        if self.flag("is_packed_batching") || self.float("scale").is_some_and(|s| s != 1.0) {
            return Self::refuse("packed batches, or a scale");
        }
        let (x, places) = (self.value(0)?, self.value(1)?);
        if self.rank(places)? != 2 {
            return Self::refuse("places that are not told for each row");
        }
        let mut node = self.node.clone();
        (node.domain, node.op_type) = (String::new(), "RotaryEmbedding".to_owned());
        if self.rank(x)? == 3 && self.int("num_heads").unwrap_or(0) == 0 {
            let last = |this: &mut Self, v| this.build().shape(v).and_then(|s| s.last().copied().flatten());
            let cosines = self.value(2)?;
            let heads = match (last(self, x), last(self, cosines)) {
                (Some(width), Some(half @ 1..)) => (width / 2 / half) as i64,
                _ => return Self::refuse("a width of heads that is not known"),
            };
            node.attribute.retain(|a| a.name != "num_heads");
            node.attribute.push(super::Attribute {
                name: "num_heads".to_owned(),
                i: heads,
                ..Default::default()
            });
        }
        let order = [0, 2, 3, 1].map(|n| self.val(n));
        Lowering::new(self.context, &node, order.to_vec(), self.version).run().map(Some)
    }
}
