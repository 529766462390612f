//! Layers of networks that are no images: normalised rows, dropped values, losses, caches, recurrent layers.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Along, Binary as B, Compare as C, LayerNorm, Op, Rare, Reduce as R, Unary as U, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn networks(&mut self) -> Outcome {
        match self.op() {
            "LayerNormalization" => self.layer_norm(true),
            // The second name is onnxruntime's.
            "RMSNormalization" | "SimplifiedLayerNormalization" => self.layer_norm(false),
            "SwiGLU" => self.swish_gated(),
            "Dropout" => self.dropout(),
            "TensorScatter" => self.tensor_scatter(),
            "NegativeLogLikelihoodLoss" => {
                let logs = self.value(0)?;
                let loss = self.likelihood(logs)?;
                self.same(loss)
            }
            "SoftmaxCrossEntropyLoss" => self.cross_entropy(),
            _ => Ok(None),
        }
    }

    /// Over an axis and all after it.
    fn layer_norm(&mut self, centred: bool) -> Outcome {
        let ((x, elem), scale) = (self.tensor(0)?, self.value(1)?);
        let offset = self.optional(2).map(|(v, _)| v).filter(|_| centred);
        let rank = self.rank(x)?;
        let axis = crate::kernels::axis(self.int("axis").unwrap_or(-1), rank)?;
        let epsilon = self.float("epsilon").unwrap_or(1e-5);
        let vectors: Vec<ValueId> = [scale].into_iter().chain(offset).collect();
        let plain = elem.kind() == Kind::F32
            && axis + 1 == rank
            && self.node.output.len() == 1
            && vectors.iter().all(|v| self.build().rank(*v) == Some(1));
        if plain {
            let op = LayerNorm { axis: -1, epsilon, centred, gamma: true, beta: offset.is_some() };
            let made = self.add(Op::LayerNorm(op), &[&[x], &vectors[..]].concat())?;
            return Self::give(made, elem);
        }
        let axes = self.build().ints(&(axis as i64..rank as i64).collect::<Vec<_>>())?;
        let mean = self.add(Op::Reduce { kind: R::Mean, keep: true }, &[x, axes])?;
        let off = if centred { self.add(Op::Binary(B::Sub), &[x, mean])? } else { x };
        let squares = self.add(Op::Unary(U::Square), &[off])?;
        let variance = self.add(Op::Reduce { kind: R::Mean, keep: true }, &[squares, axes])?;
        let epsilon = self.number(f64::from(epsilon), elem)?;
        let variance = self.add(Op::Binary(B::Add), &[variance, epsilon])?;
        let inverse = self.add(Op::Unary(U::Rsqrt), &[variance])?;
        let mut made = self.add(Op::Binary(B::Mul), &[off, inverse])?;
        made = self.add(Op::Binary(B::Mul), &[made, scale])?;
        if let Some(offset) = offset {
            made = self.add(Op::Binary(B::Add), &[made, offset])?;
        }
        // The statistics are told in `float32`, unless they are only as wide as what comes in.
        let told = if self.int("stash_type") == Some(0) { elem } else { Elem::F32 };
        let (mean, inverse) = (self.cast_to(mean, elem, told)?, self.cast_to(inverse, elem, told)?);
        Ok(Some(vec![Val::Tensor(made, elem), Val::Tensor(mean, told), Val::Tensor(inverse, told)]))
    }

    fn swish_gated(&mut self) -> Outcome {
        let ((gate, elem), x) = (self.tensor(0)?, self.value(1)?);
        let alpha = self.number(f64::from(self.float("alpha").unwrap_or(1.0)), elem)?;
        let inner = self.add(Op::Binary(B::Mul), &[gate, alpha])?;
        let inner = self.add(Op::Unary(U::Sigmoid), &[inner])?;
        let swish = self.add(Op::Binary(B::Mul), &[gate, inner])?;
        let made = self.add(Op::Binary(B::Mul), &[swish, x])?;
        Self::give(made, elem)
    }

    /// What is served drops nothing.
    fn dropout(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let ratio = self.optional(1).map(|(v, _)| v).and_then(|v| self.build().constant(v).cloned());
        let nothing = matches!(&ratio, Some(crate::graph::Literal::F32(v, _)) if v[..] == [0.0]);
        let trains = self.optional(2).map(|(v, _)| v).map(|v| self.build().constant(v).cloned());
        let off = match trains {
            None => true,
            Some(Some(crate::graph::Literal::Bool(v, _))) => v[..] == [0],
            Some(_) => false,
        };
        if !off && !nothing {
            return Self::refuse("it trains: what is served drops nothing; export it for inference");
        }
        let shape = self.add(Op::Shape, &[x])?;
        // Before version 10 it is no truth, and not filled.
        let (kept, of) = if self.version < 10 { (0.0, elem) } else { (1.0, Elem::BOOL) };
        let kept = self.number(kept, of)?;
        let mask = self.add(Op::Fill, &[shape, kept])?;
        Ok(Some(vec![Val::Tensor(x, elem), Val::Tensor(mask, of)]))
    }

    fn tensor_scatter(&mut self) -> Outcome {
        let ((cache, elem), update) = (self.tensor(0)?, self.value(1)?);
        let places = match self.optional(2) {
            Some((places, _)) => places,
            None => self.build().ints(&[0])?,
        };
        let circular = self.text("mode") == Some("circular");
        let axis = self.int("axis").unwrap_or(-2);
        let made = self.rare(Rare::Along(Along::Overlay { axis, circular }), &[cache, update, places])?;
        Self::give(made, elem)
    }

    fn cross_entropy(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let rank = self.rank(x)?;
        if rank < 2 {
            return Err(Self::broken("its scores have no axis of classes"));
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(1, rank - 1);
        let turned = self.build().transpose(x, &order)?;
        let logs = self.add(Op::Softmax { log: true }, &[turned])?;
        let logs = self.build().transpose(logs, &order)?;
        let loss = self.likelihood(logs)?;
        Ok(Some(vec![Val::Tensor(loss, elem), Val::Tensor(logs, elem)]))
    }

    /// Minus the logarithm of each target's chance, weighed.
    fn likelihood(&mut self, logs: ValueId) -> Result<ValueId, Stop> {
        let (elem, (target, of)) = (self.elem()?, self.tensor(1)?);
        let target = self.cast_to(target, of, Elem::I64)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let (nothing, unit) = (self.number(0.0, elem)?, self.number(1.0, elem)?);
        let kept = match self.int("ignore_index") {
            Some(ignored) => {
                let ignored = self.build().int(ignored)?;
                Some(self.add(Op::Compare(C::NotEqual), &[target, ignored])?)
            }
            None => None,
        };
        let target = match kept {
            Some(kept) => self.add(Op::Select, &[kept, target, zero])?,
            None => target,
        };
        let wide = self.add(Op::ExpandDims, &[target, one])?;
        let picked = self.rare(Rare::Along(Along::GatherElements { axis: 1 }), &[logs, wide])?;
        let picked = self.add(Op::Squeeze(vec![1]), &[picked])?;
        let loss = self.add(Op::Unary(U::Neg), &[picked])?;
        let mut weights = match self.optional(2) {
            Some((weights, _)) => self.add(Op::Gather { batch_dims: 0 }, &[weights, target, zero])?,
            None => {
                let shape = self.add(Op::Shape, &[target])?;
                self.add(Op::Fill, &[shape, unit])?
            }
        };
        if let Some(kept) = kept {
            weights = self.add(Op::Select, &[kept, weights, nothing])?;
        }
        let loss = self.add(Op::Binary(B::Mul), &[loss, weights])?;
        let all = |this: &mut Self, x| {
            let rank = this.add(Op::Rank, &[x])?;
            let axes = this.add(Op::Range, &[zero, rank, one])?;
            this.add(Op::Reduce { kind: R::Sum, keep: false }, &[x, axes])
        };
        match self.text("reduction") {
            Some("none") => Ok(loss),
            Some("sum") => all(self, loss),
            _ => {
                let (sum, weights) = (all(self, loss)?, all(self, weights)?);
                self.add(Op::Binary(B::Div), &[sum, weights])
            }
        }
    }
}
