//! Loops that are recurrent layers. A body is looked at operation by operation: only one that computes exactly the step of an LSTM, a
//! GRU or a simple layer from constants, with nothing else going round than states, counters, the list of outputs and of a masked
//! layer the last output, is replaced. The inputs' part of all steps becomes one product, and the steps one operation; of stacked
//! cells each becomes a layer.

mod cell;
mod limits;
mod lists;
mod matrix;
mod replace;
mod steps;
mod view;

use crate::EngineError;
use crate::graph::{Binary, Control, Listing, Node, Op, ValueId};
use crate::plan::control::changes;
use crate::plan::draft::Draft;
use crate::plan::passes::unused;
use crate::value::Kind;
use lists::Count;
use steps::{Given, Steps};
use view::View;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let mut number = 0;
    while number < draft.nodes.len() {
        if let Some(layer) = recognise(draft, number) {
            replace::replace(draft, number, layer);
        }
        number += 1;
    }
    draft.nodes.retain(|n| !n.outputs.is_empty());
    // A masked loop has its first output made once before it, for the shape: that must not count as a reader.
    unused::run(draft)
}

/// A loop that is a layer.
struct Layer {
    steps: Steps,
    last: bool,
    /// The sequence: steps, batch, inputs.
    x: ValueId,
    /// How many outputs there is room for.
    length: Given,
    /// How many steps are made at most.
    limits: Vec<Given>,
    /// The node that makes one value of the list of outputs.
    stack: Option<usize>,
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

    /// The value whose slices are the items of a list that a body reads.
    fn series(&self, list: ValueId) -> Option<ValueId> {
        lists::slices(self.draft, self.outside(self.body.inputs, list)?)
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
    let (list, grows, index, y) = (0..node.inputs.len()).find_map(|n| {
        let set = round.body.node(inside.outputs[n])?;
        match (&set.op, &set.inputs[..]) {
            (Op::List(Listing::Set { grows }), [list, index, y]) if *list == body.graph.inputs[n] => {
                Some((n, *grows, *index, *y))
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
    let changing: Vec<usize> =
        (0..node.inputs.len()).filter(|n| round.changes[*n] && *n != list && !counters.contains(n)).collect();
    let steps = steps::find(&round, y, &changing, &counters)?;
    let get = round.body.node(steps.levels.first()?.found.x)?;
    let (Op::List(Listing::Get(Kind::F32)), [series, time, ..]) = (&get.op, &get.inputs[..]) else {
        return None;
    };
    let x = round.series(*series).filter(|_| counter(*time))?;
    let length = lists::reserved(draft, node.inputs[list])?;
    let test = View::new(test, &condition.graph.inputs);
    let limits = limits::find(&test, &round, &counters)?;
    // A list that grows must not have to.
    let room = Count::given(draft, &length);
    let within = |limit: &Given| room.is_some() && Count::given(draft, limit) == room;
    if grows && (last || !limits.iter().any(within)) {
        return None;
    }
    let limits = limits::of_rows(draft, limits, steps.mask.as_ref());
    let stack = only_reader(draft, node, list, room, &steps.states())?;
    Some(Layer { steps, last, x, length, limits, stack })
}

/// The node that stacks the list of outputs, if there is one. None: something else reads it, or a value that a layer does not make.
fn only_reader(
    draft: &Draft,
    node: &Node,
    list: usize,
    room: Option<Count>,
    states: &[usize],
) -> Option<Option<usize>> {
    let mut stack = None;
    for (n, output) in node.outputs.iter().enumerate().filter(|(n, _)| !states.contains(n)) {
        if draft.outputs.contains(output) {
            return None;
        }
        for (number, reader) in draft.nodes.iter().enumerate().filter(|(_, r)| r.inputs.contains(output)) {
            let stacks = n == list && lists::stacks(draft, reader, *output, room);
            if !stacks || stack.replace(number).is_some() {
                return None;
            }
        }
    }
    Some(stack)
}

#[cfg(test)]
mod tests;
