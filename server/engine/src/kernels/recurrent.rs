//! Recurrent layers over whole sequences, with weights packed once.

use super::access::{Output, int, output, zeros};
use super::gemm::Packed;
use super::threads::threads;
use super::vector::recurrent::{Run, Sequence, Weights, recurrent};
use super::{Value, fail, moves};
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
        Ok(Self::run_all(&[(self, inputs)])?.pop().unwrap_or_default())
    }

    /// Runs layers that do not wait for each other, side by side.
    pub fn run_all(layers: &[(&Self, &[&Value])]) -> Result<Vec<Vec<Value>>, EngineError> {
        let mut ready =
            layers.iter().map(|(layer, inputs)| Ready::new(layer, inputs)).collect::<Result<Vec<_>, _>>()?;
        let work = ready.iter().fold(0usize, |all, ready| all.saturating_add(ready.work()));
        let mut runs = ready.iter_mut().map(Ready::run).collect::<Result<Vec<_>, _>>()?;
        if !recurrent(&mut runs, threads(work)) {
            return Err(fail("a recurrent layer of other sizes than its weights"));
        }
        ready.into_iter().map(Ready::finish).collect()
    }
}

/// A layer about to run.
struct Ready<'a> {
    layer: &'a PackedRecurrent,
    x: &'a Value,
    sequence: Sequence,
    /// The state and, of an LSTM, the cell: before and after.
    carried: [Output<f32>; 2],
    out: Output<f32>,
    /// Outputs that there is room for.
    length: usize,
}

impl<'a> Ready<'a> {
    fn new(layer: &'a PackedRecurrent, inputs: &[&'a Value]) -> Result<Self, EngineError> {
        let (units, states) = (layer.units, layer.op.cell.states());
        let missing = || fail("a recurrent layer lacks an input");
        let x = *inputs.first().ok_or_else(missing)?;
        let [there, batch, columns] = *x.dims() else {
            return Err(fail(format!("a recurrent layer on {:?}", x.dims())));
        };
        if columns != units * layer.op.cell.gates() {
            return Err(fail(format!("a recurrent layer of {units} units on {:?}", x.dims())));
        }
        let length = size(int(inputs.get(1 + states).ok_or_else(missing)?)?)?;
        let limits = inputs.get(2 + states..).ok_or_else(missing)?.iter().map(|l| int(l));
        let steps = limits.collect::<Result<Vec<_>, _>>()?.into_iter().min().ok_or_else(missing)?;
        let steps = usize::try_from(steps).unwrap_or(0);
        let room = if layer.op.last { length.saturating_mul(steps) } else { length };
        if steps > there || steps > room {
            return Err(fail(format!(
                "{steps} steps over a sequence of {there}, with room for {length} outputs"
            )));
        }
        let state = |n: usize| {
            let state = match inputs.get(1 + n) {
                Some(state) if n < states => moves::expand(state, &[batch, units])?,
                _ => moves::blank(crate::value::Kind::F32, &[0])?,
            };
            let mut own = output::<f32>(state.dims())?;
            own.copy_from_slice(state.slice()?);
            Ok::<_, EngineError>(own)
        };
        let carried = [state(0)?, state(1)?];
        let out = zeros::<f32>(&[length, batch, units])?;
        Ok(Self { layer, x, sequence: Sequence { batch, steps, units }, carried, out, length })
    }

    /// Multiplications.
    fn work(&self) -> usize {
        let Sequence { batch, steps, units } = self.sequence;
        let wide = units.saturating_mul(self.layer.op.cell.gates());
        steps.saturating_mul(batch).saturating_mul(units).saturating_mul(wide)
    }

    fn run(&mut self) -> Result<Run<'_>, EngineError> {
        let (op, Sequence { batch, steps, units }) = (self.layer.op, self.sequence);
        let [h, c] = &mut self.carried;
        Ok(Run {
            cell: op.cell,
            weights: &self.layer.weights,
            sequence: self.sequence,
            x: &self.x.slice()?[..steps * batch * units * op.cell.gates()],
            h,
            c,
            out: (!op.last).then(|| &mut self.out[..steps * batch * units]),
        })
    }

    fn finish(mut self) -> Result<Vec<Value>, EngineError> {
        let (op, Sequence { batch, steps, units }) = (self.layer.op, self.sequence);
        if op.last && steps > 0 {
            self.out[..batch * units].copy_from_slice(&self.carried[0]);
        }
        let mut made = vec![Value::of(self.out, &[self.length, batch, units])?];
        for state in self.carried.into_iter().take(op.cell.states()) {
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
