//! A graph on its way to a plan: what is left to run, and what is known already.

use crate::EngineError;
use crate::graph::{Graph, Node, Op, ValueId};
use crate::kernels;
use crate::value::{Kind, Value};
use std::collections::HashMap;

/// A result this much larger than what it is made of is made anew by each run: it would cost memory for ever.
const LARGEST_GROWTH: usize = 1 << 20;

/// What passes work on.
#[derive(Debug, Clone)]
pub struct Draft {
    /// In an order in which each comes after what it reads.
    pub nodes: Vec<Node>,
    /// Values that do not depend on the request.
    pub constants: HashMap<ValueId, Value>,
    /// Values that answers take.
    pub outputs: Vec<ValueId>,
    /// Number of values.
    pub values: usize,
    /// The bodies of branches and loops, by the first output of the node that runs them.
    pub bodies: HashMap<ValueId, Vec<Draft>>,
}

impl Draft {
    /// How often each value is read, answers included.
    pub fn readers(&self) -> HashMap<ValueId, usize> {
        let mut readers = HashMap::new();
        for value in self.nodes.iter().flat_map(|n| &n.inputs).chain(&self.outputs) {
            *readers.entry(*value).or_default() += 1;
        }
        readers
    }

    /// Which node makes each value.
    pub fn makers(&self) -> HashMap<ValueId, usize> {
        let made = |(n, node): (usize, &Node)| node.outputs.iter().map(|o| (*o, n)).collect::<Vec<_>>();
        self.nodes.iter().enumerate().flat_map(made).collect()
    }

    /// A constant of one `float32`, whatever its rank.
    pub fn number(&self, value: ValueId) -> Option<f32> {
        match self.constants.get(&value)?.slice::<f32>().ok()? {
            [number] => Some(*number),
            _ => None,
        }
    }

    /// A constant's integers.
    pub fn integers(&self, value: ValueId) -> Option<&[i64]> {
        self.constants.get(&value)?.slice::<i64>().ok()
    }

    /// A constant of one kind.
    pub fn constant(&self, value: ValueId, kind: Kind) -> Option<&Value> {
        self.constants.get(&value).filter(|v| v.kind() == kind)
    }

    /// Adds a constant.
    pub fn keep(&mut self, value: Value) -> ValueId {
        self.values += 1;
        self.constants.insert(self.values - 1, value);
        self.values - 1
    }
}

/// Separates what is known from what is left to run: what depends on constants only is computed once.
pub fn fold(graph: &Graph, weights: &[Value]) -> Result<Draft, EngineError> {
    fold_with(graph, weights, HashMap::new())
}

/// The same, where some inputs are known too.
pub fn fold_with(
    graph: &Graph,
    weights: &[Value],
    known: HashMap<ValueId, Value>,
) -> Result<Draft, EngineError> {
    let mut constants = known;
    let mut nodes = Vec::new();
    let mut bodies = HashMap::new();
    for node in &graph.nodes {
        match &node.op {
            Op::Input(_) => continue,
            Op::Literal(value) => {
                constants.insert(node.outputs[0], kernels::literal(value)?);
                continue;
            }
            Op::Weight(number) => {
                let weight =
                    weights.get(*number).ok_or_else(|| EngineError::broken("a weight is missing"))?;
                constants.insert(node.outputs[0], weight.clone());
                continue;
            }
            Op::Control(control) => {
                if let Some(output) = node.outputs.first() {
                    bodies.insert(*output, super::control::fold(control, &node.inputs, &constants, weights)?);
                }
                nodes.push(node.clone());
                continue;
            }
            _ => {}
        }
        let inputs: Option<Vec<&Value>> = node.inputs.iter().map(|v| constants.get(v)).collect();
        // What cannot be computed now is left to fail when it is run, if it ever is.
        let made = inputs.and_then(|inputs| {
            let made = kernels::run(&node.op, &inputs).ok()?;
            let (before, after): (usize, usize) =
                (inputs.iter().map(|v| v.bytes()).sum(), made.iter().map(Value::bytes).sum());
            (after <= before.saturating_add(LARGEST_GROWTH)).then_some(made)
        });
        match made {
            Some(made) => constants.extend(node.outputs.iter().copied().zip(made)),
            None => nodes.push(node.clone()),
        }
    }
    Ok(Draft { nodes, constants, outputs: graph.outputs.clone(), values: graph.values, bodies })
}
