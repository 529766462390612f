//! Layers on images whose channels come first, as ONNX, PyTorch and MXNet have them, by the graph's own, whose channels come last.
//!
//! Sequences `[batch, channels, width]` are images of height 1.

use super::builder::Builder;
use crate::EngineError;
use crate::graph::{
    Activation, Binary, Conv, Imaging, Literal, Op, Padding, Pool, Rare, Reduce, Sliding, Unary, ValueId,
};

type Made = Result<ValueId, EngineError>;

pub use crate::graph::Window;

impl Window {
    fn rank(&self) -> usize {
        self.kernel.len() + 2
    }

    /// The last two axes; an axis that is not there is 1 wide.
    fn two<T: Copy>(of: &[T], none: T) -> [T; 2] {
        match of {
            [one] => [none, *one],
            [.., a, b] => [*a, *b],
            [] => [none, none],
        }
    }

    fn padding(&self) -> Padding {
        let [[top, bottom], [left, right]] = Self::two(&self.pads, [0, 0]);
        if let Some(same) = self.same {
            return same;
        }
        if self.is_bare() { Padding::Valid } else { Padding::Explicit([top, bottom, left, right]) }
    }

    fn conv(&self) -> Conv {
        Conv {
            strides: Self::two(&self.strides, 1),
            dilations: Self::two(&self.dilations, 1),
            padding: self.padding(),
            activation: Activation::None,
        }
    }

    fn sliding(&self) -> Sliding {
        let three = |of: &[usize]| {
            let [a, b] = Self::two(of, 1);
            [if of.len() == 3 { of[0] } else { 1 }, a, b]
        };
        Sliding {
            strides: three(&self.strides),
            dilations: three(&self.dilations),
            padding: self.padding(),
            depth_padding: if self.pads.len() == 3 { self.pads[0] } else { [0, 0] },
        }
    }
}

impl Builder {
    /// A convolution by weights `[out, in / groups, window…]`.
    pub fn conv(
        &mut self,
        x: ValueId,
        weights: ValueId,
        bias: Option<ValueId>,
        groups: usize,
        window: &Window,
    ) -> Made {
        let rank = window.rank();
        let channels = self.dims(weights).map(|d| (d.first().copied(), d.get(1).copied()));
        let order: Vec<usize> = (2..rank).chain([1, 0]).collect();
        let filter = self.transpose(weights, &order)?;
        let image = self.channels_last(x, rank)?;
        let made = match channels {
            _ if rank == 5 || window.double => {
                let filter = if rank == 3 { self.stand(filter, 0)? } else { filter };
                let op = Op::Rare(Box::new(Rare::Image(Imaging::Conv3d(window.sliding()))));
                self.on_image(op, image, filter, rank)?
            }
            Some((Some(outs), Some(1))) if groups > 1 && outs % groups == 0 => {
                let [height, width] = Window::two(&window.kernel, 1);
                let shape = [height, width, groups, outs / groups].map(|n| n as i64);
                let filter = self.reshape(filter, &shape)?;
                self.on_image(Op::Depthwise(window.conv()), image, filter, rank)?
            }
            _ => {
                let filter = if rank == 3 { self.stand(filter, 0)? } else { filter };
                self.on_image(Op::Conv(window.conv()), image, filter, rank)?
            }
        };
        let made = match bias {
            Some(bias) => self.add(Op::Binary(Binary::Add), &[made, bias])?,
            None => made,
        };
        self.tell(made, vec![None; rank]);
        self.channels_first(made, rank)
    }

    fn on_image(&mut self, op: Op, image: ValueId, filter: ValueId, rank: usize) -> Made {
        if rank != 3 {
            return self.add(op, &[image, filter]);
        }
        let image = self.stand(image, 1)?;
        let made = self.add(op, &[image, filter])?;
        self.add(Op::Squeeze(vec![1]), &[made])
    }

    /// A value with one more axis.
    fn stand(&mut self, x: ValueId, axis: i64) -> Made {
        let axis = self.int(axis)?;
        self.add(Op::ExpandDims, &[x, axis])
    }

    /// A transposed convolution by weights `[in, out / groups, window…]`; `more` places are added behind each axis.
    pub fn conv_transposed(
        &mut self,
        x: ValueId,
        weights: ValueId,
        bias: Option<ValueId>,
        groups: usize,
        window: &Window,
        more: &[usize],
    ) -> Made {
        let rank = window.rank();
        let image = self.channels_last(x, rank)?;
        let order: Vec<usize> = (2..rank).chain([1, 0]).collect();
        let filter = self.transpose(weights, &order)?;
        let (image, filter) =
            if rank == 3 { (self.stand(image, 1)?, self.stand(filter, 0)?) } else { (image, filter) };
        let size = self.enlarged(image, window, more)?;
        let parts = self.parts(image, filter, groups)?;
        let op = if rank == 5 || window.double {
            Op::Rare(Box::new(Rare::Image(Imaging::ConvTranspose3d(window.sliding()))))
        } else {
            Op::ConvTranspose(window.conv())
        };
        let mut made = Vec::new();
        for (image, filter) in parts {
            made.push(self.add(op.clone(), &[size, filter, image])?);
        }
        let mut made = self.joined(made)?;
        if rank == 3 {
            made = self.add(Op::Squeeze(vec![1]), &[made])?;
        }
        if let Some(bias) = bias {
            made = self.add(Op::Binary(Binary::Add), &[made, bias])?;
        }
        self.tell(made, vec![None; rank]);
        self.channels_first(made, rank)
    }

    /// Image and filter of each group, along their last axes.
    fn parts(
        &mut self,
        image: ValueId,
        filter: ValueId,
        groups: usize,
    ) -> Result<Vec<(ValueId, ValueId)>, EngineError> {
        if groups <= 1 {
            return Ok(vec![(image, filter)]);
        }
        let axis = self.int(-1)?;
        let images = self.add_many(Op::Split(groups), &[image, axis], groups)?;
        let filters = self.add_many(Op::Split(groups), &[filter, axis], groups)?;
        Ok(images.into_iter().zip(filters).collect())
    }

    fn joined(&mut self, mut parts: Vec<ValueId>) -> Made {
        if parts.len() == 1 {
            return Ok(parts[0]);
        }
        parts.push(self.int(-1)?);
        self.add(Op::Concat, &parts)
    }

    /// The extents of a transposed convolution's result: those of an image `[batch, …, channels]`, enlarged.
    fn enlarged(&mut self, image: ValueId, window: &Window, more: &[usize]) -> Made {
        let shape = self.add(Op::Shape, &[image])?;
        let flat = window.kernel.len() == 1;
        let (first, count) = (1, window.kernel.len() + usize::from(flat));
        let (begin, size) = (self.ints(&[first])?, self.ints(&[count as i64])?);
        let inner = self.add(Op::Slice, &[shape, begin, size])?;
        let mut factors = Vec::new();
        let mut offsets = Vec::new();
        for axis in 0..window.kernel.len() {
            let stride = window.strides[axis] as i64;
            let pads: usize = window.pads[axis].iter().sum();
            let more = more.get(axis).copied().unwrap_or(0);
            factors.push(stride);
            offsets.push(window.span(axis) as i64 - stride - pads as i64 + more as i64);
        }
        if flat {
            factors.insert(0, 1);
            offsets.insert(0, 0);
        }
        if let Some(inner) = self.numbers(inner).filter(|i| i.len() == factors.len()) {
            let sizes = inner
                .iter()
                .zip(&factors)
                .zip(&offsets)
                .map(|((i, f), o)| i.saturating_mul(*f).saturating_add(*o));
            return self.ints(&sizes.collect::<Vec<i64>>());
        }
        let (factors, offsets) = (self.ints(&factors)?, self.ints(&offsets)?);
        let scaled = self.add(Op::Binary(Binary::Mul), &[inner, factors])?;
        self.add(Op::Binary(Binary::Add), &[scaled, offsets])
    }

    /// Maximum or mean of windows; what lies around the image counts in neither. No dilations.
    pub fn pool(&mut self, x: ValueId, max: bool, window: &Window) -> Made {
        let rank = window.rank();
        let image = self.channels_last(x, rank)?;
        let made = match rank {
            5 => {
                let sliding = window.sliding();
                let size = [window.kernel[0], window.kernel[1], window.kernel[2]];
                let op = Imaging::Pool3d { max, window: size, sliding };
                self.add(Op::Rare(Box::new(Rare::Image(op))), &[image])?
            }
            _ => {
                let conv = window.conv();
                let pool = Pool {
                    max,
                    window: Window::two(&window.kernel, 1),
                    strides: conv.strides,
                    padding: conv.padding,
                };
                let image = if rank == 3 { self.stand(image, 1)? } else { image };
                let made = self.add(Op::Pool(pool), &[image])?;
                if rank == 3 { self.add(Op::Squeeze(vec![1]), &[made])? } else { made }
            }
        };
        self.channels_first(made, rank)
    }

    /// A border around an image, filled with one number.
    pub fn bordered(&mut self, x: ValueId, pads: &[[usize; 2]], fill: f32) -> Made {
        let rank = pads.len() + 2;
        let image = self.channels_last(x, rank)?;
        let sides = [[0, 0]].iter().chain(pads).chain(&[[0, 0]]).flatten().map(|n| *n as i64);
        let paddings = self.literal(Literal::I64(sides.collect(), vec![rank, 2]))?;
        let fill = self.float(fill)?;
        let made = self.add(Op::Pad, &[image, paddings, fill])?;
        self.channels_first(made, rank)
    }

    /// Maximum or mean of each channel of an image or a volume of a rank; the axes stay.
    pub fn global_pool(&mut self, x: ValueId, kind: Reduce, rank: usize) -> Made {
        let image = self.channels_last(x, rank)?;
        let axes: Vec<i64> = (1..rank as i64 - 1).collect();
        let axes = self.ints(&axes)?;
        let made = self.add(Op::Reduce { kind, keep: true }, &[image, axes])?;
        self.channels_first(made, rank)
    }

    /// Something done with a vector of as many numbers as there are channels.
    pub fn by_channel(&mut self, op: Binary, x: ValueId, vector: ValueId, rank: usize) -> Made {
        if rank < 3 {
            return self.add(Op::Binary(op), &[x, vector]);
        }
        let image = self.channels_last(x, rank)?;
        let made = self.add(Op::Binary(op), &[image, vector])?;
        self.channels_first(made, rank)
    }

    /// `(x - mean) / sqrt(variance + epsilon) * scale + offset`, by channel.
    pub fn batch_norm(
        &mut self,
        x: ValueId,
        rank: usize,
        [scale, offset, mean, variance]: [ValueId; 4],
        epsilon: ValueId,
    ) -> Made {
        let variance = self.add(Op::Binary(Binary::Add), &[variance, epsilon])?;
        let inverse = self.add(Op::Unary(Unary::Rsqrt), &[variance])?;
        let factor = self.add(Op::Binary(Binary::Mul), &[inverse, scale])?;
        let shift = self.add(Op::Binary(Binary::Mul), &[mean, factor])?;
        let shift = self.add(Op::Binary(Binary::Sub), &[offset, shift])?;
        let scaled = self.by_channel(Binary::Mul, x, factor, rank)?;
        self.by_channel(Binary::Add, scaled, shift, rank)
    }
}
