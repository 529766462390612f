//! A graph made ready to run: constants folded, what belongs together fused, weights packed, every value let go at its last use.
//! Immutable, and shared by all requests.
//!
//! ```text
//! Graph ─fold─► Draft ─passes─► Draft ─step─► Plan ─run─► answers
//!                                               └ schedule: what follows from the shapes of the inputs, kept by shape
//! ```

mod algorithms;
mod control;
mod draft;
mod infer;
mod passes;
mod schedule;
mod step;

pub use algorithms::packing_allowance;
pub use schedule::release_idle;

use crate::EngineError;
use crate::graph::{Graph, Node, ValueId};
use crate::value::Value;
use control::Budget;
use draft::Draft;
use rayon::prelude::*;
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
    /// Folds, fuses, packs and orders. `shapes` are those of the graph's inputs, as far as they are known.
    pub fn new(
        graph: &Graph,
        weights: &[Value],
        shapes: &[Option<infer::Extents>],
    ) -> Result<Self, EngineError> {
        let mut draft = draft::fold(graph, weights)?;
        passes::run(&mut draft)?;
        Self::finish(&draft, &graph.inputs, shapes)
    }

    fn finish(
        draft: &Draft,
        inputs: &[ValueId],
        shapes: &[Option<infer::Extents>],
    ) -> Result<Self, EngineError> {
        let shapes: Vec<_> = inputs.iter().copied().zip(shapes.iter().cloned()).collect();
        let choices = algorithms::choose_all(draft, &infer::Shapes::of(draft, &shapes));
        let mut last_reader: HashMap<ValueId, usize> = HashMap::new();
        for (number, node) in draft.nodes.iter().enumerate() {
            last_reader.extend(node.inputs.iter().map(|v| (*v, number)));
        }
        // Answers read their values after everything else.
        for output in &draft.outputs {
            last_reader.remove(output);
        }
        // Packing is most of the work of a load.
        let step = |(number, node): (usize, &Node)| {
            let mut last_uses: Vec<usize> =
                node.inputs.iter().copied().filter(|v| last_reader.get(v) == Some(&number)).collect();
            last_uses.sort_unstable();
            last_uses.dedup();
            Step::new(node, draft, last_uses, choices.get(&number).copied())
        };
        let steps = draft.nodes.par_iter().enumerate().map(step).collect::<Result<Vec<_>, _>>()?;
        let outputs = draft.outputs.iter().map(|v| Source::of(*v, &draft.constants)).collect();
        let schedules = Schedules::new(&steps, inputs);
        Ok(Self { steps, slots: draft.values, inputs: inputs.to_vec(), outputs, schedules })
    }

    /// Bytes of the weights and constants that the plan holds, and of the tables that go with each step.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(|step| step.bytes() + STEP_BYTES).sum()
    }

    /// Runs on the values of the signature's inputs, in its order.
    pub fn run(&self, inputs: Vec<Value>) -> Result<Vec<Value>, EngineError> {
        self.schedules.run(inputs, |inputs, schedule| self.go(inputs, schedule, &Budget::new()))
    }

    /// All steps. With a schedule, those that it knows the results of are left out.
    fn go(&self, inputs: Vec<Value>, schedule: Pace<'_>, budget: &Budget) -> Result<Vec<Value>, EngineError> {
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
            self.one(step, &mut slots, budget)?;
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

    fn one(&self, step: &Step, slots: &mut Slots, budget: &Budget) -> Result<(), EngineError> {
        if step.takes() {
            let made = step.run_taking(take(step, slots)?, budget).map_err(|e| at(&step.name, e))?;
            for (slot, value) in step.outputs.iter().zip(made) {
                slots[*slot] = Some(value);
            }
            return Ok(());
        }
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
