//! Complex numbers, which are pairs along a last axis: what moves elements does so with both numbers alike, and the rest is made of reals.

use super::super::attributes::Attributes as _;
use super::super::constants;
use super::super::proto::{Attr, NodeDef, TensorProto};
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::EngineError;
use crate::graph::{Binary as B, Compare, Literal, Op, Rare, Spectrum, Unary as U, ValueId};
use std::sync::Arc;

/// TensorFlow's numbers of the complex types, and of the reals that they are made of.
const COMPLEX: [(i32, i32); 2] = [(8, 1), (18, 2)];

/// A constant may have so many pairs.
const MOST_PAIRS: usize = 1 << 24;

fn real_of(number: i32) -> Option<i32> {
    COMPLEX.iter().find(|(complex, _)| *complex == number % 100).map(|(_, real)| *real)
}

/// Whether a node has to do with complex numbers.
pub fn is_complex(node: &NodeDef) -> bool {
    let complex = |attr: &Attr| matches!(attr, Attr::Type(t) if real_of(*t).is_some());
    node.attr.values().filter_map(|a| a.value.as_ref()).any(complex)
}

/// The same node for reals.
fn of_reals(node: &NodeDef) -> NodeDef {
    let mut node = node.clone();
    for attr in node.attr.values_mut() {
        if let Some(Attr::Type(t)) = &mut attr.value
            && let Some(real) = real_of(*t)
        {
            *t = real;
        }
    }
    node
}

/// Real and imaginary parts.
type Parts = [ValueId; 2];

impl Lowering<'_> {
    pub(super) fn complex(&mut self) -> Outcome {
        let count = self.inputs.len();
        match self.node.op.as_str() {
            "Const" => self.complex_constant(),
            "Cast" => self.cast_complex(),
            "Shape" | "Size" | "Rank" => {
                let x = self.want(1)?[0];
                let [real, _] = self.parts(x)?;
                self.again(vec![real]).map(Some)
            }
            "Reshape" | "Transpose" | "StridedSlice" | "Slice" | "ExpandDims" | "Squeeze" | "Tile"
            | "ReverseV2" | "Roll" | "Gather" | "GatherV2" | "GatherNd" | "BroadcastTo" | "Unpack"
            | "SplitV" | "Pad" | "MirrorPad" | "Sum" | "Mean" | "Neg" | "ZerosLike" | "EnsureShape"
            | "MatrixBandPart" | "MatrixDiag" | "MatrixDiagPart" | "Cumsum" | "UnsortedSegmentSum"
            | "SegmentSum" | "Identity" => self.apiece(|n| n == 0),
            "Split" | "Concat" | "Select" | "SelectV2" => self.apiece(|n| n > 0),
            "ConcatV2" => self.apiece(|n| n + 1 < count),
            "Fill" | "ScatterNd" => self.apiece(|n| n == 1),
            "PadV2" | "MatrixDiagV2" | "MatrixDiagV3" => self.apiece(|n| n == 0 || n + 1 == count),
            "Pack" | "Add" | "AddV2" | "Sub" | "AddN" => self.apiece(|_| true),
            "ConjugateTranspose" => {
                let [x, order] = self.want(2)?[..2] else { return Ok(None) };
                let turned = self.conjugate(x)?;
                let [real, imaginary] = self.parts(turned)?;
                let parts = [real, imaginary].map(|part| self.add(Op::Transpose, vec![part, order]));
                let [real, imaginary] = parts;
                self.of_parts([real?, imaginary?])
            }
            _ => self.complex_arithmetic(),
        }
    }

    fn complex_arithmetic(&mut self) -> Outcome {
        let (adjoint_a, adjoint_b) = (self.node.flag("adj_x"), self.node.flag("adj_y"));
        match self.node.op.as_str() {
            "Mul" => self.products(&Op::Binary(B::Mul), [false; 2]),
            "Einsum" if self.inputs.len() == 1 => self.apiece(|_| true),
            "Einsum" => match self.node.text("equation").map(str::to_owned) {
                Some(equation) => self.products(&rare(Rare::Einsum(equation)), [false; 2]),
                None => Self::refuse("without an equation"),
            },
            "MatMul" => {
                let (transpose_a, transpose_b) =
                    (self.node.flag("transpose_a"), self.node.flag("transpose_b"));
                self.products(&Op::MatMul { transpose_a, transpose_b }, [false; 2])
            }
            "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3" => {
                let op = Op::MatMul { transpose_a: adjoint_a, transpose_b: adjoint_b };
                self.products(&op, [adjoint_a, adjoint_b])
            }
            "Square" => {
                let x = self.want(1)?[0];
                self.inputs = vec![x, x];
                self.products(&Op::Binary(B::Mul), [false; 2])
            }
            "Div" | "RealDiv" => {
                let [x, y] = self.want(2)?[..2] else { return Ok(None) };
                let inverse = self.reciprocal(y)?;
                self.inputs = vec![x, inverse];
                self.products(&Op::Binary(B::Mul), [false; 2])
            }
            "Reciprocal" | "Inv" => {
                let x = self.want(1)?[0];
                let inverse = self.reciprocal(x)?;
                Self::value(inverse)
            }
            "Exp" => {
                let x = self.want(1)?[0];
                let [real, angle] = self.parts(x)?;
                let size = self.add(Op::Unary(U::Exp), vec![real])?;
                self.polar(size, angle)
            }
            "Log" => {
                let (size, angle) = self.size_and_angle()?;
                let log = self.add(Op::Unary(U::Log), vec![size])?;
                self.of_parts([log, angle])
            }
            "Sqrt" => {
                let (size, angle) = self.size_and_angle()?;
                let size = self.add(Op::Unary(U::Sqrt), vec![size])?;
                let half = self.half()?;
                let angle = self.add(Op::Binary(B::Mul), vec![angle, half])?;
                self.polar(size, angle)
            }
            "Equal" | "NotEqual" => self.compared(),
            "OnesLike" => {
                let x = self.want(1)?[0];
                let [real, imaginary] = self.parts(x)?;
                let one = self.add(Op::Unary(U::OnesLike), vec![real])?;
                let nothing = self.add(Op::Unary(U::ZerosLike), vec![imaginary])?;
                self.of_parts([one, nothing])
            }
            _ => Self::refuse("of complex numbers"),
        }
    }

    /// Real and imaginary parts, of which one may be spread to the other.
    pub(super) fn broadcast_parts(&mut self) -> Outcome {
        let [real, imaginary] = self.want(2)?[..2] else { return Ok(None) };
        let mut choice = |which| {
            let choice =
                self.add(Op::Literal(Arc::new(Literal::Bool(vec![which], Vec::new()))), Vec::new())?;
            self.add(Op::Select, vec![choice, real, imaginary])
        };
        let parts = [choice(1)?, choice(0)?];
        self.of_parts(parts)
    }

    fn parts(&mut self, pairs: ValueId) -> Result<Parts, EngineError> {
        let mut part = |of| self.add(rare(Rare::Spectrum(of)), vec![pairs]);
        Ok([part(Spectrum::Real)?, part(Spectrum::Imaginary)?])
    }

    fn of_parts(&mut self, parts: Parts) -> Outcome {
        self.emit(Op::Pack(-1), parts.to_vec())
    }

    fn conjugate(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        self.add(rare(Rare::Spectrum(Spectrum::Conjugate)), vec![x])
    }

    /// The node on other inputs, of reals.
    fn again(&mut self, inputs: Vec<ValueId>) -> Result<Lowered, EngineError> {
        let inputs: Vec<Val> = inputs.into_iter().map(Val::Value).collect();
        super::lower(self.graph, &of_reals(self.node), &inputs)
    }

    /// The node on the real and on the imaginary parts of those inputs that are complex.
    fn apiece(&mut self, is_complex: impl Fn(usize) -> bool) -> Outcome {
        let (mut reals, mut imaginaries) = (self.inputs.clone(), self.inputs.clone());
        for n in (0..self.inputs.len()).filter(|n| is_complex(*n)) {
            [reals[n], imaginaries[n]] = self.parts(self.inputs[n])?;
        }
        let (reals, imaginaries) = match (self.again(reals)?, self.again(imaginaries)?) {
            (Lowered::Values(reals), Lowered::Values(imaginaries)) => (reals, imaginaries),
            (Lowered::Unsupported(why), _) | (_, Lowered::Unsupported(why)) => {
                return Ok(Some(Lowered::Unsupported(why.or(Some("of complex numbers".to_owned())))));
            }
        };
        let mut made = Vec::new();
        for (real, imaginary) in reals.iter().zip(&imaginaries) {
            let (Some(real), Some(imaginary)) = (real.value(), imaginary.value()) else { return Ok(None) };
            made.push(Val::Value(self.add(Op::Pack(-1), vec![real, imaginary])?));
        }
        Ok(Some(Lowered::Values(made)))
    }

    /// Any kind of product of two inputs, of which either may be conjugated first.
    fn products(&mut self, op: &Op, conjugated: [bool; 2]) -> Outcome {
        let mut both = [self.want(2)?[0], self.inputs[1]];
        for (x, conjugated) in both.iter_mut().zip(conjugated) {
            if conjugated {
                *x = self.conjugate(*x)?;
            }
        }
        let ([a, b], [c, d]) = (self.parts(both[0])?, self.parts(both[1])?);
        let mut times = |x, y| self.add(op.clone(), vec![x, y]);
        let (ac, bd, ad, bc) = (times(a, c)?, times(b, d)?, times(a, d)?, times(b, c)?);
        let real = self.add(Op::Binary(B::Sub), vec![ac, bd])?;
        let imaginary = self.add(Op::Binary(B::Add), vec![ad, bc])?;
        self.of_parts([real, imaginary])
    }

    fn reciprocal(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let turned = self.conjugate(x)?;
        let [real, imaginary] = self.parts(turned)?;
        let squares = [real, imaginary].map(|part| self.add(Op::Unary(U::Square), vec![part]));
        let [a, b] = squares;
        let size = self.add(Op::Binary(B::Add), vec![a?, b?])?;
        let real = self.add(Op::Binary(B::Div), vec![real, size])?;
        let imaginary = self.add(Op::Binary(B::Div), vec![imaginary, size])?;
        self.add(Op::Pack(-1), vec![real, imaginary])
    }

    fn size_and_angle(&mut self) -> Result<(ValueId, ValueId), EngineError> {
        let x = self.want(1)?[0];
        let size = self.add(rare(Rare::Spectrum(Spectrum::Magnitude)), vec![x])?;
        Ok((size, self.add(rare(Rare::Spectrum(Spectrum::Angle)), vec![x])?))
    }

    fn polar(&mut self, size: ValueId, angle: ValueId) -> Outcome {
        let (cosine, sine) =
            (self.add(Op::Unary(U::Cos), vec![angle])?, self.add(Op::Unary(U::Sin), vec![angle])?);
        let real = self.add(Op::Binary(B::Mul), vec![size, cosine])?;
        let imaginary = self.add(Op::Binary(B::Mul), vec![size, sine])?;
        self.of_parts([real, imaginary])
    }

    fn half(&mut self) -> Result<ValueId, EngineError> {
        let wide = matches!(self.node.attribute("T"), Some(Attr::Type(t)) if t % 100 == COMPLEX[1].0);
        let half =
            if wide { Literal::F64(vec![0.5], Vec::new()) } else { Literal::F32(vec![0.5], Vec::new()) };
        self.add(Op::Literal(Arc::new(half)), Vec::new())
    }

    /// Pairs are equal if both of their numbers are.
    fn compared(&mut self) -> Outcome {
        let [x, y] = self.want(2)?[..2] else { return Ok(None) };
        let ([a, b], [c, d]) = (self.parts(x)?, self.parts(y)?);
        let (compare, both) =
            if self.node.op == "Equal" { (Compare::Equal, B::And) } else { (Compare::NotEqual, B::Or) };
        let real = self.add(Op::Compare(compare), vec![a, c])?;
        let imaginary = self.add(Op::Compare(compare), vec![b, d])?;
        self.emit(Op::Binary(both), vec![real, imaginary])
    }

    fn complex_constant(&mut self) -> Outcome {
        let tensor = self.node.tensor("value");
        let tensor = tensor
            .ok_or_else(|| EngineError::broken(format!("constant {:?} has no value", self.node.name)))?;
        match pairs(tensor).map(|tensor| constants::literal(&tensor)).transpose()?.flatten() {
            Some(literal) => self.emit(Op::Literal(Arc::new(literal)), Vec::new()),
            None => Self::refuse("a constant of too many complex numbers"),
        }
    }

    fn cast_complex(&mut self) -> Outcome {
        let x = self.want(1)?[0];
        let number = |name| match self.node.attribute(name) {
            Some(Attr::Type(t)) => Some(*t),
            _ => None,
        };
        let (from, to) = (number("SrcT").and_then(real_of), number("DstT").and_then(real_of));
        match (from, to) {
            (Some(_), Some(_)) => self.apiece(|_| true),
            (Some(_), None) => {
                let [real, _] = self.parts(x)?;
                self.again(vec![real]).map(Some)
            }
            _ => match self.again(vec![x])? {
                Lowered::Values(made) => match made.first().and_then(Val::value) {
                    Some(real) => {
                        let nothing = self.add(Op::Unary(U::ZerosLike), vec![real])?;
                        self.of_parts([real, nothing])
                    }
                    None => Ok(None),
                },
                refused @ Lowered::Unsupported(_) => Ok(Some(refused)),
            },
        }
    }
}

/// A tensor of complex numbers as one of pairs; none: it has too many.
fn pairs(tensor: &TensorProto) -> Option<TensorProto> {
    let mut tensor = tensor.clone();
    let real = real_of(tensor.dtype)?;
    tensor.dtype = real;
    let shape = tensor.tensor_shape.get_or_insert_default();
    let elements = shape.dim.iter().try_fold(1i64, |n, d| n.checked_mul(d.size))?;
    shape.dim.push(super::super::proto::Dim { size: 2 });
    (tensor.float_val, tensor.double_val) =
        (std::mem::take(&mut tensor.scomplex_val), std::mem::take(&mut tensor.dcomplex_val));
    let count = usize::try_from(elements).ok().filter(|n| *n <= MOST_PAIRS)?;
    repeat_last(&mut tensor.float_val, count);
    repeat_last(&mut tensor.double_val, count);
    Some(tensor)
}

/// The last pair stands for all behind it.
fn repeat_last<T: Copy>(numbers: &mut Vec<T>, count: usize) {
    if let [.., real, imaginary] = numbers[..] {
        while numbers.len() < count * 2 {
            numbers.extend([real, imaginary]);
        }
    }
}
