//! Images made larger and smaller.

use super::{Lowering, Made, Outcome};
use crate::formats::channels_first::Window;
use crate::graph::{Binary, Op, Reduce, Resize, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn scales(&mut self) -> Outcome {
        Self::one(match self.op() {
            "UpSampling" => self.upsampling(),
            "_contrib_BilinearResize2D" => self.resize(),
            "_contrib_AdaptiveAvgPooling2D" => self.adaptive(),
            _ => return Ok(None),
        })
    }

    fn upsampling(&mut self) -> Made {
        let (x, scale) = (self.input(0)?, self.node.size("scale", 0)?);
        match self.node.text("sample_type") {
            Some("nearest") => self.repeated(x, scale),
            // A transposed convolution of each channel by the weights that come with it.
            Some("bilinear") => {
                let weights = self.input(1)?;
                let kernel = 2 * scale - scale % 2;
                let pad = scale.saturating_sub(1).div_ceil(2);
                let channels = self.extent(weights, 0).unwrap_or(1);
                let mut window = Window::new(&[kernel, kernel]);
                window.strides = vec![scale, scale];
                window.pads = vec![[pad, pad]; 2];
                if !window.is_sound() {
                    return Err(Self::broken(format!("scaled by {scale}")));
                }
                Ok(self.build().conv_transposed(x, weights, None, channels, &window, &[])?)
            }
            other => Self::refuse(format!("sample_type {other:?}")),
        }
    }

    /// All inputs as large as the first one times a number; they are added up or put behind each other.
    fn repeated(&mut self, first: ValueId, scale: usize) -> Made {
        let image = self.build().channels_last(first, 4)?;
        let shape = self.add(Op::Shape, &[image])?;
        let inner = self.part_of(shape, 1, 2)?;
        let scale = self.build().ints(&[scale as i64; 2])?;
        let size = self.add(Op::Binary(Binary::Mul), &[inner, scale])?;
        let how = Resize { bilinear: false, align_corners: false, half_pixel: false };
        let mut made = Vec::new();
        for x in self.inputs.clone() {
            let image = self.build().channels_last(x, 4)?;
            made.push(self.add(Op::Resize(how), &[image, size])?);
        }
        let made = match (&made[..], self.node.text("multi_input_mode").unwrap_or("concat")) {
            ([only], _) => *only,
            (_, "concat") => {
                made.push(self.build().int(-1)?);
                self.add(Op::Concat, &made)?
            }
            ([first, rest @ ..], "sum") => {
                rest.iter().try_fold(*first, |sum, x| self.pair(Binary::Add, sum, *x))?
            }
            (_, other) => return Self::refuse(format!("multi_input_mode {other:?}")),
        };
        Ok(self.build().channels_first(made, 4)?)
    }

    fn resize(&mut self) -> Made {
        let x = self.input(0)?;
        let (height, width) = (self.target(x, 2, "height")?, self.target(x, 3, "width")?);
        let size = self.row(&[height, width])?;
        let image = self.build().channels_last(x, 4)?;
        let align_corners = self.node.flag("align_corners", true)?;
        let how = Resize { bilinear: true, align_corners, half_pixel: !align_corners };
        let made = self.add(Op::Resize(how), &[image, size])?;
        Ok(self.build().channels_first(made, 4)?)
    }

    /// How long an axis of an image becomes, as a row of one number.
    fn target(&mut self, x: ValueId, axis: usize, name: &str) -> Made {
        let own = self.count(x, axis)?;
        let own = self.build().reshape(own, &[1])?;
        let two = self.build().int(2)?;
        let odd = self.add(Op::Binary(Binary::FloorMod), &[own, two])?;
        let scale = format!("scale_{name}");
        let scale = self.node.text(&scale).map(|_| self.node.float(&scale, 1.0)).transpose()?;
        let one = self.build().int(1)?;
        match (self.node.text("mode").unwrap_or("size"), scale) {
            ("size", None) => {
                let size = self.node.size(name, 1)?;
                Ok(self.build().ints(&[size.max(1) as i64])?)
            }
            ("size", Some(scale)) => self.scaled(own, scale),
            // The first and the last of an odd number stay where they are.
            ("odd_scale", Some(scale)) => {
                let even = self.add(Op::Binary(Binary::Sub), &[own, odd])?;
                let scaled = self.scaled(even, scale)?;
                self.add(Op::Binary(Binary::Add), &[scaled, odd])
            }
            ("like", _) => {
                let like = self.input(1)?;
                let count = self.count(like, axis)?;
                Ok(self.build().reshape(count, &[1])?)
            }
            ("to_even_down", _) => self.add(Op::Binary(Binary::Sub), &[own, odd]),
            ("to_even_up", _) => self.add(Op::Binary(Binary::Add), &[own, odd]),
            ("to_odd_down", _) => {
                let more = self.add(Op::Binary(Binary::Add), &[own, odd])?;
                self.add(Op::Binary(Binary::Sub), &[more, one])
            }
            ("to_odd_up", _) => {
                let less = self.add(Op::Binary(Binary::Sub), &[own, odd])?;
                self.add(Op::Binary(Binary::Add), &[less, one])
            }
            (mode, _) => Self::refuse(format!("mode {mode:?}, scale_{name} {scale:?}")),
        }
    }

    /// An extent times a number, cut off.
    fn scaled(&mut self, extent: ValueId, scale: f32) -> Made {
        let extent = self.as_float(extent)?;
        let made = self.times(extent, scale)?;
        self.add(Op::Cast(crate::DType::I64), &[made])
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
        if size.contains(&0) || height == 0 || width == 0 {
            return Err(Self::broken(format!("{height}x{width} into {size:?} parts")));
        }
        if height % size[0] == 0 && width % size[1] == 0 {
            let mut window = Window::new(&[height / size[0], width / size[1]]);
            window.strides = window.kernel.clone();
            return Ok(self.build().pool(x, false, &window)?);
        }
        let rows = self.build().means_of_parts(x, Kind::F32, 2, 4, [height, size[0]])?;
        Ok(self.build().means_of_parts(rows, Kind::F32, 3, 4, [width, size[1]])?)
    }
}
