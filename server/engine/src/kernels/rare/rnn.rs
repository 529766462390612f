//! Recurrent layers by plain loops, in the order of ONNX's formulas.

use super::super::moves::permute;
use super::super::{Outcome, Value, elements, fail};
use super::{Values, at, narrowed, wide};
use crate::EngineError;
use crate::graph::{Rnn, RnnCell, RnnFunction};

/// The inputs that may be left out, in their order.
const BIAS: usize = 0;
const LENGTHS: usize = 1;
const HIDDEN: usize = 2;
const CELL: usize = 3;
const PEEPHOLES: usize = 4;

/// Sizes of a layer.
struct Sizes {
    steps: usize,
    batch: usize,
    ins: usize,
    units: usize,
    gates: usize,
    directions: usize,
}

/// One direction's weights.
struct Direction<'a> {
    weights: &'a [f64],
    recurrent: &'a [f64],
    bias: &'a [f64],
    peepholes: &'a [f64],
    functions: &'a [RnnFunction],
    backward: bool,
}

pub fn run(op: &Rnn, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let kind = x.kind();
    let x = if op.batch_first { permute(x, &[1, 0, 2])? } else { x.clone() };
    let (weights, recurrent) = (at(inputs, 1)?, at(inputs, 2)?);
    let s = sizes(op, &x, weights, recurrent)?;
    let given = |which: usize| -> Result<Option<&Value>, EngineError> {
        let place = 3 + op.has[..which].iter().filter(|h| **h).count();
        op.has[which].then(|| at(inputs, place)).transpose()
    };
    let numbers = |which: usize, count: usize| -> Result<Option<Vec<f64>>, EngineError> {
        let Some(value) = given(which)? else { return Ok(None) };
        if value.elem_count() != count {
            return Err(fail(format!("an input of a recurrent layer has shape {:?}", value.dims())));
        }
        wide(value).map(Some)
    };
    let state = |which: usize| -> Result<Vec<f64>, EngineError> {
        let count = elements(&[s.directions, s.batch, s.units])?;
        let Some(value) = given(which)? else { return Ok(vec![0.0; count]) };
        let value = if op.batch_first { permute(value, &[1, 0, 2])? } else { value.clone() };
        if value.elem_count() != count {
            return Err(fail(format!("a state of a recurrent layer has shape {:?}", value.dims())));
        }
        wide(&value)
    };
    let rows = s.gates * s.units;
    let bias = numbers(BIAS, s.directions * 2 * rows)?.unwrap_or_else(|| vec![0.0; s.directions * 2 * rows]);
    let peepholes = numbers(PEEPHOLES, s.directions * 3 * s.units)?;
    let peepholes = peepholes.unwrap_or_else(|| vec![0.0; s.directions * 3 * s.units]);
    let lengths: Vec<usize> = match given(LENGTHS)? {
        Some(lengths) => {
            let lengths = super::super::access::sizes(lengths)?;
            if lengths.len() != s.batch {
                return Err(fail(format!("{} lengths for {} sequences", lengths.len(), s.batch)));
            }
            lengths.into_iter().map(|n| n.min(s.steps)).collect()
        }
        None => vec![s.steps; s.batch],
    };
    let (mut hidden, mut cell) = (state(HIDDEN)?, state(CELL)?);
    let (x, weights, recurrent) = (wide(&x)?, wide(weights)?, wide(recurrent)?);
    let mut out = vec![0.0; elements(&[s.steps, s.directions, s.batch, s.units])?];
    let each = op.functions.len() / s.directions;
    for n in 0..s.directions {
        let direction = Direction {
            weights: &weights[n * rows * s.ins..][..rows * s.ins],
            recurrent: &recurrent[n * rows * s.units..][..rows * s.units],
            bias: &bias[n * 2 * rows..][..2 * rows],
            peepholes: &peepholes[n * 3 * s.units..][..3 * s.units],
            functions: &op.functions[n * each..][..each],
            backward: op.backward && (n == 1 || !op.forward),
        };
        for (sample, length) in lengths.iter().enumerate() {
            let own = (n * s.batch + sample) * s.units;
            let states = (&mut hidden[own..own + s.units], &mut cell[own..own + s.units]);
            direction.walk(op, &s, &x, (sample, *length), states, |step, h| {
                let to = ((step * s.directions + n) * s.batch + sample) * s.units;
                out[to..to + s.units].copy_from_slice(h);
            });
        }
    }
    finish(op, &s, kind, [out, hidden, cell])
}

fn finish(op: &Rnn, s: &Sizes, kind: crate::value::Kind, [out, hidden, cell]: [Vec<f64>; 3]) -> Values {
    let all = narrowed(kind, out, &[s.steps, s.directions, s.batch, s.units])?;
    let last = |state: Vec<f64>| -> Outcome {
        let state = narrowed(kind, state, &[s.directions, s.batch, s.units])?;
        if op.batch_first { permute(&state, &[1, 0, 2]) } else { Ok(state) }
    };
    let all = if op.batch_first { permute(&all, &[2, 0, 1, 3])? } else { all };
    let mut made = vec![all, last(hidden)?];
    if matches!(op.cell, RnnCell::Lstm { .. }) {
        made.push(last(cell)?);
    }
    Ok(made)
}

fn sizes(op: &Rnn, x: &Value, weights: &Value, recurrent: &Value) -> Result<Sizes, EngineError> {
    let wrong =
        || fail(format!("weights {:?} and {:?} for {:?}", weights.dims(), recurrent.dims(), x.dims()));
    let ([steps, batch, ins], [directions, rows, of]) = (x.dims(), weights.dims()) else {
        return Err(wrong());
    };
    let [_, _, units] = *recurrent.dims() else { return Err(wrong()) };
    let gates = op.cell.gates();
    let wanted = usize::from(op.forward) + usize::from(op.backward);
    let fits = of == ins
        && *directions == wanted
        && units.checked_mul(gates) == Some(*rows)
        && recurrent.dims() == [*directions, *rows, units]
        && wanted > 0;
    if !fits {
        return Err(wrong());
    }
    Ok(Sizes { steps: *steps, batch: *batch, ins: *ins, units, gates, directions: *directions })
}

/// The product of a row of a matrix and a vector.
fn dot(row: &[f64], x: &[f64]) -> f64 {
    row.iter().zip(x).map(|(a, b)| a * b).sum()
}

impl Direction<'_> {
    /// One sequence, step by step.
    fn walk(
        &self,
        op: &Rnn,
        s: &Sizes,
        x: &[f64],
        (sample, length): (usize, usize),
        (h, c): (&mut [f64], &mut [f64]),
        mut made: impl FnMut(usize, &[f64]),
    ) {
        let rows = s.gates * s.units;
        let clip = |v: f64| op.clip.map_or(v, |c| v.clamp(-f64::from(c), f64::from(c)));
        for n in 0..length {
            let step = if self.backward { length - 1 - n } else { n };
            let row = &x[(step * s.batch + sample) * s.ins..][..s.ins];
            let inputs: Vec<f64> =
                (0..rows).map(|g| dot(&self.weights[g * s.ins..][..s.ins], row) + self.bias[g]).collect();
            match op.cell {
                RnnCell::Simple => {
                    let next: Vec<f64> =
                        (0..s.units).map(|u| clip(inputs[u] + self.product(s, u, h))).collect();
                    next.iter().zip(h.iter_mut()).for_each(|(v, h)| *h = self.functions[0].of(*v));
                }
                RnnCell::Gru { reset_after } => self.gru(s, reset_after, &inputs, h, clip),
                RnnCell::Lstm { coupled } => self.lstm(s, coupled, &inputs, h, c, clip),
            }
            made(step, h);
        }
    }

    /// A gate's product with a state, and its bias.
    fn product(&self, s: &Sizes, gate: usize, h: &[f64]) -> f64 {
        dot(&self.recurrent[gate * s.units..][..s.units], h) + self.bias[s.gates * s.units + gate]
    }

    fn gru(&self, s: &Sizes, reset_after: bool, inputs: &[f64], h: &mut [f64], clip: impl Fn(f64) -> f64) {
        let u = s.units;
        let gate = |n: usize| self.functions[0].of(clip(inputs[n] + self.product(s, n, h)));
        let update: Vec<f64> = (0..u).map(gate).collect();
        let reset: Vec<f64> = (u..2 * u).map(gate).collect();
        let kept: Vec<f64> = reset.iter().zip(h.iter()).map(|(r, h)| r * h).collect();
        let candidate: Vec<f64> = (0..u)
            .map(|n| {
                let own = 2 * u + n;
                let from_state = if reset_after {
                    reset[n] * self.product(s, own, h)
                } else {
                    self.product(s, own, &kept)
                };
                self.functions[1].of(clip(inputs[own] + from_state))
            })
            .collect();
        for n in 0..u {
            h[n] = (1.0 - update[n]) * candidate[n] + update[n] * h[n];
        }
    }

    fn lstm(
        &self,
        s: &Sizes,
        coupled: bool,
        inputs: &[f64],
        h: &mut [f64],
        c: &mut [f64],
        clip: impl Fn(f64) -> f64,
    ) {
        let u = s.units;
        let sums: Vec<f64> = (0..4 * u).map(|n| inputs[n] + self.product(s, n, h)).collect();
        let [input_peep, output_peep, forget_peep] = [0, 1, 2].map(|n| &self.peepholes[n * u..][..u]);
        for n in 0..u {
            let input = self.functions[0].of(clip(sums[n] + input_peep[n] * c[n]));
            let forget = if coupled {
                1.0 - input
            } else {
                self.functions[0].of(clip(sums[2 * u + n] + forget_peep[n] * c[n]))
            };
            let candidate = self.functions[1].of(clip(sums[3 * u + n]));
            c[n] = forget * c[n] + input * candidate;
            let output = self.functions[0].of(clip(sums[u + n] + output_peep[n] * c[n]));
            h[n] = output * self.functions[2].of(c[n]);
        }
    }
}

impl RnnFunction {
    fn of(self, x: f64) -> f64 {
        let w = f64::from;
        match self {
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Relu => x.max(0.0),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Softplus => x.exp().ln_1p(),
            Self::Affine(a, b) => w(a) * x + w(b),
            Self::LeakyRelu(a) => {
                if x < 0.0 {
                    w(a) * x
                } else {
                    x
                }
            }
            Self::ThresholdedRelu(a) => {
                if x >= w(a) {
                    x
                } else {
                    0.0
                }
            }
            Self::ScaledTanh(a, b) => w(a) * (w(b) * x).tanh(),
            Self::HardSigmoid(a, b) => (w(a) * x + w(b)).clamp(0.0, 1.0),
            Self::Elu(a) => {
                if x < 0.0 {
                    w(a) * x.exp_m1()
                } else {
                    x
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::graph::{Rnn, RnnCell, RnnFunction};
    use crate::value::Value;

    /// Each sequence is as long as it says; what is after it stays zero, and its last state is that of its own last step.
    #[test]
    fn sequences_end_where_they_say() {
        let op = Rnn {
            cell: RnnCell::Simple,
            forward: true,
            backward: false,
            functions: vec![RnnFunction::Affine(1.0, 0.0)],
            clip: None,
            batch_first: false,
            has: [false, true, false, false, false],
        };
        let x = Value::of(vec![1f32; 6], &[3, 2, 1]).unwrap();
        let one = Value::of(vec![1f32], &[1, 1, 1]).unwrap();
        let lengths = Value::of(vec![3i64, 1], &[2]).unwrap();
        let made = run(&op, &[&x, &one, &one, &lengths]).unwrap();
        assert_eq!(made[0].slice::<f32>().unwrap(), [1.0, 1.0, 2.0, 0.0, 3.0, 0.0]);
        assert_eq!(made[1].slice::<f32>().unwrap(), [3.0, 1.0]);
    }
}
