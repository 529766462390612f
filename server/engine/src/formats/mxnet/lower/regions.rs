//! Regions of images, made the same size.

use super::{Lowering, Made, Outcome, Stop};
use crate::graph::{Compare, Imaging, Op, Rare, RoiAlign, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn regions(&mut self) -> Outcome {
        Self::one(match self.op() {
            "_contrib_ROIAlign" => self.aligned_regions(),
            "ROIPooling" | "_npx_roi_pooling" => {
                let (x, regions) = (self.input(0)?, self.input(1)?);
                let (size, scale) = (self.pooled_size()?, self.node.float("spatial_scale", 1.0)?);
                self.rare(Rare::Image(Imaging::RoiMax { size, scale }), &[x, regions])
            }
            _ => return Ok(None),
        })
    }

    fn pooled_size(&self) -> Result<[usize; 2], Stop> {
        let size = self.node.sizes("pooled_size")?.unwrap_or_default();
        match size[..] {
            [height, width] if height > 0 && width > 0 => Ok([height, width]),
            _ => Err(Self::broken(format!("pooled_size {size:?}"))),
        }
    }

    /// Regions of four numbers, or five with their image's first; those of an image below zero are nothing.
    fn aligned_regions(&mut self) -> Made {
        let (x, regions) = (self.input(0)?, self.input(1)?);
        let size = self.pooled_size()?;
        let width = self.extent(regions, 1).unwrap_or(5);
        let axis = self.build().int(1)?;
        let how = RoiAlign {
            max: false,
            half_pixel: self.node.flag("aligned", false)?,
            size,
            samples: usize::try_from(self.node.int("sample_ratio", -1)?).unwrap_or(0),
            scale: self.node.float("spatial_scale", 1.0)?,
        };
        let place = self.build().int(0)?;
        let owners = self.add(Op::Gather { batch_dims: 0 }, &[regions, place, axis])?;
        let (owners, regions) = if width == 4 {
            (self.unary(Unary::ZerosLike, owners)?, regions)
        } else {
            let places = self.build().ints(&[1, 2, 3, 4])?;
            (owners, self.add(Op::Gather { batch_dims: 0 }, &[regions, places, axis])?)
        };
        let within = self.unary(Unary::Relu, owners)?;
        let mut made = self.rare(Rare::Image(Imaging::RoiAlign(how)), &[x, regions, within])?;
        if self.node.flag("position_sensitive", false)? {
            made = self.own_parts(made, size)?;
        }
        let zero = self.build().float(0.0)?;
        let there = self.add(Op::Compare(Compare::GreaterEqual), &[owners, zero])?;
        let there = self.along(there, 0, 4)?;
        self.add(Op::Select, &[there, made, zero])
    }

    /// Each part of a region has channels of its own: `[regions, channels parts, height, width]` → `[regions, channels, height, width]`.
    fn own_parts(&mut self, x: ValueId, [height, width]: [usize; 2]) -> Made {
        let parts = height.checked_mul(width).filter(|parts| *parts <= 1 << 12);
        let parts = parts.ok_or_else(|| Self::broken(format!("{height}x{width} parts of a region")))? as i64;
        let shape = self.add(Op::Shape, &[x])?;
        let count = self.part_of(shape, 0, 1)?;
        let [one, rest, last] = [parts, -1, parts].map(|n| self.build().ints(&[n]));
        let wide = self.row(&[count, rest?, one?, last?])?;
        let wide = self.add(Op::Reshape, &[x, wide])?;
        let diagonal = self.rare(Rare::Einsum("nckk->nck".to_owned()), &[wide])?;
        let [channels, rows, columns] = [-1, height as i64, width as i64].map(|n| self.build().ints(&[n]));
        let shape = self.row(&[count, channels?, rows?, columns?])?;
        self.add(Op::Reshape, &[diagonal, shape])
    }
}
