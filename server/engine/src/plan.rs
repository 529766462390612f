//! A graph made ready to run: constants folded, what belongs together fused, weights packed, every value let go at its last use.
//! Immutable, and shared by all requests.
//!
//! ```text
//! Graph ─fold─► Draft ─passes─► Outline ─step─► Plan ─run─► answers
//!                                  │              └ schedule: what follows from the shapes of the inputs, kept by shape
//!                                  └ all that is known without the large weights: the choices, the bytes
//! ```

mod algorithms;
mod deferred;
mod draft;
mod infer;
mod outline;
mod passes;
mod schedule;
mod step;
mod weights;

pub use draft::Held;
pub use outline::Outline;
pub use schedule::release_idle;
pub use weights::{Reader, Weights};

use crate::EngineError;
use crate::value::Value;
use schedule::{Kept, Schedule, Schedules};
use smallvec::SmallVec;
use std::collections::HashMap;
use step::{Source, Step};

/// A graph made ready.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    slots: usize,
    inputs: Vec<usize>,
    outputs: Vec<Source>,
    schedules: Schedules,
}

/// Bytes of a step: its operation, its name, its lists.
const STEP_BYTES: usize = 1024;

/// The values of a run, by slot.
type Slots = Vec<Option<Value>>;

impl Plan {
    /// Where its buffers begin, and the bytes of each.
    pub fn buffers(&self) -> HashMap<usize, usize> {
        let steps = self.steps.iter().flat_map(Step::buffers);
        steps.chain(self.outputs.iter().filter_map(Source::buffer)).collect()
    }

    /// Bytes of what it holds beside its buffers.
    pub fn tables(&self) -> usize {
        self.steps.len() * STEP_BYTES
    }

    /// Runs on the values of the signature's inputs, in its order.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, EngineError> {
        self.schedules.run(inputs, |inputs, schedule| self.go(inputs, schedule))
    }

    /// All steps. With a schedule, those that it knows the results of are left out.
    fn go(&self, inputs: Vec<Value>, schedule: Pace<'_>) -> Result<Vec<Value>, EngineError> {
        let mut slots: Slots = vec![None; self.slots];
        for (slot, value) in self.inputs.iter().zip(inputs) {
            slots[*slot] = Some(value);
        }
        let known = match &schedule {
            Pace::Known(schedule) => schedule.fill(&mut slots),
            _ => &[],
        };
        let mut kept = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            if known.get(number).is_some_and(|known| *known) {
                continue;
            }
            self.one(step, &mut slots)?;
            if let Pace::First(_) = schedule
                && self.schedules.follows_from_shapes(number)
            {
                let made = step.outputs.iter().map(|slot| (*slot, slots[*slot].clone()));
                kept.push(Kept { step: number, made: made.collect() });
            }
            for slot in &step.last_uses {
                slots[*slot] = None;
            }
        }
        if let Pace::First(found) = schedule {
            *found = Schedule::new(self.steps.len(), kept);
        }
        self.outputs.iter().map(|s| read(&slots, s, "output").cloned()).collect()
    }

    fn one(&self, step: &Step, slots: &mut Slots) -> Result<(), EngineError> {
        let mut reads: SmallVec<[&Value; 6]> = SmallVec::new();
        for source in &step.inputs {
            reads.push(read(slots, source, &step.name)?);
        }
        let made = step.run(&reads).map_err(|e| at(&step.name, e))?;
        drop(reads);
        for (slot, value) in step.outputs.iter().zip(made) {
            slots[*slot] = Some(value);
        }
        Ok(())
    }
}

/// How a run goes about it.
enum Pace<'s> {
    /// For the first time with these shapes: notes what follows from them.
    First(&'s mut Schedule),
    /// As the schedule says.
    Known(&'s Schedule),
    /// Once, without notes.
    Alone,
}

fn read<'v>(slots: &'v [Option<Value>], source: &'v Source, name: &str) -> Result<&'v Value, EngineError> {
    match source {
        Source::Constant(value) => Ok(value),
        Source::Slot(slot) => slots[*slot]
            .as_ref()
            .ok_or_else(|| EngineError::Execution(format!("node {name:?} reads a value that was not made"))),
    }
}

fn at(name: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Execution(text) => EngineError::Execution(format!("node {name:?}: {text}")),
        other => other,
    }
}
