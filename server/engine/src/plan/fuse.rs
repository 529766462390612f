//! Products take in what follows them: a scale of each channel (batch norm) goes into the weights, an offset becomes the
//! bias, an activation is applied while the result is at hand.

use super::Draft;
use crate::EngineError;
use crate::graph::{Activation, Binary, Node, Op, Unary, ValueId};
use crate::kernels::{self, Value};
use crate::value::Kind;
use std::collections::HashMap;

/// Fuses until nothing changes; each pass looks at every node once.
pub fn fuse(draft: &mut Draft) -> Result<(), EngineError> {
    for node in &mut draft.nodes {
        dense(node, &draft.constants);
    }
    let mut readers: HashMap<ValueId, usize> = HashMap::new();
    for value in draft.nodes.iter().flat_map(|n| &n.inputs).chain(&draft.outputs) {
        *readers.entry(*value).or_default() += 1;
    }
    let mut makers: HashMap<ValueId, usize> = HashMap::new();
    let mut nodes: Vec<Node> = Vec::new();
    for node in std::mem::take(&mut draft.nodes) {
        let before = product_before(&node, &nodes, &makers, &readers);
        let taken = match before {
            Some((maker, other)) => {
                let mut product = nodes[maker].clone();
                let taken = take_in(&mut product, &node, other, draft)?;
                if taken {
                    product.outputs.clone_from(&node.outputs);
                    makers.insert(node.outputs[0], maker);
                    nodes[maker] = product;
                }
                taken
            }
            None => false,
        };
        if !taken {
            makers.extend(node.outputs.iter().map(|o| (*o, nodes.len())));
            nodes.push(node);
        }
    }
    draft.nodes = nodes;
    Ok(())
}

/// A product with a constant matrix is a dense layer.
fn dense(node: &mut Node, constants: &HashMap<ValueId, Value>) {
    let Op::MatMul { transpose_a: false, transpose_b: false } = node.op else { return };
    let [x, w] = node.inputs[..] else { return };
    let matrix = constants.get(&w).is_some_and(|w| w.rank() == 2 && w.kind() == Kind::F32);
    if matrix && !constants.contains_key(&x) {
        node.op = Op::Dense(Activation::None);
    }
}

/// The product whose result this node alone reads, and the node's other input.
fn product_before(
    node: &Node,
    nodes: &[Node],
    makers: &HashMap<ValueId, usize>,
    readers: &HashMap<ValueId, usize>,
) -> Option<(usize, Option<ValueId>)> {
    let product = |value: &ValueId| {
        let maker = *makers.get(value)?;
        let open = matches!(
            nodes[maker].op,
            Op::Dense(Activation::None)
                | Op::Conv(crate::graph::Conv { activation: Activation::None, .. })
                | Op::Depthwise(crate::graph::Conv { activation: Activation::None, .. })
        );
        (open && readers.get(value) == Some(&1)).then_some(maker)
    };
    match node.inputs[..] {
        [x] => Some((product(&x)?, None)),
        [x, y] => product(&x).map(|m| (m, Some(y))).or_else(|| {
            (!matches!(node.op, Op::Binary(Binary::Sub))).then(|| product(&y))?.map(|m| (m, Some(x)))
        }),
        _ => None,
    }
}

/// Whether the product could take the node in.
fn take_in(
    product: &mut Node,
    node: &Node,
    other: Option<ValueId>,
    draft: &mut Draft,
) -> Result<bool, EngineError> {
    let activation = match node.op {
        Op::Unary(Unary::Relu) => Some(Activation::Relu),
        Op::Unary(Unary::Relu6) => Some(Activation::Relu6),
        _ => None,
    };
    if let Some(activation) = activation {
        match &mut product.op {
            Op::Dense(a) => *a = activation,
            Op::Conv(conv) | Op::Depthwise(conv) => conv.activation = activation,
            _ => return Ok(false),
        }
        return Ok(true);
    }
    let Op::Binary(op) = node.op else { return Ok(false) };
    let (Some(weights), Some(channels)) = (
        draft.constants.get(&product.inputs[1]).cloned(),
        other.and_then(|o| draft.constants.get(&o)).cloned(),
    ) else {
        return Ok(false);
    };
    let Some(channels) = per_channel(&channels, &product.op, &weights)? else { return Ok(false) };
    let bias = product.inputs.get(2).and_then(|b| draft.constants.get(b)).cloned();
    let (scale, offset) = match op {
        Binary::Mul => (Some(channels), None),
        Binary::Add => (None, Some(channels)),
        Binary::Sub => (None, Some(kernels::run(&Op::Unary(Unary::Neg), &[&channels])?.remove(0))),
        _ => return Ok(false),
    };
    if let Some(scale) = scale {
        let scaled = binary(Binary::Mul, &weights, &spread(&scale, &product.op, &weights)?)?;
        product.inputs[1] = keep(draft, scaled);
        if let Some(bias) = &bias {
            let scaled = binary(Binary::Mul, bias, &scale)?;
            product.inputs[2] = keep(draft, scaled);
        }
    }
    if let Some(offset) = offset {
        let sum = match bias {
            Some(bias) => binary(Binary::Add, &bias, &offset)?,
            None => offset,
        };
        let sum = keep(draft, sum);
        product.inputs.truncate(2);
        product.inputs.push(sum);
    }
    Ok(true)
}

/// One number for each channel of the product's result, as a vector; None: it is something else.
fn per_channel(value: &Value, op: &Op, weights: &Value) -> Result<Option<Value>, EngineError> {
    let outs = match (op, weights.dims()) {
        (Op::Depthwise(_), [_, _, channels, multiplier]) => channels * multiplier,
        (_, dims) => dims.last().copied().unwrap_or(0),
    };
    let rank = if matches!(op, Op::Dense(_)) { 2 } else { 4 };
    let vector = value.kind() == Kind::F32 && value.rank() <= rank && value.rank() > 0;
    if vector && value.elem_count() == outs && value.dims().last() == Some(&outs) {
        return Ok(Some(value.flatten_all()));
    }
    // One number for all channels.
    if value.kind() == Kind::F32 && value.elem_count() == 1 && value.rank() <= rank {
        return Ok(Some(kernels::expand(&value.flatten_all(), &[outs])?));
    }
    Ok(None)
}

/// A vector of channels in the place where the weights have them.
fn spread(scale: &Value, op: &Op, weights: &Value) -> Result<Value, EngineError> {
    match (op, weights.dims()) {
        (Op::Depthwise(_), [_, _, channels, multiplier]) => scale.reshape(&[*channels, *multiplier]),
        _ => Ok(scale.clone()),
    }
}

fn binary(op: Binary, a: &Value, b: &Value) -> Result<Value, EngineError> {
    Ok(kernels::run(&Op::Binary(op), &[a, b])?.remove(0))
}

fn keep(draft: &mut Draft, value: Value) -> ValueId {
    draft.values += 1;
    draft.constants.insert(draft.values - 1, value);
    draft.values - 1
}
