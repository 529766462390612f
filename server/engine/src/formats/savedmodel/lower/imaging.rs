//! Volumes, patches, scaling, colours, boxes.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowering, Outcome};
use crate::EngineError;
use crate::graph::{Beyond, Imaging, Kernel, Op, Padding, Rare, Sliding, Suppression, ValueId};

/// The layouts of volumes.
const LAST: [i64; 5] = [0, 2, 3, 4, 1];
const FIRST: [i64; 5] = [0, 4, 1, 2, 3];

impl Lowering<'_> {
    pub(super) fn imaging(&mut self) -> Outcome {
        if let Some(lowered) = self.by_type()? {
            return Ok(Some(lowered));
        }
        for attempt in
            [Self::decoders, Self::volumes, Self::windows, Self::scaling, Self::colours, Self::suppression]
        {
            if let Some(lowered) = attempt(self)? {
                return Ok(Some(lowered));
            }
        }
        Ok(None)
    }

    pub(super) fn depict(&mut self, least: usize, op: Imaging) -> Outcome {
        self.rarely(least, Rare::Image(op))
    }

    pub(super) fn volumes(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "Conv3D" => {
                let Some(sliding) = self.sliding("strides", "dilations")? else { return Self::odd() };
                self.around(2, Imaging::Conv3d(sliding))
            }
            "Conv" => match self.node.ints("strides").len() {
                4 => self.conv(0, Op::Conv),
                5 => {
                    let Some(sliding) = self.sliding("strides", "dilations")? else { return Self::odd() };
                    self.around(2, Imaging::Conv3d(sliding))
                }
                _ => Self::refuse("over other than two or three axes"),
            },
            "Conv3DBackpropInputV2" => self.transposed_volume(),
            "MaxPool3D" | "AvgPool3D" => {
                let window = self.spatial_of("ksize");
                let sliding = self.sliding("strides", "")?;
                let (Some(window), Some(sliding)) = (window, sliding) else { return Self::odd() };
                let max = self.node.op == "MaxPool3D";
                self.around(1, Imaging::Pool3d { max, window, sliding })
            }
            "MaxPoolWithArgmax" => {
                let window = self.spatial_of("ksize");
                let sliding = self.sliding("strides", "")?;
                let (Some(window), Some(sliding)) = (window, sliding) else { return Self::odd() };
                let batch_too = self.node.flag("include_batch_in_index");
                self.several(1, Rare::Image(Imaging::PoolWithPlaces { window, sliding, batch_too }), 2)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn odd() -> Outcome {
        Self::refuse("a window or steps over batch or channels")
    }

    /// The spatial numbers of an attribute; an image has a depth of 1.
    pub(super) fn spatial_of(&self, attribute: &str) -> Option<[usize; 3]> {
        let list = self.node.ints(attribute);
        let size = |n: i64| usize::try_from(n).ok().filter(|n| (1..=1 << 20).contains(n));
        let (outer, inner) = match (&list[..], self.is_channels_first()) {
            ([], _) => ([1, 1], [1, 1, 1]),
            ([n, h, w, c], false) | ([n, c, h, w], true) => ([*n, *c], [1, *h, *w]),
            ([n, d, h, w, c], false) | ([n, c, d, h, w], true) => ([*n, *c], [*d, *h, *w]),
            _ => return None,
        };
        (outer == [1, 1]).then_some([size(inner[0])?, size(inner[1])?, size(inner[2])?])
    }

    pub(super) fn sliding(&self, strides: &str, dilations: &str) -> Result<Option<Sliding>, EngineError> {
        let list = self.node.ints("explicit_paddings");
        let (mut padding, mut depth_padding) = (Padding::Valid, [0, 0]);
        if self.node.text("padding") == Some("EXPLICIT") && list.len() == 10 {
            let at = if self.is_channels_first() { 4 } else { 2 };
            let sizes = list[at..at + 6].iter();
            let sizes: Vec<usize> =
                sizes.filter_map(|n| usize::try_from(*n).ok().filter(|n| *n < 1 << 20)).collect();
            let [front, back, top, bottom, left, right] = sizes[..] else {
                return Err(EngineError::broken(format!(
                    "node {:?}: its paddings are wrong",
                    self.node.name
                )));
            };
            (padding, depth_padding) = (Padding::Explicit([top, bottom, left, right]), [front, back]);
        } else {
            padding = self.padding().map_or(padding, |p| p);
        }
        let found = self.spatial_of(strides).zip(self.spatial_of(dilations));
        Ok(found.map(|(strides, dilations)| Sliding { strides, dilations, padding, depth_padding }))
    }

    fn reordered(&mut self, x: ValueId, order: [i64; 5]) -> Result<ValueId, EngineError> {
        if !self.is_channels_first() {
            return Ok(x);
        }
        let order = self.ints(order.to_vec())?;
        self.add(Op::Transpose, vec![x, order])
    }

    /// An operation on a volume of either layout.
    fn around(&mut self, least: usize, op: Imaging) -> Outcome {
        let mut inputs = self.want(least)?[..least].to_vec();
        inputs[0] = self.reordered(inputs[0], LAST)?;
        let y = self.add(rare(Rare::Image(op)), inputs)?;
        let y = self.reordered(y, FIRST)?;
        Self::value(y)
    }

    fn transposed_volume(&mut self) -> Outcome {
        let Some(sliding) = self.sliding("strides", "dilations")? else { return Self::odd() };
        let [size, filter, x] = self.want(3)?[..3] else { return Ok(None) };
        let size = self.sizes_last(size, &LAST)?;
        let x = self.reordered(x, LAST)?;
        let op = rare(Rare::Image(Imaging::ConvTranspose3d(sliding)));
        let y = self.add(op, vec![size, filter, x])?;
        let y = self.reordered(y, FIRST)?;
        Self::value(y)
    }

    /// A shape in the node's layout, with the channels last.
    pub(super) fn sizes_last(&mut self, size: ValueId, order: &[i64]) -> Result<ValueId, EngineError> {
        let short = self.literal_ints(size).is_some_and(|s| s.len() + 2 == order.len());
        if short || !self.is_channels_first() {
            return Ok(size);
        }
        let (order, axis) = (self.ints(order.to_vec())?, self.ints(vec![0])?);
        self.add(Op::Gather { batch_dims: 0 }, vec![size, order, axis])
    }

    fn windows(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "Dilation2D" => match self.sliding("strides", "rates")? {
                Some(sliding) => self.depict(2, Imaging::Dilation(sliding)),
                None => Self::odd(),
            },
            "ExtractImagePatches" | "ExtractVolumePatches" => {
                let window = self.spatial_of("ksizes");
                let sliding = self.sliding("strides", "rates")?;
                let (Some(window), Some(sliding)) = (window, sliding) else { return Self::odd() };
                self.depict(1, Imaging::Patches { window, sliding })
            }
            "SpaceToDepth" | "DepthToSpace" => {
                let block = self.count("block_size");
                let space = self.node.op == "SpaceToDepth";
                let op = if space { Imaging::SpaceToDepth(block) } else { Imaging::DepthToSpace(block) };
                if self.node.text("data_format") == Some("NCHW_VECT_C") {
                    return Self::refuse("data_format NCHW_VECT_C");
                }
                let x = self.want(1)?[0];
                let x = self.channels_last(x)?;
                let y = self.add(rare(Rare::Image(op)), vec![x])?;
                let y = self.channels_back(y)?;
                Self::value(y)
            }
            "SpaceToBatch" | "BatchToSpace" => {
                let [x, around] = self.want(2)?[..2] else { return Ok(None) };
                let block = self.node.int("block_size").unwrap_or(0);
                let block = self.ints(vec![block, block])?;
                let op = if self.node.op == "SpaceToBatch" { Op::SpaceToBatch } else { Op::BatchToSpace };
                self.emit(op, vec![x, block, around])
            }
            "LRN" => {
                let number = |name, or| self.node.float(name).unwrap_or(or);
                let op = Imaging::Lrn {
                    around: [self.node.int("depth_radius").unwrap_or(5); 2],
                    bias: number("bias", 1.0),
                    alpha: number("alpha", 1.0),
                    beta: number("beta", 0.5),
                };
                self.depict(1, op)
            }
            _ => Ok(None),
        }
    }

    fn scaling(&mut self) -> Outcome {
        let align_corners = self.node.flag("align_corners");
        let bilinear = |name: &str| self.node.text(name).is_none_or(|t| t.eq_ignore_ascii_case("bilinear"));
        match self.node.op.as_str() {
            "ResizeBicubic" => {
                let half_pixel = self.node.flag("half_pixel_centers");
                self.depict(2, Imaging::Bicubic { align_corners, half_pixel })
            }
            "ResizeArea" => self.depict(2, Imaging::Area { align_corners }),
            "ScaleAndTranslate" => {
                let kernel = match self.node.text("kernel_type").unwrap_or("lanczos3") {
                    "box" => Kernel::Box,
                    "triangle" => Kernel::Triangle,
                    "lanczos1" => Kernel::Lanczos(1),
                    "lanczos3" => Kernel::Lanczos(3),
                    "lanczos5" => Kernel::Lanczos(5),
                    "gaussian" => Kernel::Gaussian,
                    "keyscubic" => Kernel::KeysCubic,
                    "mitchellcubic" => Kernel::MitchellCubic,
                    other => return Self::refuse(format!("kernel {other}")),
                };
                let antialias = !self.node.attr.contains_key("antialias") || self.node.flag("antialias");
                self.depict(4, Imaging::ScaleAndTranslate { kernel, antialias })
            }
            "CropAndResize" => {
                let outside = self.node.float("extrapolation_value").unwrap_or(0.0);
                let bilinear = bilinear("method");
                self.depict(4, Imaging::CropAndResize { bilinear, outside })
            }
            "ImageProjectiveTransformV2" | "ImageProjectiveTransformV3" => {
                let bilinear = bilinear("interpolation");
                let beyond = match self.node.text("fill_mode").unwrap_or("CONSTANT") {
                    "REFLECT" => Beyond::Reflect,
                    "WRAP" => Beyond::Wrap,
                    "NEAREST" => Beyond::Nearest,
                    _ => Beyond::Constant,
                };
                self.depict(3, Imaging::Project { bilinear, beyond })
            }
            _ => Ok(None),
        }
    }

    fn colours(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "AdjustContrastv2" => self.depict(2, Imaging::AdjustContrast),
            "AdjustHue" => self.depict(2, Imaging::AdjustHue),
            "AdjustSaturation" => self.depict(2, Imaging::AdjustSaturation),
            "RGBToHSV" => self.depict(1, Imaging::RgbToHsv),
            "HSVToRGB" => self.depict(1, Imaging::HsvToRgb),
            _ => Ok(None),
        }
    }

    fn suppression(&mut self) -> Outcome {
        let pad = self.node.flag("pad_to_max_output_size");
        let suppress = |scores, count| {
            Rare::Image(Imaging::Suppress(Suppression { overlaps: false, pad, scores, count }))
        };
        match self.node.op.as_str() {
            "NonMaxSuppression" => {
                let mut inputs = self.want(3)?[..3].to_vec();
                inputs.push(self.float(self.node.float("iou_threshold").unwrap_or(0.5))?);
                self.emit(rare(suppress(false, false)), inputs)
            }
            "NonMaxSuppressionV2" => self.rarely(4, suppress(false, false)),
            "NonMaxSuppressionV3" => self.rarely(5, suppress(false, false)),
            "NonMaxSuppressionV4" => self.several(5, suppress(false, true), 2),
            "NonMaxSuppressionV5" => self.several(6, suppress(true, true), 3),
            "NonMaxSuppressionWithOverlaps" => {
                let how = Suppression { overlaps: true, pad: false, scores: false, count: false };
                self.rarely(5, Rare::Image(Imaging::Suppress(how)))
            }
            "CombinedNonMaxSuppression" => {
                let clip = !self.node.attr.contains_key("clip_boxes") || self.node.flag("clip_boxes");
                let pad_per_class = self.node.flag("pad_per_class");
                self.several(6, Rare::Image(Imaging::SuppressClasses { pad_per_class, clip }), 4)
            }
            _ => Ok(None),
        }
    }
}
