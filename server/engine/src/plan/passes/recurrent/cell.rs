//! Which step a loop's body makes: the body's values, followed from the new state back to the old one and the input.

mod gru;

use super::matrix;
use super::view::{Gate, View};
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
        [h] => simple(view, *h).or_else(|| gru::find(view, *h)),
        [h, c] => lstm(view, *h, *c),
        _ => None,
    }
}

fn simple(view: &View<'_>, Carried { before, after, .. }: Carried) -> Option<Found> {
    let (activation, inner) = view.activated(after);
    let mut sum = view.sum(inner)?;
    let u = sum.take(before, 1)?;
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
    let source = view.source(output)?;
    let mut sum = view.sum(source)?;
    let width = sum.columns()?;
    let u = sum.take(h, 4)?;
    let units = u.dims()[0];
    let recurrent = view.gate(output, width)?.activation;
    let blocks = Blocks { view, units, width, source };
    let [forget, output] = [blocks.gate(forget, recurrent)?, blocks.gate(output, recurrent)?];
    let new = |[i, n]: [ValueId; 2]| Some([blocks.gate(i, recurrent)?, blocks.gate(n, activation)?]);
    let [input, candidate] = view.either(rest, Binary::Mul)?.into_iter().find_map(new)?;
    let (order, offsets): (Vec<usize>, Vec<f32>) = [input, forget, candidate, output].into_iter().unzip();
    let (x, weights, bias) = sum.rest(4 * units).filter(|_| is_of(&u, units, 4))?;
    let bias = match bias {
        Some(bias) => Some(matrix::blocks(&bias, units, &order)?),
        None => None,
    };
    Some(Found {
        cell: Cell::Lstm { activation, recurrent },
        x,
        weights: matrix::blocks(&weights, units, &order)?,
        bias: matrix::shifted(bias, units, &offsets)?,
        constants: vec![matrix::blocks(&u, units, &order)?],
    })
}

/// Gates that are blocks of the columns of one sum.
struct Blocks<'v, 'd> {
    view: &'v View<'d>,
    units: usize,
    /// Columns of the sum.
    width: usize,
    source: ValueId,
}

impl Blocks<'_, '_> {
    /// Which block a gate is made of, and what is added to it.
    fn gate(&self, value: ValueId, wanted: Activation) -> Option<(usize, f32)> {
        let Gate { activation, of, range: [from, to], offset } = self.view.gate(value, self.width)?;
        let whole = self.units > 0 && to - from == self.units && from % self.units == 0;
        (whole && activation == wanted && of == self.source).then(|| (from / self.units, offset))
    }
}
