//! Recurrent layers over whole sequences, with weights packed once.

use super::access::{int, output, zeros};
use super::gemm::Packed;
use super::threads::threads;
use super::vector::recurrent::{Sequence, Weights, recurrent};
use super::{Value, elements, fail, moves};
use crate::EngineError;
use crate::graph::{Cell, Recurrent};

/// A layer that waits for its inputs.
#[derive(Debug)]
pub struct PackedRecurrent {
    op: Recurrent,
    units: usize,
    weights: Weights,
}

impl PackedRecurrent {
    /// Packs the weights.
    pub fn new(op: Recurrent, constants: &[&Value]) -> Result<Self, EngineError> {
        let matrix = |n: usize, gates: usize| {
            let value = *constants.get(n).ok_or_else(|| fail("a recurrent layer lacks weights"))?;
            match value.dims() {
                [units, columns] if units.checked_mul(gates) == Some(*columns) && *units > 0 => {
                    Ok((Packed::new(value.slice()?, *units, *columns), *units))
                }
                dims => Err(fail(format!("a recurrent layer with weights of shape {dims:?}"))),
            }
        };
        let (first, units) = match op.cell {
            Cell::Gru { reset_after: false, .. } => matrix(0, 2)?,
            cell => matrix(0, cell.gates())?,
        };
        let (mut second, mut bias) = (None, Vec::new());
        if let Cell::Gru { reset_after, .. } = op.cell {
            if reset_after {
                bias = constants.get(1).map_or(Ok(Vec::new()), |b| b.slice().map(<[f32]>::to_vec))?;
            } else {
                second = Some(matrix(1, 1)?.0);
            }
            let fits = if reset_after {
                bias.len() == 3 * units
            } else {
                second.as_ref().is_some_and(|s| s.inner() == units)
            };
            if !fits {
                return Err(fail("a recurrent layer whose weights do not fit together"));
            }
        }
        Ok(Self { op, units, weights: Weights { first, second, bias } })
    }

    /// Bytes of the weights.
    pub fn bytes(&self) -> usize {
        let second = self.weights.second.as_ref().map_or(0, Packed::bytes);
        self.weights.first.bytes() + second + self.weights.bias.len() * size_of::<f32>()
    }

    /// Gates, states…, length, limits… → outputs, states….
    pub fn run(&self, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
        let (units, states) = (self.units, self.op.cell.states());
        let missing = || fail("a recurrent layer lacks an input");
        let x = *inputs.first().ok_or_else(missing)?;
        let wide = units * self.op.cell.gates();
        let [there, batch, columns] = *x.dims() else {
            return Err(fail(format!("a recurrent layer on {:?}", x.dims())));
        };
        if columns != wide {
            return Err(fail(format!("a recurrent layer of {units} units on {:?}", x.dims())));
        }
        let length = size(int(inputs.get(1 + states).ok_or_else(missing)?)?)?;
        let limits = inputs.get(2 + states..).ok_or_else(missing)?.iter().map(|l| int(l));
        let steps = limits.collect::<Result<Vec<_>, _>>()?.into_iter().min().ok_or_else(missing)?;
        let steps = usize::try_from(steps).unwrap_or(0);
        let room = if self.op.last { length.saturating_mul(steps) } else { length };
        if steps > there || steps > room {
            return Err(fail(format!(
                "{steps} steps over a sequence of {there}, with room for {length} outputs"
            )));
        }
        let mut carried = Vec::new();
        for n in 0..2 {
            let state = match inputs.get(1 + n) {
                Some(state) if n < states => moves::expand(state, &[batch, units])?,
                _ => moves::blank(crate::value::Kind::F32, &[0])?,
            };
            let mut own = output::<f32>(state.dims())?;
            own.copy_from_slice(state.slice()?);
            carried.push(own);
        }
        let shape = [length, batch, units];
        elements(&shape)?;
        let mut out = zeros::<f32>(&shape)?;
        // Each step waits for the one before: the work is counted, but done on this thread.
        let _ = threads(steps.saturating_mul(batch).saturating_mul(units).saturating_mul(wide));
        let sequence = Sequence { batch, steps, units };
        let state = batch * units;
        let [h, c] = &mut carried[..] else { return Err(missing()) };
        let all = if self.op.last { None } else { Some(&mut out[..steps * state]) };
        if !recurrent(self.op.cell, &self.weights, sequence, &x.slice()?[..steps * batch * wide], h, c, all) {
            return Err(fail("a recurrent layer of other sizes than its weights"));
        }
        if self.op.last && steps > 0 {
            out[..state].copy_from_slice(h);
        }
        let mut made = vec![Value::of(out, &shape)?];
        for state in carried.into_iter().take(states) {
            made.push(Value::of(state, &[batch, units])?);
        }
        Ok(made)
    }
}

impl std::fmt::Display for PackedRecurrent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of {} units", self.op.cell, self.units)?;
        if self.op.last { f.write_str(", last output") } else { Ok(()) }
    }
}

fn size(n: i64) -> Result<usize, EngineError> {
    usize::try_from(n).map_err(|_| fail("a size is negative"))
}
