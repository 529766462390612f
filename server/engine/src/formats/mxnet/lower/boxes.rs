//! Boxes of detectors: anchors, what is made of them, which of them stay.

use super::{Lowering, Made, Outcome, Stop};
use crate::graph::{
    AnchorDetection, Binary, Compare, Corners, Imaging, Literal, Op, Rare, RowSuppression, Unary, ValueId,
};

impl Lowering<'_, '_> {
    pub(super) fn boxes(&mut self) -> Outcome {
        Self::one(match self.op() {
            "_contrib_MultiBoxPrior" | "_npx_multibox_prior" => self.anchors(),
            "_contrib_MultiBoxDetection" | "_npx_multibox_detection" => self.detections(),
            "_contrib_box_nms" | "_contrib_box_non_maximum_suppression" => self.suppressed(),
            "_contrib_box_iou" => self.overlaps(),
            "_contrib_box_decode" => self.decoded_boxes(),
            _ => return Ok(None),
        })
    }

    /// Boxes around each place of an image: of all sizes in the first shape, then of the first size in the other shapes.
    fn anchors(&mut self) -> Made {
        let x = self.input(0)?;
        let numbers = |name: &str, default: &[f32]| -> Result<Vec<f32>, Stop> {
            let found = self.node.floats(name)?.filter(|found| !found.is_empty());
            Ok(found.unwrap_or_else(|| default.to_vec()))
        };
        let (sizes, ratios) = (numbers("sizes", &[1.0])?, numbers("ratios", &[1.0])?);
        let (steps, offsets) = (numbers("steps", &[-1.0; 2])?, numbers("offsets", &[0.5; 2])?);
        let ([step_y, step_x], [offset_y, offset_x]) = (&steps[..], &offsets[..]) else {
            return Err(Self::broken(format!("steps {steps:?}, offsets {offsets:?}")));
        };
        let pairs = sizes.iter().map(|size| (*size, ratios[0]));
        let pairs = pairs.chain(ratios[1..].iter().map(|ratio| (sizes[0], *ratio)));
        let (widths, heights): (Vec<f32>, Vec<f32>) =
            pairs.map(|(size, ratio)| (size * ratio.sqrt() / 2.0, size / ratio.sqrt() / 2.0)).unzip();
        let count = widths.len();
        let mut row = |of: Vec<f32>| self.build().literal(Literal::F32(of, vec![count]));
        let (widths, heights) = (row(widths)?, row(heights)?);
        let (rows, columns) = (self.count(x, 2)?, self.count(x, 3)?);
        let (tall, wide) = (self.as_float(rows)?, self.as_float(columns)?);
        // Widths are of the height.
        let aspect = self.pair(Binary::Div, tall, wide)?;
        let widths = self.pair(Binary::Mul, widths, aspect)?;
        let y = self.centres(x, 2, *step_y, *offset_y)?;
        let x = self.centres(x, 3, *step_x, *offset_x)?;
        let (y, x) = (self.along(y, 0, 3)?, self.along(x, 1, 3)?);
        let one = self.build().ints(&[1])?;
        let many = self.build().ints(&[count as i64])?;
        let (rows, columns) = (self.build().reshape(rows, &[1])?, self.build().reshape(columns, &[1])?);
        let shapes = [self.row(&[rows, one, many])?, self.row(&[one, columns, many])?];
        let whole = self.row(&[rows, columns, many])?;
        let mut sides = Vec::new();
        for op in [Binary::Sub, Binary::Add] {
            for (centre, half, own) in [(x, widths, shapes[1]), (y, heights, shapes[0])] {
                let side = self.pair(op, centre, half)?;
                let side = self.add(Op::Reshape, &[side, own])?;
                sides.push(self.add(Op::BroadcastTo, &[side, whole])?);
            }
        }
        let made = self.add(Op::Pack(3), &sides)?;
        let made = self.build().reshape(made, &[1, -1, 4])?;
        if self.node.flag("clip", false)? { self.between(made, 0.0, 1.0) } else { Ok(made) }
    }

    /// The middles of an image's places along an axis.
    fn centres(&mut self, x: ValueId, axis: usize, step: f32, offset: f32) -> Made {
        let (numbers, count) = (self.numbered(x, axis)?, self.count(x, axis)?);
        let (numbers, count) = (self.as_float(numbers)?, self.as_float(count)?);
        let shifted = self.plus(numbers, offset)?;
        if step > 0.0 {
            return self.times(shifted, step);
        }
        let step = self.unary(Unary::Reciprocal, count)?;
        self.pair(Binary::Mul, shifted, step)
    }

    fn detections(&mut self) -> Made {
        let inputs = [self.input(0)?, self.input(1)?, self.input(2)?];
        let variances = self.node.floats("variances")?.unwrap_or_else(|| vec![0.1, 0.1, 0.2, 0.2]);
        let variances = <[f32; 4]>::try_from(variances)
            .map_err(|found| Self::broken(format!("variances {found:?}: there are four")))?;
        let overlap = self.node.float("nms_threshold", 0.5)?;
        let how = AnchorDetection {
            least: self.node.float("threshold", 0.01)?,
            overlap: (overlap > 0.0 && overlap <= 1.0).then_some(overlap),
            most: self.most("nms_topk")?.filter(|most| *most > 0),
            together: self.node.flag("force_suppress", false)?,
            clip: self.node.flag("clip", true)?,
            variances,
        };
        self.rare(Rare::Image(Imaging::DetectAnchors(how)), &inputs)
    }

    /// How many count; none: all.
    fn most(&self, name: &str) -> Result<Option<usize>, Stop> {
        Ok(usize::try_from(self.node.int(name, -1)?).ok())
    }

    fn corners(&self, name: &str, default: Corners) -> Result<Corners, Stop> {
        match self.node.text(name) {
            None => Ok(default),
            Some("corner" | "0") => Ok(Corners::Opposite),
            Some("center" | "1") => Ok(Corners::Centred),
            Some(other) => Self::refuse(format!("{name} {other:?}")),
        }
    }

    fn suppressed(&mut self) -> Made {
        let x = self.input(0)?;
        let class = self.most("id_index")?;
        let background = self.node.int("background_id", -1)?;
        let how = RowSuppression {
            overlap: self.node.float("overlap_thresh", 0.5)?,
            least: self.node.float("valid_thresh", 0.0)?,
            most: self.most("topk")?,
            corners: self.node.size("coord_start", 2)?,
            score: self.node.size("score_index", 1)?,
            class: class.filter(|_| !self.node.flag("force_suppress", false).unwrap_or(false)),
            background: class.filter(|_| background >= 0).map(|place| (place, background as f32)),
            given: self.corners("in_format", Corners::Opposite)?,
            made: self.corners("out_format", Corners::Opposite)?,
        };
        self.rare(Rare::Image(Imaging::SuppressRows(how)), &[x])
    }

    /// A box's numbers, each for itself.
    fn sides(&mut self, boxes: ValueId) -> Result<[ValueId; 4], Stop> {
        let rank = self.rank(boxes)?;
        let last = rank.checked_sub(1).ok_or_else(|| Self::broken("a box without numbers"))?;
        let axis = self.build().int(last as i64)?;
        let parts = self.build().add_many(Op::Split(4), &[boxes, axis], 4)?;
        let parts = parts.into_iter().map(|part| self.without(part, last));
        let parts: Vec<ValueId> = parts.collect::<Result<_, _>>()?;
        parts.try_into().map_err(|_| Self::broken("a box without numbers"))
    }

    /// Half of a value is added to another and taken away from it.
    fn around(&mut self, centre: ValueId, extent: ValueId) -> Result<[ValueId; 2], Stop> {
        let half = self.times(extent, 0.5)?;
        Ok([self.pair(Binary::Sub, centre, half)?, self.pair(Binary::Add, centre, half)?])
    }

    /// Left, top, right, bottom.
    fn opposite(&mut self, boxes: ValueId, given: Corners) -> Result<[ValueId; 4], Stop> {
        let [a, b, c, d] = self.sides(boxes)?;
        if given == Corners::Opposite {
            return Ok([a, b, c, d]);
        }
        let ([left, right], [top, bottom]) = (self.around(a, c)?, self.around(b, d)?);
        Ok([left, top, right, bottom])
    }

    /// How far it is from one to the other, and not less than nothing.
    fn extent_of(&mut self, from: ValueId, to: ValueId) -> Made {
        let extent = self.pair(Binary::Sub, to, from)?;
        self.unary(Unary::Relu, extent)
    }

    fn area(&mut self, [left, top, right, bottom]: [ValueId; 4]) -> Made {
        let (width, height) = (self.extent_of(left, right)?, self.extent_of(top, bottom)?);
        self.pair(Binary::Mul, width, height)
    }

    /// How much of their union each box of the one and each of the other share.
    fn overlaps(&mut self) -> Made {
        let (a, b) = (self.input(0)?, self.input(1)?);
        let given = self.corners("format", Corners::Opposite)?;
        let behind = self.rank(b)?.saturating_sub(1);
        let (mut a, b) = (self.opposite(a, given)?, self.opposite(b, given)?);
        for side in &mut a {
            for _ in 0..behind {
                let last = self.build().int(-1)?;
                *side = self.add(Op::ExpandDims, &[*side, last])?;
            }
        }
        let (left, top) = (self.pair(Binary::Max, a[0], b[0])?, self.pair(Binary::Max, a[1], b[1])?);
        let (right, bottom) = (self.pair(Binary::Min, a[2], b[2])?, self.pair(Binary::Min, a[3], b[3])?);
        let both = self.area([left, top, right, bottom])?;
        let (a, b) = (self.area(a)?, self.area(b)?);
        let sum = self.pair(Binary::Add, a, b)?;
        let union = self.pair(Binary::Sub, sum, both)?;
        let (share, zero) = (self.pair(Binary::Div, both, union)?, self.build().float(0.0)?);
        let meets = self.add(Op::Compare(Compare::Greater), &[both, zero])?;
        self.add(Op::Select, &[meets, share, zero])
    }

    /// Anchors, moved and stretched by offsets.
    fn decoded_boxes(&mut self) -> Made {
        let (offsets, anchors) = (self.input(0)?, self.input(1)?);
        let [mut x, mut y, mut width, mut height] = self.sides(anchors)?;
        if self.corners("format", Corners::Centred)? == Corners::Opposite {
            let (right, bottom) = (width, height);
            (width, height) = (self.pair(Binary::Sub, right, x)?, self.pair(Binary::Sub, bottom, y)?);
            let ([_, centre], [_, middle]) = (self.around(x, width)?, self.around(y, height)?);
            (x, y) = (centre, middle);
        }
        let mut moved = self.sides(offsets)?;
        for (name, value) in ["std0", "std1", "std2", "std3"].into_iter().zip(&mut moved) {
            let factor = self.node.float(name, 1.0)?;
            *value = self.times(*value, factor)?;
        }
        let [dx, dy, dw, dh] = moved;
        let most = self.node.float("clip", -1.0)?;
        let stretched = |all: &mut Self, by: ValueId, extent: ValueId| -> Made {
            let mut by = by;
            if most > 0.0 {
                let most = all.build().float(most)?;
                by = all.pair(Binary::Min, by, most)?;
            }
            let factor = all.unary(Unary::Exp, by)?;
            all.pair(Binary::Mul, factor, extent)
        };
        let (wide, tall) = (stretched(self, dw, width)?, stretched(self, dh, height)?);
        let (dx, dy) = (self.pair(Binary::Mul, dx, width)?, self.pair(Binary::Mul, dy, height)?);
        let (x, y) = (self.pair(Binary::Add, dx, x)?, self.pair(Binary::Add, dy, y)?);
        let ([left, right], [top, bottom]) = (self.around(x, wide)?, self.around(y, tall)?);
        self.add(Op::Pack(-1), &[left, top, right, bottom])
    }
}
