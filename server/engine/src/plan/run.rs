//! A run of a plan: step by step, each value let go at its last use.

use super::Plan;
use super::control::Budget;
use super::profile::{Inputs, Profile};
use super::rules::Known;
use super::schedule::{Kept, Schedule};
use super::step::{Source, Step};
use crate::value::{Value, workspace};
use crate::{EngineError, kernels};
use smallvec::SmallVec;
use std::time::Instant;

/// The values of a run, by slot.
type Slots = Vec<Option<Value>>;

/// How a run goes about it.
pub enum Pace<'s> {
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
        Source::Elsewhere(_) => {
            Err(EngineError::Execution(format!("node {name:?} reads what is on a device")))
        }
        Source::Slot(slot) => slots[*slot]
            .as_ref()
            .ok_or_else(|| EngineError::Execution(format!("node {name:?} reads a value that was not made"))),
    }
}

/// Names the node of an error.
pub fn at(name: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Execution(text) => EngineError::Execution(format!("node {name:?}: {text}")),
        other => other,
    }
}

impl Plan {
    /// All steps. With a schedule, those that it knows the results of are left out.
    pub(super) fn go(
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
        let inputs = take(step, slots)?;
        let begun = profile.map(|_| (Instant::now(), inputs.iter().map(Value::bytes).sum()));
        let made = step.run_taking(inputs, budget).map_err(|e| at(&step.name, e))?;
        if let (Some(profile), Some((begun, bytes))) = (profile, begun) {
            profile.note(number, step, begun.elapsed(), Inputs::Gone(bytes), &made);
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
            profile.note(number, step, begun.elapsed(), Inputs::Here(&reads), &made);
        }
        drop(reads);
        put(step, made, slots);
        Ok(())
    }
}
