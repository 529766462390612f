//! Builds a graph value by value, and knows of each what follows from shapes: its rank, its extents, short integers.
//!
//! Formats other than TensorFlow's have the channels of images first, the graph has them last. A value that was made with its channels
//! last is remembered beside its transpose, so that layers which follow each other meet without transposes between them: those that
//! nobody reads go when the plan is made.

use crate::EngineError;
use crate::graph::{Binary, Graph, Literal, Masks, Node, Op, ValueId, Weight};
use crate::kernels;
use crate::plan::rules::{self, Extents, Known};
use std::collections::HashMap;
use std::sync::Arc;

/// A graph on its way.
#[derive(Debug, Default)]
pub struct Builder {
    /// What is there of it.
    pub graph: Graph,
    /// Name of the node that is being lowered, for errors.
    pub name: String,
    known: Vec<Known>,
    /// The node that makes each value.
    makers: Vec<usize>,
    /// Values with channels first, and the same with channels last.
    last: HashMap<ValueId, ValueId>,
}

type Made = Result<ValueId, EngineError>;

impl Builder {
    /// Adds an operation with several results.
    pub fn add_many(
        &mut self,
        op: Op,
        inputs: &[ValueId],
        outputs: usize,
    ) -> Result<Vec<ValueId>, EngineError> {
        let nothing = Known::default();
        let reads: Vec<&Known> = inputs.iter().map(|v| self.known.get(*v).unwrap_or(&nothing)).collect();
        // What cannot fit is told when it is run, with the node's name.
        let mut found = rules::results(&op, &reads, outputs).unwrap_or_default();
        if let Op::Literal(literal) = &op {
            found = vec![Known::constant(&kernels::literal(literal)?)];
        }
        found.resize(outputs, Known::default());
        let node = self.graph.nodes.len();
        let made = self.graph.add_many(op, inputs.to_vec(), outputs, &self.name)?;
        self.known.extend(found);
        self.makers.extend(std::iter::repeat_n(node, outputs));
        Ok(made)
    }

    /// Takes nodes from one on out of the graph; values from one on are never met turned again.
    pub fn take_since(&mut self, node: usize, value: ValueId) -> Vec<Node> {
        self.last.retain(|first, last| *first < value && *last < value);
        self.graph.nodes.split_off(node)
    }

    /// Adds an operation.
    pub fn add(&mut self, op: Op, inputs: &[ValueId]) -> Made {
        Ok(self.add_many(op, inputs, 1)?[0])
    }

    /// Adds the next input of the graph.
    pub fn input(&mut self, shape: Option<Extents>) -> Made {
        let number = self.graph.inputs.len();
        let value = self.add(Op::Input(number), &[])?;
        self.graph.inputs.push(value);
        self.known[value].shape = shape;
        Ok(value)
    }

    /// Adds a weight by its number.
    pub fn weight(&mut self, number: usize, weight: &Weight) -> Made {
        let value = self.add(Op::Weight(number), &[])?;
        self.known[value].shape = Some(weight.shape.iter().copied().map(Some).collect());
        Ok(value)
    }

    /// Adds a constant.
    pub fn literal(&mut self, literal: Literal) -> Made {
        self.add(Op::Literal(Arc::new(literal)), &[])
    }

    /// Adds a row of integers.
    pub fn ints(&mut self, values: &[i64]) -> Made {
        self.literal(Literal::I64(values.to_vec(), vec![values.len()]))
    }

    /// Adds one integer.
    pub fn int(&mut self, value: i64) -> Made {
        self.literal(Literal::I64(vec![value], Vec::new()))
    }

    /// Adds one `float32`.
    pub fn float(&mut self, value: f32) -> Made {
        self.literal(Literal::F32(vec![value], Vec::new()))
    }

    /// Adds the sum, product, … of two values.
    pub fn binary(&mut self, op: Binary, a: ValueId, b: ValueId) -> Made {
        self.elementwise(Op::Binary(op), &[a, b])
    }

    /// Adds the transpose.
    pub fn transpose(&mut self, x: ValueId, order: &[usize]) -> Made {
        let order: Vec<i64> = order.iter().map(|a| *a as i64).collect();
        let order = self.ints(&order)?;
        self.add(Op::Transpose, &[x, order])
    }

    /// Adds the same elements in another shape; -1 for what follows from the others.
    pub fn reshape(&mut self, x: ValueId, shape: &[i64]) -> Made {
        let shape = self.ints(shape)?;
        self.add(Op::Reshape, &[x, shape])
    }

    /// What an operation says of its name.
    pub fn maker(&self, value: ValueId) -> Option<&Op> {
        self.makers.get(value).and_then(|n| self.graph.nodes.get(*n)).map(|node| &node.op)
    }

    /// What the operation that makes a value reads.
    pub fn reads(&self, value: ValueId) -> &[ValueId] {
        let node = self.makers.get(value).and_then(|n| self.graph.nodes.get(*n));
        node.map_or(&[], |node| &node.inputs)
    }

    /// A constant.
    pub fn constant(&self, value: ValueId) -> Option<&Literal> {
        match self.maker(value)? {
            Op::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// Extents as far as they are known.
    pub fn shape(&self, value: ValueId) -> Option<&Extents> {
        self.known.get(value)?.shape.as_ref()
    }

    /// Number of axes.
    pub fn rank(&self, value: ValueId) -> Option<usize> {
        self.shape(value).map(Vec::len)
    }

    /// Says what the artifact knows of a value's shape where nothing follows from its operation.
    pub fn tell(&mut self, value: ValueId, shape: Extents) {
        // The same with channels last is as large.
        if let Some(last) = self.last.get(&value).copied()
            && let [batch, channels, rest @ ..] = &shape[..]
        {
            let turned = [batch].into_iter().chain(rest).chain([channels]).copied().collect();
            self.learn(last, turned);
        }
        self.learn(value, shape);
    }

    fn learn(&mut self, value: ValueId, shape: Extents) {
        if let Some(known) = self.known.get_mut(value) {
            match &mut known.shape {
                Some(own) if own.len() == shape.len() => {
                    own.iter_mut().zip(shape).for_each(|(own, told)| *own = own.or(told));
                }
                Some(_) => {}
                None => known.shape = Some(shape),
            }
        }
    }

    /// All extents, where they are known.
    pub fn dims(&self, value: ValueId) -> Option<Vec<usize>> {
        self.known.get(value)?.dims()
    }

    /// Short integers that do not depend on the request.
    pub fn numbers(&self, value: ValueId) -> Option<Vec<i64>> {
        if let Some(Literal::I64(values, _)) = self.constant(value) {
            return Some(values.clone());
        }
        self.known.get(value)?.numbers.as_ref()?.iter().copied().collect()
    }

    /// Short integers, each as far as it is known.
    pub fn numbers_as_known(&self, value: ValueId) -> Option<Vec<Option<i64>>> {
        self.known.get(value)?.numbers.clone()
    }

    /// Whether an element of a row is the extent of `x` along an axis, as far as that follows from what puts the row together.
    pub fn is_extent(&self, row: ValueId, at: usize, x: ValueId, axis: usize) -> bool {
        let (mut row, mut at) = (row, at);
        for _ in 0..16 {
            let Some(node) = self.makers.get(row).and_then(|n| self.graph.nodes.get(*n)) else {
                return false;
            };
            let first = |n: usize| self.numbers(*node.inputs.get(n)?)?.first().copied();
            let of_row = node.inputs.first().and_then(|v| self.rank(*v)) == Some(1);
            let from = match node.op {
                Op::Shape => return node.inputs.first() == Some(&x) && at == axis,
                Op::Cast(_) | Op::Reshape | Op::ExpandDims | Op::Squeeze(_) => Some(at),
                Op::StridedSlice(masks) if of_row && masks == Masks::default() && first(3) == Some(1) => {
                    first(1).and_then(|begin| usize::try_from(begin).ok()?.checked_add(at))
                }
                Op::Gather { batch_dims: 0 } if of_row => {
                    let places = node.inputs.get(1).and_then(|v| self.numbers(*v));
                    places.and_then(|p| usize::try_from(*p.get(at)?).ok())
                }
                Op::Concat => {
                    let part = node.inputs.iter().find(|part| {
                        let length = self.dims(**part).map_or(usize::MAX, |d| d.iter().product());
                        let found = at < length;
                        at -= if found { 0 } else { length };
                        found
                    });
                    let Some(part) = part else { return false };
                    row = *part;
                    continue;
                }
                _ => None,
            };
            let (Some(from), Some(next)) = (from, node.inputs.first()) else { return false };
            (row, at) = (*next, from);
        }
        false
    }

    /// Whether a value was made with its channels last.
    pub fn is_last(&self, value: ValueId) -> bool {
        self.last.contains_key(&value)
    }

    /// An image or a volume with its channels last.
    pub fn channels_last(&mut self, x: ValueId, rank: usize) -> Made {
        if let Some(last) = self.last.get(&x) {
            return Ok(*last);
        }
        let order: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
        let last = self.transpose(x, &order)?;
        self.last.insert(x, last);
        Ok(last)
    }

    /// What was made with channels last, with channels first.
    pub fn channels_first(&mut self, last: ValueId, rank: usize) -> Made {
        let order: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        let first = self.transpose(last, &order)?;
        self.last.insert(first, last);
        Ok(first)
    }

    /// Whether a value was made with its channels last, or has been turned before.
    pub fn has_channels_last(&self, x: ValueId) -> bool {
        self.last.contains_key(&x)
    }

    /// An operation element by element: on channels that come last, if those of all inputs do already. Constants follow.
    pub fn elementwise(&mut self, op: Op, inputs: &[ValueId]) -> Made {
        let rank = inputs.iter().find(|v| self.last.contains_key(v)).and_then(|v| self.rank(*v));
        if let Some(rank @ 3..) = rank
            && let Some(turned) = self.turned(inputs, rank)?
        {
            let made = self.add(op, &turned)?;
            return self.channels_first(made, rank);
        }
        self.add(op, inputs)
    }

    /// Inputs with channels last; None: there is one that would have to be turned for it.
    fn turned(&mut self, inputs: &[ValueId], rank: usize) -> Result<Option<Vec<ValueId>>, EngineError> {
        let mut turned = Vec::new();
        for input in inputs {
            let is_constant = matches!(self.maker(*input), Some(Op::Literal(_) | Op::Weight(_)));
            turned.push(match (self.last.get(input), self.rank(*input)) {
                (Some(last), Some(own)) if own == rank => *last,
                (_, Some(0)) => *input,
                (_, Some(own)) if is_constant && own <= rank => {
                    let wide = if own == rank { *input } else { self.widened(*input, rank)? };
                    self.channels_last(wide, rank)?
                }
                _ => return Ok(None),
            });
        }
        Ok(Some(turned))
    }

    /// A value with extents of 1 in front.
    fn widened(&mut self, x: ValueId, rank: usize) -> Made {
        let dims = self.dims(x).ok_or_else(|| EngineError::broken("a constant without a shape"))?;
        let mut shape = vec![1; rank - dims.len()];
        shape.extend(dims.iter().map(|d| *d as i64));
        self.reshape(x, &shape)
    }
}
