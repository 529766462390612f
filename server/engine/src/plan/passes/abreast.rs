//! Recurrent layers that do not wait for each other, such as the two directions of a bidirectional one, come right behind each other:
//! a run makes them side by side.

use crate::EngineError;
use crate::graph::{Node, Op, ValueId};
use crate::plan::draft::Draft;
use std::collections::HashSet;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let mut number = 0;
    while number < draft.nodes.len() {
        if recurrent(&draft.nodes[number]) {
            number = gather(&mut draft.nodes, number);
        }
        number += 1;
    }
    Ok(())
}

fn recurrent(node: &Node) -> bool {
    matches!(node.op, Op::Recurrent(_))
}

/// Moves later layers behind this one, and what they wait for before it; the last layer's number.
fn gather(nodes: &mut Vec<Node>, first: usize) -> usize {
    let (mut first, mut last) = (first, first);
    let mut next = last + 1;
    while next < nodes.len() {
        if recurrent(&nodes[next])
            && let Some(moved) = before(&nodes[first..=next], last - first)
        {
            // Those that it waits for go before the layers, in their order; it goes behind them.
            let layer = nodes.remove(next);
            nodes.insert(last + 1, layer);
            for (count, at) in moved.iter().enumerate() {
                // The layer that went behind the others has pushed this one on by one place.
                let node = nodes.remove(first + at + 1);
                nodes.insert(first + count, node);
            }
            (first, last) = (first + moved.len(), last + 1 + moved.len());
        }
        next += 1;
    }
    last
}

/// Which nodes the last one of a part waits for, by their places in it; None if one of the layers at its start, whose last is number
/// `layers`, is among them.
fn before(part: &[Node], layers: usize) -> Option<Vec<usize>> {
    let (layer, rest) = part.split_last()?;
    let mut wanted: HashSet<ValueId> = layer.inputs.iter().copied().collect();
    let mut moved = Vec::new();
    for (at, node) in rest.iter().enumerate().rev() {
        if node.outputs.iter().any(|o| wanted.contains(o)) {
            if at <= layers {
                return None;
            }
            wanted.extend(&node.inputs);
            moved.push(at);
        }
    }
    moved.reverse();
    Some(moved)
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::graph::{Activation, Cell, Node, Op, Recurrent, Unary, ValueId};
    use crate::plan::draft::Draft;
    use std::collections::HashMap;

    fn node(op: Op, inputs: &[ValueId], output: ValueId) -> Node {
        Node { name: output.to_string(), op, inputs: inputs.to_vec(), outputs: vec![output] }
    }

    fn layer(inputs: &[ValueId], output: ValueId) -> Node {
        let cell = Cell::Simple { activation: Activation::Tanh };
        node(Op::Recurrent(Recurrent { cell, last: true, mask: None }), inputs, output)
    }

    #[test]
    fn layers_that_do_not_wait_for_each_other_meet() {
        let relu = |input, output| node(Op::Unary(Unary::Relu), &[input], output);
        let nodes = vec![
            layer(&[0], 10),
            relu(10, 11),
            relu(1, 12),
            relu(12, 13),
            layer(&[13], 14),
            layer(&[11], 15),
            relu(2, 16),
            layer(&[16], 17),
            layer(&[17], 18),
        ];
        let (constants, deferred, bodies) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut draft = Draft { nodes, constants, deferred, outputs: vec![14, 15, 18], values: 19, bodies };
        run(&mut draft).unwrap();
        let order: Vec<ValueId> = draft.nodes.iter().map(|n| n.outputs[0]).collect();
        assert_eq!(order, [12, 13, 16, 10, 14, 17, 11, 15, 18]);
    }
}
