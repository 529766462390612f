//! A loop's body, looked at from its results: what makes a value, and of what.

use super::matrix;
use crate::graph::{Activation, Binary, Node, Op, Unary, ValueId};
use crate::kernels::split_sizes;
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use std::collections::HashMap;

/// A body, to be looked at from its results.
pub struct View<'d> {
    pub draft: &'d Draft,
    pub inputs: &'d [ValueId],
    makers: HashMap<ValueId, usize>,
}

impl<'d> View<'d> {
    /// What a value is multiplied with to give a product.
    pub fn other_factor(&self, product: ValueId, factor: ValueId) -> Option<ValueId> {
        match self.binary(product, Binary::Mul)? {
            [a, b] if a == factor => Some(b),
            [a, b] if b == factor => Some(a),
            _ => None,
        }
    }

    pub fn new(draft: &'d Draft, inputs: &'d [ValueId]) -> Self {
        Self { draft, inputs, makers: draft.makers() }
    }

    /// The node that makes a value.
    pub fn node(&self, value: ValueId) -> Option<&'d Node> {
        self.makers.get(&value).map(|n| &self.draft.nodes[*n])
    }

    /// The operands of an operation of two values.
    pub fn binary(&self, value: ValueId, op: Binary) -> Option<[ValueId; 2]> {
        let node = self.node(value)?;
        if node.op != Op::Binary(op) {
            return None;
        }
        <[ValueId; 2]>::try_from(&node.inputs[..]).ok()
    }

    /// The operands both ways round.
    pub fn either(&self, value: ValueId, op: Binary) -> Option<[[ValueId; 2]; 2]> {
        self.binary(value, op).map(|[a, b]| [[a, b], [b, a]])
    }

    /// A function of a value, and the value; none: the value itself.
    pub fn activated(&self, value: ValueId) -> (Activation, ValueId) {
        let Some(node) = self.node(value) else { return (Activation::None, value) };
        let activation = match node.op {
            Op::Unary(Unary::Sigmoid) => Activation::Sigmoid,
            Op::Unary(Unary::Tanh) => Activation::Tanh,
            Op::Unary(Unary::Relu) => Activation::Relu,
            Op::Unary(Unary::Elu) => Activation::Elu,
            _ => return (Activation::None, value),
        };
        (activation, node.inputs[0])
    }

    /// A function of a part of a value, or a part of a function of it, and a number that is added to the part: the function, the value,
    /// from where to before where, the number.
    pub fn gate(&self, value: ValueId, width: usize) -> Option<Gate> {
        let (activation, inner) = self.activated(value);
        let (inner, offset) = self.shifted(inner);
        let (of, range) = self.part(inner, width)?;
        if activation != Activation::None || offset != 0.0 || self.sum(of).is_some() {
            return Some(Gate { activation, of, range, offset });
        }
        let (activation, of) = self.activated(of);
        Some(Gate { activation, of, range, offset })
    }

    /// What a gate's columns are taken from.
    pub fn source(&self, gate: ValueId) -> Option<ValueId> {
        let part = self.shifted(self.activated(gate).1).0;
        let of = self.node(part)?.inputs.first().copied()?;
        Some(if self.sum(of).is_some() { of } else { self.activated(of).1 })
    }

    /// A value, and one constant number that is added to it.
    fn shifted(&self, value: ValueId) -> (ValueId, f32) {
        let ways = self.either(value, Binary::Add).into_iter().flatten();
        let number = |[x, number]: [ValueId; 2]| {
            let alone = self.draft.constants.get(&number)?.rank() == 0;
            alone.then(|| self.draft.number(number)).flatten().map(|number| (x, number))
        };
        ways.into_iter().find_map(number).unwrap_or((value, 0.0))
    }

    /// What is multiplied by a constant matrix, and the matrix.
    fn product(&self, value: ValueId) -> Option<Term> {
        let node = self.node(value)?;
        let Op::MatMul { transpose_a: false, transpose_b: false } = node.op else { return None };
        let weights = self.draft.constant(*node.inputs.get(1)?, Kind::F32).filter(|w| w.rank() == 2)?;
        Some(Term { parts: self.side_by_side(node.inputs[0]), weights: weights.clone() })
    }

    /// Two values that lie side by side along the second axis; the value itself if it is not two.
    fn side_by_side(&self, value: ValueId) -> Vec<ValueId> {
        match self.node(value).map(|n| (&n.op, &n.inputs[..])) {
            Some((Op::Concat, [a, b, axis])) if matches!(self.draft.integers(*axis), Some([1 | -1])) => {
                vec![*a, *b]
            }
            _ => vec![value],
        }
    }

    /// A sum of products by constant matrices, and of one constant.
    pub fn sum(&self, value: ValueId) -> Option<Sum> {
        let mut sum = Sum { products: Vec::new(), bias: None };
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if let Some([a, b]) = self.binary(value, Binary::Add) {
                open.extend([a, b]);
            } else if let Some(product) = self.product(value) {
                sum.products.push(product);
            } else {
                let bias = self.draft.constant(value, Kind::F32).filter(|b| b.rank() == 1)?;
                if sum.bias.replace(bias.clone()).is_some() {
                    return None;
                }
            }
            if sum.products.len() > 2 || open.len() > 8 {
                return None;
            }
        }
        Some(sum)
    }

    /// A part of a value's second axis, which is `width` long: the value, and from where to before where.
    pub fn part(&self, value: ValueId, width: usize) -> Option<(ValueId, [usize; 2])> {
        let node = self.node(value)?;
        let ints = |n: usize| self.draft.integers(*node.inputs.get(n)?);
        match &node.op {
            Op::Split(count) if *count > 0 => {
                let number = node.outputs.iter().position(|o| *o == value)?;
                let size = width / count;
                let along = matches!(ints(1)?, [1 | -1]) && size * count == width;
                along.then(|| (node.inputs[0], [number * size, (number + 1) * size]))
            }
            Op::SplitSizes(_) => {
                let number = node.outputs.iter().position(|o| *o == value)?;
                let sizes =
                    split_sizes(width, ints(1)?).ok().filter(|_| matches!(ints(2), Some([1 | -1])))?;
                let begin = sizes.get(..number)?.iter().sum();
                Some((node.inputs[0], [begin, begin + sizes.get(number)?]))
            }
            Op::StridedSlice(masks) => {
                let ([_, begin], [_, end], [1, 1]) = (ints(1)?, ints(2)?, ints(3)?) else { return None };
                let plain = masks.begin & 1 == 1 && masks.end & 1 == 1;
                if !plain || masks.ellipsis != 0 || masks.new_axis != 0 || masks.shrink != 0 {
                    return None;
                }
                let begin = if masks.begin & 2 == 2 { 0 } else { usize::try_from(*begin).ok()? };
                let end = if masks.end & 2 == 2 { width } else { usize::try_from(*end).ok()? };
                (begin < end && end <= width).then(|| (node.inputs[0], [begin, end]))
            }
            _ => None,
        }
    }
}

/// A gate as it is written: a function of some columns of a sum.
pub struct Gate {
    pub activation: Activation,
    pub of: ValueId,
    pub range: [usize; 2],
    /// What is added to the columns.
    pub offset: f32,
}

/// A product.
pub struct Term {
    /// Values that lie side by side.
    parts: Vec<ValueId>,
    weights: Value,
}

/// A sum of products.
pub struct Sum {
    products: Vec<Term>,
    pub bias: Option<Value>,
}

impl Sum {
    /// Whether nothing is multiplied.
    pub fn is_constant(&self) -> bool {
        self.products.is_empty()
    }

    /// Columns of the products.
    pub fn columns(&self) -> Option<usize> {
        self.products.first().map(|p| p.weights.dims()[1])
    }

    /// What is multiplied.
    pub fn values(&self) -> impl Iterator<Item = ValueId> + '_ {
        self.products.iter().flat_map(|p| p.parts.iter().copied())
    }

    /// What a value is multiplied by, taken out. Of what lies beside it the product stays; the value is then as wide as the product has
    /// columns for each of its gates.
    pub fn take(&mut self, value: ValueId, gates: usize) -> Option<Value> {
        let at = self.products.iter().position(|p| p.parts.contains(&value))?;
        let Term { parts, weights } = self.products.remove(at);
        let [a, b] = parts[..] else { return Some(weights) };
        let [rows, columns] = *weights.dims() else { return None };
        let own = columns / gates.max(1);
        let rest = rows.checked_sub(own).filter(|rest| *rest > 0 && a != b)?;
        let (own_at, rest_at) = if a == value { (0, own) } else { (rest, 0) };
        let other = if a == value { b } else { a };
        self.products.push(Term { parts: vec![other], weights: matrix::rows(&weights, rest_at, rest)? });
        matrix::rows(&weights, own_at, own)
    }

    /// The product that is left, if it is the only one, and the constant: of so many columns.
    pub fn rest(self, columns: usize) -> Option<(ValueId, Value, Option<Value>)> {
        let [Term { parts, weights }] = &self.products[..] else { return None };
        let [x] = parts[..] else { return None };
        let fits = weights.dims()[1] == columns && self.bias.as_ref().is_none_or(|b| b.dims() == [columns]);
        fits.then(|| (x, weights.clone(), self.bias.clone()))
    }
}
