//! Recurrent layers.

mod packed;

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::pointwise::with;
use super::product::{linear, matmul};
use super::views::cut;
use crate::graph::{Activation, Binary as B, Cell, MaskedOutput, Op, Rare, Recurrent, ValueId};
use crate::value::Kind;

/// Weights of one direction of one layer.
struct Weights {
    input: ValueId,
    state: ValueId,
    biases: Option<[ValueId; 2]>,
    /// Of an LSTM whose states are narrower than its cells.
    projection: Option<ValueId>,
}

/// What a layer is called with.
struct Layers {
    cell: Cell,
    bidirectional: bool,
    /// `[layers · directions, batch, units]` each.
    states: Vec<ValueId>,
    weights: Vec<Weights>,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let cell = match c.name.as_str() {
        "lstm" => Cell::Lstm { activation: Activation::Tanh, recurrent: Activation::Sigmoid },
        "gru" => {
            Cell::Gru { activation: Activation::Tanh, recurrent: Activation::Sigmoid, reset_after: true }
        }
        "rnn_tanh" => Cell::Simple { activation: Activation::Tanh },
        "rnn_relu" => Cell::Simple { activation: Activation::Relu },
        _ => return packed::moved(b, c),
    };
    let packed = matches!(c.arguments.get(if cell.states() == 2 { 1 } else { 2 }), Some((_, Val::Tensor(_))));
    // Of a packed sequence the sizes of the batches come second.
    let at = usize::from(packed);
    let first = if packed { "data" } else { "input" };
    let x = c.value(b, 0, first)?;
    if kind(b.dtype(x)) != Kind::F32 {
        return unsupported("of a type other than 32-bit floats");
    }
    if c.flag(6 + at, "train", false)? && c.float_or(5 + at, "dropout", 0.0)? > 0.0 {
        return unsupported("with dropout; call eval() on the model before it is exported");
    }
    let count = usize::try_from(c.int(b, 4 + at, "num_layers")?).unwrap_or(0);
    let bidirectional = c.flag(7 + at, "bidirectional", false)?;
    let Some(count) = count.checked_mul(1 + usize::from(bidirectional)).filter(|n| *n > 0) else {
        return broken("a recurrent layer of no layers");
    };
    let states = states(b, c, cell, 1 + at)?;
    let weights = weights(b, c, 2 + at, c.flag(3 + at, "has_biases", true)?, count)?;
    let layers = Layers { cell, bidirectional, states, weights };
    if packed {
        return packed::lower(b, c, x, &layers);
    }
    if b.rank(x)? != 3 {
        return broken("a recurrent layer over what is no batch of sequences");
    }
    let batch_first = c.flag(8, "batch_first", false)?;
    let rows = if batch_first { b.transpose(x, &[1, 0, 2])? } else { x };
    let mut results = stacked(b, &layers, rows, None)?;
    if batch_first {
        results[0] = b.transpose(results[0], &[1, 0, 2])?;
    }
    b.give_all(&results)
}

/// Layer after layer: outputs, then the last states of each.
fn stacked(b: &mut Builder, layers: &Layers, x: ValueId, within: Option<&Within>) -> Result<Vec<ValueId>> {
    let directions = 1 + usize::from(layers.bidirectional);
    let mut rows = x;
    let mut last: Vec<Vec<ValueId>> = vec![Vec::new(); layers.cell.states()];
    for layer in layers.weights.chunks_exact(directions) {
        let mut outputs = Vec::new();
        for (direction, weights) in layer.iter().enumerate() {
            let number = last[0].len();
            let initial = layers.states.iter().map(|s| state(b, *s, number)).collect::<Result<Vec<_>>>()?;
            let mut made = run(b, layers.cell, rows, weights, &initial, (direction == 1, within))?;
            outputs.push(made.remove(0));
            last.iter_mut().zip(made).for_each(|(all, state)| all.push(state));
        }
        rows = if directions == 2 { b.concat(&outputs, 2)? } else { outputs[0] };
    }
    let mut results = vec![rows];
    for states in last {
        let dtype = b.dtype(rows);
        results.push(b.op(Op::Pack(0), &states, dtype)?);
    }
    Ok(results)
}

/// How far sequences of a batch go.
struct Within {
    /// Steps that are there, `[steps, batch, 1]`.
    mask: ValueId,
    /// How many they are of each.
    lengths: ValueId,
}

/// The states before the first step, `[layers · directions, batch, units]` each.
fn states(b: &Builder, c: &Call, cell: Cell, place: usize) -> Result<Vec<ValueId>> {
    if cell.states() == 2 {
        let all = c.tensors(b, place, "hx")?;
        return if all.len() == 2 { Ok(all) } else { broken("an LSTM of other than two states") };
    }
    Ok(vec![c.value(b, place, "hx")?])
}

fn state(b: &mut Builder, states: ValueId, number: usize) -> Result<ValueId> {
    let dtype = b.dtype(states);
    let (at, axis) = (b.int(number as i64)?, b.int(0)?);
    b.op(Op::Gather { batch_dims: 0 }, &[states, at, axis], dtype)
}

fn weights(b: &Builder, c: &Call, place: usize, biases: bool, count: usize) -> Result<Vec<Weights>> {
    let all = c.tensors(b, place, "params")?;
    let of = |part: &[ValueId]| match *part {
        [input, state, x, y, ref rest @ ..] if biases => {
            Some(Weights { input, state, biases: Some([x, y]), projection: rest.first().copied() })
        }
        [input, state, ref rest @ ..] if !biases => {
            Some(Weights { input, state, biases: None, projection: rest.first().copied() })
        }
        _ => None,
    };
    let each = all.len() / count;
    let plain = if biases { 4 } else { 2 };
    let parts: Option<Vec<Weights>> = match all.len() == each * count && (plain..=plain + 1).contains(&each) {
        true => all.chunks(each).map(of).collect(),
        false => None,
    };
    parts.map_or_else(|| broken("a recurrent layer whose weights do not fit"), Ok)
}

/// One direction of one layer: outputs, then the last states.
fn run(
    b: &mut Builder,
    cell: Cell,
    x: ValueId,
    weights: &Weights,
    initial: &[ValueId],
    (backwards, within): (bool, Option<&Within>),
) -> Result<Vec<ValueId>> {
    let dtype = b.dtype(x);
    let is_gru = matches!(cell, Cell::Gru { .. });
    // The gates of a GRU come in another order: the first two are exchanged.
    let turned = |b: &mut Builder, value: ValueId| if is_gru { exchanged(b, value) } else { Ok(value) };
    let (input, state) = (turned(b, weights.input)?, turned(b, weights.state)?);
    let projected = match weights.projection {
        Some(projection) => Some(Projected::new(b, projection, state, initial)?),
        None => None,
    };
    let state = b.transpose(projected.as_ref().map_or(state, |p| p.state), &[1, 0])?;
    let mut bias = None;
    let mut inner = None;
    if let Some([x_bias, h_bias]) = weights.biases {
        let (x_bias, h_bias) = (turned(b, x_bias)?, turned(b, h_bias)?);
        bias = Some(if is_gru { x_bias } else { b.binary(B::Add, x_bias, h_bias)? });
        inner = Some(h_bias);
    }
    let rows = if backwards { reversed(b, x, within)? } else { x };
    let mut gates = linear(b, rows, input, bias)?;
    let mut inputs = vec![gates];
    match &projected {
        Some(projected) => {
            gates = projected.begun(b, gates)?;
            inputs = vec![gates, projected.nothing, initial[1]];
        }
        None => inputs.extend_from_slice(initial),
    }
    inputs.push(state);
    if is_gru {
        inputs.push(match inner {
            Some(inner) => inner,
            None => {
                let Some(dims) = b.dims(weights.state) else {
                    return unsupported("by weights whose shape is not known");
                };
                let zeros = vec![0f32; dims.first().copied().unwrap_or(0)];
                let count = zeros.len();
                b.literal(crate::graph::Literal::F32(zeros, vec![count]), dtype)?
            }
        });
    }
    if let Some(within) = within {
        inputs.extend([within.mask, b.number(0.0, dtype)?]);
    }
    let steps = b.extent(x, 0)?;
    let steps = b.scalar(&steps)?;
    inputs.extend([steps, steps]);
    let op = Op::Recurrent(Recurrent { cell, last: false, mask: within.map(|_| MaskedOutput::Filler) });
    let mut made = b.ops(op, &inputs, &vec![dtype; 1 + cell.states()])?;
    let shape = b.shape(x).map(<[_]>::to_vec);
    let units = b.dims(weights.state).and_then(|d| d.get(1).copied());
    if let Some([steps, batch, _]) = shape.as_deref() {
        b.shaped(made[0], vec![*steps, *batch, units]);
        for state in &made[1..] {
            b.shaped(*state, vec![*batch, units]);
        }
    }
    if let Some(projection) = weights.projection {
        for value in &mut made[..2] {
            *value = linear(b, *value, projection, None)?;
        }
    }
    if backwards {
        made[0] = reversed(b, made[0], within)?;
    }
    Ok(made)
}

/// Steps from the last one to the first; of each sequence those that there are.
fn reversed(b: &mut Builder, value: ValueId, within: Option<&Within>) -> Result<ValueId> {
    let dtype = b.dtype(value);
    let Some(within) = within else {
        let axes = b.ints(&[0])?;
        return b.op(Op::Reverse, &[value, axes], dtype);
    };
    let op = Op::Rare(Box::new(Rare::ReverseSequence { sequence: 0, batch: 1 }));
    let shape = b.shape(value).map(<[_]>::to_vec);
    let made = b.op(op, &[value, within.lengths], dtype)?;
    Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
}

/// States that are projections of wider ones: the layer runs on the wide ones, by the product of both weights.
struct Projected {
    state: ValueId,
    /// What the gates of the first step get of the state before it.
    first: ValueId,
    /// The wide state before the first step.
    nothing: ValueId,
}

impl Projected {
    fn new(b: &mut Builder, projection: ValueId, state: ValueId, initial: &[ValueId]) -> Result<Self> {
        let first = linear(b, initial[0], state, None)?;
        let first = b.expand_dims(first, 0)?;
        let nothing = with(b, B::Mul, initial[1], 0.0)?;
        Ok(Self { state: matmul(b, state, projection)?, first, nothing })
    }

    fn begun(&self, b: &mut Builder, gates: ValueId) -> Result<ValueId> {
        let step = |from, to| [Val::Int(from), Val::Int(to), Val::Int(1)];
        let begin = cut(b, gates, 0, &step(0, 1))?;
        let begin = b.binary(B::Add, begin, self.first)?;
        let rest = cut(b, gates, 0, &step(1, i64::MAX))?;
        b.concat(&[begin, rest], 0)
    }
}

/// The first two of three equal parts exchanged.
fn exchanged(b: &mut Builder, value: ValueId) -> Result<ValueId> {
    let Some(first) = b.dims(value).and_then(|d| d.first().copied()) else {
        return unsupported("by weights whose shape is not known");
    };
    let third = first as i64 / 3;
    let parts = super::parts::split(b, value, 0, &[third; 3])?;
    b.concat(&[parts[1], parts[0], parts[2]], 0)
}
