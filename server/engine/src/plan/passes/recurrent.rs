//! Loops that are recurrent layers. A body is looked at operation by operation: only one that computes exactly the step of an LSTM, a
//! GRU or a simple layer from constants, with nothing else going round than states, counters and the list of outputs, is
//! replaced. The inputs' part of all steps becomes one product, and the steps one operation.

mod cell;

use crate::EngineError;
use crate::graph::{Activation, Binary, Compare, Control, Listing, Node, Op, Recurrent, ValueId};
use crate::plan::control::changes;
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use cell::{Found, View};

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let mut number = 0;
    while number < draft.nodes.len() {
        if let Some(layer) = recognise(draft, number) {
            replace(draft, number, layer);
        }
        number += 1;
    }
    draft.nodes.retain(|n| !n.outputs.is_empty());
    Ok(())
}

/// A loop that is a layer.
struct Layer {
    found: Found,
    last: bool,
    /// The sequence: steps, batch, inputs.
    x: ValueId,
    /// The state, and of an LSTM the cell: which values of the loop they are.
    states: Vec<usize>,
    /// How many outputs there is room for.
    length: Limit,
    /// How many steps are made at most.
    limits: Vec<Limit>,
    /// The node that makes one value of the list of outputs.
    stack: Option<usize>,
}

enum Limit {
    Outside(ValueId),
    Constant(Value),
}

/// Values that go round a loop.
struct Round<'d> {
    node: &'d Node,
    draft: &'d Draft,
    body: View<'d>,
    changes: Vec<bool>,
}

impl Round<'_> {
    /// Whether a value counts iterations from zero.
    fn counts(&self, n: usize) -> bool {
        let zero = self.node.inputs.get(n).and_then(|v| self.draft.integers(*v));
        let (before, after) = (self.body.inputs[n], self.body.draft.outputs[n]);
        let one = |v: &ValueId| self.body.draft.integers(*v) == Some(&[1]);
        zero == Some(&[0])
            && self
                .body
                .binary(after, Binary::Add)
                .is_some_and(|[a, b]| (a == before && one(&b)) || (b == before && one(&a)))
    }

    /// What a value of the loop is outside, if it does not change.
    fn outside(&self, inputs: &[ValueId], value: ValueId) -> Option<ValueId> {
        let n = inputs.iter().position(|i| *i == value)?;
        (!*self.changes.get(n)?).then(|| self.node.inputs.get(n).copied()).flatten()
    }
}

fn recognise(draft: &Draft, number: usize) -> Option<Layer> {
    let node = &draft.nodes[number];
    let Op::Control(control) = &node.op else { return None };
    let Control::Loop { condition, body } = control.as_ref() else { return None };
    let [test, inside] = &draft.bodies.get(node.outputs.first()?)?[..] else { return None };
    if inside.outputs.len() != body.graph.inputs.len() || node.inputs.len() != inside.outputs.len() {
        return None;
    }
    let round = Round { node, draft, body: View::new(inside, &body.graph.inputs), changes: changes(body) };
    let counters: Vec<usize> = (0..node.inputs.len()).filter(|n| round.counts(*n)).collect();
    let (list, index, y) = (0..node.inputs.len()).find_map(|n| {
        let set = round.body.node(inside.outputs[n])?;
        match (&set.op, &set.inputs[..]) {
            (Op::List(Listing::Set { grows: false }), [list, index, y]) if *list == body.graph.inputs[n] => {
                Some((n, *index, *y))
            }
            _ => None,
        }
    })?;
    let counter = |value: ValueId| counters.iter().any(|n| body.graph.inputs[*n] == value);
    let last = match inside.integers(index) {
        Some([0]) => true,
        None if counter(index) => false,
        _ => return None,
    };
    let mut states: Vec<usize> =
        (0..node.inputs.len()).filter(|n| round.changes[*n] && *n != list && !counters.contains(n)).collect();
    // The state comes first: it is what is put out.
    let first = states.iter().position(|n| inside.outputs[*n] == y)?;
    states.swap(0, first);
    let found = cell::find(&round.body, &states)?;
    let get = round.body.node(found.x)?;
    let (Op::List(Listing::Get(Kind::F32)), [series, time, ..]) = (&get.op, &get.inputs[..]) else {
        return None;
    };
    let made_by = |value: ValueId| draft.nodes.iter().find(|n| n.outputs.contains(&value));
    let from = made_by(round.outside(&body.graph.inputs, *series)?)?;
    let length = reserved(draft, node.inputs[list])?;
    let (Op::List(Listing::FromTensor), true) = (&from.op, counter(*time)) else { return None };
    let test = View::new(test, &condition.graph.inputs);
    let mut limits = Vec::new();
    find_limits(&test, &round, &counters, *test.draft.outputs.first()?, &mut limits)?;
    let stack = only_reader(draft, node, list, &states)?;
    Some(Layer { found, last, x: *from.inputs.first()?, states, length, limits, stack })
}

/// How many items an empty list has room for.
fn reserved(draft: &Draft, list: ValueId) -> Option<Limit> {
    if let Some(constant) = draft.constants.get(&list) {
        let items = &constant.items().ok()?.items;
        let length = Value::of(vec![items.len() as i64], &[]).ok()?;
        return items.iter().all(Option::is_none).then_some(Limit::Constant(length));
    }
    let node = draft.nodes.iter().find(|n| n.outputs.contains(&list))?;
    match (&node.op, &node.inputs[..]) {
        (Op::List(Listing::Reserve), [_, length]) => Some(Limit::Outside(*length)),
        _ => None,
    }
}

/// What a condition says of counters: each is less than something that does not change.
fn find_limits(
    test: &View<'_>,
    round: &Round<'_>,
    counters: &[usize],
    value: ValueId,
    limits: &mut Vec<Limit>,
) -> Option<()> {
    if limits.len() > 8 {
        return None;
    }
    if let Some([a, b]) = test.binary(value, Binary::And) {
        find_limits(test, round, counters, a, limits)?;
        return find_limits(test, round, counters, b, limits);
    }
    let node = test.node(value)?;
    let (Op::Compare(Compare::Less), [counter, limit]) = (&node.op, &node.inputs[..]) else { return None };
    counters.iter().find(|n| test.inputs[**n] == *counter)?;
    limits.push(match test.draft.constants.get(limit) {
        Some(value) if value.kind() == Kind::I64 && value.elem_count() == 1 => Limit::Constant(value.clone()),
        Some(_) => return None,
        None => Limit::Outside(round.outside(test.inputs, *limit)?),
    });
    Some(())
}

/// The node that stacks the list of outputs, if there is one. None: something else reads it, or a value that a layer does not make.
fn only_reader(draft: &Draft, node: &Node, list: usize, states: &[usize]) -> Option<Option<usize>> {
    let mut stack = None;
    for (n, output) in node.outputs.iter().enumerate().filter(|(n, _)| !states.contains(n)) {
        if draft.outputs.contains(output) {
            return None;
        }
        for (number, reader) in draft.nodes.iter().enumerate().filter(|(_, r)| r.inputs.contains(output)) {
            let stacks = n == list && reader.op == Op::List(Listing::Stack(Kind::F32));
            if !stacks || stack.replace(number).is_some() {
                return None;
            }
        }
    }
    Some(stack)
}

fn replace(draft: &mut Draft, number: usize, layer: Layer) {
    let node = draft.nodes[number].clone();
    let found = layer.found;
    let weights = draft.keep(found.weights);
    let bias = found.bias.map(|b| draft.keep(b));
    let constants: Vec<ValueId> = found.constants.into_iter().map(|c| draft.keep(c)).collect();
    draft.values += 2;
    let (gates, unread) = (draft.values - 2, draft.values - 1);
    let mut inputs = vec![gates];
    inputs.extend(layer.states.iter().map(|n| node.inputs[*n]));
    inputs.extend(constants);
    for size in std::iter::once(layer.length).chain(layer.limits) {
        inputs.push(match size {
            Limit::Outside(value) => value,
            Limit::Constant(value) => draft.keep(value),
        });
    }
    let mut outputs = vec![unread];
    if let Some(stack) = layer.stack {
        // Its place stays until the end: it has no outputs any more.
        outputs = std::mem::take(&mut draft.nodes[stack].outputs);
        draft.nodes[stack].inputs.clear();
    }
    outputs.extend(layer.states.iter().map(|n| node.outputs[*n]));
    let mut product = vec![layer.x, weights];
    product.extend(bias);
    let op = Op::Recurrent(Recurrent { cell: found.cell, last: layer.last });
    draft.nodes[number] = Node { op, inputs, outputs, name: node.name.clone() };
    let dense =
        Node { op: Op::Dense(Activation::None), inputs: product, outputs: vec![gates], name: node.name };
    draft.nodes.insert(number, dense);
}

#[cfg(test)]
mod tests;
