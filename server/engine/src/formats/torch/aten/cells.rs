//! Single steps of recurrent layers.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken};
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let activation = match c.name.as_str() {
        "lstm_cell" => return lstm(b, c).map(Some),
        "gru_cell" => return Ok(Some(vec![gru(b, c)?])),
        "rnn_tanh_cell" => "tanh",
        "rnn_relu_cell" => "relu",
        _ => return Ok(None),
    };
    let state = argument(c, 1, "hx")?;
    let (from_input, from_state) = products(b, c, &state)?;
    let sum = b.apply("add", &[&from_input, &from_state])?;
    Ok(Some(vec![b.apply(activation, &[&sum])?]))
}

fn argument(c: &Call, place: usize, name: &str) -> Result<Val> {
    c.get(place, name).cloned().map_or_else(|| c.wrong(name, "a tensor"), Ok)
}

/// What the gates get of the input and of the state.
fn products(b: &mut Builder, c: &Call, state: &Val) -> Result<(Val, Val)> {
    let (input, none) = (argument(c, 0, "input")?, Val::None);
    let bias = |place, name| c.get(place, name).unwrap_or(&none);
    let from_input = b.apply("linear", &[&input, &argument(c, 2, "w_ih")?, bias(4, "b_ih")])?;
    let from_state = b.apply("linear", &[state, &argument(c, 3, "w_hh")?, bias(5, "b_hh")])?;
    Ok((from_input, from_state))
}

/// The gates along the last axis.
fn gates(b: &mut Builder, all: &Val, count: i64) -> Result<Vec<Val>> {
    let list = b.apply("chunk", &[all, &Val::Int(count), &Val::Int(-1)])?;
    match list.items().filter(|items| items.len() as i64 == count) {
        Some(items) => Ok(items),
        None => broken("a cell whose weights do not fit"),
    }
}

fn lstm(b: &mut Builder, c: &Call) -> Result<Vec<Val>> {
    let Some([state, cell]) = c.get(1, "hx").and_then(Val::items).and_then(|s| <[Val; 2]>::try_from(s).ok())
    else {
        return c.wrong("hx", "two tensors");
    };
    let (from_input, from_state) = products(b, c, &state)?;
    let sum = b.apply("add", &[&from_input, &from_state])?;
    let gates = gates(b, &sum, 4)?;
    let (input, forget) = (b.apply("sigmoid", &[&gates[0]])?, b.apply("sigmoid", &[&gates[1]])?);
    let (candidate, output) = (b.apply("tanh", &[&gates[2]])?, b.apply("sigmoid", &[&gates[3]])?);
    let kept = b.apply("mul", &[&forget, &cell])?;
    let new = b.apply("mul", &[&input, &candidate])?;
    let cell = b.apply("add", &[&kept, &new])?;
    let shown = b.apply("tanh", &[&cell])?;
    Ok(vec![b.apply("mul", &[&output, &shown])?, cell])
}

fn gru(b: &mut Builder, c: &Call) -> Result<Val> {
    let state = argument(c, 1, "hx")?;
    let (from_input, from_state) = products(b, c, &state)?;
    let (x, h) = (gates(b, &from_input, 3)?, gates(b, &from_state, 3)?);
    let gate = |b: &mut Builder, n: usize| {
        let sum = b.apply("add", &[&x[n], &h[n]])?;
        b.apply("sigmoid", &[&sum])
    };
    let (reset, update) = (gate(b, 0)?, gate(b, 1)?);
    let part = b.apply("mul", &[&reset, &h[2]])?;
    let sum = b.apply("add", &[&x[2], &part])?;
    let candidate = b.apply("tanh", &[&sum])?;
    let difference = b.apply("sub", &[&state, &candidate])?;
    let kept = b.apply("mul", &[&update, &difference])?;
    b.apply("add", &[&candidate, &kept])
}
