//! A graph on its way, with what PyTorch knows beyond it: types of elements, and the tensors of the program that values are.

mod apart;
mod looped;
mod shapes;

pub use apart::Part;
use apart::{body, captured};
pub use shapes::place;

use super::value::{Handle, Result, Stop, Val, broken, unsupported};
use super::views::View;
use crate::formats::builder::Builder as Shared;
use crate::graph::{Literal, Op, ValueId, Weight};
use crate::value::Kind;
use crate::{DType, EngineError};
use std::collections::HashSet;

/// Operations of one program.
const MOST_NODES: usize = 1 << 20;

/// A tensor of the program.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub value: ValueId,
    pub view: Option<View>,
    /// How often it was written to.
    pub writes: usize,
    /// Its elements are pairs.
    pub complex: bool,
    /// Its elements are whole steps, which its value holds as the numbers that they mean.
    pub steps: Option<Steps>,
    /// Which places of its rows count, if they are of lengths of their own.
    pub nested: Option<ValueId>,
}

/// How large the steps of a tensor are, which of them is zero, and of which type their numbers are.
#[derive(Debug, Clone)]
pub struct Steps {
    pub scale: Val,
    pub zero: Val,
    pub dtype: DType,
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
    /// Constants of traces that stand for numbers of the program: where types are joined, they are numbers.
    pub numbers: HashSet<ValueId>,
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
        self.tensors.push(Tensor { value, view: None, writes: 0, complex: false, steps: None, nested: None });
        self.tensors.len() - 1
    }

    /// The value of a tensor that the program gives.
    pub fn answer(&self, handle: Handle) -> Result<ValueId> {
        if self.tensors.get(handle).is_some_and(|t| t.complex) {
            return unsupported("an answer of complex numbers; give torch.view_as_real of it");
        }
        self.value(handle)
    }

    /// The value of a tensor or number that the program gives.
    pub fn answered(&mut self, value: &Val) -> Result<ValueId> {
        match value {
            Val::Tensor(handle) => self.answer(*handle),
            Val::Float(x) => self.number(*x, DType::F64),
            Val::Bool(flag) => self.number(f64::from(u8::from(*flag)), DType::Bool),
            other => self.scalar(other),
        }
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
