//! A graph on its way: what is known of its values, and the tensors of the program that they are.

use super::value::{Handle, Result, Stop, Val, broken, unsupported};
use super::views::View;
use crate::graph::{Binary, Graph, Literal, Op, ValueId};
use crate::plan::rules::{self, Known};
use crate::value::Kind;
use crate::{DType, EngineError};
use std::sync::Arc;

/// Operations of one program.
const MOST_NODES: usize = 1 << 20;

/// A tensor of the program.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub value: ValueId,
    pub view: Option<View>,
    /// How often it was written to.
    pub writes: usize,
}

/// What is known of a value of the graph.
#[derive(Debug, Clone)]
struct Fact {
    known: Known,
    dtype: DType,
    /// An input whose number of axes it has.
    like_input: Option<usize>,
}

/// Builds one graph.
#[derive(Default)]
pub struct Builder {
    pub graph: Graph,
    facts: Vec<Fact>,
    pub tensors: Vec<Tensor>,
    /// The name of the operation that is lowered.
    pub node: String,
}

impl Builder {
    /// Adds an input of the graph.
    pub fn input(&mut self, shape: Option<Vec<Option<usize>>>, dtype: DType) -> Result<Handle> {
        let number = self.graph.inputs.len();
        let value = self.push(Op::Input(number), &[], vec![(Known { shape, numbers: None }, dtype)])?[0];
        self.facts[value].like_input = Some(number);
        self.graph.inputs.push(value);
        Ok(self.tensor(value))
    }

    /// Adds a weight.
    pub fn weight(&mut self, number: usize, shape: &[usize], dtype: DType) -> Result<ValueId> {
        let known = Known::shaped(shape.iter().copied().map(Some).collect());
        Ok(self.push(Op::Weight(number), &[], vec![(known, dtype)])?[0])
    }

    /// Adds a constant.
    pub fn literal(&mut self, literal: Literal, dtype: DType) -> Result<ValueId> {
        let value = crate::kernels::literal(&literal)?;
        let known = Known::constant(&value);
        Ok(self.push(Op::Literal(Arc::new(literal)), &[], vec![(known, dtype)])?[0])
    }

    fn push(&mut self, op: Op, inputs: &[ValueId], results: Vec<(Known, DType)>) -> Result<Vec<ValueId>> {
        if self.graph.nodes.len() >= MOST_NODES {
            return broken(format!("the program has more than {MOST_NODES} operations"));
        }
        let values = self.graph.add_many(op, inputs.to_vec(), results.len(), &self.node)?;
        self.facts.extend(results.into_iter().map(|(known, dtype)| Fact { known, dtype, like_input: None }));
        Ok(values)
    }

    /// Adds an operation.
    pub fn op(&mut self, op: Op, inputs: &[ValueId], dtype: DType) -> Result<ValueId> {
        Ok(self.ops(op, inputs, &[dtype])?[0])
    }

    /// Adds an operation with results of these types.
    pub fn ops(&mut self, op: Op, inputs: &[ValueId], dtypes: &[DType]) -> Result<Vec<ValueId>> {
        let known: Vec<&Known> = inputs.iter().map(|v| &self.facts[*v].known).collect();
        let found = rules::results(&op, &known, dtypes.len())?;
        let like = match (&op, inputs) {
            (Op::Unary(_) | Op::Cast(_) | Op::Activate(_) | Op::Softmax { .. }, [x, ..]) => {
                self.facts[*x].like_input
            }
            _ => None,
        };
        let values = self.push(op, inputs, found.into_iter().zip(dtypes.iter().copied()).collect())?;
        if let [value] = values[..] {
            self.facts[value].like_input = like;
        }
        Ok(values)
    }

    /// Says what the shape of a value is, where its operation does not tell.
    pub fn shaped(&mut self, value: ValueId, shape: Vec<Option<usize>>) -> ValueId {
        let known = &mut self.facts[value].known;
        match &mut known.shape {
            None => known.shape = Some(shape),
            Some(old) if old.len() == shape.len() => {
                old.iter_mut().zip(shape).for_each(|(old, new)| *old = old.or(new));
            }
            Some(_) => {}
        }
        value
    }

    /// A new tensor of the program.
    pub fn tensor(&mut self, value: ValueId) -> Handle {
        self.tensors.push(Tensor { value, view: None, writes: 0 });
        self.tensors.len() - 1
    }

    pub fn dtype(&self, value: ValueId) -> DType {
        self.facts[value].dtype
    }

    /// Says that a value's type is another one of the same kind.
    pub fn typed(&mut self, value: ValueId, dtype: DType) -> ValueId {
        self.facts[value].dtype = dtype;
        value
    }

    pub fn shape(&self, value: ValueId) -> Option<&[Option<usize>]> {
        self.facts[value].known.shape.as_deref()
    }

    /// The shape, if all of it is known.
    pub fn dims(&self, value: ValueId) -> Option<Vec<usize>> {
        self.facts[value].known.dims()
    }

    /// The numbers of a short integer value, as far as they are known.
    pub fn numbers(&self, value: ValueId) -> Option<&[Option<i64>]> {
        self.facts[value].known.numbers.as_deref()
    }

    /// How many axes a value has.
    pub fn rank(&self, value: ValueId) -> Result<usize> {
        match (self.shape(value), self.facts[value].like_input) {
            (Some(shape), _) => Ok(shape.len()),
            (None, Some(input)) => Err(Stop::Rank(input)),
            _ => unsupported("of a tensor whose number of axes is not known"),
        }
    }

    /// An input whose number of axes is that of a value, where it is not known.
    pub fn unknown_like(&self, value: ValueId) -> Option<usize> {
        if self.shape(value).is_some() { None } else { self.facts[value].like_input }
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
                return Ok(Val::Int(extent as i64));
            }
        }
        let shape = self.op(Op::Shape, &[value], DType::I64)?;
        let (begin, axis) = match self.shape(value) {
            Some(shape) => (place(dim, shape.len())? as i64, 0),
            None if dim < 0 => {
                let rank = self.op(Op::Rank, &[value], DType::I64)?;
                let dim = self.int(dim)?;
                let at = self.op(Op::Binary(Binary::Add), &[rank, dim], DType::I64)?;
                let axis = self.int(0)?;
                return Ok(Val::Symbol(self.op(Op::Gather { batch_dims: 0 }, &[shape, at, axis], DType::I64)?));
            }
            None => (dim, 0),
        };
        let (at, axis) = (self.int(begin)?, self.int(axis)?);
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
            Val::Symbol(value) => match self.numbers(*value) {
                Some([n]) => *n,
                _ => None,
            },
            Val::Tensor(handle) => match self.numbers(self.tensors.get(*handle)?.value) {
                Some([n]) => *n,
                _ => None,
            },
            _ => None,
        }
    }

    /// A scalar of the graph as an integer of the program.
    pub fn symbol(&self, value: ValueId) -> Val {
        match self.numbers(value) {
            Some([Some(n)]) => Val::Int(*n),
            _ => Val::Symbol(value),
        }
    }

    /// The value in another type.
    pub fn cast(&mut self, value: ValueId, to: DType) -> Result<ValueId> {
        let from = self.dtype(value);
        if from == to || (kind(from) == kind(to) && widens(from, to)) {
            if from == to {
                return Ok(value);
            }
            // The numbers stay what they are; the type is another one all the same.
            let copy = self.op(Op::Cast(wide(to)), &[value], to)?;
            return Ok(copy);
        }
        self.op(Op::Cast(to), &[value], to)
    }

    pub fn binary(&mut self, op: Binary, a: ValueId, b: ValueId) -> Result<ValueId> {
        let dtype = self.dtype(a);
        self.op(Op::Binary(op), &[a, b], dtype)
    }

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
        let order: Vec<i64> = order.iter().map(|n| *n as i64).collect();
        let order = self.ints(&order)?;
        self.op(Op::Transpose, &[value, order], dtype)
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
        (begins[at], sizes[at]) = (begin.clone(), size.clone());
        let (begins, sizes) = (self.vector(&begins)?, self.vector(&sizes)?);
        self.op(Op::Slice, &[value, begins, sizes], dtype)
    }

    pub fn concat(&mut self, values: &[ValueId], at: usize) -> Result<ValueId> {
        let Some(first) = values.first() else { return broken("a concatenation of nothing") };
        let dtype = self.dtype(*first);
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

/// What the graph computes a type in.
pub fn kind(dtype: DType) -> Kind {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => Kind::F32,
        DType::F64 => Kind::F64,
        DType::Bool => Kind::Bool,
        DType::String => Kind::Text,
        _ => Kind::I64,
    }
}

pub fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
}

/// The widest type of a kind.
fn wide(dtype: DType) -> DType {
    match kind(dtype) {
        Kind::F32 => DType::F32,
        Kind::I64 => DType::I64,
        _ => dtype,
    }
}

/// Whether every number of one type is one of another.
fn widens(from: DType, to: DType) -> bool {
    to == wide(to) || (from == DType::U8 && matches!(to, DType::I16 | DType::I32))
        || (from == DType::I8 && matches!(to, DType::I16 | DType::I32))
        || (from == DType::I16 && to == DType::I32)
}

/// An axis of so many, counted from the end if it is negative.
pub fn place(dim: i64, rank: usize) -> Result<usize> {
    Ok(crate::kernels::axis(dim, rank)
        .map_err(|_| EngineError::broken(format!("axis {dim} of a tensor with {rank} axes")))?)
}
