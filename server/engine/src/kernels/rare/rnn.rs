//! Recurrent layers by plain loops, in the order of ONNX's formulas.

mod functions;

use super::super::moves::{expand, permute};
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
const PROJECTIONS: usize = 5;

/// Sizes of a layer.
struct Sizes {
    steps: usize,
    batch: usize,
    ins: usize,
    units: usize,
    /// Numbers of an output and of the state that goes on.
    width: usize,
    gates: usize,
    directions: usize,
}

/// One direction's weights.
struct Direction<'a> {
    weights: &'a [f64],
    recurrent: &'a [f64],
    bias: &'a [f64],
    peepholes: &'a [f64],
    projection: Option<&'a [f64]>,
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
    let state = |which: usize, width: usize| -> Result<Vec<f64>, EngineError> {
        let shape = [s.directions, s.batch, width];
        let Some(value) = given(which)? else { return Ok(vec![0.0; elements(&shape)?]) };
        let value = if op.batch_first { permute(value, &[1, 0, 2])? } else { value.clone() };
        wide(&expand(&value, &shape)?)
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
    let (mut hidden, mut cell) = (state(HIDDEN, s.width)?, state(CELL, s.units)?);
    let projections = numbers(PROJECTIONS, s.directions * s.width * s.units)?;
    let (x, weights, recurrent) = (wide(&x)?, wide(weights)?, wide(recurrent)?);
    let mut out = vec![0.0; elements(&[s.steps, s.directions, s.batch, s.width])?];
    let each = op.functions.len() / s.directions;
    for n in 0..s.directions {
        let direction = Direction {
            weights: &weights[n * rows * s.ins..][..rows * s.ins],
            recurrent: &recurrent[n * rows * s.width..][..rows * s.width],
            bias: &bias[n * 2 * rows..][..2 * rows],
            peepholes: &peepholes[n * 3 * s.units..][..3 * s.units],
            projection: projections.as_ref().map(|p| &p[n * s.width * s.units..][..s.width * s.units]),
            functions: &op.functions[n * each..][..each],
            backward: op.backward && (n == 1 || !op.forward),
        };
        for (sample, length) in lengths.iter().enumerate() {
            let own = n * s.batch + sample;
            let states = (&mut hidden[own * s.width..][..s.width], &mut cell[own * s.units..][..s.units]);
            direction.walk(op, &s, &x, (sample, *length), states, |step, h| {
                let to = ((step * s.directions + n) * s.batch + sample) * s.width;
                out[to..to + s.width].copy_from_slice(h);
            });
        }
    }
    finish(op, &s, kind, [out, hidden, cell])
}

fn finish(op: &Rnn, s: &Sizes, kind: crate::value::Kind, [out, hidden, cell]: [Vec<f64>; 3]) -> Values {
    let all = narrowed(kind, out, &[s.steps, s.directions, s.batch, s.width])?;
    let last = |state: Vec<f64>, width: usize| -> Outcome {
        let state = narrowed(kind, state, &[s.directions, s.batch, width])?;
        if op.batch_first { permute(&state, &[1, 0, 2]) } else { Ok(state) }
    };
    let all = if op.batch_first { permute(&all, &[2, 0, 1, 3])? } else { all };
    let mut made = vec![all, last(hidden, s.width)?];
    if matches!(op.cell, RnnCell::Lstm { .. }) {
        made.push(last(cell, s.units)?);
    }
    Ok(made)
}

fn sizes(op: &Rnn, x: &Value, weights: &Value, recurrent: &Value) -> Result<Sizes, EngineError> {
    let wrong =
        || fail(format!("weights {:?} and {:?} for {:?}", weights.dims(), recurrent.dims(), x.dims()));
    let ([steps, batch, ins], [directions, rows, of]) = (x.dims(), weights.dims()) else {
        return Err(wrong());
    };
    let [_, _, width] = *recurrent.dims() else { return Err(wrong()) };
    let gates = op.cell.gates();
    let projects = op.has[PROJECTIONS] && matches!(op.cell, RnnCell::Lstm { .. });
    let units = if projects { rows / gates } else { width };
    let wanted = usize::from(op.forward) + usize::from(op.backward);
    let fits = of == ins
        && *directions == wanted
        && units.checked_mul(gates) == Some(*rows)
        && recurrent.dims() == [*directions, *rows, width]
        && wanted > 0;
    if !fits {
        return Err(wrong());
    }
    let [steps, batch, ins, directions] = [*steps, *batch, *ins, *directions];
    Ok(Sizes { steps, batch, ins, units, width, gates, directions })
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
                RnnCell::Lstm { coupled } => {
                    let given = self.lstm(s, coupled, &inputs, (h, c), op.limits, clip);
                    match self.projection {
                        Some(projection) => {
                            let rows = projection.chunks_exact(s.units);
                            h.iter_mut().zip(rows).for_each(|(h, row)| *h = dot(row, &given));
                        }
                        None => h.copy_from_slice(&given),
                    }
                }
            }
            made(step, h);
        }
    }

    /// A gate's product with a state, and its bias.
    fn product(&self, s: &Sizes, gate: usize, h: &[f64]) -> f64 {
        dot(&self.recurrent[gate * s.width..][..s.width], h) + self.bias[s.gates * s.units + gate]
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

    /// What the units give; the cell goes on.
    fn lstm(
        &self,
        s: &Sizes,
        coupled: bool,
        inputs: &[f64],
        (h, c): (&[f64], &mut [f64]),
        limits: Option<[f32; 2]>,
        clip: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        let u = s.units;
        let sums: Vec<f64> = (0..4 * u).map(|n| inputs[n] + self.product(s, n, h)).collect();
        let [input_peep, output_peep, forget_peep] = [0, 1, 2].map(|n| &self.peepholes[n * u..][..u]);
        let unit = |n: usize| {
            let input = self.functions[0].of(clip(sums[n] + input_peep[n] * c[n]));
            let forget = if coupled {
                1.0 - input
            } else {
                self.functions[0].of(clip(sums[2 * u + n] + forget_peep[n] * c[n]))
            };
            let candidate = self.functions[1].of(clip(sums[3 * u + n]));
            c[n] = forget * c[n] + input * candidate;
            if let Some([low, high]) = limits {
                c[n] = c[n].clamp(f64::from(low), f64::from(high));
            }
            let output = self.functions[0].of(clip(sums[u + n] + output_peep[n] * c[n]));
            output * self.functions[2].of(c[n])
        };
        (0..u).map(unit).collect()
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
            limits: None,
            batch_first: false,
            has: [false, true, false, false, false, false],
        };
        let x = Value::of(vec![1f32; 6], &[3, 2, 1]).unwrap();
        let one = Value::of(vec![1f32], &[1, 1, 1]).unwrap();
        let lengths = Value::of(vec![3i64, 1], &[2]).unwrap();
        let made = run(&op, &[&x, &one, &one, &lengths]).unwrap();
        assert_eq!(made[0].slice::<f32>().unwrap(), [1.0, 1.0, 2.0, 0.0, 3.0, 0.0]);
        assert_eq!(made[1].slice::<f32>().unwrap(), [3.0, 1.0]);
    }
}
