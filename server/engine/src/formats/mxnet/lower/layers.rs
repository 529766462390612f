//! Convolutions, poolings, dense layers, embeddings.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::formats::channels_first::Window;
use crate::graph::{Activation, Binary, Imaging, Op, Rare, Reduce, Resize, Unary};

impl Lowering<'_, '_> {
    pub(super) fn layers(&mut self) -> Outcome {
        Self::one(match self.op() {
            "Convolution" | "Convolution_v1" => self.convolution(),
            "Deconvolution" => self.deconvolution(),
            "Pooling" | "Pooling_v1" => self.pooling(),
            "_contrib_AdaptiveAvgPooling2D" => self.adaptive(),
            "FullyConnected" => self.fully_connected(),
            "Embedding" | "_contrib_SparseEmbedding" => {
                let (indices, table) = (self.input(0)?, self.input(1)?);
                self.rows_of(table, indices)
            }
            "UpSampling" => self.upsampling(),
            "_contrib_BilinearResize2D" => self.resize(),
            "Dropout"
            | "identity"
            | "_copy"
            | "BlockGrad"
            | "stop_gradient"
            | "make_loss"
            | "MakeLoss"
            | "_identity_with_attr_like_rhs"
            | "IdentityAttachKLSparseReg" => self.input(0),
            _ => return Ok(None),
        })
    }

    fn window(&self) -> Result<Window, super::Stop> {
        let kernel = self.node.sizes("kernel")?.unwrap_or_default();
        let mut window = Window::new(&kernel);
        let axes = kernel.len();
        if let Some(strides) = self.node.sizes("stride")?.filter(|s| !s.is_empty()) {
            window.strides = strides;
        }
        if let Some(dilations) = self.node.sizes("dilate")?.filter(|s| !s.is_empty()) {
            window.dilations = dilations;
        }
        if let Some(pads) = self.node.sizes("pad")?.filter(|s| !s.is_empty()) {
            window.pads = pads.into_iter().map(|n| [n, n]).collect();
        }
        let layout = self.node.text("layout").unwrap_or("NC");
        if layout.len() > 2 && !layout.starts_with("NC") {
            return Self::refuse(format!("layout {layout}: channels come first in what is read"));
        }
        if window.is_sound() {
            Ok(window)
        } else {
            Err(Self::broken(format!("a window of {axes} axes: {window:?}")))
        }
    }

    fn convolution(&mut self) -> Made {
        let (x, weights) = (self.input(0)?, self.input(1)?);
        let window = self.window()?;
        let bias = if self.node.flag("no_bias", false)? { None } else { Some(self.input(2)?) };
        let groups = self.node.size("num_group", 1)?;
        let rank = window.kernel.len() + 2;
        self.has_rank(x, rank)?;
        Ok(self.build().conv(x, weights, bias, groups, &window)?)
    }

    /// Says that a value has so many axes, which a layer of them implies.
    fn has_rank(&mut self, x: crate::graph::ValueId, rank: usize) -> Result<(), super::Stop> {
        self.build().tell(x, vec![None; rank]);
        match self.build().rank(x) {
            Some(own) if own == rank => Ok(()),
            own => Err(Self::broken(format!("a layer over {rank} axes on {own:?}"))),
        }
    }

    fn deconvolution(&mut self) -> Made {
        let (x, weights) = (self.input(0)?, self.input(1)?);
        let window = self.window()?;
        if self.node.sizes("target_shape")?.is_some_and(|shape| shape.iter().any(|n| *n > 0)) {
            return Self::refuse("target_shape is not supported; pad and adj are");
        }
        let more = self.node.sizes("adj")?.unwrap_or_default();
        let bias = if self.node.flag("no_bias", true)? { None } else { Some(self.input(2)?) };
        let groups = self.node.size("num_group", 1)?;
        self.has_rank(x, window.kernel.len() + 2)?;
        Ok(self.build().conv_transposed(x, weights, bias, groups, &window, &more)?)
    }

    fn pooling(&mut self) -> Made {
        let x = self.input(0)?;
        let kind = self.node.text("pool_type").unwrap_or("max");
        if self.node.flag("global_pool", false)? {
            let rank = self.rank(x)?;
            let kind = match kind {
                "max" => Reduce::Max,
                "avg" => Reduce::Mean,
                "sum" => Reduce::Sum,
                other => return Self::refuse(format!("pool_type {other} over all")),
            };
            return Ok(self.build().global_pool(x, kind, rank)?);
        }
        let mut window = self.window()?;
        self.has_rank(x, window.kernel.len() + 2)?;
        let convention = self.node.text("pooling_convention").unwrap_or("valid");
        let full = match convention {
            "valid" => false,
            "full" => true,
            other => return Self::refuse(format!("pooling_convention {other}")),
        };
        match kind {
            "max" => {
                if full && !window.round_up() {
                    return Self::refuse("windows that may begin behind the image");
                }
                Ok(self.build().pool(x, true, &window)?)
            }
            "avg" => {
                let mut x = x;
                if self.node.flag("count_include_pad", true)? && !window.is_bare() {
                    let pads = std::mem::replace(&mut window.pads, vec![[0, 0]; window.kernel.len()]);
                    x = self.build().bordered(x, &pads, 0.0)?;
                }
                if full && !window.round_up() {
                    return Self::refuse("windows that may begin behind the image");
                }
                Ok(self.build().pool(x, false, &window)?)
            }
            "sum" if !full => {
                let pads = std::mem::replace(&mut window.pads, vec![[0, 0]; window.kernel.len()]);
                let x = if pads.iter().flatten().any(|n| *n > 0) {
                    self.build().bordered(x, &pads, 0.0)?
                } else {
                    x
                };
                let mean = self.build().pool(x, false, &window)?;
                let count = self.build().float(window.kernel.iter().product::<usize>() as f32)?;
                Ok(self.build().binary(Binary::Mul, mean, count)?)
            }
            other => Self::refuse(format!("pool_type {other} by {convention} windows")),
        }
    }

    fn adaptive(&mut self) -> Made {
        let x = self.input(0)?;
        let size = self.node.sizes("output_size")?.unwrap_or_default();
        let size = match size[..] {
            [] => [1, 1],
            [n] => [n, n],
            [h, w, ..] => [h, w],
        };
        if size == [1, 1] {
            return Ok(self.build().global_pool(x, Reduce::Mean, 4)?);
        }
        let (Some(height), Some(width)) = (self.extent(x, 2), self.extent(x, 3)) else {
            return Self::refuse("the extents of its input are not known; add model-shapes.json");
        };
        if size.contains(&0) || height % size[0] != 0 || width % size[1] != 0 {
            return Self::refuse(format!("{height}x{width} into {size:?} parts that are not equal"));
        }
        let mut window = Window::new(&[height / size[0], width / size[1]]);
        window.strides = window.kernel.clone();
        Ok(self.build().pool(x, false, &window)?)
    }

    fn fully_connected(&mut self) -> Made {
        let (mut x, weights) = (self.input(0)?, self.input(1)?);
        if self.node.flag("flatten", true)? && self.build().rank(x) != Some(2) {
            let width = self.extent(weights, 1).ok_or_else(|| Self::broken("its weights have no width"))?;
            x = self.build().reshape(x, &[-1, width as i64])?;
        }
        let weights = self.build().transpose(weights, &[1, 0])?;
        let mut inputs = vec![x, weights];
        if !self.node.flag("no_bias", false)? {
            let bias = self.input(2)?;
            inputs.push(self.build().reshape(bias, &[-1])?);
        }
        self.add(Op::Dense(Activation::None), &inputs)
    }

    /// Rows of a table by numbers that may be floats; what lies outside counts as the nearest.
    pub(super) fn rows_of(&mut self, table: crate::graph::ValueId, indices: crate::graph::ValueId) -> Made {
        let indices = self.clipped(indices, table, 0)?;
        let axis = self.build().int(0)?;
        self.add(Op::Gather { batch_dims: 0 }, &[table, indices, axis])
    }

    fn upsampling(&mut self) -> Made {
        let (x, scale) = (self.input(0)?, self.node.size("scale", 0)?);
        match self.node.text("sample_type") {
            Some("nearest") if self.inputs.len() == 1 => {
                let image = self.build().channels_last(x, 4)?;
                let size = self.scaled(image, scale)?;
                let how = Resize { bilinear: false, align_corners: false, half_pixel: false };
                let made = self.add(Op::Resize(how), &[image, size])?;
                Ok(self.build().channels_first(made, 4)?)
            }
            // A transposed convolution of each channel by the weights that come with it.
            Some("bilinear") => {
                let weights = self.input(1)?;
                let kernel = 2 * scale - scale % 2;
                let pad = (scale - 1).div_ceil(2);
                let channels = self.extent(weights, 0).unwrap_or(1);
                let mut window = Window::new(&[kernel, kernel]);
                window.strides = vec![scale, scale];
                window.pads = vec![[pad, pad]; 2];
                if !window.is_sound() {
                    return Err(Self::broken(format!("scaled by {scale}")));
                }
                Ok(self.build().conv_transposed(x, weights, None, channels, &window, &[])?)
            }
            other => Self::refuse(format!("sample_type {other:?} of {} inputs", self.inputs.len())),
        }
    }

    /// Height and width of an image, channels last, times a number.
    fn scaled(&mut self, image: crate::graph::ValueId, scale: usize) -> Made {
        let shape = self.add(Op::Shape, &[image])?;
        let (begin, size) = (self.build().ints(&[1])?, self.build().ints(&[2])?);
        let inner = self.add(Op::Slice, &[shape, begin, size])?;
        let scale = self.build().ints(&[scale as i64; 2])?;
        self.add(Op::Binary(Binary::Mul), &[inner, scale])
    }

    fn resize(&mut self) -> Made {
        let x = self.input(0)?;
        let [height, width] = [self.node.size("height", 0)?, self.node.size("width", 0)?];
        if height == 0 || width == 0 || self.node.text("mode").is_some_and(|mode| mode != "size") {
            return Self::refuse("only a fixed height and width are supported");
        }
        let image = self.build().channels_last(x, 4)?;
        let size = self.build().ints(&[height as i64, width as i64])?;
        let align_corners = self.node.flag("align_corners", true)?;
        let how = Resize { bilinear: true, align_corners, half_pixel: !align_corners };
        let made = self.add(Op::Resize(how), &[image, size])?;
        Ok(self.build().channels_first(made, 4)?)
    }

    /// Places as integers within an axis of a value.
    pub(super) fn clipped(
        &mut self,
        indices: crate::graph::ValueId,
        of: crate::graph::ValueId,
        axis: usize,
    ) -> Made {
        let indices = self.add(Op::Cast(DType::I64), &[indices])?;
        let shape = self.add(Op::Shape, &[of])?;
        let (axis, zero, one) = (self.build().int(axis as i64)?, self.build().int(0)?, self.build().int(1)?);
        let extent = self.add(Op::Gather { batch_dims: 0 }, &[shape, axis, zero])?;
        let last = self.add(Op::Binary(Binary::Sub), &[extent, one])?;
        let below = self.add(Op::Binary(Binary::Min), &[indices, last])?;
        self.add(Op::Binary(Binary::Max), &[below, zero])
    }

    /// Something that an image's kernel does, channels last.
    pub(super) fn on_image(&mut self, op: Imaging, x: crate::graph::ValueId) -> Made {
        let image = self.build().channels_last(x, 4)?;
        let made = self.rare(Rare::Image(op), &[image])?;
        Ok(self.build().channels_first(made, 4)?)
    }

    /// One value by a function of one.
    pub(super) fn unary(&mut self, f: Unary, x: crate::graph::ValueId) -> Made {
        Ok(self.build().elementwise(Op::Unary(f), &[x])?)
    }
}
