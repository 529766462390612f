//! Which step a loop's body makes: the body's values, followed from the new state back to the old one and the input.

use super::view::View;
use crate::graph::{Activation, Binary, Cell, ValueId};
use crate::value::Value;

/// A step that was found.
pub struct Found {
    pub cell: Cell,
    /// What is read from the sequence.
    pub x: ValueId,
    /// What it is multiplied by, and what is added.
    pub weights: Value,
    pub bias: Option<Value>,
    /// What the operation holds.
    pub constants: Vec<Value>,
}

/// A value that goes from step to step.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    /// Which value of the loop it is.
    pub number: usize,
    /// What a step reads.
    pub before: ValueId,
    /// What a step that is made gives.
    pub after: ValueId,
}

/// Whether a matrix is of so many units and gates.
fn is_of(matrix: &Value, units: usize, gates: usize) -> bool {
    units > 0 && matrix.dims() == [units, units * gates]
}

/// The step of a body; of the states, what is put out comes first.
pub fn find(view: &View<'_>, states: &[Carried]) -> Option<Found> {
    match states {
        [h] => simple(view, *h).or_else(|| gru(view, *h)),
        [h, c] => lstm(view, *h, *c),
        _ => None,
    }
}

fn simple(view: &View<'_>, Carried { before, after, .. }: Carried) -> Option<Found> {
    let (activation, inner) = view.activated(after);
    let mut sum = view.sum(inner)?;
    let u = sum.take(before)?.clone();
    let units = u.dims()[0];
    let (x, weights, bias) = sum.rest(units)?;
    is_of(&u, units, 1).then(|| Found {
        cell: Cell::Simple { activation },
        x,
        weights,
        bias,
        constants: vec![u],
    })
}

fn lstm(view: &View<'_>, state: Carried, cell: Carried) -> Option<Found> {
    let (h, c, new_h, new_c) = (state.before, cell.before, state.after, cell.after);
    // h = o activation(c)
    let (activation, output) = view.either(new_h, Binary::Mul)?.into_iter().find_map(|[a, o]| {
        let (activation, inner) = view.activated(a);
        (inner == new_c).then_some((activation, o))
    })?;
    // c = f c + i n
    let (forget, rest) = view
        .either(new_c, Binary::Add)?
        .into_iter()
        .find_map(|[kept, new]| Some((view.other_factor(kept, c)?, new)))?;
    let (recurrent, output) = view.activated(output);
    let source = view.node(output)?.inputs[0];
    let mut sum = view.sum(source)?;
    let u = sum.take(h)?.clone();
    let units = u.dims()[0];
    let gate = |value: ValueId, wanted: Activation, number: usize| {
        let (activation, inner) = view.activated(value);
        activation == wanted
            && is_part(view, inner, source, 4 * units, [number * units, (number + 1) * units])
    };
    let fits = view.activated(forget).0 == recurrent
        && gate(forget, recurrent, 1)
        && is_part(view, output, source, 4 * units, [3 * units, 4 * units])
        && view
            .either(rest, Binary::Mul)?
            .into_iter()
            .any(|[i, n]| gate(i, recurrent, 0) && gate(n, activation, 2));
    let (x, weights, bias) = sum.rest(4 * units)?;
    (fits && is_of(&u, units, 4)).then(|| Found {
        cell: Cell::Lstm { activation, recurrent },
        x,
        weights,
        bias,
        constants: vec![u],
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

fn gru(view: &View<'_>, Carried { before: h, after: new, .. }: Carried) -> Option<Found> {
    // h = z h + (1 - z) n
    let (z, rest) = view
        .either(new, Binary::Add)?
        .into_iter()
        .find_map(|[kept, rest]| Some((view.other_factor(kept, h)?, rest)))?;
    let candidate = view.either(rest, Binary::Mul)?.into_iter().find_map(|[other, n]| {
        let [one, same] = view.binary(other, Binary::Sub)?;
        (view.draft.number(one) == Some(1.0) && same == z).then_some(n)
    })?;
    let (recurrent, gate) = view.activated(z);
    let (activation, inner) = view.activated(candidate);
    let sources = view.either(gate, Binary::Add)?;
    let ways = view.either(inner, Binary::Add)?;
    let source = |value: ValueId| view.node(value).and_then(|n| n.inputs.first().copied());
    for ([a, b], [part, product]) in sources.into_iter().flat_map(|s| ways.map(|w| (s, w))) {
        let (Some(x), Some(of_h)) = (source(a), source(b)) else { continue };
        let (Some(of_x), Some(mut state)) = (view.sum(x), view.sum(of_h)) else { continue };
        let Some(u) = state.take(h) else { continue };
        if !state.products.is_empty() {
            continue;
        }
        let units = u.dims()[0];
        let gates = Gates { view, units, x, h: of_h, width: u.dims()[1] };
        let Some((x, weights, bias)) = of_x.rest(3 * units) else { continue };
        if !gates.gate(z, recurrent, 0) || !gates.of_x(part, 2) {
            continue;
        }
        let Some((reset_after, second)) = candidate_of(&gates, product, recurrent, h, u, state.bias) else {
            continue;
        };
        let cell = Cell::Gru { activation, recurrent, reset_after };
        return Some(Found { cell, x, weights, bias, constants: vec![u.clone(), second] });
    }
    None
}

/// The state's part of a candidate: whether it is reset after its product, and the bias or the weights of it.
fn candidate_of(
    gates: &Gates<'_, '_>,
    value: ValueId,
    recurrent: Activation,
    h: ValueId,
    u: &Value,
    bias: Option<&Value>,
) -> Option<(bool, Value)> {
    let (view, units) = (gates.view, gates.units);
    if is_of(u, units, 3) {
        let ways = view.either(value, Binary::Mul)?;
        let found = ways.into_iter().any(|[r, n]| gates.gate(r, recurrent, 1) && gates.of_h(n, 2));
        let bias = match bias {
            Some(bias) => bias.clone(),
            None => Value::of(vec![0f32; 3 * units], &[3 * units]).ok()?,
        };
        return (found && bias.dims() == [3 * units]).then_some((true, bias));
    }
    if !is_of(u, units, 2) {
        return None;
    }
    let (reset, second) = view.product(value)?;
    let ways = view.either(reset, Binary::Mul)?;
    let found = ways.into_iter().any(|[r, state]| state == h && gates.gate(r, recurrent, 1));
    (found && bias.is_none() && is_of(second, units, 1)).then(|| (false, second.clone()))
}
