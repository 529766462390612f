//! What is read at given places: grids, regions, boxes, borders, files.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{
    Along, Around, Binary as B, Border, Colours, Grid, Imaging, Method, Nearest, Op, Rare, RoiAlign,
};

impl Lowering<'_, '_> {
    pub(super) fn sampling(&mut self) -> Outcome {
        match self.op() {
            "GridSample" => self.grid_sample(),
            "AffineGrid" => {
                let ((transforms, elem), size) = (self.tensor(0)?, self.value(1)?);
                let axes = self.build().dims(size).and_then(|d| d.first().copied());
                let axes =
                    axes.ok_or_else(|| Stop::Refused("a grid of an unknown number of axes".to_owned()))?;
                let align_corners = self.flag("align_corners");
                let made = self.image(Imaging::AffineGrid { align_corners }, &[transforms, size], axes)?;
                Self::give(made, elem)
            }
            "RoiAlign" => self.roi_align(),
            "MaxRoiPool" => {
                let ((x, elem), regions) = (self.tensor(0)?, self.value(1)?);
                let Some(&[rows, columns]) = self.sizes("pooled_shape")?.as_deref() else {
                    return Err(Self::broken("its pooled_shape is no height and width"));
                };
                let (size, scale) = ([rows, columns], self.float("spatial_scale").unwrap_or(1.0));
                let made = self.image(Imaging::RoiMax { size, scale }, &[x, regions], 4)?;
                Self::give(made, elem)
            }
            "NonMaxSuppression" => self.suppress(),
            "CenterCropPad" => self.centre(),
            "ImageDecoder" => {
                let file = self.value(0)?;
                let colours = match self.text("pixel_format") {
                    None | Some("RGB") => Colours::Rgb,
                    Some("BGR") => Colours::Bgr,
                    Some("Grayscale") => Colours::Grey,
                    Some(other) => return Self::refuse(format!("pixel_format {other:?}")),
                };
                let made = self.image(Imaging::DecodeBytes(colours), &[file], 3)?;
                Self::give(made, Elem::U8)
            }
            _ => Ok(None),
        }
    }

    fn grid_sample(&mut self) -> Outcome {
        let ((x, elem), grid) = (self.tensor(0)?, self.value(1)?);
        if elem == Elem::TEXT {
            return Self::refuse("between texts");
        }
        let method = match self.text("mode").unwrap_or("linear") {
            "linear" | "bilinear" => Method::Linear,
            "cubic" | "bicubic" => Method::Cubic(-0.75),
            "nearest" => Method::Nearest(Nearest::HalfDown),
            other => return Self::refuse(format!("mode {other:?}")),
        };
        let around = match self.text("padding_mode").unwrap_or("zeros") {
            "zeros" => Around::Zeros,
            "border" => Around::Border,
            "reflection" => Around::Reflection,
            other => return Self::refuse(format!("padding_mode {other:?}")),
        };
        let how = Grid { method, around, align_corners: self.flag("align_corners") };
        let rank = self.build().rank(x).or(self.build().rank(grid));
        let rank = rank.ok_or_else(|| Stop::Refused("an unknown number of axes".to_owned()))?;
        if elem.is_float() {
            let made = self.image(Imaging::SampleGrid(how), &[x, grid], rank)?;
            return Self::give(made, elem);
        }
        // What lies between integers is cut off, as the reference does; the specification does not say.
        let wide = self.cast_to(x, elem, Elem::F64)?;
        let made = self.image(Imaging::SampleGrid(how), &[wide, grid], rank)?;
        let made = self.cast_to(made, Elem::F64, elem)?;
        Self::give(made, elem)
    }

    fn roi_align(&mut self) -> Outcome {
        let ((x, elem), regions, owners) = (self.tensor(0)?, self.value(1)?, self.value(2)?);
        let size = |name, usual| usize::try_from(self.int(name).unwrap_or(usual)).ok().filter(|n| *n <= 4096);
        let wrong = || Self::broken("a size that is none");
        let how = RoiAlign {
            max: match self.text("mode") {
                None | Some("avg") => false,
                Some("max") => true,
                Some(other) => return Self::refuse(format!("mode {other:?}")),
            },
            half_pixel: match self.text("coordinate_transformation_mode") {
                None => self.version >= 16,
                Some("half_pixel") => true,
                Some("output_half_pixel") => false,
                Some(other) => return Self::refuse(format!("coordinate_transformation_mode {other:?}")),
            },
            size: [size("output_height", 1).ok_or_else(wrong)?, size("output_width", 1).ok_or_else(wrong)?],
            samples: size("sampling_ratio", 0).ok_or_else(wrong)?,
            scale: self.float("spatial_scale").unwrap_or(1.0),
        };
        let made = self.image(Imaging::RoiAlign(how), &[x, regions, owners], 4)?;
        Self::give(made, elem)
    }

    fn suppress(&mut self) -> Outcome {
        let (boxes, scores) = (self.value(0)?, self.value(1)?);
        let most = match self.optional(2) {
            Some((most, _)) => most,
            None => self.build().int(0)?,
        };
        let mut limits =
            [0.0, f32::NEG_INFINITY].into_iter().enumerate().map(|(n, usual)| match self.optional(3 + n) {
                Some((limit, _)) => Ok(limit),
                None => self.build().float(usual),
            });
        let limits = limits.by_ref().collect::<Result<Vec<_>, _>>()?;
        let op = Imaging::SuppressAll { centred: self.flag("center_point_box") };
        let made = self.image(op, &[boxes, scores, most, limits[0], limits[1]], 2)?;
        Self::give(made, Elem::I64)
    }

    /// Cut or filled up at both ends alike.
    fn centre(&mut self) -> Outcome {
        let ((x, elem), wanted) = (self.tensor(0)?, self.value(1)?);
        let rank = self.rank(x)?;
        let axes: Vec<i64> = match self.ints("axes").filter(|a| !a.is_empty()) {
            Some(axes) => axes
                .iter()
                .map(|a| crate::kernels::axis(*a, rank).map(|a| a as i64))
                .collect::<Result<_, _>>()?,
            None => (0..rank as i64).collect(),
        };
        let (axes, shape) = (self.build().ints(&axes)?, self.add(Op::Shape, &[x])?);
        let (first, two) = (self.build().int(0)?, self.build().int(2)?);
        let own = self.add(Op::Gather { batch_dims: 0 }, &[shape, axes, first])?;
        let more = self.add(Op::Binary(B::Sub), &[wanted, own])?;
        let before = self.add(Op::Binary(B::Div), &[more, two])?;
        let after = self.add(Op::Binary(B::Sub), &[more, before])?;
        let sides = self.row(&[before, after])?;
        let made = self.rare(Rare::Along(Along::Pad(Border::Constant)), &[x, sides, axes])?;
        self.build().tell(made, vec![None; rank]);
        Self::give(made, elem)
    }
}
