//! A loop's body, looked at from its results: what makes a value, and of what.

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

    /// A product by a constant matrix.
    pub fn product(&self, value: ValueId) -> Option<(ValueId, &'d Value)> {
        let node = self.node(value)?;
        let Op::MatMul { transpose_a: false, transpose_b: false } = node.op else { return None };
        let matrix = self.draft.constant(*node.inputs.get(1)?, Kind::F32).filter(|w| w.rank() == 2)?;
        Some((node.inputs[0], matrix))
    }

    /// A sum of products by constant matrices, and of one constant.
    pub fn sum(&self, value: ValueId) -> Option<Sum<'d>> {
        let mut sum = Sum { products: Vec::new(), bias: None };
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if let Some([a, b]) = self.binary(value, Binary::Add) {
                open.extend([a, b]);
            } else if let Some(product) = self.product(value) {
                sum.products.push(product);
            } else {
                let bias = self.draft.constant(value, Kind::F32).filter(|b| b.rank() == 1)?;
                if sum.bias.replace(bias).is_some() {
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

/// A sum of products.
pub struct Sum<'d> {
    pub products: Vec<(ValueId, &'d Value)>,
    pub bias: Option<&'d Value>,
}

impl<'d> Sum<'d> {
    /// The product of a value, taken out.
    pub fn take(&mut self, value: ValueId) -> Option<&'d Value> {
        let at = self.products.iter().position(|(v, _)| *v == value)?;
        Some(self.products.remove(at).1)
    }

    /// The product that is left, if it is the only one, and the constant: of so many columns.
    pub fn rest(self, columns: usize) -> Option<(ValueId, Value, Option<Value>)> {
        let [(x, w)] = self.products[..] else { return None };
        let fits = w.dims()[1] == columns && self.bias.is_none_or(|b| b.dims() == [columns]);
        fits.then(|| (x, w.clone(), self.bias.cloned()))
    }
}
