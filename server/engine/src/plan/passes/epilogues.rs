//! Products take in what follows them: a scale of each channel (batch norm) goes into the weights, an offset becomes the
//! bias, another value is added and an activation applied while the result is at hand.

use crate::EngineError;
use crate::graph::{Activation, Binary, Node, Op, Product, Products, Unary, ValueId};
use crate::kernels;
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use std::collections::HashMap;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let readers = draft.readers();
    let mut makers: HashMap<ValueId, usize> = HashMap::new();
    // A product that was taken in by a later node leaves its place empty.
    let mut nodes: Vec<Option<Node>> = Vec::with_capacity(draft.nodes.len());
    for node in std::mem::take(&mut draft.nodes) {
        let open = |value: &ValueId| {
            let maker = *makers.get(value)?;
            let product = matches!(nodes[maker].as_ref()?.op, Op::Product(_));
            (product && readers.get(value) == Some(&1)).then_some(maker)
        };
        let mut fused = None;
        for (side, value) in node.inputs.iter().enumerate().take(2) {
            let Some(maker) = open(value) else { continue };
            let Some(mut product) = nodes[maker].clone() else { continue };
            if take_in(&mut product, &node, side, draft)? {
                fused = Some((maker, product));
                break;
            }
        }
        let node = match fused {
            Some((maker, mut product)) => {
                product.outputs.clone_from(&node.outputs);
                // It runs where the other operand is there: in this node's place.
                nodes[maker] = None;
                product
            }
            None => node,
        };
        makers.extend(node.outputs.iter().map(|o| (*o, nodes.len())));
        nodes.push(Some(node));
    }
    draft.nodes = nodes.into_iter().flatten().collect();
    Ok(())
}

/// Whether the product, which is the node's input number `side`, could take the node in.
fn take_in(node: &mut Node, next: &Node, side: usize, draft: &mut Draft) -> Result<bool, EngineError> {
    let Op::Product(product) = node.op.clone() else { return Ok(false) };
    if product.activation != Activation::None {
        return Ok(false);
    }
    if let Some(activation) = activation(&next.op) {
        node.op = Op::Product(Product { activation, ..product });
        return Ok(true);
    }
    let (Op::Binary(op), [a, b]) = (&next.op, &next.inputs[..]) else { return Ok(false) };
    let other = if side == 0 { *b } else { *a };
    let Some(channels) = draft.constants.get(&other).cloned() else {
        return Ok(*op == Binary::Add && other != node.outputs[0] && add(node, &product, other));
    };
    let bias_is_here = || node.inputs.get(2).is_some_and(|bias| draft.constants.contains_key(bias));
    if product.residual || product.bias && !bias_is_here() {
        return Ok(false);
    }
    let Some(weights) = draft.weights(node.inputs[1]).map(<[usize]>::to_vec) else { return Ok(false) };
    let Some(channels) = per_channel(&channels, &product.kind, &weights)? else { return Ok(false) };
    match (op, side) {
        (Binary::Mul, _) => scale(node, &product, &weights, &channels, draft)?,
        (Binary::Div, 0) => {
            let inverse = one(&Op::Unary(Unary::Reciprocal), &[&channels])?;
            scale(node, &product, &weights, &inverse, draft)?;
        }
        (Binary::Add, _) => offset(node, &product, channels, draft)?,
        (Binary::Sub, 0) => offset(node, &product, one(&Op::Unary(Unary::Neg), &[&channels])?, draft)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The activation that an operation is.
pub fn activation(op: &Op) -> Option<Activation> {
    Some(match op {
        Op::Activate(activation) => *activation,
        Op::Unary(Unary::Relu) => Activation::Relu,
        Op::Unary(Unary::Relu6) => Activation::Relu6,
        Op::Unary(Unary::LeakyRelu(slope)) => Activation::LeakyRelu(*slope),
        Op::Unary(Unary::Sigmoid) => Activation::Sigmoid,
        Op::Unary(Unary::Tanh) => Activation::Tanh,
        Op::Unary(Unary::Elu) => Activation::Elu,
        _ => return None,
    })
}

/// Another value is added to the result. The kernels of depthwise convolutions do not.
fn add(node: &mut Node, product: &Product, other: ValueId) -> bool {
    if product.residual || matches!(product.kind, Products::Depthwise(_)) {
        return false;
    }
    node.inputs.push(other);
    node.op = Op::Product(Product { residual: true, ..product.clone() });
    true
}

fn scale(
    node: &mut Node,
    product: &Product,
    weights: &[usize],
    channels: &Value,
    draft: &mut Draft,
) -> Result<(), EngineError> {
    let (times, factor) = (Op::Binary(Binary::Mul), spread(channels, &product.kind, weights)?);
    let scaled = draft.edit(node.inputs[1], &times, Some(&factor));
    node.inputs[1] = match (scaled, draft.constants.get(&node.inputs[1])) {
        (Some(scaled), _) => scaled,
        (None, Some(weights)) => {
            let scaled = one(&times, &[weights, &factor])?;
            draft.keep(scaled)
        }
        (None, None) => return Err(EngineError::broken("weights that cannot be scaled")),
    };
    if product.bias
        && let Some(bias) = draft.constants.get(&node.inputs[2])
    {
        let scaled = one(&Op::Binary(Binary::Mul), &[bias, channels])?;
        node.inputs[2] = draft.keep(scaled);
    }
    Ok(())
}

fn offset(node: &mut Node, product: &Product, channels: Value, draft: &mut Draft) -> Result<(), EngineError> {
    let bias = product.bias.then(|| draft.constants.get(&node.inputs[2])).flatten();
    let sum = match bias {
        Some(bias) => one(&Op::Binary(Binary::Add), &[bias, &channels])?,
        None => channels,
    };
    let sum = draft.keep(sum);
    node.inputs.truncate(2);
    node.inputs.push(sum);
    node.op = Op::Product(Product { bias: true, ..product.clone() });
    Ok(())
}

/// One number for each channel of the product's result, as a vector; None: it is something else.
fn per_channel(value: &Value, kind: &Products, weights: &[usize]) -> Result<Option<Value>, EngineError> {
    let outs = match (kind, weights) {
        (Products::Depthwise(_), [_, _, channels, multiplier]) => channels * multiplier,
        (_, dims) => dims.last().copied().unwrap_or(0),
    };
    let rank = if *kind == Products::Dense { 2 } else { 4 };
    if value.kind() != Kind::F32 || value.rank() > rank {
        return Ok(None);
    }
    if value.rank() > 0 && value.elem_count() == outs && value.dims().last() == Some(&outs) {
        return Ok(Some(value.flatten_all()));
    }
    // One number for all channels.
    if value.elem_count() == 1 {
        return Ok(Some(kernels::expand(&value.flatten_all(), &[outs])?));
    }
    Ok(None)
}

/// A vector of channels in the place where the weights have them.
fn spread(scale: &Value, kind: &Products, weights: &[usize]) -> Result<Value, EngineError> {
    match (kind, weights) {
        (Products::Depthwise(_), [_, _, channels, multiplier]) => scale.reshape(&[*channels, *multiplier]),
        _ => Ok(scale.clone()),
    }
}

fn one(op: &Op, inputs: &[&Value]) -> Result<Value, EngineError> {
    let mut made = kernels::run(op, inputs)?;
    made.pop().ok_or_else(|| EngineError::Execution("an operation gave nothing".to_owned()))
}
