//! Which step a loop's body makes: the body's values, followed from the new state back to the old one and the input.

use crate::graph::{Activation, Binary, Cell, Node, Op, Unary, ValueId};
use crate::plan::draft::Draft;
use crate::value::{Kind, Value};
use std::collections::HashMap;

/// A body, to be looked at from its results.
pub struct View<'d> {
    pub draft: &'d Draft,
    pub inputs: &'d [ValueId],
    makers: HashMap<ValueId, usize>,
}

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

impl<'d> View<'d> {
    /// What a value is multiplied with to give a product.
    fn other_factor(&self, product: ValueId, factor: ValueId) -> Option<ValueId> {
        match self.binary(product, Binary::Mul)? {
            [a, b] if a == factor => Some(b),
            [a, b] if b == factor => Some(a),
            _ => None,
        }
    }

    pub fn new(draft: &'d Draft, inputs: &'d [ValueId]) -> Self {
        Self { draft, inputs, makers: draft.makers() }
    }

    /// The node that makes a value.
    pub fn node(&self, value: ValueId) -> Option<&'d Node> {
        self.makers.get(&value).map(|n| &self.draft.nodes[*n])
    }

    /// The operands of an operation of two values.
    pub fn binary(&self, value: ValueId, op: Binary) -> Option<[ValueId; 2]> {
        let node = self.node(value)?;
        if node.op != Op::Binary(op) {
            return None;
        }
        <[ValueId; 2]>::try_from(&node.inputs[..]).ok()
    }

    /// The operands both ways round.
    fn either(&self, value: ValueId, op: Binary) -> Option<[[ValueId; 2]; 2]> {
        self.binary(value, op).map(|[a, b]| [[a, b], [b, a]])
    }

    /// A function of a value, and the value; none: the value itself.
    fn activated(&self, value: ValueId) -> (Activation, ValueId) {
        let Some(node) = self.node(value) else { return (Activation::None, value) };
        let activation = match node.op {
            Op::Unary(Unary::Sigmoid) => Activation::Sigmoid,
            Op::Unary(Unary::Tanh) => Activation::Tanh,
            Op::Unary(Unary::Relu) => Activation::Relu,
            Op::Unary(Unary::Elu) => Activation::Elu,
            _ => return (Activation::None, value),
        };
        (activation, node.inputs[0])
    }

    /// A product by a constant matrix.
    fn product(&self, value: ValueId) -> Option<(ValueId, &'d Value)> {
        let node = self.node(value)?;
        let Op::MatMul { transpose_a: false, transpose_b: false } = node.op else { return None };
        let matrix = self.draft.constant(*node.inputs.get(1)?, Kind::F32).filter(|w| w.rank() == 2)?;
        Some((node.inputs[0], matrix))
    }

    /// A sum of products by constant matrices, and of one constant.
    fn sum(&self, value: ValueId) -> Option<Sum<'d>> {
        let mut sum = Sum { products: Vec::new(), bias: None };
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if let Some([a, b]) = self.binary(value, Binary::Add) {
                open.extend([a, b]);
            } else if let Some(product) = self.product(value) {
                sum.products.push(product);
            } else {
                let bias = self.draft.constant(value, Kind::F32).filter(|b| b.rank() == 1)?;
                if sum.bias.replace(bias).is_some() {
                    return None;
                }
            }
            if sum.products.len() > 2 || open.len() > 8 {
                return None;
            }
        }
        Some(sum)
    }

    /// A part of a value's second axis, which is `width` long: the value, and from where to before where.
    fn part(&self, value: ValueId, width: usize) -> Option<(ValueId, [usize; 2])> {
        let node = self.node(value)?;
        let ints = |n: usize| self.draft.integers(*node.inputs.get(n)?);
        match &node.op {
            Op::Split(count) if *count > 0 => {
                let number = node.outputs.iter().position(|o| *o == value)?;
                let size = width / count;
                let along = matches!(ints(1)?, [1 | -1]) && size * count == width;
                along.then(|| (node.inputs[0], [number * size, (number + 1) * size]))
            }
            Op::StridedSlice(masks) => {
                let ([_, begin], [_, end], [1, 1]) = (ints(1)?, ints(2)?, ints(3)?) else { return None };
                let plain = masks.begin & 1 == 1 && masks.end & 1 == 1;
                if !plain || masks.ellipsis != 0 || masks.new_axis != 0 || masks.shrink != 0 {
                    return None;
                }
                let begin = if masks.begin & 2 == 2 { 0 } else { usize::try_from(*begin).ok()? };
                let end = if masks.end & 2 == 2 { width } else { usize::try_from(*end).ok()? };
                (begin < end && end <= width).then(|| (node.inputs[0], [begin, end]))
            }
            _ => None,
        }
    }
}

/// A sum of products.
struct Sum<'d> {
    products: Vec<(ValueId, &'d Value)>,
    bias: Option<&'d Value>,
}

impl<'d> Sum<'d> {
    /// The product of a value, taken out.
    fn take(&mut self, value: ValueId) -> Option<&'d Value> {
        let at = self.products.iter().position(|(v, _)| *v == value)?;
        Some(self.products.remove(at).1)
    }

    /// The product that is left, if it is the only one, and the constant: of so many columns.
    fn rest(self, columns: usize) -> Option<(ValueId, Value, Option<Value>)> {
        let [(x, w)] = self.products[..] else { return None };
        let fits = w.dims()[1] == columns && self.bias.is_none_or(|b| b.dims() == [columns]);
        fits.then(|| (x, w.clone(), self.bias.cloned()))
    }
}

/// Whether a matrix is of so many units and gates.
fn is_of(matrix: &Value, units: usize, gates: usize) -> bool {
    units > 0 && matrix.dims() == [units, units * gates]
}

/// The step of a body; `states` are the values of the loop that go round, what is put out first.
pub fn find(view: &View<'_>, states: &[usize]) -> Option<Found> {
    match states {
        [h] => simple(view, *h).or_else(|| gru(view, *h)),
        [h, c] => lstm(view, *h, *c),
        _ => None,
    }
}

fn simple(view: &View<'_>, state: usize) -> Option<Found> {
    let (before, after) = (view.inputs[state], view.draft.outputs[state]);
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

fn lstm(view: &View<'_>, state: usize, cell: usize) -> Option<Found> {
    let (h, c) = (view.inputs[state], view.inputs[cell]);
    let (new_h, new_c) = (view.draft.outputs[state], view.draft.outputs[cell]);
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

fn gru(view: &View<'_>, state: usize) -> Option<Found> {
    let (h, new) = (view.inputs[state], view.draft.outputs[state]);
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
