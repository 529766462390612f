//! Convolutions, poolings, batch norms and what else works on images. TensorFlow has them in two layouts; the graph has the
//! channels last, so that the other layout is transposed around.

use super::super::attributes::Attributes as _;
use super::{Lowering, Outcome, Val};
use crate::graph::{Activation, Binary as B, Conv, Op, Padding, Pool, Reduce, Resize, Unary as U, ValueId};
use crate::{DType, EngineError};

impl Lowering<'_> {
    pub(super) fn image(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "BiasAdd" | "BiasAddV1" => self.bias(),
            "Conv2D" => self.conv(0, Op::Conv),
            "DepthwiseConv2dNative" => self.conv(0, Op::Depthwise),
            "Conv2DBackpropInput" => {
                let Some(conv) = self.conv_attributes(&self.node.ints("strides"))? else {
                    return Self::refuse("strides or dilations over batch or channels");
                };
                let [size, filter, x] = self.want(3)?[..3] else { return Ok(None) };
                let size = self.sizes_last(size, &[0, 2, 3, 1])?;
                let x = self.channels_last(x)?;
                let y = self.add(Op::ConvTranspose(conv), vec![size, filter, x])?;
                let y = self.channels_back(y)?;
                Self::value(y)
            }
            "MaxPool" => self.pool(true, &self.node.ints("ksize"), &self.node.ints("strides")),
            "AvgPool" => self.pool(false, &self.node.ints("ksize"), &self.node.ints("strides")),
            "MaxPoolV2" => {
                let [_, window, strides] = self.want(3)?[..3] else { return Ok(None) };
                match self.literal_ints(window).zip(self.literal_ints(strides)) {
                    Some((window, strides)) => self.pool(true, &window, &strides),
                    None => Self::refuse("a window that is computed"),
                }
            }
            "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => self.batch_norm(),
            "BatchNormWithGlobalNormalization" => {
                let [x, mean, variance, beta, gamma] = self.want(5)?[..5] else { return Ok(None) };
                let epsilon = self.float(self.node.float("variance_epsilon").unwrap_or(0.001))?;
                let sum = self.add(Op::Binary(B::Add), vec![variance, epsilon])?;
                let mut scale = self.add(Op::Unary(U::Rsqrt), vec![sum])?;
                if self.node.flag("scale_after_normalization") {
                    scale = self.add(Op::Binary(B::Mul), vec![scale, gamma])?;
                }
                let shift = self.add(Op::Binary(B::Mul), vec![mean, scale])?;
                let offset = self.add(Op::Binary(B::Sub), vec![beta, shift])?;
                let scaled = self.add(Op::Binary(B::Mul), vec![x, scale])?;
                self.emit(Op::Binary(B::Add), vec![scaled, offset])
            }
            "SpaceToBatchND" => self.simple(3, Op::SpaceToBatch),
            "BatchToSpaceND" => self.simple(3, Op::BatchToSpace),
            "ResizeNearestNeighbor" => self.resize(false),
            "ResizeBilinear" => self.resize(true),
            _ => Ok(None),
        }
    }

    pub(super) fn is_channels_first(&self) -> bool {
        self.node.text("data_format").is_some_and(|f| f.starts_with("NC") || f == "CHANNELS_FIRST")
    }

    /// The two spatial numbers of four, in the node's layout; None: the others are not 1.
    fn spatial(&self, four: &[i64]) -> Option<[usize; 2]> {
        let (outer, inner) = match (four, self.is_channels_first()) {
            ([n, h, w, c], false) | ([n, c, h, w], true) => ([*n, *c], [*h, *w]),
            ([], _) => ([1, 1], [1, 1]),
            _ => return None,
        };
        let size = |n: i64| usize::try_from(n).ok().filter(|n| (1..=1 << 20).contains(n));
        let inner = [size(inner[0])?, size(inner[1])?];
        (outer == [1, 1]).then_some(inner)
    }

    pub(super) fn padding(&self) -> Result<Padding, EngineError> {
        match self.node.text("padding") {
            Some("SAME") => Ok(Padding::Same),
            Some("VALID") => Ok(Padding::Valid),
            Some("EXPLICIT") => {
                let list = self.node.ints("explicit_paddings");
                let at = if self.is_channels_first() { 4 } else { 2 };
                let sizes: Option<Vec<usize>> = list.get(at..at + 4).map(|l| {
                    l.iter().filter_map(|n| usize::try_from(*n).ok().filter(|n| *n < 1 << 20)).collect()
                });
                match sizes.as_deref() {
                    Some([top, bottom, left, right]) => Ok(Padding::Explicit([*top, *bottom, *left, *right])),
                    _ => {
                        Err(EngineError::broken(format!("node {:?}: its paddings are wrong", self.node.name)))
                    }
                }
            }
            other => Err(EngineError::broken(format!("node {:?}: padding {other:?}", self.node.name))),
        }
    }

    fn conv_attributes(&self, strides: &[i64]) -> Result<Option<Conv>, EngineError> {
        let padding = self.padding()?;
        let strides = self.spatial(strides);
        let dilations = self.spatial(&self.node.ints("dilations"));
        Ok(strides.zip(dilations).map(|(strides, dilations)| Conv {
            strides,
            dilations,
            padding,
            activation: Activation::None,
        }))
    }

    pub(super) fn conv(&mut self, image: usize, op: impl Fn(Conv) -> Op) -> Outcome {
        let inputs = self.want(2)?.to_vec();
        let Some(conv) = self.conv_attributes(&self.node.ints("strides"))? else {
            return Self::refuse("strides or dilations over batch or channels");
        };
        let x = self.channels_last(inputs[image])?;
        let y = self.add(op(conv), vec![x, inputs[1]])?;
        let y = self.channels_back(y)?;
        Self::value(y)
    }

    fn pool(&mut self, max: bool, window: &[i64], strides: &[i64]) -> Outcome {
        let inputs = self.want(1)?.to_vec();
        let (window, strides) = (self.spatial(window), self.spatial(strides));
        let Some((window, strides)) = window.zip(strides) else {
            return Self::refuse("a window over batch or channels");
        };
        let padding = self.padding()?;
        let x = self.channels_last(inputs[0])?;
        let y = self.add(Op::Pool(Pool { max, window, strides, padding }), vec![x])?;
        let y = self.channels_back(y)?;
        Self::value(y)
    }

    fn bias(&mut self) -> Outcome {
        let inputs = self.want(2)?.to_vec();
        let x = self.channels_last(inputs[0])?;
        let y = self.add(Op::Binary(B::Add), vec![x, inputs[1]])?;
        let y = self.channels_back(y)?;
        Self::value(y)
    }

    /// `(x - mean) * gamma / sqrt(variance + epsilon) + beta`, with everything but x constant: one product, one sum.
    fn batch_norm(&mut self) -> Outcome {
        let [x, gamma, beta, mean, variance] = self.want(5)?[..5] else { return Ok(None) };
        let x = self.channels_last(x)?;
        // The attribute is true where it is left out.
        let training = !self.node.attr.contains_key("is_training") || self.node.flag("is_training");
        let (mean, variance, spread) =
            if training { self.batch_statistics(x)? } else { (mean, variance, variance) };
        let epsilon = self.float(self.node.float("epsilon").unwrap_or(1e-4))?;
        let sum = self.add(Op::Binary(B::Add), vec![variance, epsilon])?;
        let inverse = self.add(Op::Unary(U::Rsqrt), vec![sum])?;
        let scale = self.add(Op::Binary(B::Mul), vec![inverse, gamma])?;
        let shift = self.add(Op::Binary(B::Mul), vec![mean, scale])?;
        let offset = self.add(Op::Binary(B::Sub), vec![beta, shift])?;
        let scaled = self.add(Op::Binary(B::Mul), vec![x, scale])?;
        let y = self.add(Op::Binary(B::Add), vec![scaled, offset])?;
        let y = self.channels_back(y)?;
        Ok(Some(super::Lowered::Values([y, mean, spread, mean, variance, mean].map(Val::Value).to_vec())))
    }

    /// Mean and variance of each channel of the batch itself, and the variance as it is told: of a sample.
    fn batch_statistics(&mut self, x: ValueId) -> Result<(ValueId, ValueId, ValueId), EngineError> {
        let axes = self.ints(vec![0, 1, 2])?;
        let mean_over = Op::Reduce { kind: Reduce::Mean, keep: false };
        let mean = self.add(mean_over.clone(), vec![x, axes])?;
        let square = self.add(Op::Binary(B::SquaredDifference), vec![x, mean])?;
        let variance = self.add(mean_over, vec![square, axes])?;
        let (all, channels) = (self.add(Op::Size, vec![x])?, self.add(Op::Size, vec![mean])?);
        let one = self.ints(vec![1])?;
        let channels = self.add(Op::Binary(B::Max), vec![channels, one])?;
        let count = self.add(Op::Binary(B::FloorDiv), vec![all, channels])?;
        let less = self.add(Op::Binary(B::Sub), vec![count, one])?;
        let less = self.add(Op::Binary(B::Max), vec![less, one])?;
        let count = self.add(Op::Cast(DType::F32), vec![count])?;
        let less = self.add(Op::Cast(DType::F32), vec![less])?;
        let ratio = self.add(Op::Binary(B::Div), vec![count, less])?;
        Ok((mean, variance, self.add(Op::Binary(B::Mul), vec![variance, ratio])?))
    }

    fn resize(&mut self, bilinear: bool) -> Outcome {
        let (align_corners, half_pixel) =
            (self.node.flag("align_corners"), self.node.flag("half_pixel_centers"));
        self.simple(2, Op::Resize(Resize { bilinear, align_corners, half_pixel }))
    }

    pub(super) fn channels_last(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        self.permuted(x, [0, 2, 3, 1])
    }

    pub(super) fn channels_back(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        self.permuted(x, [0, 3, 1, 2])
    }

    fn permuted(&mut self, x: ValueId, order: [i64; 4]) -> Result<ValueId, EngineError> {
        if !self.is_channels_first() {
            return Ok(x);
        }
        let order = self.ints(order.to_vec())?;
        self.add(Op::Transpose, vec![x, order])
    }
}
