//! A graph made ready to run: constants folded, what belongs together fused, weights packed, every value let go at its last use.
//! Immutable, and shared by all requests.
//!
//! ```text
//! Graph ─fold─► Draft ─passes─► Outline ─step─► Plan ─run─► answers
//!                                  │              └ schedule: what follows from the shapes of the inputs, kept by shape
//!                                  └ all that is known without the large weights: the choices, the bytes
//! ```

mod control;
mod deferred;
mod describe;
#[cfg_attr(not(feature = "candle"), path = "plan/no_device.rs")]
mod device;
mod draft;
mod groups;
mod infer;
mod outline;
mod passes;
mod profile;
mod rows;
pub mod rules;
mod run;
mod schedule;
mod step;
mod weights;

pub use device::{Opened, Uploads};
pub use draft::Held;
pub use outline::Outline;
pub use schedule::release_idle;
pub use weights::{Reader, Weights};

use crate::batching::Batched;
use crate::report::{Cost, Listing, Operation};
use crate::value::Value;
use crate::{EngineError, Signature};
use control::Budget;
use device::Aboard;
use profile::Profile;
use rules::Known;
use run::Pace;
use schedule::Schedules;
use std::collections::HashMap;
use step::{Source, Step};

/// A graph made ready.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    slots: usize,
    inputs: Vec<usize>,
    outputs: Vec<Source>,
    /// The shape of each step's first result, as far as it was known before any request.
    shapes: Vec<Option<infer::Extents>>,
    /// Some request may be answered, as far as is known.
    fit: bool,
    schedules: Schedules,
    /// What of it is on a device, where it runs then.
    aboard: Option<Aboard>,
}

/// Bytes of a step: its operation, its name, its lists.
const STEP_BYTES: usize = 1024;

impl Plan {
    /// Where its buffers begin, and the bytes of each.
    pub fn buffers(&self) -> HashMap<usize, usize> {
        let steps = self.steps.iter().flat_map(Step::buffers);
        steps.chain(self.outputs.iter().filter_map(Source::buffer)).collect()
    }

    /// Bytes of what it holds beside its buffers.
    pub fn tables(&self) -> usize {
        self.steps.iter().map(|step| STEP_BYTES + step.tables()).sum()
    }

    /// Runs on the values of the signature's inputs, in its order.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, EngineError> {
        self.run_watched(inputs, &|| true)
    }

    /// [`Plan::run`], as long as the answer of `watch` is yes: it is asked before each step.
    pub fn run_watched(
        &self,
        inputs: Vec<Value>,
        watch: &dyn Fn() -> bool,
    ) -> Result<Vec<Value>, EngineError> {
        if let Some(aboard) = &self.aboard {
            return aboard.run(self, inputs, &Budget::watched(watch), None);
        }
        let check = |inputs: &[Value]| {
            // A plan that contradicts itself fails where it does, and not because of the request.
            if self.fit { self.follow(inputs).map(|_| ()) } else { Ok(()) }
        };
        self.schedules
            .run(inputs, check, |inputs, schedule| self.go(inputs, schedule, &Budget::watched(watch), None))
    }

    /// Runs once to get ready and then several times more, and says what each operation cost on average, the dearest first.
    pub fn profile(&self, inputs: &[Value], runs: usize) -> Result<(Vec<Value>, Vec<Cost>), EngineError> {
        let profile = Profile::default();
        let mut answer = self.run(inputs.to_vec())?;
        for _ in 0..runs {
            drop(answer);
            if let Some(aboard) = &self.aboard {
                answer = aboard.run(self, inputs.to_vec(), &Budget::new(), Some(&profile))?;
                continue;
            }
            let watched =
                |inputs, schedule: Pace<'_>| self.go(inputs, schedule, &Budget::new(), Some(&profile));
            answer = self.schedules.run(inputs.to_vec(), |_| Ok(()), watched)?;
        }
        Ok((answer, profile.finish()))
    }

    /// The steps in words, for the signatures that they serve.
    pub fn listing(&self, signatures: Vec<String>) -> Listing {
        let operations = self.steps.iter().zip(&self.shapes);
        let operations = operations.map(|(step, shape)| describe::operation(step, shape.as_ref()));
        let placed = |(number, mut operation): (usize, Operation)| {
            if let Some((place, bytes)) = self.aboard.as_ref().map(|aboard| aboard.place(number)) {
                operation.place = Some(place);
                operation.constant_bytes += bytes;
            }
            operation
        };
        Listing {
            signatures,
            inputs: self.inputs.clone(),
            outputs: self.outputs.iter().map(describe::read).collect(),
            operations: operations.enumerate().map(placed).collect(),
            device: self.aboard.as_ref().map(Aboard::name),
        }
    }

    /// Whether requests of a signature may be run together.
    pub fn batched(&self, signature: &Signature) -> Batched {
        match rows::Independent::of(self, signature) {
            Ok(rows) => rows::worth::judge(self, &rows),
            Err(why) => Batched::never(why),
        }
    }

    /// Of each output, why it has not the rows of the inputs, if that is so.
    pub fn mixed(&self, signature: &Signature) -> Vec<Option<String>> {
        rows::mixed(self, signature)
    }

    fn follow(&self, inputs: &[Value]) -> Result<Vec<Known>, EngineError> {
        infer::follow(&self.steps, self.slots, &self.inputs, inputs)
    }
}

/// For tests: graphs of literals alone.
#[cfg(test)]
struct NoWeights;

#[cfg(test)]
impl Reader for NoWeights {
    fn read(&self, _: usize) -> Result<Value, EngineError> {
        Err(EngineError::broken("a weight is missing"))
    }

    fn mapped(&self, _: usize) -> Result<Option<Value>, EngineError> {
        Ok(None)
    }

    fn rows(&self, _: usize, _: usize, _: &(dyn Fn(usize, &[f32]) + Sync)) -> Result<bool, EngineError> {
        Ok(false)
    }

    fn identity(&self, weight: usize) -> String {
        weight.to_string()
    }
}
