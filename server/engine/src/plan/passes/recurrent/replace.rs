//! What a loop that is a layer becomes.

use super::Layer;
use super::cell::Found;
use super::steps::{Given, Level, Marks, Mask, Steps};
use crate::graph::{Activation, MaskedOutput, Masks, Node, Op, Recurrent, ValueId};
use crate::plan::draft::Draft;
use crate::value::Value;

pub fn replace(draft: &mut Draft, number: usize, layer: Layer) {
    let node = draft.nodes[number].clone();
    let Steps { mut levels, mask } = layer.steps;
    let Some(top) = levels.pop() else { return };
    let limits: Vec<ValueId> = layer.limits.into_iter().map(|limit| keep(draft, limit)).collect();
    let mut made = Made { node, mask: None, limits, nodes: Vec::new() };
    if let Some(mask) = &mask {
        let Some(marks) = made.marks(draft, layer.x, &mask.made) else { return };
        made.mask = Some(marks);
    }
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

    fn one(&mut self, draft: &mut Draft, op: Op, inputs: Vec<ValueId>) -> ValueId {
        let output = new(draft);
        self.push(op, inputs, vec![output]);
        output
    }

    /// The mask of a sequence: `[steps, rows, 1]` where there is one number for each row.
    fn marks(&mut self, draft: &mut Draft, x: ValueId, marks: &Marks) -> Option<ValueId> {
        let (compare, rows) = match marks {
            Marks::Series(mask) => return Some(*mask),
            Marks::Compared(compare, rows) => (*compare, *rows),
        };
        let mut ints =
            |values: &[i64], dims: &[usize]| Value::of(values.to_vec(), dims).ok().map(|v| draft.keep(v));
        let [zero, one, last] = [ints(&[0], &[])?, ints(&[1], &[])?, ints(&[-1], &[])?];
        let [from, to, column] = [ints(&[0], &[1])?, ints(&[1], &[1])?, ints(&[-1, 1, 1], &[3])?];
        let shape = self.one(draft, Op::Shape, vec![x]);
        let first = Op::StridedSlice(Masks { shrink: 1, ..Masks::default() });
        let steps = self.one(draft, first, vec![shape, from, to, to]);
        let numbers = self.one(draft, Op::Range, vec![zero, steps, one]);
        let numbers = self.one(draft, Op::Reshape, vec![numbers, column]);
        let rows = self.one(draft, Op::ExpandDims, vec![rows, zero]);
        let rows = self.one(draft, Op::ExpandDims, vec![rows, last]);
        Some(self.one(draft, Op::Compare(compare), vec![numbers, rows]))
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
