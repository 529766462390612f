//! Values put together, taken apart and repeated.

use super::{Lowering, Made, Outcome, Stop};
use crate::graph::{Along, Border, Imaging, Masks, Op, Rare, ValueId};

/// Axes of a value that is cut.
const MOST_AXES: usize = 32;

impl Lowering<'_, '_> {
    pub(super) fn joins(&mut self) -> Outcome {
        Self::one(match self.op() {
            "Concat" | "concat" => self.concat(),
            "stack" => {
                let (inputs, axis) = (self.inputs.clone(), self.node.int("axis", 0)?);
                self.add(Op::Pack(axis), &inputs)
            }
            "SliceChannel" | "split" => return self.split(),
            "_split_v2" => return self.split_at(),
            "slice" | "crop" => self.slice(),
            "slice_axis" => self.slice_axis(),
            "slice_like" => self.slice_like(),
            "tile" => self.tile(),
            "repeat" => self.repeat(),
            "reverse" | "flip" => {
                let (x, axes) = (self.input(0)?, self.node.ints("axis")?.unwrap_or_default());
                let axes = self.build().ints(&axes)?;
                self.add(Op::Reverse, &[x, axes])
            }
            "Pad" | "pad" => self.pad(),
            "space_to_depth" => {
                let (x, block) = (self.input(0)?, self.node.size("block_size", 1)?);
                self.on_image(Imaging::SpaceToDepth(block), x)
            }
            "depth_to_space" => {
                let (x, block) = (self.input(0)?, self.node.size("block_size", 1)?);
                self.on_image(Imaging::DepthToSpace(block), x)
            }
            _ => return Ok(None),
        })
    }

    /// Images with channels last are joined so.
    fn concat(&mut self) -> Made {
        let all = self.inputs.clone();
        let first = self.input(0)?;
        let rank = self.rank(first)?;
        let axis = self.axis("dim", 1, rank)?;
        if rank >= 3 && axis == 1 && all.iter().all(|x| self.build().is_last(*x)) {
            let images = all.iter().map(|x| self.build().channels_last(*x, rank));
            let mut images = images.collect::<Result<Vec<_>, _>>()?;
            images.push(self.build().int(-1)?);
            let made = self.add(Op::Concat, &images)?;
            return Ok(self.build().channels_first(made, rank)?);
        }
        let axis = self.build().int(axis as i64)?;
        self.add(Op::Concat, &[&all[..], &[axis]].concat())
    }

    fn split(&mut self) -> Outcome {
        let (x, count) = (self.input(0)?, self.node.size("num_outputs", 1)?);
        let rank = self.rank(x)?;
        let axis = self.axis("axis", 1, rank)?;
        let along = self.build().int(axis as i64)?;
        let parts = self.build().add_many(Op::Split(count), &[x, along], count)?;
        if self.node.flag("squeeze_axis", false)? {
            let parts = parts.into_iter().map(|part| self.without(part, axis));
            return parts.collect::<Result<Vec<_>, _>>().map(Some);
        }
        Ok(Some(parts))
    }

    /// At places, or into so many parts.
    fn split_at(&mut self) -> Outcome {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let axis = self.axis("axis", 1, rank)?;
        let sections = self.node.size("sections", 0)?;
        let parts = if sections > 0 {
            let along = self.build().int(axis as i64)?;
            self.build().add_many(Op::Split(sections), &[x, along], sections)?
        } else {
            let mut places = self.node.ints("indices")?.unwrap_or_default();
            if places.first() != Some(&0) {
                places.insert(0, 0);
            }
            let ends = places.iter().skip(1).copied().chain([i64::MAX]);
            let each =
                places.iter().zip(ends).map(|(from, to)| self.cut(x, &[axis as i64], &[*from], &[to], &[1]));
            each.collect::<Result<Vec<_>, _>>()?
        };
        if self.node.flag("squeeze_axis", false)? {
            let parts = parts.into_iter().map(|part| self.without(part, axis));
            return parts.collect::<Result<Vec<_>, _>>().map(Some);
        }
        Ok(Some(parts))
    }

    /// The value again and again along each axis; axes that it does not have are in front.
    fn tile(&mut self) -> Made {
        let (mut x, repeats) = (self.input(0)?, self.node.ints("reps")?.unwrap_or_default());
        let rank = self.rank(x)?;
        for _ in rank..repeats.len() {
            let first = self.build().int(0)?;
            x = self.add(Op::ExpandDims, &[x, first])?;
        }
        let repeats = [vec![1; rank.saturating_sub(repeats.len())], repeats].concat();
        let repeats = self.build().ints(&repeats)?;
        self.add(Op::Tile, &[x, repeats])
    }

    /// A part of a value along some axes; what is beyond all places is the end.
    fn cut(&mut self, x: ValueId, axes: &[i64], from: &[i64], to: &[i64], steps: &[i64]) -> Made {
        let places = axes.iter().map(|axis| self.place(x, *axis)).collect::<Result<Vec<_>, _>>()?;
        let count = places.iter().max().map_or(0, |last| last + 1);
        let (mut begins, mut ends, mut strides) = (vec![0; count], vec![0; count], vec![1; count]);
        // An axis that is not named stays whole.
        let whole = (1i64 << count) - 1;
        let mut masks = Masks { begin: whole, end: whole, ..Masks::default() };
        for (n, place) in places.into_iter().enumerate() {
            (begins[place], ends[place], strides[place]) = (from[n], to[n], steps[n]);
            let is_open = |at: i64| matches!(at, i64::MIN | i64::MAX);
            masks.begin &= !(i64::from(!is_open(from[n])) << place);
            masks.end &= !(i64::from(!is_open(to[n])) << place);
        }
        let mut inputs = vec![x];
        for numbers in [begins, ends, strides] {
            inputs.push(self.build().ints(&numbers)?);
        }
        self.add(Op::StridedSlice(masks), &inputs)
    }

    /// An axis from the start; only one that is counted from the end needs the number of axes.
    fn place(&self, x: ValueId, axis: i64) -> Result<usize, Stop> {
        let rank = match self.context.build.rank(x) {
            Some(rank) => rank,
            None if axis >= 0 => MOST_AXES,
            None => self.rank(x)?,
        };
        let place = self.axes(&[axis], rank)?;
        place
            .first()
            .copied()
            .filter(|place| *place < MOST_AXES)
            .ok_or_else(|| Self::broken(format!("axis {axis}")))
    }

    fn slice(&mut self) -> Made {
        let x = self.input(0)?;
        let (begin, end) =
            (self.node.places("begin")?.unwrap_or_default(), self.node.places("end")?.unwrap_or_default());
        let steps = self.node.places("step")?.unwrap_or_default();
        let step = |n: usize| steps.get(n).copied().flatten().unwrap_or(1);
        let count = begin.len();
        let steps: Vec<i64> = (0..count).map(step).collect();
        let from =
            begin.iter().zip(&steps).map(|(n, step)| n.unwrap_or(if *step < 0 { i64::MAX } else { 0 }));
        let to =
            end.iter().zip(&steps).map(|(n, step)| n.unwrap_or(if *step < 0 { i64::MIN } else { i64::MAX }));
        let (from, to): (Vec<i64>, Vec<i64>) = (from.collect(), to.collect());
        if to.len() != count {
            return Err(Self::broken(format!("a slice from {begin:?} to {end:?}")));
        }
        let axes: Vec<i64> = (0..count as i64).collect();
        self.cut(x, &axes, &from, &to, &steps)
    }

    fn slice_axis(&mut self) -> Made {
        let (x, axis) = (self.input(0)?, self.node.int("axis", 0)?);
        let (from, to) = (self.node.int("begin", 0)?, self.node.int("end", i64::MAX)?);
        self.cut(x, &[axis], &[from], &[to], &[1])
    }

    /// As long as another value along some axes.
    fn slice_like(&mut self) -> Made {
        let (x, like) = (self.input(0)?, self.input(1)?);
        let rank = self.rank(x)?;
        let axes = match self.node.ints("axes")?.filter(|axes| !axes.is_empty()) {
            Some(axes) => self.axes(&axes, rank)?,
            None => (0..rank).collect(),
        };
        let shape = self.add(Op::Shape, &[like])?;
        let count = axes.iter().max().map_or(0, |last| last + 1).min(MOST_AXES);
        // An axis that is not named stays whole.
        let mut masks = Masks { begin: (1i64 << count) - 1, ..Masks::default() };
        let mut ends = Vec::new();
        for axis in 0..count {
            if axes.contains(&axis) {
                ends.push(self.part_of(shape, axis, 1)?);
            } else {
                masks.end |= 1 << axis;
                ends.push(self.build().ints(&[0])?);
            }
        }
        let ends = self.row(&ends)?;
        let (starts, steps) = (self.build().ints(&vec![0; count])?, self.build().ints(&vec![1; count])?);
        let made = self.add(Op::StridedSlice(masks), &[x, starts, ends, steps])?;
        let extent = |axis| self.extent(if axes.contains(&axis) { like } else { x }, axis);
        let extents = (0..rank).map(extent).collect();
        self.build().tell(made, extents);
        Ok(made)
    }

    /// Each element so many times: a new axis is repeated and then made one with the axis before it.
    fn repeat(&mut self) -> Made {
        let (mut x, times) = (self.input(0)?, self.node.size("repeats", 1)?);
        if self.node.text("axis").is_none() {
            x = self.build().reshape(x, &[-1])?;
        }
        let rank = self.rank(x)?;
        let axis = if self.node.text("axis").is_some() { self.axis("axis", 0, rank)? } else { 0 };
        let shape = self.add(Op::Shape, &[x])?;
        let behind = self.build().int(axis as i64 + 1)?;
        let wide = self.add(Op::ExpandDims, &[x, behind])?;
        let mut repeats = vec![1; rank + 1];
        repeats[axis + 1] = times as i64;
        let repeats = self.build().ints(&repeats)?;
        let wide = self.add(Op::Tile, &[wide, repeats])?;
        let rest = self.build().ints(&[-1])?;
        let mut parts = vec![self.part_of(shape, 0, axis)?, rest];
        parts.push(self.part_of(shape, axis + 1, rank - axis - 1)?);
        let shape = self.row(&parts)?;
        self.add(Op::Reshape, &[wide, shape])
    }

    fn pad(&mut self) -> Made {
        let x = self.input(0)?;
        let widths = self.node.ints("pad_width")?.unwrap_or_default();
        let border = match self.node.text("mode").unwrap_or("constant") {
            "constant" => Border::Constant,
            "edge" => Border::Edge,
            "reflect" => Border::Reflect,
            other => return Self::refuse(format!("mode {other}")),
        };
        let (befores, afters): (Vec<i64>, Vec<i64>) =
            widths.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip();
        let count = befores.len() as i64;
        let pads = self.build().ints(&[befores, afters].concat())?;
        let axes = self.build().ints(&(0..count).collect::<Vec<_>>())?;
        let value = self.node.float("constant_value", 0.0)?;
        let value = self.build().float(value)?;
        self.rare(Rare::Along(Along::Pad(border)), &[x, pads, axes, value])
    }
}
