//! A graph on its way, with what PyTorch knows beyond it: types of elements, and the tensors of the program that values are.

use super::value::{Handle, Result, Stop, Val, broken, unsupported};
use super::views::View;
use crate::formats::builder::Builder as Shared;
use crate::graph::{Binary, Literal, Op, ValueId, Weight};
use crate::value::Kind;
use crate::{DType, EngineError};

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

/// What is known of a value beside its shape.
#[derive(Debug, Clone, Copy)]
struct Fact {
    dtype: DType,
    /// An input whose number of axes it has.
    like_input: Option<usize>,
    /// An input of whose elements it is made.
    from_input: Option<usize>,
}

/// Builds one graph.
#[derive(Default)]
pub struct Builder {
    pub to: Shared,
    facts: Vec<Fact>,
    pub tensors: Vec<Tensor>,
}

impl Builder {
    /// Adds an input of the graph.
    pub fn input(&mut self, shape: Option<Vec<Option<usize>>>, dtype: DType) -> Result<Handle> {
        let number = self.to.graph.inputs.len();
        let value = self.made(dtype, |to| to.input(shape))?;
        self.facts[value].like_input = Some(number);
        self.facts[value].from_input = Some(number);
        Ok(self.tensor(value))
    }

    /// Adds a weight.
    pub fn weight(&mut self, number: usize, weight: &Weight) -> Result<ValueId> {
        self.made(weight.dtype, |to| to.weight(number, weight))
    }

    /// Adds a constant.
    pub fn literal(&mut self, literal: Literal, dtype: DType) -> Result<ValueId> {
        self.made(dtype, |to| to.literal(literal))
    }

    /// Adds what the shared builder makes: a value of this type.
    pub fn made(
        &mut self,
        dtype: DType,
        make: impl FnOnce(&mut Shared) -> std::result::Result<ValueId, EngineError>,
    ) -> Result<ValueId> {
        let value = make(&mut self.to)?;
        self.settle(&[value], &[dtype])?;
        Ok(value)
    }

    /// Keeps up with the shared builder.
    fn settle(&mut self, values: &[ValueId], dtypes: &[DType]) -> Result<()> {
        if self.to.graph.nodes.len() >= MOST_NODES {
            return broken(format!("the program has more than {MOST_NODES} operations"));
        }
        self.facts
            .resize(self.to.graph.values, Fact { dtype: DType::F32, like_input: None, from_input: None });
        for (value, dtype) in values.iter().zip(dtypes) {
            self.facts[*value].dtype = *dtype;
        }
        Ok(())
    }

    /// Adds an operation.
    pub fn op(&mut self, op: Op, inputs: &[ValueId], dtype: DType) -> Result<ValueId> {
        let like = match (&op, inputs) {
            (Op::Unary(_) | Op::Cast(_) | Op::Activate(_) | Op::Softmax { .. }, [x, ..]) => {
                self.facts[*x].like_input
            }
            _ => None,
        };
        let from = match (&op, inputs) {
            (op, [x, ..]) if moves(op) => self.facts[*x].from_input,
            _ => None,
        };
        let by_element = matches!(
            op,
            Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Cast(_) | Op::Activate(_)
        );
        let value =
            self.made(dtype, |to| if by_element { to.elementwise(op, inputs) } else { to.add(op, inputs) })?;
        self.facts[value].like_input = like;
        self.facts[value].from_input = from;
        Ok(value)
    }

    /// Adds an operation with results of these types.
    pub fn ops(&mut self, op: Op, inputs: &[ValueId], dtypes: &[DType]) -> Result<Vec<ValueId>> {
        let values = self.to.add_many(op, inputs, dtypes.len())?;
        self.settle(&values, dtypes)?;
        Ok(values)
    }

    /// Says what the shape of a value is, where its operation does not tell.
    pub fn shaped(&mut self, value: ValueId, shape: Vec<Option<usize>>) -> ValueId {
        self.to.tell(value, shape);
        value
    }

    /// A new tensor of the program.
    pub fn tensor(&mut self, value: ValueId) -> Handle {
        self.tensors.push(Tensor { value, view: None, writes: 0 });
        self.tensors.len() - 1
    }

    /// The input whose elements a value has, which are to be integers, where they are taken for something else.
    pub fn whole(&self, value: ValueId) -> Result<()> {
        match self.facts[value].from_input {
            Some(input) if is_float(self.dtype(value)) => Err(Stop::Whole(input)),
            _ => Ok(()),
        }
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
        self.to.shape(value).map(Vec::as_slice)
    }

    /// The shape, if all of it is known.
    pub fn dims(&self, value: ValueId) -> Option<Vec<usize>> {
        self.to.dims(value)
    }

    /// The one number of an integer value, if it is known.
    fn single(&self, value: ValueId) -> Option<i64> {
        match self.to.numbers(value)?[..] {
            [number] => Some(number),
            _ => None,
        }
    }

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
                return Ok(Val::Int(extent as i64));
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
        self.op(Op::Binary(op), &[a, b], dtype)
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
        (begins[at], sizes[at]) = (begin.clone(), size.clone());
        let (begins, sizes) = (self.vector(&begins)?, self.vector(&sizes)?);
        self.op(Op::Slice, &[value, begins, sizes], dtype)
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

/// Whether an operation gives elements of its first input as they are.
fn moves(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape
            | Op::BroadcastTo
            | Op::Transpose
            | Op::ExpandDims
            | Op::Squeeze(_)
            | Op::StridedSlice(_)
            | Op::Slice
            | Op::Gather { .. }
            | Op::Tile
            | Op::Reverse
    )
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
    to == wide(to)
        || (from == DType::U8 && matches!(to, DType::I16 | DType::I32))
        || (from == DType::I8 && matches!(to, DType::I16 | DType::I32))
        || (from == DType::I16 && to == DType::I32)
}

/// An axis of so many, counted from the end if it is negative.
pub fn place(dim: i64, rank: usize) -> Result<usize> {
    Ok(crate::kernels::axis(dim, rank)
        .map_err(|_| EngineError::broken(format!("axis {dim} of a tensor with {rank} axes")))?)
}
