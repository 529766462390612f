//! Constants, arithmetic, comparisons, reductions, products.

use super::super::attributes::Attributes as _;
use super::super::constants;
use super::super::proto::Attr;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::graph::{Binary as B, Compare as C, Literal, Narrow, Narrowing, Node, Op, PowerRounding, Rare};
use crate::graph::{Reduce as R, Unary as U, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

/// How many values are looked at for one that is no constant.
const MOST_CONSTANTS: usize = 64;

impl Lowering<'_> {
    pub(super) fn math(&mut self) -> Outcome {
        if let Some(unary) = unary(&self.node.op) {
            let x = self.want(1)?[0];
            let y = self.add(Op::Unary(unary), vec![x])?;
            let grows = matches!(unary, U::Abs | U::Neg | U::Square);
            let y = if grows { self.wrapped(y)? } else { y };
            return Self::value(y);
        }
        if let Some(binary) = binary(&self.node.op) {
            return self.pair(binary);
        }
        if let Some(compare) = compare(&self.node.op) {
            return self.simple(2, Op::Compare(compare));
        }
        if let Some(kind) = reduce(&self.node.op) {
            let keep = self.node.flag("keep_dims");
            let inputs = self.want(2)?[..2].to_vec();
            let y = self.add(Op::Reduce { kind, keep }, inputs)?;
            let y = if matches!(kind, R::Sum | R::Prod) { self.wrapped(y)? } else { y };
            return Self::value(y);
        }
        match self.node.op.as_str() {
            "Const" => self.constant(),
            "LeakyRelu" => {
                let alpha = self.node.float("alpha").unwrap_or(0.2);
                self.simple(1, Op::Unary(U::LeakyRelu(alpha)))
            }
            "AddN" | "AccumulateNV2" => self.add_all(),
            "SelectV2" => self.simple(3, Op::Select),
            "Cast" => match (self.node.dtype("DstT"), self.narrow_float()) {
                (Some(dtype), _) => self.simple(1, Op::Cast(dtype)),
                (None, Some(to)) => {
                    let how = Narrowing { to, saturate: false, rounding: PowerRounding::default() };
                    let x = self.want(1)?[0];
                    let x = self.add(Op::Cast(DType::F32), vec![x])?;
                    self.emit(rare(Rare::Narrow(how)), vec![x])
                }
                (None, None) => Self::refuse("cast to a type that is not supported"),
            },
            "MatMul" | "SparseMatMul" => {
                let (transpose_a, transpose_b) =
                    (self.node.flag("transpose_a"), self.node.flag("transpose_b"));
                self.product(transpose_a, transpose_b)
            }
            "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3" => {
                let (transpose_a, transpose_b) = (self.node.flag("adj_x"), self.node.flag("adj_y"));
                self.product(transpose_a, transpose_b)
            }
            "Softmax" => self.simple(1, Op::Softmax { log: false }),
            "LogSoftmax" => self.simple(1, Op::Softmax { log: true }),
            "ArgMax" => self.simple(2, Op::ArgExtreme { max: true }),
            "ArgMin" => self.simple(2, Op::ArgExtreme { max: false }),
            "TopKV2" => {
                let inputs = self.want(2)?.to_vec();
                self.emit_many(Op::TopK, inputs, 2)
            }
            _ => Ok(None),
        }
    }

    /// The float of eight bits that a cast makes.
    fn narrow_float(&self) -> Option<Narrow> {
        match self.node.attribute("DstT")? {
            Attr::Type(24) => Some(Narrow::F8E5M2),
            Attr::Type(25) => Some(Narrow::F8E4M3FN),
            _ => None,
        }
    }

    fn constant(&mut self) -> Outcome {
        let tensor = self.node.tensor("value");
        let tensor = tensor
            .ok_or_else(|| EngineError::broken(format!("constant {:?} has no value", self.node.name)))?;
        match constants::literal(tensor)? {
            Some(literal) => self.emit(Op::Literal(Arc::new(literal)), Vec::new()),
            None => Self::refuse("a constant of a type that is not supported (string, complex)"),
        }
    }

    /// Integers of narrow types wrap. A sum with a small constant is left as it is: it is part of a shape.
    fn pair(&mut self, op: B) -> Outcome {
        let mut inputs = self.want(2)?[..2].to_vec();
        let mut op = op;
        if op == B::Div
            && let Some(inverse) = self.inverse(inputs[0], inputs[1])
        {
            inputs[1] = self.add(Op::Literal(Arc::new(inverse)), Vec::new())?;
            op = B::Mul;
        }
        let small = |v: &ValueId| self.literal_ints(*v).is_some_and(|v| v.iter().all(|n| n.abs() < 1 << 16));
        let wraps = match op {
            B::Add | B::Sub => self.node.dtype("T") != Some(DType::I32) || !inputs.iter().any(small),
            B::Mul | B::Div | B::FloorDiv | B::Pow | B::SquaredDifference => true,
            _ => false,
        };
        let y = self.add(Op::Binary(op), inputs)?;
        let y = if wraps { self.wrapped(y)? } else { y };
        Self::value(y)
    }

    /// What TensorFlow multiplies by instead of dividing by a constant. Pictures that are resized to fit show the difference:
    /// their sizes are rounded down.
    fn inverse(&self, x: ValueId, divisor: ValueId) -> Option<Literal> {
        let float = matches!(self.node.dtype("T"), Some(DType::F32 | DType::F64));
        if !float || !matches!(self.node.op.as_str(), "Div" | "RealDiv") {
            return None;
        }
        let narrow =
            |v: &[f32], shape: &[usize]| Literal::F32(v.iter().map(|v| v.recip()).collect(), shape.to_vec());
        let wide =
            |v: &[f64], shape: &[usize]| Literal::F64(v.iter().map(|v| v.recip()).collect(), shape.to_vec());
        let inverse = match (self.made_by(divisor)?, self.node.dtype("T")?) {
            (Node { op: Op::Literal(literal), .. }, _) => match &**literal {
                Literal::F32(v, shape) => narrow(v, shape),
                Literal::F64(v, shape) => wide(v, shape),
                _ => return None,
            },
            (Node { op: Op::Cast(to), inputs, .. }, kind) if *to == kind => {
                let Literal::I64(v, shape) = self.literal(*inputs.first()?)? else { return None };
                match kind {
                    DType::F32 => narrow(&v.iter().map(|v| *v as f32).collect::<Vec<_>>(), shape),
                    _ => wide(&v.iter().map(|v| *v as f64).collect::<Vec<_>>(), shape),
                }
            }
            _ => return None,
        };
        self.varies(x).then_some(inverse)
    }

    /// Whether a value is made of more than constants. What is looked at is bounded: most values lead to an input soon.
    fn varies(&self, value: ValueId) -> bool {
        let mut open = vec![value];
        for _ in 0..MOST_CONSTANTS {
            let Some(value) = open.pop() else { return false };
            match self.made_by(value) {
                Some(Node { op: Op::Literal(_), .. }) => {}
                Some(node) if !node.inputs.is_empty() => open.extend(&node.inputs),
                _ => return true,
            }
        }
        true
    }

    fn product(&mut self, transpose_a: bool, transpose_b: bool) -> Outcome {
        let inputs = self.want(2)?[..2].to_vec();
        let y = self.add(Op::MatMul { transpose_a, transpose_b }, inputs)?;
        let y = self.wrapped(y)?;
        Self::value(y)
    }

    fn add_all(&mut self) -> Outcome {
        let inputs = self.want(1)?.to_vec();
        let mut sum = inputs[0];
        for input in &inputs[1..] {
            sum = self.add(Op::Binary(B::Add), vec![sum, *input])?;
        }
        let sum = self.wrapped(sum)?;
        Self::value(sum)
    }
}

fn unary(op: &str) -> Option<U> {
    Some(match op {
        "Abs" => U::Abs,
        "Ceil" => U::Ceil,
        "Cos" => U::Cos,
        "Elu" => U::Elu,
        "Erf" => U::Erf,
        "Erfc" => U::Erfc,
        "Exp" => U::Exp,
        "Expm1" => U::Expm1,
        "Tan" => U::Tan,
        "Atan" => U::Atan,
        "Sinh" => U::Sinh,
        "Cosh" => U::Cosh,
        "Floor" => U::Floor,
        "Log" => U::Log,
        "Log1p" => U::Log1p,
        "LogicalNot" => U::LogicalNot,
        "Neg" => U::Neg,
        "OnesLike" => U::OnesLike,
        "Inv" | "Reciprocal" => U::Reciprocal,
        "Relu" => U::Relu,
        "Relu6" => U::Relu6,
        "Rint" | "Round" => U::Round,
        "Rsqrt" => U::Rsqrt,
        "Selu" => U::Selu,
        "Sigmoid" => U::Sigmoid,
        "Sign" => U::Sign,
        "Sin" => U::Sin,
        "Softplus" => U::Softplus,
        "Softsign" => U::Softsign,
        "Sqrt" => U::Sqrt,
        "Square" => U::Square,
        "Tanh" => U::Tanh,
        "ZerosLike" => U::ZerosLike,
        _ => return None,
    })
}

fn binary(op: &str) -> Option<B> {
    Some(match op {
        "Add" | "AddV2" => B::Add,
        "Sub" => B::Sub,
        "Mul" => B::Mul,
        // Of integers: towards zero.
        "Div" | "RealDiv" | "TruncateDiv" => B::Div,
        "FloorDiv" => B::FloorDiv,
        "FloorMod" => B::FloorMod,
        "Maximum" => B::Max,
        "Minimum" => B::Min,
        "Pow" => B::Pow,
        "SquaredDifference" => B::SquaredDifference,
        "DivNoNan" => B::DivNoNan,
        "LogicalAnd" => B::And,
        "LogicalOr" => B::Or,
        _ => return None,
    })
}

fn compare(op: &str) -> Option<C> {
    Some(match op {
        "Equal" => C::Equal,
        "NotEqual" => C::NotEqual,
        "Less" => C::Less,
        "LessEqual" => C::LessEqual,
        "Greater" => C::Greater,
        "GreaterEqual" => C::GreaterEqual,
        _ => return None,
    })
}

fn reduce(op: &str) -> Option<R> {
    Some(match op {
        "Sum" => R::Sum,
        "Mean" => R::Mean,
        "Max" => R::Max,
        "Min" => R::Min,
        "Prod" => R::Prod,
        "All" => R::All,
        "Any" => R::Any,
        _ => return None,
    })
}
