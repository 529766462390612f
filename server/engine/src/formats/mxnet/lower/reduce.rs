//! Reductions and what is found along an axis.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::graph::{Op, Reduce, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn reduce(&mut self) -> Outcome {
        let kind = match self.op() {
            "sum" | "sum_axis" | "nansum" => Reduce::Sum,
            "mean" => Reduce::Mean,
            "max" | "max_axis" => Reduce::Max,
            "min" | "min_axis" => Reduce::Min,
            "prod" | "nanprod" => Reduce::Prod,
            "norm" => return Self::one(self.norm()),
            "argmax" | "argmin" => return Self::one(self.extreme()),
            "argmax_channel" => {
                let x = self.input(0)?;
                let axis = self.build().int(1)?;
                let made = self.add(Op::ArgExtreme { max: true }, &[x, axis])?;
                return Self::one(self.add(Op::Cast(DType::F32), &[made]));
            }
            "one_hot" => return Self::one(self.one_hot()),
            _ => return Ok(None),
        };
        let x = self.input(0)?;
        Self::one(self.over_axes(kind, x))
    }

    /// A reduction over the axes that the node names; of all, one number is left, in a row.
    fn over_axes(&mut self, kind: Reduce, x: ValueId) -> Made {
        let keep = self.node.flag("keepdims", false)?;
        let named = self.node.ints("axis")?.unwrap_or_default();
        let rank = self.rank(x)?;
        let named = self.axes(&named, rank)?;
        let mut axes: Vec<i64> = named.iter().map(|axis| *axis as i64).collect();
        if self.node.flag("exclude", false)? {
            axes = (0..rank).filter(|axis| !named.contains(axis)).map(|axis| axis as i64).collect();
        } else if named.is_empty() {
            axes = (0..rank as i64).collect();
        }
        let made = self.reduced(kind, x, &axes, keep)?;
        if axes.len() == rank && !keep { Ok(self.build().reshape(made, &[1])?) } else { Ok(made) }
    }

    fn norm(&mut self) -> Made {
        let x = self.input(0)?;
        match self.node.int("ord", 2)? {
            1 => {
                let size = self.unary(Unary::Abs, x)?;
                self.over_axes(Reduce::Sum, size)
            }
            2 => {
                let square = self.unary(Unary::Square, x)?;
                let sum = self.over_axes(Reduce::Sum, square)?;
                self.unary(Unary::Sqrt, sum)
            }
            other => Self::refuse(format!("norm of order {other}")),
        }
    }

    /// The place of the largest or the smallest, as a float.
    fn extreme(&mut self) -> Made {
        let max = self.op() == "argmax";
        let mut x = self.input(0)?;
        let rank = self.rank(x)?;
        let axis = if self.node.text("axis").is_some() {
            self.axis("axis", 0, rank)?
        } else {
            x = self.build().reshape(x, &[-1])?;
            0
        };
        let along = self.build().int(axis as i64)?;
        let place = self.add(Op::ArgExtreme { max }, &[x, along])?;
        let made = self.add(Op::Cast(DType::F32), &[place])?;
        if self.node.flag("keepdims", false)? {
            return self.add(Op::ExpandDims, &[made, along]);
        }
        if rank == 1 || self.node.text("axis").is_none() {
            Ok(self.build().reshape(made, &[1])?)
        } else {
            Ok(made)
        }
    }

    fn one_hot(&mut self) -> Made {
        let (x, depth) = (self.input(0)?, self.node.size("depth", 0)?);
        let (on, off) = (self.node.float("on_value", 1.0)?, self.node.float("off_value", 0.0)?);
        let places = self.add(Op::Cast(DType::I64), &[x])?;
        let (depth, on, off) =
            (self.build().int(depth as i64)?, self.build().float(on)?, self.build().float(off)?);
        self.add(Op::OneHot(-1), &[places, depth, on, off])
    }
}
