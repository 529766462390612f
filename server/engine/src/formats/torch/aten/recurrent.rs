//! Recurrent layers.

use super::super::arguments::Call;
use super::super::build::{Builder, kind};
use super::super::value::{Result, broken, unsupported};
use super::Outcome;
use super::product::linear;
use crate::graph::{Activation, Binary as B, Cell, Op, Recurrent, ValueId};
use crate::value::Kind;

/// Weights of one direction of one layer.
struct Weights {
    input: ValueId,
    state: ValueId,
    biases: Option<[ValueId; 2]>,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let cell = match c.name.as_str() {
        "lstm" => Cell::Lstm { activation: Activation::Tanh, recurrent: Activation::Sigmoid },
        "gru" => {
            Cell::Gru { activation: Activation::Tanh, recurrent: Activation::Sigmoid, reset_after: true }
        }
        "rnn_tanh" => Cell::Simple { activation: Activation::Tanh },
        "rnn_relu" => Cell::Simple { activation: Activation::Relu },
        _ => return Ok(None),
    };
    if c.overload == "data" {
        return unsupported("of packed sequences");
    }
    let x = c.value(b, 0, "input")?;
    if kind(b.dtype(x)) != Kind::F32 {
        return unsupported("of a type other than 32-bit floats");
    }
    if c.flag(6, "train", false)? && c.float_or(5, "dropout", 0.0)? > 0.0 {
        return unsupported("with dropout; call eval() on the model before it is exported");
    }
    let layers = c.int(b, 4, "num_layers")?;
    let directions = 1 + usize::from(c.flag(7, "bidirectional", false)?);
    let batch_first = c.flag(8, "batch_first", false)?;
    let states = states(b, c, cell)?;
    let weights = weights(b, c, c.flag(3, "has_biases", true)?)?;
    let count = usize::try_from(layers).ok().and_then(|n| n.checked_mul(directions));
    if layers < 1 || count != Some(weights.len()) || b.rank(x)? != 3 {
        return broken("a recurrent layer whose weights do not fit");
    }
    let mut rows = if batch_first { b.transpose(x, &[1, 0, 2])? } else { x };
    let mut last: Vec<Vec<ValueId>> = vec![Vec::new(); cell.states()];
    for layer in weights.chunks_exact(directions) {
        let mut outputs = Vec::new();
        for (direction, weights) in layer.iter().enumerate() {
            let number = last[0].len();
            let initial = states.iter().map(|s| state(b, *s, number)).collect::<Result<Vec<_>>>()?;
            let mut made = run(b, cell, rows, weights, &initial, direction == 1)?;
            outputs.push(made.remove(0));
            last.iter_mut().zip(made).for_each(|(all, state)| all.push(state));
        }
        rows = if directions == 2 { b.concat(&outputs, 2)? } else { outputs[0] };
    }
    let rows = if batch_first { b.transpose(rows, &[1, 0, 2])? } else { rows };
    let mut results = vec![rows];
    for states in last {
        let dtype = b.dtype(rows);
        results.push(b.op(Op::Pack(0), &states, dtype)?);
    }
    b.give_all(&results)
}

/// The states before the first step, `[layers · directions, batch, units]` each.
fn states(b: &Builder, c: &Call, cell: Cell) -> Result<Vec<ValueId>> {
    if cell.states() == 2 {
        let all = c.tensors(b, 1, "hx")?;
        return if all.len() == 2 { Ok(all) } else { unsupported("with projections") };
    }
    Ok(vec![c.value(b, 1, "hx")?])
}

fn state(b: &mut Builder, states: ValueId, number: usize) -> Result<ValueId> {
    let dtype = b.dtype(states);
    let (at, axis) = (b.int(number as i64)?, b.int(0)?);
    b.op(Op::Gather { batch_dims: 0 }, &[states, at, axis], dtype)
}

fn weights(b: &Builder, c: &Call, biases: bool) -> Result<Vec<Weights>> {
    let all = c.tensors(b, 2, "params")?;
    let of = |part: &[ValueId]| match *part {
        [input, state, x, y] => Some(Weights { input, state, biases: Some([x, y]) }),
        [input, state] => Some(Weights { input, state, biases: None }),
        _ => None,
    };
    let parts: Option<Vec<Weights>> = all.chunks(if biases { 4 } else { 2 }).map(of).collect();
    parts.map_or_else(|| unsupported("with projections"), Ok)
}

/// One direction of one layer: outputs, then the last states.
fn run(
    b: &mut Builder,
    cell: Cell,
    x: ValueId,
    weights: &Weights,
    initial: &[ValueId],
    backwards: bool,
) -> Result<Vec<ValueId>> {
    let dtype = b.dtype(x);
    let is_gru = matches!(cell, Cell::Gru { .. });
    // The gates of a GRU come in another order: the first two are exchanged.
    let turned = |b: &mut Builder, value: ValueId| if is_gru { exchanged(b, value) } else { Ok(value) };
    let (input, state) = (turned(b, weights.input)?, turned(b, weights.state)?);
    let state = b.transpose(state, &[1, 0])?;
    let mut bias = None;
    let mut inner = None;
    if let Some([x_bias, h_bias]) = weights.biases {
        let (x_bias, h_bias) = (turned(b, x_bias)?, turned(b, h_bias)?);
        bias = Some(if is_gru { x_bias } else { b.binary(B::Add, x_bias, h_bias)? });
        inner = Some(h_bias);
    }
    let reversed = |b: &mut Builder, value: ValueId| -> Result<ValueId> {
        let axes = b.ints(&[0])?;
        b.op(Op::Reverse, &[value, axes], dtype)
    };
    let rows = if backwards { reversed(b, x)? } else { x };
    let gates = linear(b, rows, input, bias)?;
    let mut inputs = vec![gates];
    inputs.extend_from_slice(initial);
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
    let steps = b.extent(x, 0)?;
    let steps = b.scalar(&steps)?;
    inputs.extend([steps, steps]);
    let op = Op::Recurrent(Recurrent { cell, last: false, mask: None });
    let mut made = b.ops(op, &inputs, &vec![dtype; 1 + cell.states()])?;
    let shape = b.shape(x).map(<[_]>::to_vec);
    let units = b.dims(weights.state).and_then(|d| d.get(1).copied());
    if let Some([steps, batch, _]) = shape.as_deref() {
        b.shaped(made[0], vec![*steps, *batch, units]);
        for state in &made[1..] {
            b.shaped(*state, vec![*batch, units]);
        }
    }
    if backwards {
        made[0] = reversed(b, made[0])?;
    }
    Ok(made)
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
