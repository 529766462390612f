//! A graph on its way to a plan: what is left to run, and what is known already.

use super::deferred::Deferred;
use crate::EngineError;
use crate::graph::{Graph, Node, Op, ValueId};
use crate::kernels;
use crate::value::{Kind, Value};
use std::collections::{HashMap, HashSet};

/// A result this much larger than what it is made of is made anew by each run: it would cost memory for ever.
const LARGEST_GROWTH: usize = 1 << 20;

/// What passes work on.
#[derive(Debug, Clone)]
pub struct Draft {
    /// In an order in which each comes after what it reads.
    pub nodes: Vec<Node>,
    /// Values that do not depend on the request.
    pub constants: HashMap<ValueId, Value>,
    /// Weights, which do not either; only their shapes are known yet.
    pub deferred: HashMap<ValueId, Deferred>,
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

    /// The shape of a constant or a weight of `float32`.
    pub fn weights(&self, value: ValueId) -> Option<&[usize]> {
        let deferred =
            || self.deferred.get(&value).filter(|d| d.kind == Kind::F32).map(|d| d.dims.as_slice());
        self.constant(value, Kind::F32).map(Value::dims).or_else(deferred)
    }

    /// The shape of a value that does not depend on the request.
    pub fn dims(&self, value: ValueId) -> Option<&[usize]> {
        let deferred = || self.deferred.get(&value).map(|d| d.dims.as_slice());
        self.constants.get(&value).map(Value::dims).or_else(deferred)
    }

    /// Whether a value does not depend on the request.
    pub fn is_known(&self, value: ValueId) -> bool {
        self.constants.contains_key(&value) || self.deferred.contains_key(&value)
    }

    /// What is done to weights: a value for the result. None: it takes their elements.
    pub fn edit(&mut self, weights: ValueId, op: &Op, operand: Option<&Value>) -> Option<ValueId> {
        let edited = self.deferred.get(&weights)?.then(op, operand)?;
        self.values += 1;
        self.deferred.insert(self.values - 1, edited);
        Some(self.values - 1)
    }

    /// Weights whose elements the graph cannot be folded without.
    pub fn wanted(&self) -> Vec<usize> {
        // What a body reads is a constant of the body.
        let fold =
            |node: &&Node| matches!(node.op, Op::Control(_)) || node.inputs.iter().all(|v| self.is_known(*v));
        let nodes = self.nodes.iter().filter(fold).flat_map(|n| &n.inputs);
        let mut all: Vec<usize> = nodes.filter_map(|v| self.deferred.get(v)).map(|d| d.weight).collect();
        for body in self.bodies.values().flatten() {
            all.extend(body.deferred.values().map(|d| d.weight));
            all.extend(body.wanted());
        }
        all
    }

    /// Takes nodes out, by their numbers.
    pub fn remove(&mut self, gone: &HashSet<usize>) {
        let mut number = 0..;
        self.nodes.retain(|_| !number.next().is_some_and(|n| gone.contains(&n)));
    }

    /// Adds a constant.
    pub fn keep(&mut self, value: Value) -> ValueId {
        self.values += 1;
        self.constants.insert(self.values - 1, value);
        self.values - 1
    }
}

/// A weight: its elements, or what is known of it without them.
#[derive(Debug, Clone)]
pub enum Held {
    /// Small enough to be read at once.
    Here(Value),
    /// What its elements will be, and their shape.
    Later(Kind, Vec<usize>),
}

/// What a node makes of a weight whose elements are not there, if that can be done to them later.
fn edited(
    node: &Node,
    constants: &HashMap<usize, Value>,
    deferred: &HashMap<usize, Deferred>,
) -> Option<Deferred> {
    let ([_], [weights, rest @ ..]) = (&node.outputs[..], &node.inputs[..]) else { return None };
    let operand = match rest {
        [] => None,
        [operand] => Some(constants.get(operand)?),
        _ => return None,
    };
    deferred.get(weights)?.then(&node.op, operand)
}

/// Separates what is known from what is left to run: what depends on constants only is computed once.
pub fn fold(graph: &Graph, weights: &[Held]) -> Result<Draft, EngineError> {
    fold_with(graph, weights, HashMap::new())
}

/// The same, where some inputs are known too.
pub fn fold_with(
    graph: &Graph,
    weights: &[Held],
    known: HashMap<ValueId, Value>,
) -> Result<Draft, EngineError> {
    let mut constants = known;
    let mut deferred: HashMap<usize, Deferred> = HashMap::new();
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
                match weight {
                    Held::Here(value) => {
                        constants.insert(node.outputs[0], value.clone());
                    }
                    Held::Later(kind, dims) => {
                        deferred.insert(node.outputs[0], Deferred::new(*number, *kind, dims.clone()));
                    }
                }
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
        if let Some(edited) = edited(node, &constants, &deferred) {
            deferred.insert(node.outputs[0], edited);
            continue;
        }
        let inputs: Option<Vec<&Value>> = node.inputs.iter().map(|v| constants.get(v)).collect();
        // What cannot be computed now is left to fail when it is run, if it ever is.
        let made = inputs.filter(|_| !node.op.varies()).and_then(|inputs| {
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
    Ok(Draft { nodes, constants, deferred, outputs: graph.outputs.clone(), values: graph.values, bodies })
}
