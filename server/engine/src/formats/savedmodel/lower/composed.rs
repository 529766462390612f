//! Operations that are made of others: losses, dense arrays with sparse ones, histograms.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::graph::{Binary as B, Literal, Masks, Op, Rare, Reduce, Rows, Unary as U, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn composed(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "SoftmaxCrossEntropyWithLogits" => self.cross_entropy(),
            "SparseSoftmaxCrossEntropyWithLogits" => self.cross_entropy_of_classes(),
            "HistogramFixedWidth" => self.histogram(),
            "ApproxTopK" => self.top_k(),
            "NearestNeighbors" => self.nearest_centres(),
            "SparseTensorDenseAdd" => {
                let [indices, values, shape, dense] = self.want(4)?[..4] else { return Ok(None) };
                let scattered = self.add(rare(Rare::ScatterNd), vec![indices, values, shape])?;
                let sum = self.add(Op::Binary(B::Add), vec![scattered, dense])?;
                let sum = self.wrapped(sum)?;
                Self::value(sum)
            }
            "SparseDenseCwiseAdd" => self.sparse_with_dense(B::Add),
            "SparseDenseCwiseDiv" => self.sparse_with_dense(B::Div),
            "SparseDenseCwiseMul" => self.sparse_with_dense(B::Mul),
            _ => Ok(None),
        }
    }

    fn sparse_with_dense(&mut self, op: B) -> Outcome {
        let [indices, values, shape, dense] = self.want(4)?[..4] else { return Ok(None) };
        let dense = self.add(Op::BroadcastTo, vec![dense, shape])?;
        let picked = self.add(rare(Rare::GatherNd), vec![dense, indices])?;
        let made = self.add(Op::Binary(op), vec![values, picked])?;
        let made = self.wrapped(made)?;
        Self::value(made)
    }

    /// Logits, chances → losses, what is to be taken from the logits.
    fn cross_entropy(&mut self) -> Outcome {
        let [logits, chances] = self.want(2)?[..2] else { return Ok(None) };
        let last = self.ints(vec![-1])?;
        let logs = self.add(Op::Softmax { log: true }, vec![logits])?;
        let parts = self.add(Op::Binary(B::Mul), vec![chances, logs])?;
        let sum = self.add(Op::Reduce { kind: Reduce::Sum, keep: false }, vec![parts, last])?;
        self.losses(logits, sum, chances)
    }

    /// Logits, classes → the same.
    fn cross_entropy_of_classes(&mut self) -> Outcome {
        let [logits, classes] = self.want(2)?[..2] else { return Ok(None) };
        let one = Op::Literal(Arc::new(Literal::I64(vec![1], Vec::new())));
        let axis = self.add(one, Vec::new())?;
        let logs = self.add(Op::Softmax { log: true }, vec![logits])?;
        let picked = self.add(Op::Gather { batch_dims: 1 }, vec![logs, classes, axis])?;
        let shape = self.add(Op::Shape, vec![logits])?;
        let (from, to) = (self.ints(vec![1])?, self.ints(vec![2])?);
        let only = Op::StridedSlice(Masks { shrink: 1, ..Masks::default() });
        let depth = self.add(only, vec![shape, from, to, from])?;
        let (on, off) = (self.alike(1.0)?, self.alike(0.0)?);
        let chances = self.add(Op::OneHot(-1), vec![classes, depth, on, off])?;
        self.losses(logits, picked, chances)
    }

    fn losses(&mut self, logits: ValueId, logs: ValueId, chances: ValueId) -> Outcome {
        let losses = self.add(Op::Unary(U::Neg), vec![logs])?;
        let guessed = self.add(Op::Softmax { log: false }, vec![logits])?;
        let back = self.add(Op::Binary(B::Sub), vec![guessed, chances])?;
        Ok(Some(Lowered::Values(vec![Val::Value(losses), Val::Value(back)])))
    }

    /// A number of the node's type.
    pub(super) fn alike(&mut self, number: f32) -> Result<ValueId, EngineError> {
        match self.node.dtype("T") {
            Some(DType::F64) => {
                let wide = Literal::F64(vec![f64::from(number)], Vec::new());
                self.add(Op::Literal(Arc::new(wide)), Vec::new())
            }
            _ => self.float(number),
        }
    }

    /// Values, least and most, number of bins → how many values are in each; those outside are in the first and the last.
    fn histogram(&mut self) -> Outcome {
        let [values, range, bins] = self.want(3)?[..3] else { return Ok(None) };
        let Some(dtype @ (DType::F32 | DType::F64)) = self.node.dtype("T") else {
            return Self::refuse("of numbers that are not floats");
        };
        let (zero, one, flat) = (self.ints(vec![0])?, self.ints(vec![1])?, self.ints(vec![-1])?);
        let two = self.ints(vec![2])?;
        let only = Op::StridedSlice(Masks { shrink: 1, ..Masks::default() });
        let least = self.add(only.clone(), vec![range, zero, one, one])?;
        let most = self.add(only, vec![range, one, two, one])?;
        let count = self.add(Op::Cast(dtype), vec![bins])?;
        let whole = self.add(Op::Binary(B::Sub), vec![most, least])?;
        let width = self.add(Op::Binary(B::Div), vec![whole, count])?;
        let values = self.add(Op::Reshape, vec![values, flat])?;
        let above = self.add(Op::Binary(B::Max), vec![values, least])?;
        let above = self.add(Op::Binary(B::Sub), vec![above, least])?;
        let place = self.add(Op::Binary(B::Div), vec![above, width])?;
        let single = self.alike(1.0)?;
        let last = self.add(Op::Binary(B::Sub), vec![count, single])?;
        let place = self.add(Op::Binary(B::Min), vec![place, last])?;
        let place = self.add(Op::Cast(DType::I64), vec![place])?;
        let weights = self.add(Op::Literal(Arc::new(Literal::F32(Vec::new(), vec![0]))), Vec::new())?;
        let counts =
            self.add(rare(Rare::Rows(Rows::Bincount { binary: false })), vec![place, bins, weights])?;
        self.emit(Op::Cast(self.node.dtype("dtype").unwrap_or(DType::I32)), vec![counts])
    }

    /// Points, centres, how many → the numbers of the nearest centres, and the squares of how far they are.
    fn nearest_centres(&mut self) -> Outcome {
        let [points, centres, count] = self.want(3)?[..3] else { return Ok(None) };
        let (zero, one) = (self.ints(vec![0])?, self.ints(vec![1])?);
        let squares = |lowering: &mut Self, x, keep| {
            let square = lowering.add(Op::Unary(U::Square), vec![x])?;
            lowering.add(Op::Reduce { kind: Reduce::Sum, keep }, vec![square, one])
        };
        let (own, theirs) = (squares(self, points, true)?, squares(self, centres, false)?);
        let product =
            self.add(Op::MatMul { transpose_a: false, transpose_b: true }, vec![points, centres])?;
        let twice = self.add(Op::Binary(B::Add), vec![product, product])?;
        let sum = self.add(Op::Binary(B::Add), vec![own, theirs])?;
        let near = self.add(Op::Binary(B::Sub), vec![twice, sum])?;
        let shape = self.add(Op::Shape, vec![centres])?;
        let only = Op::StridedSlice(Masks { shrink: 1, ..Masks::default() });
        let there = self.add(only, vec![shape, zero, one, one])?;
        let count = self.add(Op::Binary(B::Min), vec![count, there])?;
        let best = self.graph.add_many(Op::TopK, vec![near, count], 2, &self.node.name)?;
        let far = self.add(Op::Unary(U::Neg), vec![best[0]])?;
        Ok(Some(Lowered::Values(vec![Val::Value(best[1]), Val::Value(far)])))
    }

    /// The best of the last axis, all of them looked at.
    fn top_k(&mut self) -> Outcome {
        let x = self.want(1)?[0];
        if self.node.int("reduction_dimension").unwrap_or(-1) != -1 {
            return Self::refuse("along another axis than the last");
        }
        if self.node.attr.contains_key("is_max_k") && !self.node.flag("is_max_k") {
            return Self::refuse("of the least, which TensorFlow does not run on a CPU");
        }
        let k = Op::Literal(Arc::new(Literal::I64(vec![self.node.int("k").unwrap_or(0)], Vec::new())));
        let k = self.add(k, Vec::new())?;
        self.emit_many(Op::TopK, vec![x, k], 2)
    }
}
