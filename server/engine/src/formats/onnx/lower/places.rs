//! What takes elements from places that indices name, and puts them there.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Along, Binary as B, Compare as C, Op, Rare, Rows, Running, Update, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn places(&mut self) -> Outcome {
        match self.op() {
            "Gather" => self.gather(),
            "GatherElements" => {
                let axis = self.int("axis").unwrap_or(0);
                self.along(Along::GatherElements { axis }, 2)
            }
            "GatherND" => {
                let batch = usize::try_from(self.int("batch_dims").unwrap_or(0)).unwrap_or(0);
                self.along(Along::GatherNd { batch }, 2)
            }
            "Scatter" | "ScatterElements" => {
                let (axis, update) = (self.int("axis").unwrap_or(0), self.update()?);
                self.along(Along::ScatterElements { axis, update }, 3)
            }
            "ScatterND" => self.scatter_nd(),
            "Trilu" => {
                let x = self.value(0)?;
                let diagonal = match self.optional(1) {
                    Some((diagonal, _)) => diagonal,
                    None => self.build().int(0)?,
                };
                let upper = self.int("upper").is_none_or(|n| n != 0);
                let made = self.rare(Rare::Along(Along::Triangle { upper }), &[x, diagonal])?;
                self.same(made)
            }
            "Compress" => self.along(Along::Compress { axis: self.int("axis") }, 2),
            "NonZero" => self.non_zero(),
            "Unique" => self.unique(),
            "OneHot" => self.one_hot(),
            "EyeLike" => self.eye(),
            "TopK" => self.top_k(),
            "CumSum" => self.running(Running::Sum),
            "CumProd" => self.running(Running::Product),
            "ReverseSequence" => {
                let (x, lengths) = (self.value(0)?, self.value(1)?);
                let sequence = self.int("time_axis").unwrap_or(0);
                let batch = self.int("batch_axis").unwrap_or(1);
                let made = self.rare(Rare::ReverseSequence { sequence, batch }, &[x, lengths])?;
                self.same(made)
            }
            _ => Ok(None),
        }
    }

    fn along(&mut self, op: Along, inputs: usize) -> Outcome {
        let inputs = (0..inputs).map(|n| self.value(n)).collect::<Result<Vec<_>, _>>()?;
        let made = self.rare(Rare::Along(op), &inputs)?;
        self.same(made)
    }

    fn gather(&mut self) -> Outcome {
        let ((x, elem), indices) = (self.tensor(0)?, self.value(1)?);
        let axis = self.int("axis").unwrap_or(0);
        let indices = self.none_negative(x, indices, axis)?;
        let axis = self.build().int(axis)?;
        let made = self.add(Op::Gather { batch_dims: 0 }, &[x, indices, axis])?;
        Self::give(made, elem)
    }

    /// Indices along an axis, none of them counted from the end.
    fn none_negative(&mut self, x: ValueId, indices: ValueId, axis: i64) -> Result<ValueId, Stop> {
        let known = self.build().numbers(indices);
        if known.as_ref().is_some_and(|n| n.iter().all(|n| *n >= 0)) {
            return Ok(indices);
        }
        let shape = self.add(Op::Shape, &[x])?;
        let extent = self.part(shape, axis, axis + 1)?;
        let extent = self.build().reshape(extent, &[])?;
        let zero = self.build().int(0)?;
        let behind = self.add(Op::Binary(B::Add), &[indices, extent])?;
        let negative = self.add(Op::Compare(C::Less), &[indices, zero])?;
        self.add(Op::Select, &[negative, behind, indices])
    }

    fn update(&self) -> Result<Update, Stop> {
        match self.text("reduction") {
            None | Some("none") => Ok(Update::Replace),
            Some("add") => Ok(Update::Add),
            Some("mul") => Ok(Update::Mul),
            Some("max") => Ok(Update::Max),
            Some("min") => Ok(Update::Min),
            Some(other) => Self::refuse(format!("reduction {other:?}")),
        }
    }

    fn scatter_nd(&mut self) -> Outcome {
        let ((x, elem), indices, updates) = (self.tensor(0)?, self.value(1)?, self.value(2)?);
        let update = self.update()?;
        // Indices count from the end of their own axis.
        let shape = self.add(Op::Shape, &[x])?;
        let depth = self.add(Op::Shape, &[indices])?;
        let depth = self.part(depth, -1, i64::MAX)?;
        let extents = match self.build().numbers(depth).as_deref() {
            Some(&[depth]) => self.part(shape, 0, depth)?,
            _ => self.first_of(shape, depth)?,
        };
        let zero = self.build().int(0)?;
        let behind = self.add(Op::Binary(B::Add), &[indices, extents])?;
        let negative = self.add(Op::Compare(C::Less), &[indices, zero])?;
        let indices = self.add(Op::Select, &[negative, behind, indices])?;
        let made = self.rare(Rare::TensorScatter(update), &[x, indices, updates])?;
        Self::give(made, elem)
    }

    fn non_zero(&mut self) -> Outcome {
        let x = self.value(0)?;
        let places = self.rare(Rare::Rows(Rows::Where), &[x])?;
        let made = self.build().transpose(places, &[1, 0])?;
        Self::give(made, Elem::I64)
    }

    fn unique(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let sorted = self.int("sorted").is_none_or(|n| n != 0);
        let op = Along::Unique { axis: self.int("axis"), sorted };
        let made = self.build().add_many(Op::Rare(Box::new(Rare::Along(op))), &[x], 4)?;
        let elems = [elem, Elem::I64, Elem::I64, Elem::I64];
        Ok(Some(made.into_iter().zip(elems).map(|(v, e)| Val::Tensor(v, e)).collect()))
    }

    /// Indices are of any type, and count from the end where negative.
    fn one_hot(&mut self) -> Outcome {
        let ((indices, index), (depth, of)) = (self.tensor(0)?, self.tensor(1)?);
        let (values, elem) = self.tensor(2)?;
        let indices = self.cast_to(indices, index, Elem::I64)?;
        let depth = self.scalar(depth, of)?;
        let zero = self.build().int(0)?;
        let behind = self.add(Op::Binary(B::Add), &[indices, depth])?;
        let negative = self.add(Op::Compare(C::Less), &[indices, zero])?;
        let indices = self.add(Op::Select, &[negative, behind, indices])?;
        let parts = self.build().add_many(Op::Unpack(0, 2), &[values], 2)?;
        let axis = self.int("axis").unwrap_or(-1);
        let made = self.add(Op::OneHot(axis), &[indices, depth, parts[1], parts[0]])?;
        Self::give(made, elem)
    }

    fn eye(&mut self) -> Outcome {
        let (x, own) = self.tensor(0)?;
        let elem = self.int("dtype").map_or(Some(own), Elem::of);
        let elem = elem.ok_or_else(|| Stop::Refused("a type that is not supported".to_owned()))?;
        let shape = self.add(Op::Shape, &[x])?;
        let parts = self.build().add_many(Op::Unpack(0, 2), &[shape], 2)?;
        let (zero, one) = (self.build().int(0)?, self.build().int(1)?);
        let rows = self.add(Op::Range, &[zero, parts[0], one])?;
        let columns = self.add(Op::Range, &[zero, parts[1], one])?;
        let k = self.int("k").unwrap_or(0);
        let offset = self.build().int(k)?;
        let shifted = self.add(Op::Binary(B::Add), &[rows, offset])?;
        let shifted = self.add(Op::ExpandDims, &[shifted, one])?;
        let same = self.add(Op::Compare(C::Equal), &[shifted, columns])?;
        let made = self.cast_to(same, Elem::BOOL, elem)?;
        Self::give(made, elem)
    }

    fn top_k(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let k = match (self.optional(1), self.int("k")) {
            (Some((k, of)), _) => self.scalar(k, of)?,
            (None, k) => self.build().int(k.ok_or_else(|| Self::broken("it has no k"))?)?,
        };
        let rank = self.rank(x)?;
        let axis = crate::kernels::axis(self.int("axis").unwrap_or(-1), rank)?;
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(axis, rank - 1);
        let smallest = self.int("largest") == Some(0);
        let negated = |this: &mut Self, x| match smallest {
            true => this.add(Op::Unary(crate::graph::Unary::Neg), &[x]),
            false => Ok(x),
        };
        let turned = if axis == rank - 1 { x } else { self.build().transpose(x, &order)? };
        let turned = negated(self, turned)?;
        let made = self.build().add_many(Op::TopK, &[turned, k], 2)?;
        let values = negated(self, made[0])?;
        let back = |this: &mut Self, x| match axis == rank - 1 {
            true => Ok(x),
            false => this.build().transpose(x, &order),
        };
        let (values, places) = (back(self, values)?, back(self, made[1])?);
        Ok(Some(vec![Val::Tensor(values, elem), Val::Tensor(places, Elem::I64)]))
    }

    fn running(&mut self, kind: Running) -> Outcome {
        let ((x, elem), (axis, of)) = (self.tensor(0)?, self.tensor(1)?);
        let axis = self.scalar(axis, of)?;
        let (exclusive, reverse) = (self.flag("exclusive"), self.flag("reverse"));
        let made = self.rare(Rare::Running { kind, exclusive, reverse }, &[x, axis])?;
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }
}
