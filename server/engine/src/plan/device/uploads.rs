//! Constants and weights on the device: each is there once, whatever reads it.

use super::convolution;
use super::form::{Made, Wrong};
use super::tensors::upload;
use crate::EngineError;
use crate::graph::ValueId;
use crate::packed_file::Key;
use crate::plan::draft::Draft;
use crate::plan::weights::Weights;
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How a constant lies on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lay {
    /// As in the graph.
    Plain,
    /// A filter of a convolution, as candle wants it.
    Filter,
}

/// Names what is on the device by what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Id {
    /// A constant that is in memory, by its place and its shape.
    Constant(usize, Vec<usize>, Lay),
    Weight(Key, Lay),
}

impl Id {
    /// Of a value that does not depend on the request, with its bytes.
    pub fn of(value: ValueId, lay: Lay, draft: &Draft, weights: &Weights<'_>) -> Option<(Self, usize)> {
        if let Some(constant) = draft.constants.get(&value) {
            return Some((Self::Constant(constant.place(), constant.dims().to_vec(), lay), constant.bytes()));
        }
        let weight = draft.deferred.get(&value)?;
        Some((Self::Weight(weights.key(weight, None), lay), weight.bytes()))
    }
}

/// What the plans of one model hold on a device.
#[derive(Debug)]
pub struct Uploads {
    device: Device,
    all: Mutex<HashMap<Id, Tensor>>,
}

impl Uploads {
    pub fn new(device: Device) -> Self {
        Self { device, all: Mutex::default() }
    }

    /// A value that does not depend on the request, on the device; None: it does.
    pub fn get(
        &self,
        value: ValueId,
        lay: Lay,
        draft: &Draft,
        weights: &Weights<'_>,
    ) -> Result<Option<Tensor>, EngineError> {
        let Some((id, _)) = Id::of(value, lay, draft, weights) else { return Ok(None) };
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tensor) = all.get(&id) {
            return Ok(Some(tensor.clone()));
        }
        let tensor = self.make(value, lay, draft, weights).map_err(Wrong::into_error)?;
        all.insert(id, tensor.clone());
        Ok(Some(tensor))
    }

    fn make(&self, value: ValueId, lay: Lay, draft: &Draft, weights: &Weights<'_>) -> Made {
        let tensor = match (draft.constants.get(&value), draft.deferred.get(&value)) {
            (Some(constant), _) => upload(constant, &self.device)?,
            // What is read for it goes at once.
            (None, Some(weight)) => upload(&weights.once(weight)?, &self.device)?,
            (None, None) => return Err(EngineError::broken("a weight is missing").into()),
        };
        match lay {
            Lay::Plain => Ok(tensor),
            Lay::Filter => convolution::filter(&tensor),
        }
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|t| (t.elem_count() * t.dtype().size_in_bytes()) as u64).sum()
    }
}
