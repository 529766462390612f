//! Operations element by element that follow each other become one: a block of numbers goes through all of them while it is in
//! the first cache.

use crate::EngineError;
use crate::graph::{Chain, Link, Node, Op, Operand, Unary, ValueId};
use crate::plan::draft::Draft;
use std::collections::HashMap;

/// Operations of one chain.
const MOST_LINKS: usize = 24;
/// Values that one chain reads.
const MOST_INPUTS: usize = 8;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let readers = draft.readers();
    let mut makers: HashMap<ValueId, usize> = HashMap::new();
    let mut nodes: Vec<Option<Node>> = Vec::with_capacity(draft.nodes.len());
    for node in std::mem::take(&mut draft.nodes) {
        let node = match start(&node) {
            Some(chain) => {
                let mut chain = Node { op: Op::Chain(chain), ..node };
                while grow(&mut chain, &mut nodes, &makers, &readers) {}
                chain
            }
            None => node,
        };
        makers.extend(node.outputs.iter().map(|o| (*o, nodes.len())));
        nodes.push(Some(node));
    }
    draft.nodes = nodes.into_iter().flatten().map(single).collect();
    Ok(())
}

/// A chain of one operation.
fn start(node: &Node) -> Option<Chain> {
    let link = match (&node.op, node.inputs.len()) {
        (Op::Unary(unary), 1) if *unary != Unary::LogicalNot => Link::Unary(*unary, Operand::Input(0)),
        (Op::Activate(activation), 1) => Link::Activate(*activation, Operand::Input(0)),
        (Op::Binary(binary), 2) if binary.is_arithmetic() => {
            Link::Binary(*binary, Operand::Input(0), Operand::Input(1))
        }
        _ => return None,
    };
    Some(Chain { links: vec![link] })
}

/// Takes in the chain that makes one of the inputs, if nobody else reads that.
fn grow(
    node: &mut Node,
    nodes: &mut [Option<Node>],
    makers: &HashMap<ValueId, usize>,
    readers: &HashMap<ValueId, usize>,
) -> bool {
    let Op::Chain(later) = &node.op else { return false };
    for value in &node.inputs {
        let Some(maker) = makers.get(value).copied() else { continue };
        let uses = node.inputs.iter().filter(|v| *v == value).count();
        let Some(Node { op: Op::Chain(earlier), inputs, .. }) = &nodes[maker] else { continue };
        if readers.get(value) != Some(&uses) || earlier.links.len() + later.links.len() > MOST_LINKS {
            continue;
        }
        let mut all = inputs.clone();
        all.extend(node.inputs.iter().filter(|v| *v != value));
        all.sort_unstable();
        all.dedup();
        if all.len() > MOST_INPUTS {
            continue;
        }
        let place = |v: ValueId| Operand::Input(all.iter().position(|a| *a == v).unwrap_or(0));
        let shift = earlier.links.len();
        let first = earlier.links.iter().map(|link| {
            link.map(|operand| match operand {
                Operand::Input(n) => place(inputs[n]),
                step => step,
            })
        });
        let second = later.links.iter().map(|link| {
            link.map(|operand| match operand {
                Operand::Input(n) if node.inputs[n] == *value => Operand::Link(shift - 1),
                Operand::Input(n) => place(node.inputs[n]),
                Operand::Link(n) => Operand::Link(n + shift),
            })
        });
        let links = first.chain(second).collect();
        node.op = Op::Chain(Chain { links });
        node.inputs = all;
        nodes[maker] = None;
        return true;
    }
    false
}

/// A chain of one operation is that operation.
fn single(node: Node) -> Node {
    let Op::Chain(chain) = &node.op else { return node };
    let op = match chain.links[..] {
        [Link::Unary(unary, _)] => Op::Unary(unary),
        [Link::Activate(activation, _)] => Op::Activate(activation),
        [Link::Binary(binary, Operand::Input(0), Operand::Input(1))] => Op::Binary(binary),
        _ => return node,
    };
    Node { op, ..node }
}
