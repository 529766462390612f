//! What a loop that is a layer becomes.

use super::Layer;
use super::cell::Found;
use super::steps::{Given, Level, Mask, Steps};
use crate::graph::{Activation, MaskedOutput, Node, Op, Recurrent, ValueId};
use crate::plan::draft::Draft;
use crate::value::Value;

pub fn replace(draft: &mut Draft, number: usize, layer: Layer) {
    let node = draft.nodes[number].clone();
    let Steps { mut levels, mask } = layer.steps;
    let Some(top) = levels.pop() else { return };
    let limits: Vec<ValueId> = layer.limits.into_iter().map(|limit| keep(draft, limit)).collect();
    let mut made = Made { node, mask: mask.as_ref().map(|m| m.mask), limits, nodes: Vec::new() };
    let mut x = layer.x;
    for level in levels {
        x = made.lower(draft, x, level);
    }
    let outputs = match layer.stack {
        // Its place stays until the end: it has no outputs any more.
        Some(stack) => {
            draft.nodes[stack].inputs.clear();
            std::mem::take(&mut draft.nodes[stack].outputs)
        }
        None => vec![new(draft)],
    };
    let gates = made.gates(draft, x, &top.found);
    let masked = mask.map(|Mask { output, filler, .. }| (output, keep(draft, filler)));
    let length = keep(draft, layer.length);
    made.layer(draft, top, Ends { gates, masked, length, last: layer.last, outputs });
    draft.nodes.splice(number..=number, made.nodes);
}

/// A value that a node is to make.
fn new(draft: &mut Draft) -> ValueId {
    draft.values += 1;
    draft.values - 1
}

fn keep(draft: &mut Draft, given: Given) -> ValueId {
    match given {
        Given::Outside(value) => value,
        Given::Constant(value) => draft.keep(value),
    }
}

/// What comes for a loop.
struct Made {
    node: Node,
    mask: Option<ValueId>,
    limits: Vec<ValueId>,
    nodes: Vec<Node>,
}

/// What goes into a layer besides its cell, and what comes out.
struct Ends {
    gates: ValueId,
    /// What is put out where a step is masked, and the filler.
    masked: Option<(MaskedOutput, ValueId)>,
    length: ValueId,
    last: bool,
    outputs: Vec<ValueId>,
}

impl Made {
    fn push(&mut self, op: Op, inputs: Vec<ValueId>, outputs: Vec<ValueId>) {
        self.nodes.push(Node { op, inputs, outputs, name: self.node.name.clone() });
    }

    /// The inputs' part of the gates.
    fn gates(&mut self, draft: &mut Draft, x: ValueId, found: &Found) -> ValueId {
        let mut inputs = vec![x, draft.keep(found.weights.clone())];
        inputs.extend(found.bias.clone().map(|bias| draft.keep(bias)));
        let gates = new(draft);
        self.push(Op::Dense(Activation::None), inputs, vec![gates]);
        gates
    }

    /// A cell that another one is stacked on: its outputs, of all steps.
    fn lower(&mut self, draft: &mut Draft, x: ValueId, level: Level) -> ValueId {
        let gates = self.gates(draft, x, &level.found);
        // Of a shape the first number is read: there is room for what the whole sequence gives.
        let (length, outputs) = (new(draft), new(draft));
        self.push(Op::Shape, vec![gates], vec![length]);
        // What it puts out at masked steps goes only into what is not kept.
        let zero = Value::of(vec![0f32], &[]).ok().filter(|_| self.mask.is_some());
        let masked = zero.map(|zero| (MaskedOutput::Previous, draft.keep(zero)));
        self.layer(draft, level, Ends { gates, masked, length, last: false, outputs: vec![outputs] });
        outputs
    }

    fn layer(&mut self, draft: &mut Draft, level: Level, ends: Ends) {
        let Level { found, states } = level;
        let mut inputs = vec![ends.gates];
        inputs.extend(states.iter().map(|s| self.node.inputs[s.number]));
        inputs.extend(found.constants.into_iter().map(|c| draft.keep(c)));
        inputs.extend(self.mask.zip(ends.masked).into_iter().flat_map(|(mask, (_, filler))| [mask, filler]));
        inputs.push(ends.length);
        inputs.extend(&self.limits);
        let mut outputs = ends.outputs;
        outputs.extend(states.iter().map(|s| self.node.outputs[s.number]));
        let mask = ends.masked.map(|(output, _)| output);
        self.push(Op::Recurrent(Recurrent { cell: found.cell, last: ends.last, mask }), inputs, outputs);
    }
}
