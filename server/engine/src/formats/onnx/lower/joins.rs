//! What puts values together, takes them apart and cuts them out.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Along, Binary as B, Border, Literal, Masks, Op, Rare, ValueId};
use crate::kernels;

impl Lowering<'_, '_> {
    pub(super) fn joins(&mut self) -> Outcome {
        match self.op() {
            "Concat" => self.concat(),
            "Split" => self.split(),
            "Slice" => self.slice(),
            "Pad" => self.pad(),
            "DepthToSpace" => self.depth_to_space(),
            "SpaceToDepth" => self.space_to_depth(),
            _ => Ok(None),
        }
    }

    /// Images with channels last are joined so.
    fn concat(&mut self) -> Outcome {
        let (all, elem) = (self.all()?, self.elem()?);
        let axis = self.int("axis").unwrap_or(1);
        let made = self.joined(&all, axis)?;
        Self::give(made, elem)
    }

    fn joined(&mut self, all: &[ValueId], axis: i64) -> Result<ValueId, Stop> {
        let rank = self.build().rank(all[0]).unwrap_or(0);
        if rank >= 3 && (axis == 1 || axis == 1 - rank as i64) && all.iter().all(|v| self.build().is_last(*v))
        {
            let images = all.iter().map(|v| self.build().channels_last(*v, rank));
            let mut images = images.collect::<Result<Vec<_>, _>>()?;
            images.push(self.build().int(-1)?);
            let made = self.add(Op::Concat, &images)?;
            return Ok(self.build().channels_first(made, rank)?);
        }
        let axis = self.build().int(axis)?;
        self.add(Op::Concat, &[all, &[axis]].concat())
    }

    fn split(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let count = self.node.output.len();
        let along = self.int("axis").unwrap_or(0);
        let axis = self.build().int(along)?;
        let sizes = self.ints_or_input("split", 1)?;
        let parts = match sizes {
            Some(sizes) => self.build().add_many(Op::SplitSizes(count), &[x, sizes, axis], count)?,
            None => {
                let dims = self.build().shape(x).cloned().unwrap_or_default();
                let extent = kernels::axis(along, dims.len()).ok().and_then(|a| dims[a]);
                match extent {
                    None if self.int("num_outputs").is_some() => {
                        let sizes = self.parts_of_any(x, along, count as i64)?;
                        self.build().add_many(Op::SplitSizes(count), &[x, sizes, axis], count)?
                    }
                    // The last part is shorter where they are not equal.
                    Some(extent) if extent % count != 0 => {
                        let each = extent.div_ceil(count);
                        let size = |n: usize| extent.saturating_sub(n * each).min(each) as i64;
                        let sizes: Vec<i64> = (0..count).map(size).collect();
                        let sizes = self.build().ints(&sizes)?;
                        self.build().add_many(Op::SplitSizes(count), &[x, sizes, axis], count)?
                    }
                    _ => self.build().add_many(Op::Split(count), &[x, axis], count)?,
                }
            }
        };
        Ok(Some(parts.into_iter().map(|v| Val::Tensor(v, elem)).collect()))
    }

    /// How long each of so many parts is, of an extent that only a request knows: equal ones, and a shorter one at the end.
    fn parts_of_any(&mut self, x: ValueId, axis: i64, count: i64) -> Result<ValueId, Stop> {
        let extent = self.extent(x, axis)?;
        let (more, zero) = (self.build().int(count - 1)?, self.build().int(0)?);
        let rounded = self.build().binary(B::Add, extent, more)?;
        let each = self.divided(rounded, count)?;
        let before = self.build().ints(&(0..count).collect::<Vec<_>>())?;
        let before = self.build().binary(B::Mul, before, each)?;
        let left = self.build().binary(B::Sub, extent, before)?;
        let left = self.build().binary(B::Max, left, zero)?;
        Ok(self.build().binary(B::Min, left, each)?)
    }

    fn slice(&mut self) -> Outcome {
        let x = self.value(0)?;
        let missing = || Self::broken("it lacks where to begin or to end");
        let starts = self.ints_or_input("starts", 1)?.ok_or_else(missing)?;
        let ends = self.ints_or_input("ends", 2)?.ok_or_else(missing)?;
        let axes = self.ints_or_input("axes", 3)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let given = [axes.is_some(), self.optional(4).is_some()];
        let axes = match axes {
            Some(axes) => axes,
            None => {
                let count = self.add(Op::Size, &[starts])?;
                self.add(Op::Range, &[zero, count, one])?
            }
        };
        let steps = match self.optional(4) {
            Some((steps, _)) => steps,
            None => {
                let shape = self.add(Op::Shape, &[starts])?;
                self.add(Op::Fill, &[shape, one])?
            }
        };
        let made = match self.dense_slice(x, [starts, ends, axes, steps], given)? {
            Some(made) => made,
            None => self.rare(Rare::Along(Along::Slice), &[x, starts, ends, axes, steps])?,
        };
        self.same(made)
    }

    /// A slice along axes that are known, as one along all axes.
    fn dense_slice(
        &mut self,
        x: ValueId,
        [starts, ends, axes, steps]: [ValueId; 4],
        given: [bool; 2],
    ) -> Result<Option<ValueId>, Stop> {
        let build = self.build();
        let (Some(rank), Some(starts), Some(ends)) =
            (build.rank(x), build.numbers(starts), build.numbers(ends))
        else {
            return Ok(None);
        };
        // Those that were not given follow from how many there are.
        let axes = build.numbers(axes).or_else(|| (!given[0]).then(|| (0..starts.len() as i64).collect()));
        let steps = build.numbers(steps).or_else(|| (!given[1]).then(|| vec![1; starts.len()]));
        let (Some(axes), Some(steps)) = (axes, steps) else { return Ok(None) };
        if starts.len() != axes.len() || ends.len() != axes.len() || steps.len() != axes.len() {
            return Ok(None);
        }
        let (mut begin, mut end, mut step) = (vec![0; rank], vec![0; rank], vec![1; rank]);
        let mut whole = (1i64 << rank.min(62)) - 1;
        for (n, axis) in axes.iter().enumerate() {
            let at = kernels::axis(*axis, rank)?;
            // Numbers beyond any extent mean the end.
            let bound = |n: i64| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
            // Backwards from before the first place is from the first: how far that is says the extent.
            if steps[n] < 0 && starts[n] < -1 {
                let extent = build.shape(x).and_then(|s| s.get(at).copied().flatten());
                if extent.is_none_or(|extent| starts[n] < -(extent as i64)) {
                    return Ok(None);
                }
            }
            (begin[at], end[at], step[at]) = (bound(starts[n]), bound(ends[n]), steps[n]);
            whole &= !(1 << at);
        }
        let masks = Masks { begin: whole, end: whole, ..Masks::default() };
        let (begin, end, step) = (build.ints(&begin)?, build.ints(&end)?, build.ints(&step)?);
        self.add(Op::StridedSlice(masks), &[x, begin, end, step]).map(Some)
    }

    fn pad(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let pads = self.ints_or_input("pads", 1)?.or(self.ints_or_input("paddings", 1)?);
        let pads = pads.ok_or_else(|| Self::broken("it has no pads"))?;
        let border = match self.text("mode") {
            None | Some("constant") => Border::Constant,
            Some("reflect") => Border::Reflect,
            Some("edge") => Border::Edge,
            Some("wrap") => Border::Wrap,
            Some(other) => return Self::refuse(format!("mode {other:?}")),
        };
        let fill = match (self.optional(2), self.float("value")) {
            (Some((fill, _)), _) => fill,
            (None, fill) => self.number(f64::from(fill.unwrap_or(0.0)), elem)?,
        };
        let axes = match self.optional(3) {
            Some((axes, _)) => axes,
            None => {
                let rank = self.rank(x)?;
                self.build().ints(&(0..rank as i64).collect::<Vec<_>>())?
            }
        };
        if let Some(made) = self.plain_pad(x, pads, axes, border, fill)? {
            return Self::give(made, elem);
        }
        let made = self.rare(Rare::Along(Along::Pad(border)), &[x, pads, axes, fill])?;
        Self::give(made, elem)
    }

    /// What only adds numbers, by paddings that are known: on images with channels last, so.
    fn plain_pad(
        &mut self,
        x: ValueId,
        pads: ValueId,
        axes: ValueId,
        border: Border,
        fill: ValueId,
    ) -> Result<Option<ValueId>, Stop> {
        let build = self.build();
        let (Some(pads), Some(axes), Some(rank)) = (build.numbers(pads), build.numbers(axes), build.rank(x))
        else {
            return Ok(None);
        };
        let plain =
            pads.iter().all(|p| *p >= 0) && pads.len() == 2 * axes.len() && border == Border::Constant;
        if !plain {
            return Ok(None);
        }
        let mut sides = vec![[0, 0]; rank];
        for (n, axis) in axes.iter().enumerate() {
            sides[kernels::axis(*axis, rank)?] = [pads[n], pads[n + axes.len()]];
        }
        let last = rank >= 3 && build.is_last(x);
        if last {
            let channels = sides.remove(1);
            sides.push(channels);
        }
        let image = if last { build.channels_last(x, rank)? } else { x };
        let sides = Literal::I64(sides.into_iter().flatten().collect(), vec![rank, 2]);
        let sides = build.literal(sides)?;
        let fill = build.reshape(fill, &[])?;
        let made = build.add(Op::Pad, &[image, sides, fill])?;
        Ok(Some(if last { build.channels_first(made, rank)? } else { made }))
    }

    /// The four extents of an image, each as a row of one.
    fn four(&mut self, x: ValueId) -> Result<[ValueId; 4], Stop> {
        let shape = self.add(Op::Shape, &[x])?;
        Ok([
            self.part(shape, 0, 1)?,
            self.part(shape, 1, 2)?,
            self.part(shape, 2, 3)?,
            self.part(shape, 3, 4)?,
        ])
    }

    fn times(&mut self, x: ValueId, by: i64) -> Result<ValueId, Stop> {
        let by = self.build().ints(&[by])?;
        self.add(Op::Binary(B::Mul), &[x, by])
    }

    fn divided(&mut self, x: ValueId, by: i64) -> Result<ValueId, Stop> {
        let by = self.build().ints(&[by])?;
        self.add(Op::Binary(B::FloorDiv), &[x, by])
    }

    fn block(&self) -> Result<i64, Stop> {
        let block = self.int("blocksize").filter(|b| (1..=1 << 12).contains(b));
        block.ok_or_else(|| Self::broken("its blocksize is none"))
    }

    fn depth_to_space(&mut self) -> Outcome {
        let ((x, elem), block) = (self.tensor(0)?, self.block()?);
        let [n, c, h, w] = self.four(x)?;
        let (size, depth) = (self.build().ints(&[block])?, self.divided(c, block * block)?);
        let by_depth = self.text("mode").is_none_or(|m| m == "DCR");
        let (parts, order) = match by_depth {
            true => ([n, size, size, depth, h, w], [0, 3, 4, 1, 5, 2]),
            false => ([n, depth, size, size, h, w], [0, 1, 4, 2, 5, 3]),
        };
        let (tall, broad) = (self.times(h, block)?, self.times(w, block)?);
        let made = self.regrouped(x, &parts, &order, &[n, depth, tall, broad])?;
        Self::give(made, elem)
    }

    fn space_to_depth(&mut self) -> Outcome {
        let ((x, elem), block) = (self.tensor(0)?, self.block()?);
        let [n, c, h, w] = self.four(x)?;
        let (size, deep) = (self.build().ints(&[block])?, self.times(c, block * block)?);
        let (low, thin) = (self.divided(h, block)?, self.divided(w, block)?);
        let by_depth = self.text("mode").is_none_or(|m| m == "DCR");
        let order: [usize; 6] = if by_depth { [0, 3, 5, 1, 2, 4] } else { [0, 1, 3, 5, 2, 4] };
        let made = self.regrouped(x, &[n, c, low, size, thin, size], &order, &[n, deep, low, thin])?;
        Self::give(made, elem)
    }

    /// A value in another shape, its axes in another order, and in a shape again.
    fn regrouped(
        &mut self,
        x: ValueId,
        parts: &[ValueId],
        order: &[usize],
        shape: &[ValueId],
    ) -> Result<ValueId, Stop> {
        let parts = self.row(parts)?;
        let apart = self.add(Op::Reshape, &[x, parts])?;
        let turned = self.build().transpose(apart, order)?;
        let shape = self.row(shape)?;
        self.add(Op::Reshape, &[turned, shape])
    }

    /// An integer as a value of no axes.
    pub(super) fn scalar(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let wide = self.cast_to(x, elem, Elem::I64)?;
        Ok(self.build().reshape(wide, &[])?)
    }
}
