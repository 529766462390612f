//! What changes nothing but the shape.

use super::{Lowering, Made, Outcome, Stop};
use crate::graph::{Literal, Op, Reduce, ValueId};

/// An extent of a new shape.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Extent {
    Known(i64),
    /// As that of these axes together.
    Of(usize, usize),
    /// What follows from the others.
    Rest,
}

impl Lowering<'_, '_> {
    pub(super) fn shapes(&mut self) -> Outcome {
        Self::one(match self.op() {
            "Flatten" | "flatten" => {
                let x = self.input(0)?;
                self.flattened(x)
            }
            "Reshape" | "reshape" => self.reshape(),
            "reshape_like" => {
                let (x, like) = (self.input(0)?, self.input(1)?);
                let shape = self.add(Op::Shape, &[like])?;
                self.add(Op::Reshape, &[x, shape])
            }
            "transpose" => self.transpose(),
            "SwapAxis" | "swapaxes" | "SwapAxes" => self.swap(),
            "expand_dims" => {
                let (x, axis) = (self.input(0)?, self.node.int("axis", 0)?);
                let axis = self.build().int(axis)?;
                self.add(Op::ExpandDims, &[x, axis])
            }
            "squeeze" => self.squeeze(),
            "broadcast_to" => self.broadcast_to(),
            "broadcast_like" => self.broadcast_like(),
            "broadcast_axis" | "broadcast_axes" => self.broadcast_axis(),
            "shape_array" => {
                let x = self.input(0)?;
                self.add(Op::Shape, &[x])
            }
            "_zeros" | "_zeros_without_dtype" | "_npi_zeros" => self.filled(0.0),
            "_ones" => self.filled(1.0),
            "_full" => {
                let value = self.node.float("value", 0.0)?;
                self.filled(value)
            }
            "_arange" => self.arange(),
            _ => return Ok(None),
        })
    }

    /// Rows of all that is behind the first axis.
    pub(super) fn flattened(&mut self, x: ValueId) -> Made {
        let rank = self.rank(x)?;
        self.with_extents(x, &[Extent::Of(0, 1), Extent::Of(1, rank.max(1))])
    }

    fn reshape(&mut self) -> Made {
        let x = self.input(0)?;
        let Some(shape) = self.node.ints("shape")?.filter(|shape| !shape.is_empty()) else {
            return Self::refuse("a shape by target_shape");
        };
        let rank = self.build().rank(x);
        if shape.iter().all(|n| *n > 0 || *n == -1) {
            return Ok(self.build().reshape(x, &shape)?);
        }
        let rank = rank.map_or_else(|| self.rank(x), Ok)?;
        let reverse = self.node.flag("reverse", false)?;
        let codes: Vec<i64> = if reverse { shape.iter().rev().copied().collect() } else { shape };
        let place = |axis: usize, count: usize| {
            if reverse {
                Extent::Of(rank - axis - count, rank - axis)
            } else {
                Extent::Of(axis, axis + count)
            }
        };
        let mut extents = self.decoded(&codes, rank, place)?;
        if reverse {
            extents.reverse();
        }
        self.with_extents(x, &extents)
    }

    /// 0 keeps an axis, -2 all that are left, -3 makes one of two, -4 makes two of one.
    fn decoded(
        &self,
        codes: &[i64],
        rank: usize,
        place: impl Fn(usize, usize) -> Extent,
    ) -> Result<Vec<Extent>, Stop> {
        let wrong = || Self::broken(format!("a shape {codes:?} of {rank} axes"));
        let (mut axis, mut extents, mut codes_left) = (0, Vec::new(), codes.iter());
        while let Some(code) = codes_left.next() {
            let taken = match code {
                -2 => rank.saturating_sub(axis),
                -3 => 2,
                _ => 1,
            };
            let is_there = axis + taken <= rank;
            match code {
                0 | -3 if is_there => extents.push(place(axis, taken)),
                -2 => extents.extend((axis..rank).map(|axis| place(axis, 1))),
                -4 if is_there => {
                    let both = [codes_left.next(), codes_left.next()];
                    for n in both {
                        extents.push(match n.copied().ok_or_else(wrong)? {
                            -1 => Extent::Rest,
                            n if n > 0 => Extent::Known(n),
                            _ => return Err(wrong()),
                        });
                    }
                }
                -1 => extents.push(Extent::Rest),
                n if *n > 0 => extents.push(Extent::Known(*n)),
                _ => return Err(wrong()),
            }
            axis = (axis + taken).min(rank);
        }
        Ok(extents)
    }

    /// A shape of extents that may be those of the value itself. One that is not known before the request follows from the others.
    fn with_extents(&mut self, x: ValueId, extents: &[Extent]) -> Made {
        let known = |extent: &Extent| match extent {
            Extent::Known(n) => Some(*n),
            Extent::Of(from, to) => {
                let all: Option<Vec<usize>> = (*from..*to).map(|axis| self.extent(x, axis)).collect();
                all?.into_iter().try_fold(1usize, usize::checked_mul).and_then(|n| i64::try_from(n).ok())
            }
            Extent::Rest => None,
        };
        let found: Vec<Option<i64>> = extents.iter().map(known).collect();
        if found.iter().filter(|n| n.is_none()).count() <= 1 {
            let shape: Vec<i64> = found.into_iter().map(|n| n.unwrap_or(-1)).collect();
            return Ok(self.build().reshape(x, &shape)?);
        }
        let own = self.add(Op::Shape, &[x])?;
        let mut parts = Vec::new();
        for (extent, found) in extents.iter().zip(found) {
            parts.push(match (extent, found) {
                (_, Some(n)) => self.build().ints(&[n])?,
                (Extent::Of(from, to), None) => {
                    let part = self.part_of(own, *from, to - from)?;
                    self.reduced(Reduce::Prod, part, &[0], true)?
                }
                _ => self.build().ints(&[-1])?,
            });
        }
        let shape = self.row(&parts)?;
        self.add(Op::Reshape, &[x, shape])
    }

    /// So many numbers of a row.
    pub(super) fn part_of(&mut self, row: ValueId, from: usize, count: usize) -> Made {
        let (from, count) = (self.build().ints(&[from as i64])?, self.build().ints(&[count as i64])?);
        self.add(Op::Slice, &[row, from, count])
    }

    /// Rows of numbers behind each other.
    pub(super) fn row(&mut self, parts: &[ValueId]) -> Made {
        let axis = self.build().int(0)?;
        self.add(Op::Concat, &[parts, &[axis]].concat())
    }

    fn transpose(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let order = match self.node.ints("axes")?.filter(|axes| !axes.is_empty()) {
            Some(axes) => self.axes(&axes, rank)?,
            None => (0..rank).rev().collect(),
        };
        Ok(self.build().transpose(x, &order)?)
    }

    fn swap(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let (a, b) = (self.axis("dim1", 0, rank)?, self.axis("dim2", 0, rank)?);
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(a, b);
        Ok(self.build().transpose(x, &order)?)
    }

    fn squeeze(&mut self) -> Made {
        let x = self.input(0)?;
        match self.node.ints("axis")? {
            Some(axes) => self.add(Op::Squeeze(axes), &[x]),
            None => self.add(Op::Squeeze(Vec::new()), &[x]),
        }
    }

    fn broadcast_to(&mut self) -> Made {
        let x = self.input(0)?;
        let shape = self.node.ints("shape")?.unwrap_or_default();
        let own = self.add(Op::Shape, &[x])?;
        let mut parts = Vec::new();
        for (axis, n) in shape.iter().enumerate() {
            parts.push(if *n == 0 { self.part_of(own, axis, 1)? } else { self.build().ints(&[*n])? });
        }
        let shape = self.row(&parts)?;
        self.add(Op::BroadcastTo, &[x, shape])
    }

    /// All axes are as long as another value's, or some of them as long as some of its.
    fn broadcast_like(&mut self) -> Made {
        let (x, like) = (self.input(0)?, self.input(1)?);
        let shape = self.add(Op::Shape, &[like])?;
        let (Some(own), Some(others)) = (self.node.ints("lhs_axes")?, self.node.ints("rhs_axes")?) else {
            return self.add(Op::BroadcastTo, &[x, shape]);
        };
        let (rank, of) = (self.rank(x)?, self.rank(like)?);
        let (own, others) = (self.axes(&own, rank)?, self.axes(&others, of)?);
        let before = self.add(Op::Shape, &[x])?;
        let mut parts = Vec::new();
        for axis in 0..rank {
            let other = own.iter().position(|own| *own == axis).and_then(|n| others.get(n));
            parts.push(match other {
                Some(other) => self.part_of(shape, *other, 1)?,
                None => self.part_of(before, axis, 1)?,
            });
        }
        let shape = self.row(&parts)?;
        self.add(Op::BroadcastTo, &[x, shape])
    }

    fn broadcast_axis(&mut self) -> Made {
        let x = self.input(0)?;
        let (axes, sizes) =
            (self.node.ints("axis")?.unwrap_or_default(), self.node.ints("size")?.unwrap_or_default());
        let rank = self.rank(x)?;
        let axes = self.axes(&axes, rank)?;
        let mut repeats = vec![1; rank];
        axes.iter().zip(&sizes).for_each(|(axis, size)| repeats[*axis] = *size);
        let repeats = self.build().ints(&repeats)?;
        self.add(Op::Tile, &[x, repeats])
    }

    /// A constant. Extents that are not told follow from what reads it, as the batch of a first state does: being 1, they are broadcast.
    fn filled(&mut self, value: f32) -> Made {
        let shape = self.node.ints("shape")?.unwrap_or_default();
        let shape: Vec<i64> = shape.into_iter().map(|n| n.max(1)).collect();
        let (shape, value) = (self.build().ints(&shape)?, self.build().float(value)?);
        self.add(Op::Fill, &[shape, value])
    }

    fn arange(&mut self) -> Made {
        let (mut start, step) = (self.node.float("start", 0.0)?, self.node.float("step", 1.0)?);
        // One number is where it ends.
        let stop = if self.node.text("stop").is_some() {
            self.node.float("stop", start)?
        } else {
            std::mem::replace(&mut start, 0.0)
        };
        if self.node.flag("infer_range", false)? {
            return Self::refuse("a range as long as what reads it");
        }
        let count = (f64::from(stop - start) / f64::from(step)).ceil();
        let repeat = self.node.size("repeat", 1)?;
        if !(0.0..=1e6).contains(&count) || repeat > 1 << 10 {
            return Self::refuse(format!("a range from {start} to {stop}"));
        }
        let numbers = (0..count as usize).map(|n| start + step * n as f32);
        let numbers: Vec<f32> = numbers.flat_map(|x| std::iter::repeat_n(x, repeat)).collect();
        let count = numbers.len();
        Ok(self.build().literal(Literal::F32(numbers, vec![count]))?)
    }

    /// Axes of 1 that are not there any more.
    pub(super) fn without(&mut self, x: ValueId, axis: usize) -> Made {
        self.add(Op::Squeeze(vec![axis as i64]), &[x])
    }
}
