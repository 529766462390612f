//! Elements by their places.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::graph::{Along, Compare, Op, Rare};

impl Lowering<'_, '_> {
    pub(super) fn places(&mut self) -> Outcome {
        Self::one(match self.op() {
            "take" => self.take(),
            "pick" => self.pick(),
            "gather_nd" => self.gather_nd(),
            "where" => self.select(),
            _ => return Ok(None),
        })
    }

    fn take(&mut self) -> Made {
        let (x, indices) = (self.input(0)?, self.input(1)?);
        let rank = self.rank(x)?;
        let axis = self.axis("axis", 0, rank)?;
        match self.node.text("mode").unwrap_or("clip") {
            "clip" => {
                let indices = self.clipped(indices, x, axis)?;
                let axis = self.build().int(axis as i64)?;
                self.add(Op::Gather { batch_dims: 0 }, &[x, indices, axis])
            }
            other => Self::refuse(format!("mode {other}")),
        }
    }

    /// One element of each row along an axis.
    fn pick(&mut self) -> Made {
        let (x, indices) = (self.input(0)?, self.input(1)?);
        let rank = self.rank(x)?;
        let axis = self.axis("axis", -1, rank)?;
        let keep = self.node.flag("keepdims", false)?;
        let indices = self.clipped(indices, x, axis)?;
        let along = self.build().int(axis as i64)?;
        let wide =
            if self.rank(indices)? == rank { indices } else { self.add(Op::ExpandDims, &[indices, along])? };
        let found = self.rare(Rare::Along(Along::GatherElements { axis: axis as i64 }), &[x, wide])?;
        if keep { Ok(found) } else { self.without(found, axis) }
    }

    /// Places are along the first axis of the indices.
    fn gather_nd(&mut self) -> Made {
        let (x, indices) = (self.input(0)?, self.input(1)?);
        let rank = self.rank(indices)?;
        let indices = self.add(Op::Cast(DType::I64), &[indices])?;
        let order: Vec<usize> = (1..rank).chain([0]).collect();
        let last = self.build().transpose(indices, &order)?;
        let made = self.rare(Rare::GatherNd, &[x, last])?;
        let build = &mut self.context.build;
        let (of, places) = (build.shape(x).cloned(), build.shape(indices).cloned());
        // The axes of the places, and those of the value that no place is along.
        if let (Some(of), Some([Some(depth), outer @ ..])) = (&of, places.as_deref())
            && let Some(rest) = of.get(*depth..)
        {
            build.tell(made, [outer, rest].concat());
        }
        Ok(made)
    }

    fn select(&mut self) -> Made {
        let (condition, yes, no) = (self.input(0)?, self.input(1)?, self.input(2)?);
        let zero = self.build().float(0.0)?;
        let truth = self.add(Op::Compare(Compare::NotEqual), &[condition, zero])?;
        if self.rank(condition)? == 1 && self.rank(yes)? > 1 {
            return self.rare(Rare::SelectRows, &[truth, yes, no]);
        }
        self.add(Op::Select, &[truth, yes, no])
    }
}
