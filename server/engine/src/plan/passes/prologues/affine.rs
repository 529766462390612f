//! `activation(x * scale + shift)` among element-wise operations.

use super::super::epilogues::activation as single;
use crate::EngineError;
use crate::graph::{Activation, Binary, Link, Op, Operand, Products, ValueId};
use crate::kernels;
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use std::collections::HashMap;

/// What was found.
pub struct Affine {
    pub x: ValueId,
    pub scale: Option<ValueId>,
    pub shift: Option<ValueId>,
    pub activation: Activation,
}

/// An operand of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    /// What the operation before made.
    Before,
    Value(ValueId),
}

/// One operation of those that come one after another.
enum Move {
    Activate(Activation),
    Binary(Binary, Side, Side),
}

/// What a node makes of a value with so many channels; None: it is something else, or more.
pub fn find(
    draft: &mut Draft,
    makers: &HashMap<ValueId, usize>,
    node: usize,
    channels: usize,
) -> Result<Option<Affine>, EngineError> {
    let Some(moves) = moves(draft, node) else { return Ok(None) };
    let mut found =
        Affine { x: draft.nodes[node].inputs[0], scale: None, shift: None, activation: Activation::None };
    for (number, step) in moves.into_iter().enumerate() {
        let (op, a, b) = match step {
            // The kernel's activations on the way are those that cost next to nothing.
            Move::Activate(activation) if cheap(activation) && found.activation == Activation::None => {
                if let (0, [x]) = (number, &draft.nodes[node].inputs[..]) {
                    found.x = *x;
                }
                found.activation = activation;
                continue;
            }
            Move::Activate(_) => return Ok(None),
            Move::Binary(op, a, b) => (op, a, b),
        };
        if found.activation != Activation::None {
            return Ok(None);
        }
        let (before, other, turned) = match (number, a, b) {
            (0, Side::Value(a), Side::Value(b)) => {
                match draft.constants.contains_key(&a) || is_point(draft, makers, a) {
                    true => (Some(b), a, true),
                    false => (Some(a), b, false),
                }
            }
            (n, Side::Before, Side::Value(other)) if n > 0 => (None, other, false),
            (n, Side::Value(other), Side::Before) if n > 0 => (None, other, true),
            _ => return Ok(None),
        };
        found.x = before.unwrap_or(found.x);
        let constant = vector(draft, other, channels)?;
        match (op, constant) {
            (Binary::Mul, Some(factor)) if found.scale.is_none() && found.shift.is_none() => {
                found.scale = Some(draft.keep(factor));
            }
            (Binary::Mul, None)
                if found.scale.is_none() && found.shift.is_none() && is_point(draft, makers, other) =>
            {
                found.scale = Some(other);
            }
            (Binary::Add, Some(offset)) if found.shift.is_none() => found.shift = Some(draft.keep(offset)),
            (Binary::Sub, Some(offset)) if found.shift.is_none() && !turned => {
                let mut less = kernels::run(&Op::Unary(crate::graph::Unary::Neg), &[&offset])?;
                found.shift = less.pop().map(|less| draft.keep(less));
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(found).filter(|f| !draft.is_known(f.x)))
}

/// The operations of a node, one after another, each of what the one before made.
fn moves(draft: &Draft, node: usize) -> Option<Vec<Move>> {
    let node = &draft.nodes[node];
    if let Some(activation) = single(&node.op) {
        return Some(vec![Move::Activate(activation)]);
    }
    match (&node.op, &node.inputs[..]) {
        (Op::Binary(op), [a, b]) => Some(vec![Move::Binary(*op, Side::Value(*a), Side::Value(*b))]),
        (Op::Chain(chain), inputs) => {
            let step = |(number, link): (usize, &Link)| {
                let side = |operand: Operand| match operand {
                    Operand::Input(n) => Some(Side::Value(*inputs.get(n)?)),
                    Operand::Link(n) if n + 1 == number => Some(Side::Before),
                    Operand::Link(_) => None,
                };
                let follows = |a| side(a).filter(|s| number > 0 && *s == Side::Before);
                match *link {
                    Link::Activate(activation, a) => follows(a).map(|_| Move::Activate(activation)),
                    Link::Unary(unary, a) => {
                        let activation = single(&Op::Unary(unary))?;
                        follows(a).map(|_| Move::Activate(activation))
                    }
                    Link::Binary(op, a, b) => Some(Move::Binary(op, side(a)?, side(b)?)),
                }
            };
            chain.links.iter().enumerate().map(step).collect()
        }
        _ => None,
    }
}

/// Activations that are applied again each time that a row is read.
fn cheap(activation: Activation) -> bool {
    matches!(
        activation,
        Activation::Relu
            | Activation::Relu6
            | Activation::LeakyRelu(_)
            | Activation::HardSigmoid
            | Activation::HardSwish
    )
}

/// A constant as one number for each channel.
fn vector(draft: &Draft, value: ValueId, channels: usize) -> Result<Option<Value>, EngineError> {
    let Some(value) = draft.constant(value, Kind::F32).filter(|v| v.rank() <= 4) else { return Ok(None) };
    if value.elem_count() == 1 {
        return Ok(Some(kernels::expand(&value.flatten_all(), &[channels])?));
    }
    let fits = value.elem_count() == channels && value.dims().last() == Some(&channels);
    Ok(fits.then(|| value.flatten_all()))
}

/// Operations that are looked through for the place where an image became a point.
const FAR: usize = 12;

/// Whether a value has one number for each channel of each image, because what it is made of is a mean over the image or has been given
/// such a shape.
fn is_point(draft: &Draft, makers: &HashMap<ValueId, usize>, mut value: ValueId) -> bool {
    for _ in 0..FAR {
        let Some(node) = makers.get(&value).map(|n| &draft.nodes[*n]) else { return false };
        let x = match (&node.op, &node.inputs[..]) {
            (Op::Product(product), [x, weights, ..]) if !product.residual => match &product.kind {
                Products::Conv(conv) if draft.weights(*weights).is_some_and(|w| conv.is_pointwise(w)) => *x,
                _ => return false,
            },
            (Op::Activate(_) | Op::Unary(_), [x]) => *x,
            (Op::Chain(_) | Op::Binary(_), inputs) => {
                let mut moving = inputs.iter().filter(|v| !draft.is_known(**v));
                match (moving.next(), moving.next()) {
                    (Some(x), None) => *x,
                    _ => return false,
                }
            }
            (Op::Reduce { keep: true, .. }, [_, axes]) => {
                return matches!(draft.integers(*axes), Some([1, 2] | [2, 1] | [-3, -2] | [-2, -3]));
            }
            (Op::Reshape, [_, shape]) => return ones(draft, makers, *shape),
            _ => return false,
        };
        value = x;
    }
    false
}

/// Whether a shape of four extents has ones in its middle.
fn ones(draft: &Draft, makers: &HashMap<ValueId, usize>, shape: ValueId) -> bool {
    if let Some(shape) = draft.integers(shape) {
        return matches!(shape, [_, 1, 1, _]);
    }
    let Some(node) = makers.get(&shape).map(|n| &draft.nodes[*n]) else { return false };
    let one = |v: &ValueId| draft.integers(*v) == Some(&[1]);
    match (&node.op, &node.inputs[..]) {
        (Op::Pack(0), [_, height, width, _]) | (Op::Concat, [_, height, width, _, _]) => {
            one(height) && one(width)
        }
        _ => false,
    }
}
