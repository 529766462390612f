//! Plans on a device: the steps of the same plan on candle's tensors, which are on a GPU or, to test it, on the CPU.
//!
//! ```text
//! Draft ─Places─► where each step runs ─Aboard─► weights on the device ─run─► inputs go up, steps follow each other, answers come down
//!          └ table: a form for each operation that candle's tensors can do
//! ```
//!
//! - Which steps run on the device is decided when the plan is made ([`places`]), by one table, and shown by `inspect`. An operation
//!   without a form runs by the engine's own kernel, with copies both ways, and is marked.
//! - Weights go up once, at load, and stay in no other place. A run's values stay on the device from step to step.
//! - Values have the graph's shapes. Images only *lie* with their channels first ([`layout`]).
//! - What is added, scaled and activated after a product or in a chain is done one after another: candle fuses nothing.
//! - The largest of a number and NaN is what the device says; on the CPU NaN wins.
//!
//! No plan of memory is made: candle allocates each tensor by itself. Attention and convolutions have as much of what they compute on
//! the way (scores, and images' windows) in memory at once as [`parts`] says.
//!
//! What a GPU lacks of what candle does on the CPU: kernels for each kind of elements, which a test looks for among those that were
//! built ([`cuda`]); products of matrices that lie in steps; runs over no elements; more than 2^31 of them.

mod aboard;
mod activation;
mod blocks;
mod convolution;
mod cuda;
mod elementwise;
mod form;
mod gather;
mod kinds;
mod layout;
mod moves;
mod parts;
mod places;
mod pooling;
mod products;
mod reduce;
mod rows;
mod slots;
mod table;
mod taps;
mod tensors;
#[cfg(any(test, feature = "cuda"))]
mod trial;
mod uploads;

pub use aboard::Aboard;
pub use places::Places;
pub use uploads::{Id, Uploads};

use super::draft::Draft;
use crate::graph::ValueId;
use crate::value::Kind;
use crate::{Device, EngineError};
use candle_core as candle;
use std::sync::{Mutex, PoisonError};

/// A device that is open.
#[derive(Debug, Clone)]
pub struct Opened {
    which: Device,
    tensors: candle::Device,
}

/// The devices of this process: each is opened once, and what is asked of it is done in order.
static OPEN: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

impl Opened {
    /// None: the CPU, where plans run by the engine's own kernels.
    pub fn open(device: Device) -> Result<Option<Self>, EngineError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = open.iter().find(|o| o.which == device) {
            return Ok(Some(opened.clone()));
        }
        let tensors = match device {
            Device::Cpu => return Ok(None),
            Device::CandleCpu => candle::Device::Cpu,
            Device::Cuda(number) => cuda::open(number)?,
        };
        let opened = Self { which: device, tensors };
        open.push(opened.clone());
        Ok(Some(opened))
    }

    /// Its name, as users say it.
    pub fn name(&self) -> String {
        self.which.to_string()
    }

    /// Nothing yet of a model.
    pub fn uploads(&self) -> Uploads {
        Uploads::new(self.tensors.clone())
    }

    /// What of a draft it can do; the inputs are of these kinds.
    pub fn places(&self, draft: &Draft, inputs: &[(ValueId, Kind)]) -> Places {
        Places::of(draft, inputs)
    }

    fn tensors(&self) -> &candle::Device {
        &self.tensors
    }
}
