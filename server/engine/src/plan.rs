//! A graph made ready to run: constants folded, what belongs together fused, weights packed, every value let go at its last use.
//! Immutable, and shared by all requests.
//!
//! ```text
//! Graph ─fold─► Draft ─passes─► Outline ─step─► Plan ─run─► answers
//!                                  │              └ schedule: what follows from the shapes of the inputs, kept by shape
//!                                  └ all that is known without the large weights: the choices, the bytes
//! ```

mod algorithms;
mod control;
mod deferred;
mod describe;
mod draft;
mod infer;
mod outline;
mod passes;
mod profile;
mod rows;
pub mod rules;
mod schedule;
mod step;
mod weights;

pub use draft::Held;
pub use outline::Outline;
pub use schedule::release_idle;
pub use weights::{Reader, Weights};

use crate::batching::Batched;
use crate::kernels;
use crate::report::{Cost, Listing};
use crate::value::{Value, workspace};
use crate::{EngineError, Signature};
use control::Budget;
use profile::Profile;
use rules::Known;
use schedule::{Kept, Schedule, Schedules};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Instant;
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
            let watched =
                |inputs, schedule: Pace<'_>| self.go(inputs, schedule, &Budget::new(), Some(&profile));
            answer = self.schedules.run(inputs.to_vec(), |_| Ok(()), watched)?;
        }
        Ok((answer, profile.finish()))
    }

    /// The steps in words, for the signatures that they serve.
    pub fn listing(&self, signatures: Vec<String>) -> Listing {
        let operations = self.steps.iter().zip(&self.shapes);
        Listing {
            signatures,
            inputs: self.inputs.clone(),
            outputs: self.outputs.iter().map(describe::read).collect(),
            operations: operations.map(|(step, shape)| describe::operation(step, shape.as_ref())).collect(),
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

    /// All steps. With a schedule, those that it knows the results of are left out.
    fn go(
        &self,
        inputs: Vec<Value>,
        schedule: Pace<'_>,
        budget: &Budget,
        profile: Option<&Profile>,
    ) -> Result<Vec<Value>, EngineError> {
        let foreseen = match &schedule {
            Pace::First(_) if cfg!(debug_assertions) => self.follow(&inputs).unwrap_or_default(),
            _ => Vec::new(),
        };
        let mut slots: Slots = vec![None; self.slots];
        for (slot, value) in self.inputs.iter().zip(inputs) {
            slots[*slot] = Some(value);
        }
        let known = match &schedule {
            Pace::Known(schedule) => schedule.fill(&mut slots),
            _ => &[],
        };
        let (mut kept, mut done) = (Vec::new(), 0);
        for (number, step) in self.steps.iter().enumerate() {
            if known.get(number).is_some_and(|known| *known) {
                continue;
            }
            budget.goes_on()?;
            // What runs inside of a step counts as the step's.
            if !matches!(schedule, Pace::Alone) {
                workspace::step(number);
            }
            if number < done {
                // It ran beside the step before it.
            } else if step.recurrent().is_some() && profile.is_none() {
                done = self.abreast(number, &mut slots)?;
            } else if step.takes() {
                self.taking(number, &mut slots, budget, profile)?;
            } else {
                self.one(number, &mut slots, profile)?;
            }
            debug_assert!(as_foreseen(step, &foreseen, &slots), "a rule is wrong about {}", step.title());
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

    /// A step that may change its inputs.
    fn taking(
        &self,
        number: usize,
        slots: &mut Slots,
        budget: &Budget,
        profile: Option<&Profile>,
    ) -> Result<(), EngineError> {
        let step = &self.steps[number];
        let begun = profile.map(|_| Instant::now());
        let made = step.run_taking(take(step, slots)?, budget).map_err(|e| at(&step.name, e))?;
        if let (Some(profile), Some(begun)) = (profile, begun) {
            profile.note(number, step, begun.elapsed(), &[], &made);
        }
        put(step, made, slots);
        Ok(())
    }

    /// Runs a recurrent layer, and beside it those right behind it that do not read what it makes; the number of the next step.
    fn abreast(&self, number: usize, slots: &mut Slots) -> Result<usize, EngineError> {
        let mut made: Vec<usize> = Vec::new();
        let mut layers = Vec::new();
        for step in &self.steps[number..] {
            let waits = |s: &Source| matches!(s, Source::Slot(slot) if made.contains(slot));
            let Some(layer) = step.recurrent().filter(|_| !step.inputs.iter().any(waits)) else { break };
            let reads = step.inputs.iter().map(|source| read(slots, source, &step.name));
            layers.push((layer, reads.collect::<Result<SmallVec<[&Value; 6]>, _>>()?));
            made.extend(&step.outputs);
        }
        let count = layers.len();
        let all: Vec<_> = layers.iter().map(|(layer, reads)| (*layer, &reads[..])).collect();
        let results = kernels::PackedRecurrent::run_all(&all).map_err(|e| at(&self.steps[number].name, e))?;
        drop(all);
        drop(layers);
        for (step, made) in self.steps[number..].iter().zip(results) {
            put(step, made, slots);
        }
        Ok(number + count)
    }

    fn one(&self, number: usize, slots: &mut Slots, profile: Option<&Profile>) -> Result<(), EngineError> {
        let step = &self.steps[number];
        let mut reads: SmallVec<[&Value; 6]> = SmallVec::new();
        for source in &step.inputs {
            reads.push(read(slots, source, &step.name)?);
        }
        let begun = profile.map(|_| Instant::now());
        let made = step.run(&reads).map_err(|e| at(&step.name, e))?;
        if let (Some(profile), Some(begun)) = (profile, begun) {
            profile.note(number, step, begun.elapsed(), &reads, &made);
        }
        drop(reads);
        put(step, made, slots);
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

/// Puts what a step made into its slots.
fn put(step: &Step, made: Vec<Value>, slots: &mut Slots) {
    for (slot, value) in step.outputs.iter().zip(made) {
        slots[*slot] = Some(value);
    }
}

/// The inputs of a step that may change them: a value that nobody reads later is handed over.
fn take(step: &Step, slots: &mut Slots) -> Result<Vec<Value>, EngineError> {
    let mut taken = Vec::with_capacity(step.inputs.len());
    for (n, source) in step.inputs.iter().enumerate() {
        let value = match source {
            Source::Slot(slot) if step.last_uses.contains(slot) && !again(&step.inputs[n + 1..], *slot) => {
                slots[*slot].take()
            }
            _ => None,
        };
        taken.push(match value {
            Some(value) => value,
            None => read(slots, source, &step.name)?.clone(),
        });
    }
    Ok(taken)
}

fn again(sources: &[Source], slot: usize) -> bool {
    sources.iter().any(|s| matches!(s, Source::Slot(other) if *other == slot))
}

/// Whether a step made what its rule said.
fn as_foreseen(step: &Step, foreseen: &[Known], slots: &Slots) -> bool {
    let mut made = step.outputs.iter().filter_map(|slot| foreseen.get(*slot).zip(slots[*slot].as_ref()));
    made.all(|(known, value)| known.holds(value))
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

/// For tests: graphs of literals alone.
#[cfg(test)]
struct NoWeights;

#[cfg(test)]
impl Reader for NoWeights {
    fn read(&self, _: usize) -> Result<Value, EngineError> {
        Err(EngineError::broken("a weight is missing"))
    }

    fn rows(&self, _: usize, _: [usize; 2], _: &(dyn Fn(usize, &[f32]) + Sync)) -> Result<bool, EngineError> {
        Ok(false)
    }

    fn identity(&self, weight: usize) -> String {
        weight.to_string()
    }
}
