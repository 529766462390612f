//! Operations that are seldom met: functions, matrices, what moves by indices.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::{Lowering, Outcome, Val};
use crate::graph::{Binary as B, Coarse, Literal, Masks, Matrix, Node, Op, Pairing as P};
use crate::graph::{Rare, Reduce, Running, Unary, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

impl Lowering<'_> {
    pub(super) fn rare(&mut self) -> Outcome {
        if let Some(function) = self.function() {
            return self.wrapping(1, Rare::Function(function));
        }
        if let Some(pairing) = self.pairing() {
            return self.wrapping(2, Rare::Pairing(pairing));
        }
        if let Some((least, matrix)) = self.matrix() {
            let inputs = self.want(least)?.to_vec();
            let outputs = if matrix == Matrix::LogDeterminant { 2 } else { 1 };
            return self.emit_many(rare(Rare::Matrix(matrix)), inputs, outputs);
        }
        match self.node.op.as_str() {
            "Lu" => return self.permuted_factors(),
            "Betainc" => return self.rarely(3, Rare::IncompleteBeta),
            "Qr" => return self.several(1, Rare::Qr { full: self.node.flag("full_matrices") }, 2),
            "SelfAdjointEigV2" | "BatchSelfAdjointEigV2" => {
                return self.several(1, Rare::Eigen { vectors: self.yes("compute_v") }, 2);
            }
            "Svd" | "BatchSvd" => {
                let vectors = self.yes("compute_uv");
                if vectors && self.node.flag("full_matrices") {
                    return self.singular_bases();
                }
                return self.several(1, Rare::Svd { vectors }, 3);
            }
            _ => {}
        }
        for attempt in [Self::numbers, Self::diagonals, Self::coarse, Self::places, Self::lists] {
            if let Some(lowered) = attempt(self)? {
                return Ok(Some(lowered));
            }
        }
        Ok(None)
    }

    pub(super) fn rarely(&mut self, least: usize, op: Rare) -> Outcome {
        self.simple(least, rare(op))
    }

    /// An operation whose integers may leave their type.
    pub(super) fn wrapping(&mut self, inputs: usize, op: Rare) -> Outcome {
        let inputs = self.want(inputs)?.to_vec();
        let value = self.add(rare(op), inputs)?;
        let value = self.wrapped(value)?;
        Self::value(value)
    }

    /// Integers are computed in 64 bits; those of a narrower type are cut to it.
    pub(super) fn wrapped(&mut self, value: ValueId) -> Result<ValueId, EngineError> {
        use DType as D;
        match self.node.dtype("T") {
            Some(to @ (D::I8 | D::I16 | D::I32 | D::U8 | D::U16 | D::U32)) => {
                self.add(Op::Cast(to), vec![value])
            }
            _ => Ok(value),
        }
    }

    /// The node that makes a value. Values are numbered in the order of the nodes.
    pub(super) fn made_by(&self, value: ValueId) -> Option<&Node> {
        let nodes = &self.graph.nodes;
        let next = nodes.partition_point(|n| n.outputs.first().is_some_and(|o| *o <= value));
        nodes.get(next.checked_sub(1)?).filter(|n| n.outputs.contains(&value))
    }

    /// A constant of the graph.
    pub(super) fn literal(&self, value: ValueId) -> Option<&Literal> {
        match &self.made_by(value)?.op {
            Op::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The integers of a constant.
    pub(super) fn literal_ints(&self, value: ValueId) -> Option<Vec<i64>> {
        match self.literal(value)? {
            Literal::I64(v, _) => Some(v.clone()),
            _ => None,
        }
    }

    pub(super) fn bits(&self) -> u32 {
        match self.node.dtype("T") {
            Some(DType::I8 | DType::U8) => 8,
            Some(DType::I16 | DType::U16) => 16,
            Some(DType::I32 | DType::U32) => 32,
            _ => 64,
        }
    }

    fn pairing(&self) -> Option<P> {
        let float = matches!(self.node.dtype("T"), Some(DType::F16 | DType::BF16 | DType::F32 | DType::F64));
        Some(match self.node.op.as_str() {
            "Atan2" => P::Atan2,
            "BitwiseAnd" => P::BitAnd,
            "BitwiseOr" => P::BitOr,
            "BitwiseXor" => P::BitXor,
            // Of floats the remainder is exact; of integers it is met often, and is no rare operation.
            "FloorMod" if float => P::FloorMod,
            "Igamma" => P::Igamma,
            "Igammac" => P::Igammac,
            "LeftShift" => P::LeftShift(self.bits()),
            "MulNoNan" => P::MulNoNan,
            "NextAfter" => P::NextAfter,
            "Polygamma" => P::Polygamma,
            "RightShift" => P::RightShift(self.bits()),
            "Mod" | "TruncateMod" => P::TruncateMod,
            "Xdivy" => P::Xdivy,
            "Xlog1py" => P::Xlog1py,
            "Xlogy" => P::Xlogy,
            "Zeta" => P::Zeta,
            _ => return None,
        })
    }

    fn matrix(&self) -> Option<(usize, Matrix)> {
        let adjoint = self.node.flag("adjoint");
        Some(match self.node.op.as_str() {
            "Cholesky" | "BatchCholesky" => (1, Matrix::Cholesky),
            "MatrixDeterminant" | "BatchMatrixDeterminant" => (1, Matrix::Determinant),
            "LogMatrixDeterminant" => (1, Matrix::LogDeterminant),
            "MatrixInverse" | "BatchMatrixInverse" => (1, Matrix::Inverse { adjoint }),
            "MatrixSolve" | "BatchMatrixSolve" => (2, Matrix::Solve { adjoint }),
            "MatrixTriangularSolve" | "BatchMatrixTriangularSolve" => {
                let lower = !self.node.attr.contains_key("lower") || self.node.flag("lower");
                (2, Matrix::TriangularSolve { lower, adjoint })
            }
            "MatrixSquareRoot" => (1, Matrix::SquareRoot),
            "MatrixExponential" => (1, Matrix::Exponential),
            "MatrixSolveLs" | "BatchMatrixSolveLs" => {
                (3, Matrix::LeastSquares { weighted: self.yes("fast") })
            }
            "TridiagonalSolve" => (2, Matrix::TridiagonalSolve { pivoting: self.yes("partial_pivoting") }),
            "TridiagonalMatMul" => (4, Matrix::TridiagonalProduct),
            "BandedTriangularSolve" => (2, Matrix::BandedSolve { lower: self.yes("lower"), adjoint }),
            _ => return None,
        })
    }

    /// Both triangles in one matrix, and the order that its rows were brought into.
    fn permuted_factors(&mut self) -> Outcome {
        let x = self.want(1)?[0];
        let both = self.graph.add_many(rare(Rare::Lu), vec![x], 2, &self.node.name)?;
        let rows = self.last_extent(x)?;
        let order = self.add(rare(Rare::PivotOrder), vec![both[1], rows])?;
        Ok(Some(super::Lowered::Values(vec![Val::Value(both[0]), Val::Value(order)])))
    }

    /// Singular values, and vectors that are as many as the space has axes: behind those of the values come any that fit.
    fn singular_bases(&mut self) -> Outcome {
        let x = self.want(1)?[0];
        let made = self.graph.add_many(rare(Rare::Svd { vectors: true }), vec![x], 3, &self.node.name)?;
        let (zero, last) = (self.ints(vec![0])?, self.ints(vec![-1])?);
        let count = self.last_extent(made[0])?;
        let begin = self.add(Op::Concat, vec![zero, count, zero])?;
        let (end, steps) = (self.ints(vec![0, 0])?, self.ints(vec![1, 1])?);
        let behind = Op::StridedSlice(Masks { end: 2, ellipsis: 1, ..Masks::default() });
        let mut all = vec![Val::Value(made[0])];
        for vectors in &made[1..] {
            let whole =
                self.graph.add_many(rare(Rare::Qr { full: true }), vec![*vectors], 2, &self.node.name)?;
            let rest = self.add(behind.clone(), vec![whole[0], begin, end, steps])?;
            all.push(Val::Value(self.add(Op::Concat, vec![*vectors, rest, last])?));
        }
        Ok(Some(super::Lowered::Values(all)))
    }

    /// How long the last axis is, as a row of one number.
    pub(super) fn last_extent(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let shape = self.add(Op::Shape, vec![x])?;
        let (last, zero, one) = (self.ints(vec![-1])?, self.ints(vec![0])?, self.ints(vec![1])?);
        let to_end = Op::StridedSlice(Masks { end: 1, ..Masks::default() });
        self.add(to_end, vec![shape, last, zero, one])
    }

    fn numbers(&mut self) -> Outcome {
        let (exclusive, reverse) = (self.node.flag("exclusive"), self.node.flag("reverse"));
        let running = |kind| Rare::Running { kind, exclusive, reverse };
        match self.node.op.as_str() {
            "ApproximateEqual" => {
                self.rarely(2, Rare::ApproximateEqual(self.node.float("tolerance").unwrap_or(1e-5)))
            }
            "Cumsum" => self.wrapping(2, running(Running::Sum)),
            "Cumprod" => self.wrapping(2, running(Running::Product)),
            "CumulativeLogsumexp" => self.rarely(2, running(Running::LogSumExp)),
            "Einsum" => match self.node.text("equation").map(str::to_owned) {
                Some(equation) => self.einsum(equation),
                None => Self::refuse("without an equation"),
            },
            "EuclideanNorm" => {
                let [x, axes] = self.want(2)?[..2] else { return Ok(None) };
                let keep = self.node.flag("keep_dims");
                let square = self.add(Op::Unary(Unary::Square), vec![x])?;
                let sum = self.add(Op::Reduce { kind: Reduce::Sum, keep }, vec![square, axes])?;
                self.emit(Op::Unary(Unary::Sqrt), vec![sum])
            }
            "L2Loss" => self.half_square(),
            "ClipByValue" => {
                let [x, low, high] = self.want(3)?[..3] else { return Ok(None) };
                let below = self.add(Op::Binary(B::Min), vec![x, high])?;
                self.emit(Op::Binary(B::Max), vec![below, low])
            }
            "Cross" => self.wrapping(2, Rare::Cross),
            "InTopKV2" => self.rarely(3, Rare::InTopK),
            "InTopK" => {
                let mut inputs = self.want(2)?[..2].to_vec();
                inputs.push(self.ints(vec![self.node.int("k").unwrap_or(0)])?);
                self.emit(rare(Rare::InTopK), inputs)
            }
            "TopK" => {
                let mut inputs = self.want(1)?[..1].to_vec();
                inputs.push(self.ints(vec![self.node.int("k").unwrap_or(0)])?);
                self.emit_many(Op::TopK, inputs, 2)
            }
            "NthElement" => self.rarely(2, Rare::NthElement { reverse }),
            "LinSpace" => self.rarely(3, Rare::LinSpace),
            _ => Ok(None),
        }
    }

    fn half_square(&mut self) -> Outcome {
        let x = self.want(1)?[0];
        let flat = self.ints(vec![-1])?;
        let axis = self.ints(vec![0])?;
        let x = self.add(Op::Reshape, vec![x, flat])?;
        let square = self.add(Op::Unary(Unary::Square), vec![x])?;
        let sum = self.add(Op::Reduce { kind: Reduce::Sum, keep: false }, vec![square, axis])?;
        let half = match self.node.dtype("T") {
            Some(DType::F64) => {
                let half = Literal::F64(vec![0.5], Vec::new());
                self.add(Op::Literal(Arc::new(half)), Vec::new())?
            }
            _ => self.float(0.5)?,
        };
        self.emit(Op::Binary(B::Mul), vec![sum, half])
    }

    fn coarse(&mut self) -> Outcome {
        let fake = Rare::FakeQuant {
            bits: self.node.int("num_bits").unwrap_or(8),
            narrow: self.node.flag("narrow_range"),
        };
        match self.node.op.as_str() {
            "FakeQuantWithMinMaxVars" | "FakeQuantWithMinMaxVarsPerChannel" => self.rarely(3, fake),
            "FakeQuantWithMinMaxArgs" => {
                let x = self.want(1)?[0];
                let low = self.float(self.node.float("min").unwrap_or(-6.0))?;
                let high = self.float(self.node.float("max").unwrap_or(6.0))?;
                self.emit(rare(fake), vec![x, low, high])
            }
            "QuantizeAndDequantizeV2" | "QuantizeAndDequantizeV3" | "QuantizeAndDequantizeV4" => {
                let given = self.inputs.get(3).and_then(|bits| self.literal_ints(*bits));
                if self.node.op.ends_with("V3") && given.is_none() {
                    return Self::refuse("a number of bits that is computed");
                }
                let bits = given.and_then(|b| b.first().copied());
                let yes = |name| !self.node.attr.contains_key(name) || self.node.flag(name);
                let how = Coarse {
                    bits: bits.or(self.node.int("num_bits")).unwrap_or(8),
                    narrow: self.node.flag("narrow_range"),
                    signed: yes("signed_input"),
                    range_given: self.node.flag("range_given")
                        || (self.node.op.ends_with("V3") && yes("range_given")),
                    half_up: self.node.text("round_mode") == Some("HALF_UP"),
                    axis: self.node.int("axis").unwrap_or(-1),
                };
                self.rarely(3, Rare::QuantizeDequantize(how))
            }
            "Dequantize" => {
                let signed = match self.node.attribute("T") {
                    Some(Attr::Type(11)) => true,
                    Some(Attr::Type(12)) => false,
                    _ => return Self::refuse("of numbers that are not 8 bits wide"),
                };
                if self.node.int("axis").unwrap_or(-1) != -1 {
                    return Self::refuse("along an axis");
                }
                let scaled = self.node.text("mode") == Some("SCALED");
                self.rarely(3, Rare::Dequantize { signed, scaled })
            }
            _ => Ok(None),
        }
    }

    /// As many values as an operation of several outputs makes.
    pub(super) fn several(&mut self, least: usize, op: Rare, outputs: usize) -> Outcome {
        let inputs = self.want(least)?.to_vec();
        let values = self.graph.add_many(rare(op), inputs, outputs, &self.node.name)?;
        Ok(Some(super::Lowered::Values(values.into_iter().map(Val::Value).collect())))
    }
}

/// The operation of the graph.
pub(super) fn rare(op: Rare) -> Op {
    Op::Rare(Box::new(op))
}
