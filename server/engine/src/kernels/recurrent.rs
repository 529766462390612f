//! Recurrent layers over whole sequences, with weights packed once.

use super::access::{Output, int, output, zeros};
use super::gemm::Packed;
use super::threads::threads;
use super::vector::recurrent::{Mask, Run, Sequence, Weights, recurrent};
use super::{Value, fail, moves};
use crate::EngineError;
use crate::graph::{Cell, MaskedOutput, Recurrent};

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

    /// What it does, and the numbers of a state.
    pub fn op(&self) -> (Recurrent, usize) {
        (self.op, self.units)
    }

    /// Bytes of the weights.
    pub fn bytes(&self) -> usize {
        let second = self.weights.second.as_ref().map_or(0, Packed::bytes);
        self.weights.first.bytes() + second + self.weights.bias.len() * size_of::<f32>()
    }

    /// Gates, states…, (mask, filler)?, length, limits… → outputs, states….
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
    mask: Option<ReadyMask>,
    out: Output<f32>,
    /// Outputs that there is room for.
    length: usize,
}

impl<'a> Ready<'a> {
    fn new(layer: &'a PackedRecurrent, inputs: &[&'a Value]) -> Result<Self, EngineError> {
        let (units, op) = (layer.units, layer.op);
        let mut inputs = inputs.iter().copied();
        let mut next = || inputs.next().ok_or_else(|| fail("a recurrent layer lacks an input"));
        let x = next()?;
        let [there, batch, columns] = *x.dims() else {
            return Err(fail(format!("a recurrent layer on {:?}", x.dims())));
        };
        if columns != units * op.cell.gates() {
            return Err(fail(format!("a recurrent layer of {units} units on {:?}", x.dims())));
        }
        let state = [batch, units];
        let h = own(next()?, state)?;
        let c = if op.cell.states() == 2 { own(next()?, state)? } else { output(&[0])? };
        let mask = match op.mask {
            Some(output) => Some(ReadyMask::new(output, next()?, next()?, state)?),
            None => None,
        };
        let length = size(int(next()?)?)?;
        let steps = std::iter::once(next()?).chain(inputs).map(int);
        let steps = steps.collect::<Result<Vec<_>, _>>()?.into_iter().min();
        let steps = steps.and_then(|steps| usize::try_from(steps).ok()).unwrap_or(0);
        let room = if op.last { length.saturating_mul(steps) } else { length };
        let marked = mask.as_ref().map_or(there, |m| m.steps);
        if steps > there || steps > room || steps > marked {
            return Err(fail(format!(
                "{steps} steps over a sequence of {there}, a mask of {marked}, with room for {length} outputs"
            )));
        }
        let out = zeros::<f32>(&[length, batch, units])?;
        let sequence = Sequence { batch, steps, units };
        Ok(Self { layer, x, sequence, carried: [h, c], mask, out, length })
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
            mask: self.mask.as_mut().map(|m| m.of(steps)).transpose()?,
        })
    }

    fn finish(mut self) -> Result<Vec<Value>, EngineError> {
        let (op, Sequence { batch, steps, units }) = (self.layer.op, self.sequence);
        if op.last && steps > 0 {
            let shown = self.mask.as_ref().map_or(&self.carried[0], |m| &m.shown);
            self.out[..batch * units].copy_from_slice(shown);
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
        f.write_str(if self.op.last { ", last output" } else { "" })?;
        f.write_str(if self.op.mask.is_some() { ", masked" } else { "" })
    }
}

/// A mask about to be used.
struct ReadyMask {
    /// How many steps it is of.
    steps: usize,
    /// Its items, broadcast: a mark for each row, or for each number of a state.
    made: Value,
    shown: Output<f32>,
    filler: Option<Value>,
}

impl ReadyMask {
    fn new(
        output: MaskedOutput,
        mask: &Value,
        filler: &Value,
        state: [usize; 2],
    ) -> Result<Self, EngineError> {
        let [batch, units] = state;
        let unfit = || fail(format!("a mask of shape {:?} for states of {state:?}", mask.dims()));
        let (steps, item) = mask.dims().split_first().ok_or_else(unfit)?;
        // As a choice broadcasts its condition, which has been one for each row too.
        let (rows, wide) = match *item {
            [] => (1, 1),
            [rows] if rows == batch && rows != units => (rows, 1),
            [wide] => (1, wide),
            [rows, wide] => (rows, wide),
            _ => return Err(unfit()),
        };
        let wanted = [*steps, batch, if wide == 1 { 1 } else { units }];
        let made = moves::expand(&mask.reshape(&[*steps, rows, wide])?, &wanted)?;
        let filler = moves::expand(filler, &state)?;
        let shown = own(&filler, state)?;
        let filler = (output == MaskedOutput::Filler).then_some(filler);
        Ok(Self { steps: *steps, made, shown, filler })
    }

    /// The mask of the first steps.
    fn of(&mut self, steps: usize) -> Result<Mask<'_>, EngineError> {
        let line = self.made.elem_count() / self.steps.max(1);
        Ok(Mask {
            made: &self.made.slice()?[..steps * line],
            shown: &mut self.shown,
            filler: self.filler.as_ref().map(Value::slice).transpose()?,
        })
    }
}

/// A copy to be written to, broadcast to the shape of a state.
fn own(state: &Value, shape: [usize; 2]) -> Result<Output<f32>, EngineError> {
    let state = moves::expand(state, &shape)?;
    let mut own = output::<f32>(&shape)?;
    own.copy_from_slice(state.slice()?);
    Ok(own)
}

fn size(n: i64) -> Result<usize, EngineError> {
    usize::try_from(n).map_err(|_| fail("a size is negative"))
}
