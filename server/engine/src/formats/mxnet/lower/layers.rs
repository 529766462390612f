//! Convolutions, poolings, dense layers, embeddings.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::formats::channels_first::Window;
use crate::graph::{Activation, Binary, Imaging, Op, Rare, Reduce, Unary};

impl Lowering<'_, '_> {
    pub(super) fn layers(&mut self) -> Outcome {
        Self::one(match self.op() {
            "Convolution" | "Convolution_v1" => self.convolution(),
            "Deconvolution" => self.deconvolution(),
            "Pooling" | "Pooling_v1" => self.pooling(),
            "FullyConnected" => self.fully_connected(),
            "Embedding" | "_contrib_SparseEmbedding" => {
                let (indices, table) = (self.input(0)?, self.input(1)?);
                self.rows_of(table, indices)
            }
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

    /// Places as integers within an axis of a value.
    pub(super) fn clipped(
        &mut self,
        indices: crate::graph::ValueId,
        of: crate::graph::ValueId,
        axis: usize,
    ) -> Made {
        let indices = self.add(Op::Cast(DType::I64), &[indices])?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let extent = self.count(of, axis)?;
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
