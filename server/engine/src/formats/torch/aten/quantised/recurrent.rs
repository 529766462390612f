//! Recurrent layers whose weights are packed. Each step finds the steps of its own state, so that a loop goes through them.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, kind};
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::Outcome;
use super::super::matrices::argument;
use super::eager::dynamic_linear;
use crate::DType;
use crate::graph::{Listing, Op, ValueId};

/// Layers and directions of one call.
const MOST_CELLS: usize = 256;

/// What a cell is told by.
struct Cell {
    to_input: Val,
    to_state: Val,
    reduce_range: bool,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    if !matches!(c.name.as_str(), "quantized_lstm" | "quantized_gru") {
        return Ok(None);
    }
    let is_lstm = c.name == "quantized_lstm";
    let (x, states) = (argument(c, 0, "input")?.clone(), argument(c, 1, "hx")?.clone());
    let Some(cells) = argument(c, 2, "params")?.items().filter(|_| states.items().is_some() == is_lstm)
    else {
        return unsupported("of sequences that are packed");
    };
    let states = states.items().unwrap_or(vec![states]);
    let directions = 1 + usize::from(c.flag(7, "bidirectional", false)?);
    let batch_first = c.flag(8, "batch_first", false)?;
    if cells.is_empty() || cells.len() > MOST_CELLS || cells.len() % directions != 0 {
        return broken("a recurrent layer without cells");
    }
    let turned = |b: &mut Builder, x: &Val| b.apply("transpose", &[x, &Val::Int(0), &Val::Int(1)]);
    let mut x = if batch_first { turned(b, &x)? } else { x };
    let mut last: Vec<Vec<Val>> = vec![Vec::new(); states.len()];
    for (layer, pair) in cells.chunks(directions).enumerate() {
        let mut made = Vec::new();
        for (direction, told) in pair.iter().enumerate() {
            let at = Val::Int((layer * directions + direction) as i64);
            let own: Vec<Val> =
                states.iter().map(|s| b.apply("select", &[s, &Val::Int(0), &at])).collect::<Result<_>>()?;
            let (y, ends) = followed(b, &cell(b, told)?, &x, &own, direction == 1)?;
            made.push(y);
            last.iter_mut().zip(ends).for_each(|(all, end)| all.push(end));
        }
        x = if made.len() == 1 {
            made.remove(0)
        } else {
            b.apply("cat", &[&Val::list(made), &Val::Int(-1)])?
        };
    }
    let mut results = vec![if batch_first { turned(b, &x)? } else { x }];
    for ends in last {
        results.push(b.apply("stack", &[&Val::list(ends), &Val::Int(0)])?);
    }
    Ok(Some(results))
}

/// A cell as data keep it: what it is, its biases, numbers, and packed weights for the input and the state.
fn cell(b: &Builder, told: &Val) -> Result<Cell> {
    match &told.items().unwrap_or_default()[..] {
        [Val::Text(name), _, _, whole, packed] if &**name == "quantized_dynamic" => {
            let packed = packed.items().unwrap_or_default();
            let [to_input, to_state] = &packed[..] else { return broken("a cell without weights") };
            let range = whole.items().and_then(|all| all.first().and_then(|n| b.known(n))).unwrap_or(0);
            Ok(Cell { to_input: to_input.clone(), to_state: to_state.clone(), reduce_range: range != 0 })
        }
        _ => unsupported("cells of this form"),
    }
}

/// All steps of one direction: what each gives, and the states after the last.
fn followed(
    b: &mut Builder,
    cell: &Cell,
    x: &Val,
    states: &[Val],
    backwards: bool,
) -> Result<(Val, Vec<Val>)> {
    let steps = b.apply("size", &[x, &Val::Int(0)])?;
    let inputs = dynamic_linear(b, x, &cell.to_input, cell.reduce_range)?;
    let inputs = if backwards { b.apply("flip", &[&inputs, &Val::list(vec![Val::Int(0)])])? } else { inputs };
    let begun: Vec<ValueId> = states.iter().map(|s| b.of(s)).collect::<Result<_>>()?;
    let start = b.begin();
    let (at, own, list) = carried(b, &begun)?;
    let now = b.apply("select", &[&inputs, &Val::Int(0), &Val::Symbol(at)])?;
    let held = dynamic_linear(b, &own[0], &cell.to_state, cell.reduce_range)?;
    let after =
        if own.len() == 2 { lstm(b, &now, &held, &own[1])? } else { vec![gru(b, &now, &held, &own[0])?] };
    let mut next = vec![b.apply("add", &[&Val::Symbol(at), &Val::Int(1)]).and_then(|n| b.scalar(&n))?];
    for value in &after {
        next.push(b.of(value)?);
    }
    let first = next[1];
    next.push(b.op(Op::List(Listing::Push), &[list, first], DType::F32)?);
    let turn = b.end(start, &[])?;
    let start = b.begin();
    let (at, _, _) = carried(b, &begun)?;
    let goes_on = b.apply("lt", &[&Val::Symbol(at), &steps])?;
    let holds = b.truth_value(&goes_on)?;
    let test = b.end(start, &[])?;
    let (zero, shape) = (b.int(0)?, b.int(-1)?);
    let empty = b.op(Op::List(Listing::Empty), &[shape], DType::F32)?;
    let at_first: Vec<ValueId> = std::iter::once(zero).chain(begun.iter().copied()).chain([empty]).collect();
    let made = b.repeated(&at_first, (turn, next), (test, holds))?;
    let shape = b.shape(begun[0]).map(<[_]>::to_vec);
    let op = Op::List(Listing::Along { kind: kind(DType::F32), axis: 0, stacked: true });
    let y = b.op(op, &[made[made.len() - 1]], DType::F32)?;
    if let Some(shape) = &shape {
        b.shaped(y, [vec![b.known(&steps).and_then(|n| usize::try_from(n).ok())], shape.clone()].concat());
    }
    let y = b.as_tensor(y);
    let y = if backwards { b.apply("flip", &[&y, &Val::list(vec![Val::Int(0)])])? } else { y };
    let mut ends = Vec::new();
    for value in &made[1..=begun.len()] {
        if let Some(shape) = &shape {
            b.shaped(*value, shape.clone());
        }
        ends.push(b.as_tensor(*value));
    }
    Ok((y, ends))
}

/// What goes from step to step: the number of the step, the states, and what was given so far.
fn carried(b: &mut Builder, states: &[ValueId]) -> Result<(ValueId, Vec<Val>, ValueId)> {
    let at = b.made(DType::I64, |to| to.add(Op::Input(0), &[]))?;
    b.shaped(at, Vec::new());
    let mut own = Vec::new();
    for (n, state) in states.iter().enumerate() {
        let value = b.made(DType::F32, |to| to.add(Op::Input(n + 1), &[]))?;
        if let Some(shape) = b.shape(*state).map(<[_]>::to_vec) {
            b.shaped(value, shape);
        }
        own.push(b.as_tensor(value));
    }
    let list = b.made(DType::F32, |to| to.add(Op::Input(states.len() + 1), &[]))?;
    Ok((at, own, list))
}

fn parts(b: &mut Builder, x: &Val, count: i64) -> Result<Vec<Val>> {
    let parts = b.apply("chunk", &[x, &Val::Int(count), &Val::Int(-1)])?.items().unwrap_or_default();
    if parts.len() as i64 == count { Ok(parts) } else { broken("gates that are not told") }
}

fn lstm(b: &mut Builder, now: &Val, held: &Val, cell: &Val) -> Result<Vec<Val>> {
    let gates = b.apply("add", &[now, held])?;
    let gates = parts(b, &gates, 4)?;
    let (input, forget) = (b.apply("sigmoid", &[&gates[0]])?, b.apply("sigmoid", &[&gates[1]])?);
    let (new, out) = (b.apply("tanh", &[&gates[2]])?, b.apply("sigmoid", &[&gates[3]])?);
    let (kept, more) = (b.apply("mul", &[&forget, cell])?, b.apply("mul", &[&input, &new])?);
    let cell = b.apply("add", &[&kept, &more])?;
    let shown = b.apply("tanh", &[&cell])?;
    Ok(vec![b.apply("mul", &[&out, &shown])?, cell])
}

fn gru(b: &mut Builder, now: &Val, held: &Val, state: &Val) -> Result<Val> {
    let (now, held) = (parts(b, now, 3)?, parts(b, held, 3)?);
    let sum = |b: &mut Builder, x: &Val, y: &Val| b.apply("add", &[x, y]);
    let (reset, update) = (sum(b, &now[0], &held[0])?, sum(b, &now[1], &held[1])?);
    let (reset, update) = (b.apply("sigmoid", &[&reset])?, b.apply("sigmoid", &[&update])?);
    let part = b.apply("mul", &[&reset, &held[2]])?;
    let new = sum(b, &now[2], &part)?;
    let new = b.apply("tanh", &[&new])?;
    let change = b.apply("sub", &[state, &new])?;
    let change = b.apply("mul", &[&update, &change])?;
    sum(b, &new, &change)
}
