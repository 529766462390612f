//! A graph made ready to run: constants folded, what belongs together fused, every value let go at its last use. Immutable, and
//! shared by all requests.

mod fold;
mod fuse;

use crate::EngineError;
use crate::graph::{Graph, Node, Op, ValueId};
use crate::kernels::{self, Value};
use std::collections::HashMap;

/// Where a value comes from.
#[derive(Debug, Clone)]
enum Source {
    Constant(Value),
    Slot(usize),
}

/// One operation, and the slots that nobody reads after it.
#[derive(Debug)]
struct Step {
    op: Op,
    inputs: Vec<Source>,
    outputs: Vec<usize>,
    last_uses: Vec<usize>,
    name: String,
}

/// A graph made ready.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    slots: usize,
    inputs: Vec<usize>,
    outputs: Vec<Source>,
}

/// A graph on its way to a plan: what is left to run, and what is known already.
struct Draft {
    nodes: Vec<Node>,
    constants: HashMap<ValueId, Value>,
    outputs: Vec<ValueId>,
    values: usize,
}

impl Plan {
    /// Folds, fuses and orders.
    pub fn new(graph: &Graph, weights: &[Value]) -> Result<Self, EngineError> {
        let mut draft = fold::fold(graph, weights)?;
        fuse::fuse(&mut draft)?;
        Ok(Self::finish(draft, &graph.inputs))
    }

    fn finish(mut draft: Draft, inputs: &[ValueId]) -> Self {
        drop_unused(&mut draft);
        let mut last_reader: HashMap<ValueId, usize> = HashMap::new();
        for (number, node) in draft.nodes.iter().enumerate() {
            last_reader.extend(node.inputs.iter().map(|v| (*v, number)));
        }
        // Answers read their values after everything else.
        for output in &draft.outputs {
            last_reader.remove(output);
        }
        let constants = &draft.constants;
        let source = |v: &ValueId| match constants.get(v) {
            Some(value) => Source::Constant(value.clone()),
            None => Source::Slot(*v),
        };
        let steps = draft.nodes.iter().enumerate().map(|(number, node)| {
            let mut last_uses: Vec<usize> =
                node.inputs.iter().copied().filter(|v| last_reader.get(v) == Some(&number)).collect();
            last_uses.dedup();
            Step {
                op: node.op.clone(),
                inputs: node.inputs.iter().map(source).collect(),
                outputs: node.outputs.clone(),
                last_uses,
                name: node.name.clone(),
            }
        });
        Self {
            steps: steps.collect(),
            slots: draft.values,
            inputs: inputs.to_vec(),
            outputs: draft.outputs.iter().map(source).collect(),
        }
    }

    /// Runs on the values of the signature's inputs, in its order.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, EngineError> {
        let mut slots: Vec<Option<Value>> = vec![None; self.slots];
        for (slot, value) in self.inputs.iter().zip(inputs) {
            slots[*slot] = Some(value);
        }
        let mut reads: Vec<&Value> = Vec::with_capacity(8);
        for step in &self.steps {
            reads.clear();
            for source in &step.inputs {
                reads.push(read(&slots, source, &step.name)?);
            }
            let made = kernels::run(&step.op, &reads).map_err(|e| at(&step.name, e))?;
            // The borrows of this step end here; the buffer is made anew for the next.
            reads = Vec::with_capacity(8);
            for slot in &step.last_uses {
                slots[*slot] = None;
            }
            for (slot, value) in step.outputs.iter().zip(made) {
                slots[*slot] = Some(value);
            }
        }
        self.outputs.iter().map(|s| read(&slots, s, "output").cloned()).collect()
    }
}

fn read<'v>(slots: &'v [Option<Value>], source: &'v Source, name: &str) -> Result<&'v Value, EngineError> {
    match source {
        Source::Constant(value) => Ok(value),
        Source::Slot(slot) => slots[*slot]
            .as_ref()
            .ok_or_else(|| EngineError::Execution(format!("node {name:?} reads a value that was not made"))),
    }
}

fn at(name: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Execution(text) => EngineError::Execution(format!("node {name:?}: {text}")),
        other => other,
    }
}

/// Removes what no answer needs.
fn drop_unused(draft: &mut Draft) {
    let mut needed: std::collections::HashSet<ValueId> = draft.outputs.iter().copied().collect();
    let mut kept = Vec::new();
    for node in std::mem::take(&mut draft.nodes).into_iter().rev() {
        if node.outputs.iter().any(|o| needed.contains(o)) {
            needed.extend(&node.inputs);
            kept.push(node);
        }
    }
    kept.reverse();
    draft.nodes = kept;
    draft.constants.retain(|value, _| needed.contains(value));
}
