//! Sums, means, extremes along axes; softmax and its kin.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{Binary as B, Compare as C, Op, Reduce as R, Unary as U, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn reduce(&mut self) -> Outcome {
        match self.op() {
            "ReduceSum" => self.reduced(R::Sum, None, None),
            "ReduceMean" => self.reduced(R::Mean, None, None),
            "ReduceMax" => self.reduced(R::Max, None, None),
            "ReduceMin" => self.reduced(R::Min, None, None),
            "ReduceProd" => self.reduced(R::Prod, None, None),
            "ReduceL1" => self.reduced(R::Sum, Some(U::Abs), None),
            "ReduceL2" => self.reduced(R::Sum, Some(U::Square), Some(U::Sqrt)),
            "ReduceSumSquare" => self.reduced(R::Sum, Some(U::Square), None),
            "ReduceLogSum" => self.reduced(R::Sum, None, Some(U::Log)),
            "ReduceLogSumExp" => self.log_sum_exp(),
            "ArgMax" => self.extreme(true),
            "ArgMin" => self.extreme(false),
            "Softmax" => self.softmax(Some(false)),
            "LogSoftmax" => self.softmax(Some(true)),
            "Hardmax" => self.softmax(None),
            _ => Ok(None),
        }
    }

    /// The axes of a reduction; None: it leaves its input as it is.
    fn axes(&mut self, x: ValueId) -> Result<Option<ValueId>, Stop> {
        let axes = self.ints_or_input("axes", 1)?;
        let is_empty = axes.is_some_and(|a| self.build().dims(a).is_some_and(|d| d == [0]));
        match axes.filter(|_| !is_empty) {
            Some(axes) => Ok(Some(axes)),
            None if self.flag("noop_with_empty_axes") => Ok(None),
            None => {
                let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
                let rank = self.add(Op::Rank, &[x])?;
                self.add(Op::Range, &[zero, rank, one]).map(Some)
            }
        }
    }

    fn reduced(&mut self, kind: R, before: Option<U>, after: Option<U>) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let keep = self.int("keepdims").is_none_or(|n| n != 0);
        let axes = self.axes(x)?;
        let mut made = x;
        // Integers are squared as they are, but have no roots and logarithms.
        if let Some(before) = before {
            made = self.build().elementwise(Op::Unary(before), &[made])?;
        }
        if let Some(axes) = axes {
            made = self.along_axes(kind, keep, made, elem, axes)?;
        }
        if let Some(after) = after {
            let wide = if elem.is_float() { elem } else { Elem::F64 };
            made = self.cast_to(made, elem, wide)?;
            made = self.add(Op::Unary(after), &[made])?;
            made = self.cast_to(made, wide, elem)?;
        }
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    fn along_axes(
        &mut self,
        kind: R,
        keep: bool,
        x: ValueId,
        elem: Elem,
        axes: ValueId,
    ) -> Result<ValueId, Stop> {
        if elem == Elem::BOOL {
            let kind = if kind == R::Max { R::Any } else { R::All };
            return self.add(Op::Reduce { kind, keep }, &[x, axes]);
        }
        let rank = self.build().rank(x).unwrap_or(0);
        if let Some(axes) = self.build().numbers(axes)
            && rank >= 3
            && keep
            && self.build().is_last(x)
        {
            // On an image with channels last, along the same axes.
            let places =
                axes.iter().map(|a| crate::kernels::axis(*a, rank)).collect::<Result<Vec<_>, _>>()?;
            let turned: Vec<i64> = places
                .iter()
                .map(|a| match a {
                    0 => 0,
                    1 => rank as i64 - 1,
                    other => *other as i64 - 1,
                })
                .collect();
            let image = self.build().channels_last(x, rank)?;
            let axes = self.build().ints(&turned)?;
            let made = self.add(Op::Reduce { kind, keep }, &[image, axes])?;
            return Ok(self.build().channels_first(made, rank)?);
        }
        self.add(Op::Reduce { kind, keep }, &[x, axes])
    }

    /// What is largest is taken away before the exponentials, and added again.
    fn log_sum_exp(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let Some(axes) = self.axes(x)? else { return Self::give(x, elem) };
        let made = self.in_floats(x, elem, |this, x| {
            this.log_sum_exp_along(x, axes, if elem.is_float() { elem } else { Elem::F64 })
        })?;
        Self::give(made, elem)
    }

    fn log_sum_exp_along(&mut self, x: ValueId, axes: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let keep = self.int("keepdims").is_none_or(|n| n != 0);
        let largest = self.add(Op::Reduce { kind: R::Max, keep: true }, &[x, axes])?;
        // Of nothing, and of infinities, there is nothing to take away.
        let (zero, magnitude) = (self.number(0.0, elem)?, self.add(Op::Unary(U::Abs), &[largest])?);
        let limit = self.number(f64::from(f32::MAX), elem)?;
        let finite = self.add(Op::Compare(C::LessEqual), &[magnitude, limit])?;
        let largest = self.add(Op::Select, &[finite, largest, zero])?;
        let shifted = self.add(Op::Binary(B::Sub), &[x, largest])?;
        let powers = self.add(Op::Unary(U::Exp), &[shifted])?;
        let sum = self.add(Op::Reduce { kind: R::Sum, keep: true }, &[powers, axes])?;
        let logs = self.add(Op::Unary(U::Log), &[sum])?;
        let mut made = self.add(Op::Binary(B::Add), &[logs, largest])?;
        if !keep {
            // One number along each of these axes: their sum.
            made = self.add(Op::Reduce { kind: R::Sum, keep: false }, &[made, axes])?;
        }
        Ok(made)
    }

    fn extreme(&mut self, max: bool) -> Outcome {
        let x = self.value(0)?;
        let along = self.int("axis").unwrap_or(0);
        let axis = self.build().int(along)?;
        let last = self.flag("select_last_index");
        let from = if last {
            let axes = self.build().ints(&[along])?;
            self.add(Op::Reverse, &[x, axes])?
        } else {
            x
        };
        let mut made = self.add(Op::ArgExtreme { max }, &[from, axis])?;
        if last {
            let shape = self.add(Op::Shape, &[x])?;
            let extent = self.part(shape, along, along + 1)?;
            let (extent, one) = (self.build().reshape(extent, &[])?, self.build().int(1)?);
            let highest = self.add(Op::Binary(B::Sub), &[extent, one])?;
            made = self.add(Op::Binary(B::Sub), &[highest, made])?;
        }
        if self.int("keepdims").is_none_or(|n| n != 0) {
            made = self.add(Op::ExpandDims, &[made, axis])?;
        }
        Self::give(made, Elem::I64)
    }

    /// Over one axis; before version 13 over all axes from one on. None: ones where the largest are.
    fn softmax(&mut self, log: Option<bool>) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let old = self.version < 13;
        let axis = self.int("axis").unwrap_or(if old { 1 } else { -1 });
        if axis == -1 && !old {
            let made = self.over_last(x, log, elem)?;
            return Self::give(made, elem);
        }
        let rank = self.rank(x)?;
        let at = crate::kernels::axis(axis, rank.max(1))?;
        let shape = self.add(Op::Shape, &[x])?;
        if old && at + 1 != rank {
            let flat = self.flat_at(x, at as i64)?;
            let made = self.over_last(flat, log, elem)?;
            let made = self.add(Op::Reshape, &[made, shape])?;
            return Self::give(made, elem);
        }
        if at + 1 == rank {
            let made = self.over_last(x, log, elem)?;
            return Self::give(made, elem);
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(at, rank - 1);
        let turned = self.build().transpose(x, &order)?;
        let made = self.over_last(turned, log, elem)?;
        let made = self.build().transpose(made, &order)?;
        Self::give(made, elem)
    }

    fn over_last(&mut self, x: ValueId, log: Option<bool>, elem: Elem) -> Result<ValueId, Stop> {
        if let Some(log) = log {
            return self.add(Op::Softmax { log }, &[x]);
        }
        let axis = self.build().int(-1)?;
        let place = self.add(Op::ArgExtreme { max: true }, &[x, axis])?;
        let shape = self.add(Op::Shape, &[x])?;
        let depth = self.part(shape, -1, i64::MAX)?;
        let depth = self.build().reshape(depth, &[])?;
        let (on, off) = (self.number(1.0, elem)?, self.number(0.0, elem)?);
        self.add(Op::OneHot(-1), &[place, depth, on, off])
    }
}
