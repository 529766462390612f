//! Shapes, and what changes nothing but the shape.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Along, Literal, Masks, Op, Rare, Reduce, ValueId};
use crate::kernels;

/// Axes of a value.
pub(super) const MOST_AXES: usize = 64;

impl Lowering<'_, '_> {
    pub(super) fn shapes(&mut self) -> Outcome {
        match self.op() {
            "Constant" => self.constant_node(),
            "ConstantOfShape" => self.constant_of_shape(),
            "Shape" => self.shape(),
            "Size" => {
                let x = self.value(0)?;
                let made = self.add(Op::Size, &[x])?;
                Self::give(made, Elem::I64)
            }
            "Reshape" => self.reshape(),
            "Flatten" => self.flatten(),
            "Squeeze" => self.squeeze(),
            "Unsqueeze" => self.unsqueeze(),
            "Transpose" => self.transpose(),
            "Expand" => self.expand(),
            "Tile" => {
                let (x, repeats) = (self.value(0)?, self.value(1)?);
                let made = self.add(Op::Tile, &[x, repeats])?;
                self.same(made)
            }
            "Range" => {
                let inputs = [self.value(0)?, self.value(1)?, self.value(2)?];
                let made = self.add(Op::Range, &inputs)?;
                self.same(made)
            }
            _ => Ok(None),
        }
    }

    fn constant_node(&mut self) -> Outcome {
        if let Some(tensor) = self.constant("value") {
            let val = self.context.tensor(tensor)?;
            return Ok(Some(vec![val]));
        }
        if let Some(sparse) = self.attribute("sparse_value").and_then(|a| a.sparse_tensor.as_ref()) {
            let (literal, elem) = super::super::tensors::dense(sparse)?;
            let made = self.build().literal(literal)?;
            return Self::give(made, elem);
        }
        let (literal, elem) = if let Some(number) = self.float("value_float") {
            (Literal::F32(vec![number], Vec::new()), Elem::F32)
        } else if let Some(numbers) = self.floats("value_floats") {
            (Literal::F32(numbers.to_vec(), vec![numbers.len()]), Elem::F32)
        } else if let Some(number) = self.int("value_int") {
            (Literal::I64(vec![number], Vec::new()), Elem::I64)
        } else if let Some(numbers) = self.ints("value_ints") {
            (Literal::I64(numbers.to_vec(), vec![numbers.len()]), Elem::I64)
        } else if let Some(text) = self.attribute("value_string") {
            (Literal::Text(vec![text.s.clone()], Vec::new()), Elem::TEXT)
        } else if let Some(texts) = self.texts("value_strings") {
            (Literal::Text(texts.to_vec(), vec![texts.len()]), Elem::TEXT)
        } else {
            return Err(Self::broken("it has no value"));
        };
        let made = self.build().literal(literal)?;
        Self::give(made, elem)
    }

    fn constant_of_shape(&mut self) -> Outcome {
        let shape = self.value(0)?;
        let (one, elem) = match self.constant("value") {
            Some(tensor) => match self.context.tensor(tensor)? {
                Val::Tensor(value, elem) => (self.build().reshape(value, &[])?, elem),
                _ => return Err(Self::broken("its value is no tensor")),
            },
            None => (self.build().float(0.0)?, Elem::F32),
        };
        let made = self.add(Op::Fill, &[shape, one])?;
        Self::give(made, elem)
    }

    fn shape(&mut self) -> Outcome {
        let x = self.value(0)?;
        let mut made = self.add(Op::Shape, &[x])?;
        let (start, end) = (self.int("start").unwrap_or(0), self.int("end"));
        if start != 0 || end.is_some() {
            made = self.part(made, start, end.unwrap_or(i64::MAX))?;
        }
        Self::give(made, Elem::I64)
    }

    /// A part of a row, counted from the end where negative; there, 0 is the end.
    pub(super) fn part(&mut self, row: ValueId, from: i64, to: i64) -> Result<ValueId, Stop> {
        let to = if from < 0 && to == 0 { i64::from(i32::MAX) } else { to };
        let (from, to, step) =
            (self.build().ints(&[from])?, self.build().ints(&[to])?, self.build().ints(&[1])?);
        self.add(Op::StridedSlice(Masks::default()), &[row, from, to, step])
    }

    /// As many elements of a row, from its first on, as a row of one number says.
    pub(super) fn first_of(&mut self, row: ValueId, count: ValueId) -> Result<ValueId, Stop> {
        let (zero, one) = (self.build().ints(&[0])?, self.build().ints(&[1])?);
        self.add(Op::StridedSlice(Masks::default()), &[row, zero, count, one])
    }

    /// Numbers behind one another: known ones, and values.
    pub(super) fn row(&mut self, parts: &[ValueId]) -> Result<ValueId, Stop> {
        if let [only] = parts {
            return Ok(*only);
        }
        let axis = self.build().int(0)?;
        let parts = [parts, &[axis]].concat();
        self.add(Op::Concat, &parts)
    }

    /// A zero is the extent that is there before.
    fn reshape(&mut self) -> Outcome {
        let x = self.value(0)?;
        let shape = match self.ints("shape").map(<[i64]>::to_vec).filter(|_| self.inputs.len() < 2) {
            Some(shape) => self.build().ints(&shape)?,
            None => self.value(1)?,
        };
        let shape = if self.flag("allowzero") { shape } else { self.filled(x, shape)? };
        let made = self.add(Op::Reshape, &[x, shape])?;
        self.same(made)
    }

    fn filled(&mut self, x: ValueId, shape: ValueId) -> Result<ValueId, Stop> {
        let own = self.add(Op::Shape, &[x])?;
        if let Some(numbers) = self.build().numbers(shape) {
            if !numbers.contains(&0) {
                return Ok(shape);
            }
            let mut parts = Vec::new();
            for (n, number) in numbers.iter().enumerate() {
                parts.push(match number {
                    0 => self.part(own, n as i64, n as i64 + 1)?,
                    other => self.build().ints(&[*other])?,
                });
            }
            return self.row(&parts);
        }
        let (zeros, own) = match self.build().shape(shape).map(|s| &s[..]) {
            Some(&[Some(length)]) if length <= MOST_AXES => {
                let zeros = self.build().ints(&vec![0; length])?;
                let padded = self.row(&[own, zeros])?;
                (zeros, self.part(padded, 0, length as i64)?)
            }
            Some(&[Some(length)]) => return Err(Self::broken(format!("a shape of {length} axes"))),
            _ => {
                let length = self.add(Op::Shape, &[shape])?;
                let zero = self.build().int(0)?;
                let zeros = self.add(Op::Fill, &[length, zero])?;
                let padded = self.row(&[own, zeros])?;
                (zeros, self.first_of(padded, length)?)
            }
        };
        let is_zero = self.add(Op::Compare(crate::graph::Compare::Equal), &[shape, zeros])?;
        self.add(Op::Select, &[is_zero, own, shape])
    }

    fn flatten(&mut self) -> Outcome {
        let x = self.value(0)?;
        let axis = self.int("axis").unwrap_or(1);
        let axis = match self.build().rank(x) {
            Some(rank) if axis < 0 => axis.saturating_add(rank as i64),
            _ => axis,
        };
        let made = self.flat_at(x, axis)?;
        self.same(made)
    }

    /// The axes before one and those from it on, each as one.
    pub(super) fn flat_at(&mut self, x: ValueId, axis: i64) -> Result<ValueId, Stop> {
        let known = self.build().shape(x).cloned().unwrap_or_default();
        let after = usize::try_from(axis).ok().and_then(|axis| known.get(axis..));
        if let Some(after) = after.filter(|_| !known.is_empty())
            && let Some(size @ 1..) = after.iter().copied().try_fold(1usize, |n, d| n.checked_mul(d?))
        {
            return Ok(self.build().reshape(x, &[-1, size as i64])?);
        }
        let shape = self.add(Op::Shape, &[x])?;
        let before = self.part(shape, 0, axis)?;
        let after = self.part(shape, axis, i64::MAX)?;
        let zero = self.build().ints(&[0])?;
        let product = Op::Reduce { kind: Reduce::Prod, keep: true };
        let before = self.add(product.clone(), &[before, zero])?;
        let after = self.add(product, &[after, zero])?;
        let shape = self.row(&[before, after])?;
        self.add(Op::Reshape, &[x, shape])
    }

    fn squeeze(&mut self) -> Outcome {
        let x = self.value(0)?;
        let Some(axes) = self.ints_or_input("axes", 1)? else {
            let made = self.add(Op::Squeeze(Vec::new()), &[x])?;
            return self.same(made);
        };
        let made = match self.build().numbers(axes) {
            Some(axes) => self.add(Op::Squeeze(axes), &[x])?,
            None => self.rare(Rare::Along(Along::Squeeze), &[x, axes])?,
        };
        self.same(made)
    }

    fn unsqueeze(&mut self) -> Outcome {
        let x = self.value(0)?;
        let axes = self.ints_or_input("axes", 1)?.ok_or_else(|| Self::broken("it has no axes"))?;
        let made = match (self.build().numbers(axes), self.build().rank(x)) {
            (Some(axes), Some(rank)) => self.unsqueezed(x, &axes, rank)?,
            _ => self.rare(Rare::Along(Along::Unsqueeze), &[x, axes])?,
        };
        self.same(made)
    }

    /// Axes count in the result.
    pub(super) fn unsqueezed(&mut self, x: ValueId, axes: &[i64], rank: usize) -> Result<ValueId, Stop> {
        let rank = rank + axes.len();
        let places = axes.iter().map(|a| kernels::axis(*a, rank).map_err(Stop::from));
        let mut places = places.collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable();
        let mut made = x;
        for place in places {
            let place = self.build().int(place as i64)?;
            made = self.add(Op::ExpandDims, &[made, place])?;
        }
        Ok(made)
    }

    fn transpose(&mut self) -> Outcome {
        let x = self.value(0)?;
        let order = match self.ints("perm") {
            Some(order) => order.to_vec(),
            None => (0..self.rank(x)? as i64).rev().collect(),
        };
        let order = self.build().ints(&order)?;
        let made = self.add(Op::Transpose, &[x, order])?;
        self.same(made)
    }

    /// Both ways: an extent of one of the shape gives way too.
    fn expand(&mut self) -> Outcome {
        let (x, wanted) = (self.value(0)?, self.value(1)?);
        let own = self.add(Op::Shape, &[x])?;
        let shape = self.rare(Rare::BroadcastArgs, &[own, wanted])?;
        let made = self.add(Op::BroadcastTo, &[x, shape])?;
        self.same(made)
    }
}
