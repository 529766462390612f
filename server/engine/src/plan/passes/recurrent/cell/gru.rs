//! The step of a GRU: with products of its own for the inputs and for the state, or with both of them side by side.

use super::{Blocks, Carried, Found, is_of};
use crate::graph::{Activation, Binary, Cell, ValueId};
use crate::plan::passes::recurrent::matrix;
use crate::plan::passes::recurrent::view::View;
use crate::value::Value;

/// How a new state is made: `h = z h + (1 - z) n`.
struct Mixed {
    z: ValueId,
    candidate: ValueId,
}

pub fn find(view: &View<'_>, Carried { before: h, after: new, .. }: Carried) -> Option<Found> {
    let (z, rest) = view
        .either(new, Binary::Add)?
        .into_iter()
        .find_map(|[kept, rest]| Some((view.other_factor(kept, h)?, rest)))?;
    let candidate = view.either(rest, Binary::Mul)?.into_iter().find_map(|[other, n]| {
        let [one, same] = view.binary(other, Binary::Sub)?;
        (view.draft.number(one) == Some(1.0) && same == z).then_some(n)
    })?;
    let mixed = Mixed { z, candidate };
    apart(view, h, &mixed).or_else(|| beside(view, h, &mixed))
}

/// Products of the inputs and of the state are made apart.
fn apart(view: &View<'_>, h: ValueId, mixed: &Mixed) -> Option<Found> {
    let (recurrent, gate) = view.activated(mixed.z);
    let (activation, inner) = view.activated(mixed.candidate);
    let sources = view.either(gate, Binary::Add)?;
    let ways = view.either(inner, Binary::Add)?;
    let source = |value: ValueId| view.node(value).and_then(|n| n.inputs.first().copied());
    for ([a, b], [part, product]) in sources.into_iter().flat_map(|s| ways.map(|w| (s, w))) {
        let (Some(x), Some(of_h)) = (source(a), source(b)) else { continue };
        let (Some(of_x), Some(mut state)) = (view.sum(x), view.sum(of_h)) else { continue };
        let Some(u) = state.columns().and_then(|columns| state.take(h, columns)) else { continue };
        if !state.is_constant() {
            continue;
        }
        let units = u.dims()[0];
        let gates = Gates { view, units, x, h: of_h, width: u.dims()[1] };
        let Some((x, weights, bias)) = of_x.rest(3 * units) else { continue };
        if !gates.gate(mixed.z, recurrent, 0) || !gates.of_x(part, 2) {
            continue;
        }
        let Some((reset_after, second)) = candidate_of(&gates, product, recurrent, h, &u, state.bias) else {
            continue;
        };
        let cell = Cell::Gru { activation, recurrent, reset_after };
        return Some(Found { cell, x, weights, bias, constants: vec![u, second] });
    }
    None
}

/// Inputs and state lie side by side: one product gives both gates, another one the candidate.
fn beside(view: &View<'_>, h: ValueId, mixed: &Mixed) -> Option<Found> {
    let (activation, inner) = view.activated(mixed.candidate);
    let mut of_candidate = view.sum(inner)?;
    let units = of_candidate.columns()?;
    let source = view.source(mixed.z)?;
    let recurrent = view.gate(mixed.z, 2 * units)?.activation;
    let blocks = Blocks { view, units, width: 2 * units, source };
    let is_reset = |value: ValueId| {
        let gate = view.other_factor(value, h)?;
        blocks.gate(gate, recurrent).map(|gate| (value, gate))
    };
    let (reset, r) = of_candidate.values().find_map(is_reset)?;
    let second = of_candidate.take(reset, 1)?;
    let mut of_gates = view.sum(source)?;
    let u = of_gates.take(h, 2)?;
    let (order, offsets): (Vec<usize>, Vec<f32>) = [blocks.gate(mixed.z, recurrent)?, r].into_iter().unzip();
    let (x, gates, gates_bias) = of_gates.rest(2 * units)?;
    let (same, weights, bias) = of_candidate.rest(units)?;
    if same != x || !is_of(&u, units, 2) || !is_of(&second, units, 1) {
        return None;
    }
    let zeros = |count: usize| Value::of(vec![0f32; count], &[count]).ok();
    let gates_bias = match gates_bias {
        Some(bias) => matrix::blocks(&bias, units, &order)?,
        None => zeros(2 * units)?,
    };
    let gates_bias = matrix::shifted(Some(gates_bias), units, &offsets)??;
    let bias = bias.map_or_else(|| zeros(units), Some)?;
    Some(Found {
        cell: Cell::Gru { activation, recurrent, reset_after: false },
        x,
        weights: matrix::beside(&matrix::blocks(&gates, units, &order)?, &weights)?,
        bias: Some(matrix::beside(&gates_bias, &bias)?),
        constants: vec![matrix::blocks(&u, units, &order)?, second],
    })
}

fn is_part(view: &View<'_>, value: ValueId, of: ValueId, width: usize, range: [usize; 2]) -> bool {
    view.part(value, width) == Some((of, range))
}

/// What a GRU's gates are made of: a part of the inputs' sum and a part of the state's.
struct Gates<'v, 'd> {
    view: &'v View<'d>,
    units: usize,
    x: ValueId,
    h: ValueId,
    /// Columns of the state's sum.
    width: usize,
}

impl Gates<'_, '_> {
    fn of_x(&self, value: ValueId, number: usize) -> bool {
        let u = self.units;
        is_part(self.view, value, self.x, 3 * u, [number * u, (number + 1) * u])
    }

    fn of_h(&self, value: ValueId, number: usize) -> bool {
        let u = self.units;
        is_part(self.view, value, self.h, self.width, [number * u, (number + 1) * u])
    }

    /// Whether a value is the gate of a number.
    fn gate(&self, value: ValueId, wanted: Activation, number: usize) -> bool {
        let (activation, inner) = self.view.activated(value);
        let both = self.view.either(inner, Binary::Add);
        activation == wanted
            && both.is_some_and(|ways| {
                ways.into_iter().any(|[a, b]| self.of_x(a, number) && self.of_h(b, number))
            })
    }
}

/// The state's part of a candidate: whether it is reset after its product, and the bias or the weights of it.
fn candidate_of(
    gates: &Gates<'_, '_>,
    value: ValueId,
    recurrent: Activation,
    h: ValueId,
    u: &Value,
    bias: Option<Value>,
) -> Option<(bool, Value)> {
    let (view, units) = (gates.view, gates.units);
    if is_of(u, units, 3) {
        let ways = view.either(value, Binary::Mul)?;
        let found = ways.into_iter().any(|[r, n]| gates.gate(r, recurrent, 1) && gates.of_h(n, 2));
        let bias = match bias {
            Some(bias) => bias,
            None => Value::of(vec![0f32; 3 * units], &[3 * units]).ok()?,
        };
        return (found && bias.dims() == [3 * units]).then_some((true, bias));
    }
    if !is_of(u, units, 2) {
        return None;
    }
    let (reset, second, none) = view.sum(value)?.rest(units)?;
    let ways = view.either(reset, Binary::Mul)?;
    let found = ways.into_iter().any(|[r, state]| state == h && gates.gate(r, recurrent, 1));
    (found && bias.is_none() && none.is_none() && is_of(&second, units, 1)).then_some((false, second))
}
