//! The values of a run: on the host, on the device, or on both.

use super::aboard::bytes;
use super::form::{Made, Wrong, fail};
use super::tensors::{download, upload};
use crate::graph::Op;
use crate::plan::control::Budget;
use crate::plan::step::{Source, Step};
use crate::value::Value;
use candle_core::{Device, Tensor};

/// A value; a copy that was made is kept as long as the value is.
#[derive(Debug, Clone, Default)]
struct Slot {
    host: Option<Value>,
    aboard: Option<Tensor>,
}

/// The values of a run, by slot.
pub struct Slots<'d> {
    all: Vec<Slot>,
    device: &'d Device,
}

impl<'d> Slots<'d> {
    pub fn new(count: usize, device: &'d Device) -> Self {
        Self { all: vec![Slot::default(); count], device }
    }

    pub fn put(&mut self, slot: usize, value: Value) {
        self.all[slot] = Slot { host: Some(value), aboard: None };
    }

    pub fn put_aboard(&mut self, slot: usize, tensor: Tensor) {
        self.all[slot] = Slot { host: None, aboard: Some(tensor) };
    }

    /// Lets a value go that nobody reads any more.
    pub fn drop(&mut self, slot: usize) {
        self.all[slot] = Slot::default();
    }

    /// A value on the device.
    pub fn aboard(&mut self, slot: usize) -> Made {
        let slot = &mut self.all[slot];
        if let Some(tensor) = &slot.aboard {
            return Ok(tensor.clone());
        }
        let value = slot.host.as_ref().ok_or_else(|| fail("a value is read that was not made"))?;
        let tensor = upload(value, self.device)?;
        slot.aboard = Some(tensor.clone());
        Ok(tensor)
    }

    /// A value on the host.
    pub fn host(&mut self, slot: usize) -> Result<Value, Wrong> {
        let slot = &mut self.all[slot];
        if let Some(value) = &slot.host {
            return Ok(value.clone());
        }
        let tensor = slot.aboard.as_ref().ok_or_else(|| fail("a value is read that was not made"))?;
        let value = download(tensor)?;
        slot.host = Some(value.clone());
        Ok(value)
    }

    /// What a source gives, on the host.
    pub fn read(&mut self, source: &Source) -> Result<Value, Wrong> {
        match source {
            Source::Constant(value) => Ok(value.clone()),
            Source::Slot(slot) => self.host(*slot),
            Source::Elsewhere(_) => Err(fail("a constant is not on the host")),
        }
    }

    /// Runs a step on the host.
    pub fn run_here(&mut self, step: &Step, budget: &Budget<'_>) -> Result<(), Wrong> {
        let made = match self.measured(step)? {
            Some(measure) => vec![measure],
            None => {
                let inputs = step.inputs.iter().map(|s| self.read(s)).collect::<Result<Vec<_>, _>>()?;
                if step.takes() {
                    // Nobody else holds what is not read later.
                    step.last_uses.iter().for_each(|slot| self.drop(*slot));
                    step.run_taking(inputs, budget)?
                } else {
                    step.run(&inputs.iter().collect::<Vec<_>>())?
                }
            }
        };
        for (slot, value) in step.outputs.iter().zip(made) {
            self.put(*slot, value);
        }
        Ok(())
    }

    /// What a step asks of a shape: the value need not come for it.
    fn measured(&self, step: &Step) -> Result<Option<Value>, Wrong> {
        let (Some(op), [Source::Slot(slot)]) = (step.op(), &step.inputs[..]) else { return Ok(None) };
        let Slot { host: None, aboard: Some(tensor) } = &self.all[*slot] else { return Ok(None) };
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let value = match op {
            Op::Shape => {
                let dims: Vec<i64> = tensor.dims().iter().map(|d| whole(*d)).collect();
                let rank = dims.len();
                Value::of(dims, &[rank])
            }
            Op::Size => Value::of(vec![whole(tensor.elem_count())], &[]),
            Op::Rank => Value::of(vec![whole(tensor.rank())], &[]),
            _ => return Ok(None),
        };
        Ok(Some(value?))
    }

    /// Bytes that a step read and made, constants left out.
    pub fn bytes(&self, step: &Step) -> usize {
        let slot = |source: &Source| match source {
            Source::Slot(slot) => Some(*slot),
            _ => None,
        };
        let slots = step.inputs.iter().filter_map(slot).chain(step.outputs.iter().copied());
        slots.map(|slot| self.of_slot(slot)).fold(0, usize::saturating_add)
    }

    fn of_slot(&self, slot: usize) -> usize {
        match &self.all[slot] {
            Slot { aboard: Some(tensor), .. } => bytes(tensor),
            Slot { host: Some(value), .. } => value.bytes(),
            Slot { .. } => 0,
        }
    }
}
