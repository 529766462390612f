//! A dense layer over more than two axes is written as a product of matrices whose result then takes its shape, and only after that
//! a bias and an activation follow. Here they come first, so that the product can take them in.

use crate::EngineError;
use crate::graph::{Binary, Node, Op, Product, Products, ValueId};
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use std::collections::HashMap;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let (mut makers, readers) = (draft.makers(), draft.readers());
    // Values that have the shape of a product of matrices, with the number of its columns.
    let mut flat: HashMap<ValueId, usize> = HashMap::new();
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        if let (Op::Product(Product { kind: Products::Dense, .. }), [output]) = (&node.op, &node.outputs[..])
        {
            let weights = node.inputs.get(1).and_then(|w| draft.weights(*w));
            if let Some(columns) = weights.and_then(|dims| dims.last()) {
                flat.insert(*output, *columns);
            }
            continue;
        }
        let Some((side, reshape, other)) = candidate(draft, node, &makers, &readers, &flat) else { continue };
        let Node { inputs, .. } = &draft.nodes[reshape];
        let [product, shape] = inputs[..] else { continue };
        let other = other.map(|value| draft.keep(value));
        // The operation takes the place of the reshape, and the reshape that of the operation.
        draft.values += 1;
        let made = draft.values - 1;
        let node = &mut draft.nodes[number];
        let (name, op) = (node.name.clone(), std::mem::replace(&mut node.op, Op::Reshape));
        let mut inputs = std::mem::replace(&mut node.inputs, vec![made, shape]);
        inputs[side] = product;
        if let Some(other) = other {
            inputs[1 - side] = other;
        }
        draft.nodes[reshape] = Node { op, inputs, outputs: vec![made], name };
        makers.insert(made, reshape);
        if let Some(columns) = flat.get(&product).copied() {
            flat.insert(made, columns);
        }
    }
    Ok(())
}

/// If an operation element by element reads a product of matrices that took a shape: which input that is, the node that gives the
/// shape, and the other operand as the product would have it.
fn candidate(
    draft: &Draft,
    node: &Node,
    makers: &HashMap<ValueId, usize>,
    readers: &HashMap<ValueId, usize>,
    flat: &HashMap<ValueId, usize>,
) -> Option<(usize, usize, Option<Value>)> {
    let shaped = |value: &ValueId| {
        let maker = *makers.get(value)?;
        let Node { op: Op::Reshape, inputs, .. } = &draft.nodes[maker] else { return None };
        let alone = readers.get(value) == Some(&1);
        let columns = *flat.get(inputs.first()?)?;
        // What the product gives must be read by the reshape alone, or it would be kept beside.
        let alone = alone && readers.get(inputs.first()?).is_none_or(|n| *n == 1);
        alone.then_some((maker, columns, *inputs.get(1)?))
    };
    match (&node.op, &node.inputs[..]) {
        (Op::Unary(_) | Op::Activate(_), [x]) => shaped(x).map(|(maker, ..)| (0, maker, None)),
        (Op::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div), [a, b]) => {
            let (side, (maker, columns, shape)) =
                shaped(a).map(|s| (0, s)).or_else(|| shaped(b).map(|s| (1, s)))?;
            let other = draft.constant(if side == 0 { *b } else { *a }, Kind::F32)?;
            let flattened = flattened(other, columns, &trailing(draft, makers, shape)?)?;
            Some((side, maker, Some(flattened)))
        }
        _ => None,
    }
}

/// The last extents of a shape, as far as they are known.
fn trailing(draft: &Draft, makers: &HashMap<ValueId, usize>, shape: ValueId) -> Option<Vec<i64>> {
    if let Some(extents) = draft.integers(shape) {
        return Some(extents.to_vec());
    }
    let node = &draft.nodes[*makers.get(&shape)?];
    let (Op::Concat, [.., last, _axis]) = (&node.op, &node.inputs[..]) else { return None };
    draft.integers(*last).map(<[i64]>::to_vec)
}

/// An operand that has one number for each column, once the last axes are one; None: it has not.
fn flattened(other: &Value, columns: usize, trailing: &[i64]) -> Option<Value> {
    if other.rank() > trailing.len() {
        return None;
    }
    let last = &trailing[trailing.len() - other.rank()..];
    let same = other.dims().iter().zip(last).all(|(d, t)| usize::try_from(*t) == Ok(*d));
    (other.elem_count() == 1 && other.rank() == 0 || same && other.elem_count() == columns)
        .then(|| other.flatten_all())
}
