//! LSTM whose weights lie in one matrix.

use super::super::access::{int, make};
use super::super::moves::narrow;
use super::super::product::matmul;
use super::super::{Value, elements, fail};
use super::{Values, at};
use crate::EngineError;
use crate::graph::LstmBlock;

/// Places of the results.
const I: usize = 0;
const CELL: usize = 1;
const F: usize = 2;
const O: usize = 3;
const CANDIDATE: usize = 4;
const ACTIVATED: usize = 5;
const HIDDEN: usize = 6;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Steps, x, c, h, weights, peepholes of i, f and o, bias.
pub fn run(how: &LstmBlock, inputs: &[&Value]) -> Values {
    let (x, weights) = (at(inputs, 1)?, at(inputs, 4)?);
    let (&[steps, batch, ins], &[rows, columns]) = (x.dims(), weights.dims()) else {
        return Err(fail("an LSTM needs sequences and a matrix of weights"));
    };
    let units = columns / 4;
    let state = |n: usize| -> Result<Value, EngineError> { at(inputs, n)?.reshape(&[batch, units]) };
    let (mut cell, mut hidden) = (state(2)?.slice::<f32>()?.to_vec(), state(3)?);
    let bias = at(inputs, 8)?.slice::<f32>()?;
    let peepholes = [5, 6, 7].map(|n| at(inputs, n).and_then(|v| v.slice::<f32>()));
    let [see_i, see_f, see_o] = peepholes;
    let peepholes = [see_i?, see_f?, see_o?];
    if columns % 4 != 0 || units == 0 || rows != ins + units || bias.len() != columns {
        return Err(fail(format!("an LSTM of weights {:?} on {:?}", weights.dims(), x.dims())));
    }
    if how.peepholes && peepholes.iter().any(|p| p.len() != units) {
        return Err(fail("an LSTM's peepholes are as many as its units"));
    }
    let made = usize::try_from(int(at(inputs, 0)?)?).unwrap_or(0).min(steps);
    let size = batch * units;
    let mut out: [Vec<f32>; 7] = std::array::from_fn(|_| Vec::new());
    let whole = elements(&[steps, batch, units])?;
    elements(&[steps, batch, columns])?;
    out.iter_mut().for_each(|part| part.reserve(whole));
    let from_x =
        matmul(&x.reshape(&[elements(&[steps, batch])?, ins])?, &narrow(weights, 0, 0, ins)?, false, false)?;
    let (from_x, recurrent) = (from_x.slice::<f32>()?, narrow(weights, 0, ins, units)?);
    let [at_f, at_candidate] = if how.candidate_second { [2, 1] } else { [1, 2] };
    for step in 0..made {
        let from_h = matmul(&hidden, &recurrent, false, false)?;
        let sums = from_h.slice::<f32>()?.iter().zip(&from_x[step * batch * columns..]);
        let sums: Vec<f32> = sums.zip(bias.iter().cycle()).map(|((h, x), b)| h + x + b).collect();
        for (n, cell) in cell.iter_mut().enumerate() {
            let (row, unit) = (n / units, n % units);
            let gate = |which: usize| sums[row * columns + which * units + unit];
            let see =
                |which: usize, cell: f32| if how.peepholes { peepholes[which][unit] * cell } else { 0.0 };
            let i = sigmoid(gate(0) + see(0, *cell));
            let f = sigmoid(gate(at_f) + how.forget + see(1, *cell));
            let candidate = gate(at_candidate).tanh();
            *cell = candidate * i + *cell * f;
            if how.clip > 0.0 {
                *cell = cell.clamp(-how.clip, how.clip);
            }
            let o = sigmoid(gate(3) + see(2, *cell));
            let activated = cell.tanh();
            let all = [(I, i), (CELL, *cell), (F, f), (O, o), (CANDIDATE, candidate), (ACTIVATED, activated)];
            all.into_iter().for_each(|(place, value)| out[place].push(value));
            out[HIDDEN].push(o * activated);
        }
        hidden = make(out[HIDDEN][step * size..].to_vec(), &[batch, units])?;
    }
    // Steps that are not made are zero.
    out.iter_mut().for_each(|part| part.resize(whole, 0.0));
    out.into_iter().map(|part| make(part, &[steps, batch, units])).collect()
}
