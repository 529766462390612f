//! What gradients are made of: models that explain their answers take them by their inputs.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::graph::{Binary as B, Compare as C, Imaging, Literal, Op, Rare, Reduce, Unary as U, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

/// Of SELU, above zero, and below: times the limit that it goes to.
const SELU: [f32; 2] = [1.050_701, 1.758_099_3];

type Made = Result<ValueId, EngineError>;

impl Lowering<'_> {
    pub(super) fn gradients(&mut self) -> Outcome {
        let made = match self.node.op.as_str() {
            "BroadcastGradientArgs" => return self.several(2, Rare::BroadcastGradient, 2),
            "ConcatOffset" => return self.concat_offsets(),
            "StridedSliceGrad" => return self.strided_slice_gradient(),
            "BiasAddGrad" => return self.bias_gradient(),
            "DepthwiseConv2dNativeBackpropInput" => return self.depthwise_gradient(),
            "AvgPoolGrad" => return self.mean_pool_gradient(),
            "MaxPoolGrad" => return self.max_pool_gradient(),
            "FusedBatchNormGrad" | "FusedBatchNormGradV2" | "FusedBatchNormGradV3" => {
                return self.batch_norm_gradient();
            }
            op if op.ends_with("Grad") => self.activation_gradient(),
            _ => return Ok(None),
        };
        match made? {
            Some(value) => Self::value(value),
            None => Ok(None),
        }
    }

    /// The gradient behind the function, and what it was given, or made where that says as much.
    fn activation_gradient(&mut self) -> Result<Option<ValueId>, EngineError> {
        let alpha = self.node.float("alpha").unwrap_or(0.2);
        let op = self.node.op.clone();
        if self.inputs.len() < 2 {
            return Ok(None);
        }
        let [a, b] = [self.inputs[0], self.inputs[1]];
        let made = match op.as_str() {
            "ReluGrad" => {
                let nothing = self.unary(U::ZerosLike, a)?;
                self.where_positive(b, a, nothing)
            }
            "Relu6Grad" => {
                let (nothing, six) = (self.unary(U::ZerosLike, a)?, self.alike(6.0)?);
                let below = self.add(Op::Compare(C::Less), vec![b, six])?;
                let kept = self.add(Op::Select, vec![below, a, nothing])?;
                self.where_positive(b, kept, nothing)
            }
            "LeakyReluGrad" => {
                let less = self.scaled(a, alpha)?;
                self.where_positive(b, a, less)
            }
            "EluGrad" => {
                let less = self.plus(b, 1.0)?;
                let less = self.binary(B::Mul, a, less)?;
                self.where_negative(b, less, a)
            }
            "SeluGrad" => {
                let less = self.plus(b, SELU[1])?;
                let less = self.binary(B::Mul, a, less)?;
                let more = self.scaled(a, SELU[0])?;
                self.where_negative(b, less, more)
            }
            "SoftplusGrad" => {
                let slope = self.unary(U::Sigmoid, b)?;
                self.binary(B::Mul, a, slope)
            }
            "SoftsignGrad" => {
                let size = self.unary(U::Abs, b)?;
                let size = self.plus(size, 1.0)?;
                let size = self.unary(U::Square, size)?;
                self.binary(B::Div, a, size)
            }
            _ => return self.gradient_by_result(&op, a, b),
        };
        made.map(Some)
    }

    /// The same where what the function made comes first.
    fn gradient_by_result(
        &mut self,
        op: &str,
        a: ValueId,
        b: ValueId,
    ) -> Result<Option<ValueId>, EngineError> {
        let made = match op {
            "SigmoidGrad" => {
                let square = self.unary(U::Square, a)?;
                let slope = self.binary(B::Sub, a, square)?;
                self.binary(B::Mul, b, slope)
            }
            "TanhGrad" => {
                let square = self.unary(U::Square, a)?;
                let slope = self.unary(U::Neg, square)?;
                let slope = self.plus(slope, 1.0)?;
                self.binary(B::Mul, b, slope)
            }
            "SqrtGrad" => {
                let half = self.scaled(b, 0.5)?;
                self.binary(B::Div, half, a)
            }
            "RsqrtGrad" => {
                let square = self.unary(U::Square, a)?;
                let cube = self.binary(B::Mul, square, a)?;
                let half = self.scaled(b, -0.5)?;
                self.binary(B::Mul, half, cube)
            }
            "ReciprocalGrad" | "InvGrad" => {
                let square = self.unary(U::Square, a)?;
                let turned = self.unary(U::Neg, b)?;
                self.binary(B::Mul, turned, square)
            }
            _ => return Ok(None),
        };
        made.map(Some)
    }

    fn unary(&mut self, op: U, x: ValueId) -> Made {
        self.add(Op::Unary(op), vec![x])
    }

    fn binary(&mut self, op: B, x: ValueId, y: ValueId) -> Made {
        self.add(Op::Binary(op), vec![x, y])
    }

    fn plus(&mut self, x: ValueId, number: f32) -> Made {
        let number = self.alike(number)?;
        self.binary(B::Add, x, number)
    }

    fn scaled(&mut self, x: ValueId, number: f32) -> Made {
        let number = self.alike(number)?;
        self.binary(B::Mul, x, number)
    }

    fn where_positive(&mut self, x: ValueId, yes: ValueId, no: ValueId) -> Made {
        let zero = self.alike(0.0)?;
        let positive = self.add(Op::Compare(C::Greater), vec![x, zero])?;
        self.add(Op::Select, vec![positive, yes, no])
    }

    fn where_negative(&mut self, x: ValueId, yes: ValueId, no: ValueId) -> Made {
        let zero = self.alike(0.0)?;
        let negative = self.add(Op::Compare(C::Less), vec![x, zero])?;
        self.add(Op::Select, vec![negative, yes, no])
    }

    /// What was picked goes back to where it was, and elsewhere is nothing.
    fn strided_slice_gradient(&mut self) -> Outcome {
        let [shape, begin, end, steps, slice] = self.want(5)?[..5] else { return Ok(None) };
        let zero = match self.node.dtype("T") {
            Some(DType::F32 | DType::F16 | DType::BF16) => Literal::F32(vec![0.0], Vec::new()),
            Some(DType::F64) => Literal::F64(vec![0.0], Vec::new()),
            _ => return Self::refuse("of numbers that are not floats"),
        };
        let zero = self.add(Op::Literal(Arc::new(zero)), Vec::new())?;
        let whole = self.add(Op::Fill, vec![shape, zero])?;
        let masks = self.masks();
        self.emit(rare(Rare::StridedSliceUpdate(masks)), vec![whole, begin, end, steps, slice])
    }

    /// Axis, shapes… → where each of the parts begins.
    fn concat_offsets(&mut self) -> Outcome {
        let [axis, shapes @ ..] = self.want(2)? else { return Ok(None) };
        let (axis, shapes) = (*axis, shapes.to_vec());
        let number = |n| Op::Literal(Arc::new(Literal::I64(vec![n], Vec::new())));
        let (one, zero) = (self.add(number(1), Vec::new())?, self.add(number(0), Vec::new())?);
        let rank = self.add(Op::Size, vec![shapes[0]])?;
        let along = self.add(Op::OneHot(-1), vec![axis, rank, one, zero])?;
        let (mut made, mut begin) = (Vec::new(), zero);
        for shape in shapes {
            made.push(Val::Value(self.binary(B::Mul, along, begin)?));
            let extent = self.add(Op::Gather { batch_dims: 0 }, vec![shape, axis, zero])?;
            begin = self.binary(B::Add, begin, extent)?;
        }
        Ok(Some(Lowered::Values(made)))
    }

    fn bias_gradient(&mut self) -> Outcome {
        if self.is_channels_first() {
            return Self::refuse("with the channels first");
        }
        let x = self.want(1)?[0];
        let (last, zero) = (self.ints(vec![-1])?, self.ints(vec![0])?);
        let channels = self.last_extent(x)?;
        let rows = self.add(Op::Concat, vec![last, channels, zero])?;
        let rows = self.add(Op::Reshape, vec![x, rows])?;
        self.emit(Op::Reduce { kind: Reduce::Sum, keep: false }, vec![rows, zero])
    }

    /// What each window's largest was given goes to where that was.
    fn max_pool_gradient(&mut self) -> Outcome {
        let (window, sliding) = (self.spatial_of("ksize"), self.sliding("strides", "")?);
        let (Some(window), Some(sliding)) = (window, sliding) else { return Self::odd() };
        if self.is_channels_first() {
            return Self::refuse("with the channels first");
        }
        let [x, _, gradient] = self.want(3)?[..3] else { return Ok(None) };
        let pool = rare(Rare::Image(Imaging::PoolWithPlaces { window, sliding, batch_too: true }));
        let places = self.graph.add_many(pool, vec![x], 2, &self.node.name)?[1];
        let (tuples, flat) = (self.ints(vec![-1, 1])?, self.ints(vec![-1])?);
        let places = self.add(Op::Reshape, vec![places, tuples])?;
        let gradient = self.add(Op::Reshape, vec![gradient, flat])?;
        let count = self.add(Op::Size, vec![x])?;
        let count = self.add(Op::Reshape, vec![count, flat])?;
        let sums = self.add(rare(Rare::ScatterNd), vec![places, gradient, count])?;
        let shape = self.add(Op::Shape, vec![x])?;
        self.emit(Op::Reshape, vec![sums, shape])
    }

    fn depthwise_gradient(&mut self) -> Outcome {
        let Some(sliding) = self.sliding("strides", "dilations")? else { return Self::odd() };
        if self.is_channels_first() || self.node.dtype("T") != Some(DType::F32) {
            return Self::refuse("with the channels first, or of numbers that are not short floats");
        }
        self.depict(3, Imaging::DepthwiseTranspose(sliding))
    }

    fn mean_pool_gradient(&mut self) -> Outcome {
        let (window, sliding) = (self.spatial_of("ksize"), self.sliding("strides", "")?);
        let (Some(window), Some(sliding)) = (window, sliding) else { return Self::odd() };
        if self.is_channels_first() || self.node.dtype("T") != Some(DType::F32) {
            return Self::refuse("with the channels first, or of numbers that are not short floats");
        }
        self.depict(2, Imaging::SpreadMeans { window, sliding })
    }

    /// Of a norm by statistics that it was given.
    fn batch_norm_gradient(&mut self) -> Outcome {
        let training = !self.node.attr.contains_key("is_training") || self.node.flag("is_training");
        if training || self.is_channels_first() {
            return Self::refuse("while training, or with the channels first");
        }
        let [behind, x, scale, mean, variance] = self.want(5)?[..5] else { return Ok(None) };
        let epsilon = self.float(self.node.float("epsilon").unwrap_or(1e-4))?;
        let spread = self.binary(B::Add, variance, epsilon)?;
        let inverse = self.unary(U::Rsqrt, spread)?;
        let factor = self.binary(B::Mul, scale, inverse)?;
        let before = self.binary(B::Mul, behind, factor)?;
        let axes = self.ints(vec![0, 1, 2])?;
        let sum = Op::Reduce { kind: Reduce::Sum, keep: false };
        let centred = self.binary(B::Sub, x, mean)?;
        let normed = self.binary(B::Mul, centred, inverse)?;
        let parts = self.binary(B::Mul, behind, normed)?;
        let of_scale = self.add(sum.clone(), vec![parts, axes])?;
        let of_offset = self.add(sum, vec![behind, axes])?;
        let made = [before, of_scale, of_offset, mean, variance].map(Val::Value);
        Ok(Some(Lowered::Values(made.to_vec())))
    }
}
