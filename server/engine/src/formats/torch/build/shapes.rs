//! Shapes, numbers and what changes shapes: operations that every group needs.

use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::{Builder, kind, wide, widens};
use crate::graph::{Binary, Literal, Op, ValueId};
use crate::value::Kind;
use crate::{DType, EngineError};

impl Builder {
    /// How many axes a value has.
    pub fn rank(&self, value: ValueId) -> Result<usize> {
        match (self.shape(value), self.facts[value].like_input) {
            (Some(shape), _) => Ok(shape.len()),
            (None, Some(input)) => Err(Stop::Rank(input, None)),
            _ => unsupported("of a tensor whose number of axes is not known"),
        }
    }

    /// An axis, counted from the end if it is negative.
    pub fn axis(&self, value: ValueId, dim: i64) -> Result<usize> {
        let rank = self.rank(value)?;
        place(dim, rank)
    }

    /// The extent of an axis: an int, or a symbol.
    pub fn extent(&mut self, value: ValueId, dim: i64) -> Result<Val> {
        if let Some(shape) = self.shape(value) {
            let at = place(dim, shape.len())?;
            if let Some(extent) = shape[at] {
                return Ok(Val::Int(i64::try_from(extent).unwrap_or(i64::MAX)));
            }
        }
        let at = match self.shape(value) {
            Some(shape) => {
                let at = place(dim, shape.len())?;
                self.int(at as i64)?
            }
            None if dim < 0 => {
                let rank = self.op(Op::Rank, &[value], DType::I64)?;
                let dim = self.int(dim)?;
                self.binary(Binary::Add, rank, dim)?
            }
            None => self.int(dim)?,
        };
        let shape = self.op(Op::Shape, &[value], DType::I64)?;
        let axis = self.int(0)?;
        Ok(Val::Symbol(self.op(Op::Gather { batch_dims: 0 }, &[shape, at, axis], DType::I64)?))
    }

    /// All extents; of a value of which nothing is known an error.
    pub fn extents(&mut self, value: ValueId) -> Result<Vec<Val>> {
        let rank = self.rank(value)?;
        (0..rank as i64).map(|dim| self.extent(value, dim)).collect()
    }

    /// A scalar integer.
    pub fn int(&mut self, n: i64) -> Result<ValueId> {
        self.literal(Literal::I64(vec![n], Vec::new()), DType::I64)
    }

    /// A vector of integers.
    pub fn ints(&mut self, numbers: &[i64]) -> Result<ValueId> {
        self.literal(Literal::I64(numbers.to_vec(), vec![numbers.len()]), DType::I64)
    }

    /// A scalar of a type.
    pub fn number(&mut self, n: f64, dtype: DType) -> Result<ValueId> {
        let literal = match kind(dtype) {
            Kind::F64 => Literal::F64(vec![n], Vec::new()),
            Kind::I64 => Literal::I64(vec![n as i64], Vec::new()),
            Kind::Bool => Literal::Bool(vec![u8::from(n != 0.0)], Vec::new()),
            _ => Literal::F32(vec![n as f32], Vec::new()),
        };
        self.literal(literal, dtype)
    }

    /// An integer of the program as a scalar of the graph.
    pub fn scalar(&mut self, n: &Val) -> Result<ValueId> {
        match n {
            Val::Int(n) => self.int(*n),
            Val::Symbol(value) => Ok(*value),
            Val::Tensor(handle) => {
                let value = self.value(*handle)?;
                self.cast(value, DType::I64)
            }
            other => broken(format!("{} where an integer is wanted", other.describe())),
        }
    }

    /// Integers of the program as a vector of the graph.
    pub fn vector(&mut self, numbers: &[Val]) -> Result<ValueId> {
        let known: Option<Vec<i64>> = numbers.iter().map(|n| self.known(n)).collect();
        if let Some(known) = known {
            return self.ints(&known);
        }
        let scalars = numbers.iter().map(|n| self.scalar(n)).collect::<Result<Vec<_>>>()?;
        self.op(Op::Pack(0), &scalars, DType::I64)
    }

    /// The integer, if it is known.
    pub fn known(&self, n: &Val) -> Option<i64> {
        match n {
            Val::Int(n) => Some(*n),
            Val::Bool(b) => Some(i64::from(*b)),
            Val::Symbol(value) => self.single(*value),
            Val::Tensor(handle) => self.single(self.tensors.get(*handle)?.value),
            _ => None,
        }
    }

    /// A scalar of the graph as an integer of the program.
    pub fn symbol(&self, value: ValueId) -> Val {
        self.single(value).map_or(Val::Symbol(value), Val::Int)
    }

    /// The value in another type.
    pub fn cast(&mut self, value: ValueId, to: DType) -> Result<ValueId> {
        let from = self.dtype(value);
        if from == to || (kind(from) == kind(to) && widens(from, to)) {
            // The numbers stay what they are; the type may be another one all the same.
            return if from == to { Ok(value) } else { self.op(Op::Cast(wide(to)), &[value], to) };
        }
        self.op(Op::Cast(to), &[value], to)
    }

    pub fn binary(&mut self, op: Binary, a: ValueId, b: ValueId) -> Result<ValueId> {
        let dtype = self.dtype(a);
        let leaves_the_type = matches!(op, Binary::Add | Binary::Sub | Binary::Mul | Binary::Pow);
        let made = self.op(Op::Binary(op), &[a, b], dtype)?;
        if leaves_the_type { self.wrapped(made) } else { Ok(made) }
    }

    /// Integers of few bits are computed in more: what does not fit begins anew at the other end.
    pub fn wrapped(&mut self, value: ValueId) -> Result<ValueId> {
        match self.dtype(value) {
            dtype @ (DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32) => {
                self.op(Op::Cast(dtype), &[value], dtype)
            }
            _ => Ok(value),
        }
    }

    /// The same elements in another shape.
    pub fn reshape(&mut self, value: ValueId, shape: &[Val]) -> Result<ValueId> {
        let dtype = self.dtype(value);
        let known: Vec<Option<i64>> = shape.iter().map(|n| self.known(n)).collect();
        let open = known.iter().filter(|n| n.is_none()).count();
        let shape = if open == 1 && !known.contains(&Some(-1)) && !known.contains(&Some(0)) {
            // One extent that is not known follows from the others.
            let rest: Vec<i64> = known.iter().map(|n| n.unwrap_or(-1)).collect();
            self.ints(&rest)?
        } else {
            self.vector(shape)?
        };
        self.op(Op::Reshape, &[value, shape], dtype)
    }

    pub fn transpose(&mut self, value: ValueId, order: &[usize]) -> Result<ValueId> {
        if order.iter().enumerate().all(|(n, at)| n == *at) {
            return Ok(value);
        }
        let dtype = self.dtype(value);
        self.made(dtype, |to| to.transpose(value, order))
    }

    pub fn expand_dims(&mut self, value: ValueId, at: i64) -> Result<ValueId> {
        let dtype = self.dtype(value);
        let at = self.int(at)?;
        self.op(Op::ExpandDims, &[value, at], dtype)
    }

    pub fn squeeze(&mut self, value: ValueId, axes: Vec<i64>) -> Result<ValueId> {
        let dtype = self.dtype(value);
        self.op(Op::Squeeze(axes), &[value], dtype)
    }

    /// Part of an axis: from `begin`, `size` long.
    pub fn narrow(&mut self, value: ValueId, at: usize, begin: &Val, size: &Val) -> Result<ValueId> {
        let (rank, dtype) = (self.rank(value)?, self.dtype(value));
        let mut begins = vec![Val::Int(0); rank];
        let mut sizes = vec![Val::Int(-1); rank];
        let (Some(first), Some(length)) = (begins.get_mut(at), sizes.get_mut(at)) else {
            return broken(format!("axis {at} of a value with {rank}"));
        };
        (*first, *length) = (begin.clone(), size.clone());
        let (begins, sizes) = (self.vector(&begins)?, self.vector(&sizes)?);
        let part = self.op(Op::Slice, &[value, begins, sizes], dtype)?;
        Ok(self.shaped_beside(part, value, at))
    }

    /// Says that a value has the shape of another one but for an axis.
    pub fn shaped_beside(&mut self, value: ValueId, like: ValueId, at: usize) -> ValueId {
        let Some(mut shape) = self.shape(like).map(<[_]>::to_vec) else { return value };
        if let Some(extent) = shape.get_mut(at) {
            *extent = None;
        }
        self.shaped(value, shape)
    }

    pub fn concat(&mut self, values: &[ValueId], at: usize) -> Result<ValueId> {
        let Some(first) = values.first() else { return broken("a concatenation of nothing") };
        let dtype = self.dtype(*first);
        let rank = self.shape(*first).map_or(0, <[_]>::len);
        if (3..=5).contains(&rank) && values.iter().all(|v| self.to.has_channels_last(*v)) {
            return self.made(dtype, |to| {
                let mut inputs = values
                    .iter()
                    .map(|v| to.channels_last(*v, rank))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                inputs.push(to.int(at_last(at, rank) as i64)?);
                let made = to.add(Op::Concat, &inputs)?;
                to.channels_first(made, rank)
            });
        }
        let axis = self.int(at as i64)?;
        let inputs = [values, &[axis]].concat();
        self.op(Op::Concat, &inputs, dtype)
    }

    /// The value repeated to a shape.
    pub fn broadcast(&mut self, value: ValueId, shape: &[Val]) -> Result<ValueId> {
        let dtype = self.dtype(value);
        let shape = self.vector(shape)?;
        self.op(Op::BroadcastTo, &[value, shape], dtype)
    }
}

/// Where an axis lies once channels come last.
pub fn at_last(at: usize, rank: usize) -> usize {
    match at {
        0 => 0,
        1 => rank - 1,
        at => at - 1,
    }
}

/// An axis of so many, counted from the end if it is negative.
pub fn place(dim: i64, rank: usize) -> Result<usize> {
    Ok(crate::kernels::axis(dim, rank)
        .map_err(|_| EngineError::broken(format!("axis {dim} of a tensor with {rank} axes")))?)
}
