//! Recurrent layers: a whole stack in one operator, whose weights are one row.

use super::super::recurrent::{Part, Parts, Stack};
use super::{Lowering, Made, Outcome, Stop};
use crate::DType;
use crate::graph::{
    Activation, Binary, Cell, MaskedOutput, Op, Rare, Recurrent, Rnn, RnnCell, RnnFunction, ValueId,
};

/// One direction of one layer: its weights, with the gates in the order of the operation that it becomes.
struct Direction {
    input: ValueId,
    state: ValueId,
    projection: Option<ValueId>,
    biases: [ValueId; 2],
    backwards: bool,
    /// States before the first step.
    states: Vec<ValueId>,
}

/// What a direction walks over.
#[derive(Clone, Copy)]
struct Layer<'l> {
    stack: &'l Stack,
    x: ValueId,
    direction: &'l Direction,
    lengths: Option<ValueId>,
}

/// Whether the fused operation does not do it: an LSTM with a projection or limits of its cell.
fn is_plain(stack: &Stack) -> bool {
    stack.projects || stack.limits.is_some()
}

impl Lowering<'_, '_> {
    pub(super) fn recurrents(&mut self) -> Outcome {
        match self.op() {
            "RNN" | "_npx_rnn" => self.recurrent(),
            "_rnn_param_concat" | "_npi_rnn_param_concat" => {
                let parts = self.inputs.clone();
                Self::one(self.row(&parts))
            }
            _ => Ok(None),
        }
    }

    fn recurrent(&mut self) -> Outcome {
        let stack = Stack::of(self.node)?;
        let mut rows = self.input(0)?;
        self.build().tell(rows, vec![None; 3]);
        if self.rank(rows)? != 3 {
            return Err(Self::broken("its input has not the axes steps, batch, numbers"));
        }
        let row = self.input(1)?;
        let pieces = self.pieces(row)?;
        let all = pieces.iter().map(|(_, length)| length).sum();
        let parts = stack.parts(all)?;
        let count = stack.cell.states();
        let given = (0..count).map(|n| self.input(2 + n)).collect::<Result<Vec<_>, _>>()?;
        let lengths = if stack.has_lengths { Some(self.lengths(2 + count, rows, 0)?) } else { None };
        let mut last: Vec<Vec<ValueId>> = vec![Vec::new(); count];
        for (number, layer) in parts.chunks_exact(stack.directions).enumerate() {
            let mut outputs = Vec::new();
            for (at, parts) in layer.iter().enumerate() {
                let place = number * stack.directions + at;
                let states = given.iter().map(|states| self.item(*states, place));
                let states = states.collect::<Result<Vec<_>, _>>()?;
                let direction = self.direction(&stack, &pieces, parts, states, at == 1)?;
                let layer = Layer { stack: &stack, x: rows, direction: &direction, lengths };
                let made = if is_plain(&stack) { self.walk_plainly(layer) } else { self.walk(layer) };
                let mut made = made?;
                self.tell(&stack, rows, &made);
                outputs.push(made.remove(0));
                last.iter_mut().zip(made).for_each(|(all, state)| all.push(state));
            }
            let axis = self.build().int(2)?;
            outputs.push(axis);
            rows = if stack.directions == 2 { self.add(Op::Concat, &outputs)? } else { outputs[0] };
        }
        let mut outputs = vec![rows];
        if stack.gives_states {
            for states in last {
                outputs.push(self.add(Op::Pack(0), &states)?);
            }
        }
        Ok(Some(outputs))
    }

    /// One item along the first axis.
    fn item(&mut self, x: ValueId, at: usize) -> Made {
        let (at, axis) = (self.build().int(at as i64)?, self.build().int(0)?);
        self.add(Op::Gather { batch_dims: 0 }, &[x, at, axis])
    }

    /// What a row is put together of, and how long each of it is.
    fn pieces(&mut self, row: ValueId) -> Result<Vec<(ValueId, usize)>, Stop> {
        let values = match self.build().maker(row) {
            Some(Op::Concat) => {
                let reads = self.build().reads(row);
                reads[..reads.len().saturating_sub(1)].to_vec()
            }
            _ => vec![row],
        };
        let length = |value: ValueId| match self.context.build.dims(value).as_deref() {
            Some(&[length]) => Ok((value, length)),
            _ => {
                Self::refuse("its weights are not a row of a known length; they have to be among the arrays")
            }
        };
        values.into_iter().map(length).collect()
    }

    /// A part of what pieces make together.
    fn part(&mut self, pieces: &[(ValueId, usize)], part: &Part) -> Made {
        let length: usize = part.shape.iter().product();
        let shape: Vec<i64> = part.shape.iter().map(|n| *n as i64).collect();
        let mut begin = 0;
        let mut found = Vec::new();
        for (value, own) in pieces {
            let (from, to) = (part.begin.max(begin), (part.begin + length).min(begin + own));
            if from < to {
                let whole = to - from == *own;
                found.push(if whole { *value } else { self.part_of(*value, from - begin, to - from)? });
            }
            begin += own;
        }
        let row = if let [only] = found[..] { only } else { self.row(&found)? };
        Ok(self.build().reshape(row, &shape)?)
    }

    fn direction(
        &mut self,
        stack: &Stack,
        pieces: &[(ValueId, usize)],
        parts: &Parts,
        states: Vec<ValueId>,
        backwards: bool,
    ) -> Result<Direction, Stop> {
        let order: &[usize] = match stack.cell {
            // Output comes second there.
            _ if is_plain(stack) => &[0, 3, 1, 2],
            // Reset comes before update here.
            Cell::Gru { .. } => &[1, 0, 2],
            _ => &[],
        };
        let mut gates = |part: &Part| {
            let weights = self.part(pieces, part)?;
            self.ordered(weights, order)
        };
        let (input, state) = (gates(&parts.input)?, gates(&parts.state)?);
        let [of_inputs, of_state] = &parts.biases;
        let biases = [gates(of_inputs)?, gates(of_state)?];
        let projection = parts.projection.as_ref().map(|part| self.part(pieces, part)).transpose()?;
        Ok(Direction { input, state, projection, biases, backwards, states })
    }

    /// The outputs of one direction of one layer, and its last states. What goes backwards is turned before and after, each sequence
    /// within its own length.
    fn walk(&mut self, layer: Layer<'_>) -> Result<Vec<ValueId>, Stop> {
        let Layer { stack, x, direction, lengths } = layer;
        let turned = |all: &mut Self, x| if direction.backwards { all.turned(x, lengths) } else { Ok(x) };
        let rows = turned(self, x)?;
        let is_gru = matches!(stack.cell, Cell::Gru { .. });
        let input = self.build().transpose(direction.input, &[1, 0])?;
        let state = self.build().transpose(direction.state, &[1, 0])?;
        let [of_inputs, of_state] = direction.biases;
        let bias = if is_gru { of_inputs } else { self.pair(Binary::Add, of_inputs, of_state)? };
        let gates = self.add(Op::Dense(Activation::None), &[rows, input, bias])?;
        let mut inputs = [&[gates][..], &direction.states, &[state]].concat();
        if is_gru {
            inputs.push(of_state);
        }
        if let Some(lengths) = lengths {
            let marks = self.within(lengths, rows, 0, 3)?;
            inputs.extend([marks, self.build().float(0.0)?]);
        }
        // As many steps as there are.
        let steps = self.count(x, 0)?;
        inputs.extend([steps, steps]);
        let mask = lengths.map(|_| MaskedOutput::Filler);
        let op = Op::Recurrent(Recurrent { cell: stack.cell, last: false, mask });
        let mut made = self.build().add_many(op, &inputs, 1 + stack.cell.states())?;
        made[0] = turned(self, made[0])?;
        Ok(made)
    }

    /// The same for what the fused operation does not do.
    fn walk_plainly(&mut self, layer: Layer<'_>) -> Result<Vec<ValueId>, Stop> {
        let Layer { stack, x, direction, lengths } = layer;
        let mut inputs = vec![x];
        for weights in [direction.input, direction.state] {
            inputs.push(self.add(Op::Pack(0), &[weights])?);
        }
        let biases = self.row(&direction.biases)?;
        inputs.push(self.add(Op::Pack(0), &[biases])?);
        inputs.extend(lengths);
        for value in direction.states.iter().chain(&direction.projection) {
            inputs.push(self.add(Op::Pack(0), &[*value])?);
        }
        let op = Rnn {
            cell: RnnCell::Lstm { coupled: false },
            forward: !direction.backwards,
            backward: direction.backwards,
            functions: vec![RnnFunction::Sigmoid, RnnFunction::Tanh, RnnFunction::Tanh],
            clip: None,
            limits: stack.limits,
            batch_first: false,
            has: [true, lengths.is_some(), true, true, false, direction.projection.is_some()],
        };
        let made = self.build().add_many(Op::Rare(Box::new(Rare::Rnn(op))), &inputs, 3)?;
        made.into_iter().zip([1, 0, 0]).map(|(value, axis)| self.without(value, axis)).collect()
    }

    /// Says what shapes a layer's results have.
    fn tell(&mut self, stack: &Stack, x: ValueId, made: &[ValueId]) {
        let (steps, batch) = (self.extent(x, 0), self.extent(x, 1));
        self.build().tell(made[0], vec![steps, batch, Some(stack.width)]);
        for (state, width) in made[1..].iter().zip([stack.width, stack.units]) {
            self.build().tell(*state, vec![batch, Some(width)]);
        }
    }

    /// Sequences turned round, each within its length.
    pub(super) fn turned(&mut self, x: ValueId, lengths: Option<ValueId>) -> Made {
        match lengths {
            Some(lengths) => self.rare(Rare::ReverseSequence { sequence: 0, batch: 1 }, &[x, lengths]),
            None => {
                let axes = self.build().ints(&[0])?;
                self.add(Op::Reverse, &[x, axes])
            }
        }
    }

    /// The gates of weights in another order; none: as they are.
    fn ordered(&mut self, weights: ValueId, order: &[usize]) -> Made {
        if order.is_empty() {
            return Ok(weights);
        }
        let axis = self.build().int(0)?;
        let gates = self.build().add_many(Op::Split(order.len()), &[weights, axis], order.len())?;
        let mut gates: Vec<ValueId> = order.iter().map(|n| gates[*n]).collect();
        gates.push(axis);
        self.add(Op::Concat, &gates)
    }

    /// An input as lengths of sequences along an axis of a value: no shorter than nothing, no longer than the axis.
    pub(super) fn lengths(&mut self, input: usize, x: ValueId, axis: usize) -> Made {
        let lengths = self.input(input)?;
        let lengths = self.add(Op::Cast(DType::I64), &[lengths])?;
        let (most, zero) = (self.count(x, axis)?, self.build().int(0)?);
        let lengths = self.add(Op::Binary(Binary::Min), &[lengths, most])?;
        self.add(Op::Binary(Binary::Max), &[lengths, zero])
    }
}
