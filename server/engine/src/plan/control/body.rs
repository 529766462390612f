//! A body made ready, with what it noted of the shapes that came last.

use super::super::draft::Draft;
use super::super::outline::Outline;
use super::super::schedule::Schedule;
use super::super::weights::Weights;
use super::super::{Pace, Plan};
use super::{Budget, Values};
use crate::EngineError;
use crate::graph::{Body as Function, ValueId};
use crate::value::{Dims, Value};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A body made ready.
#[derive(Debug)]
pub struct Body {
    name: String,
    pub plan: Plan,
    /// The values that it reads, by number.
    pub reads: Vec<usize>,
    /// What follows from the shapes of these values, for the shapes that came last.
    last: Mutex<Option<Arc<Noted>>>,
}

#[derive(Debug)]
pub struct Noted {
    shapes: Vec<Dims>,
    schedule: Schedule,
}

impl Body {
    /// `wanted`: which outputs are, by number.
    pub fn new(
        function: &Function,
        draft: &Draft,
        wanted: &[usize],
        weights: &Weights<'_>,
    ) -> Result<Self, EngineError> {
        let missing = || EngineError::broken(format!("function {:?} has too few outputs", function.name));
        let mut draft = draft.clone();
        let outputs: Option<Vec<ValueId>> = wanted.iter().map(|n| draft.outputs.get(*n).copied()).collect();
        draft.outputs = outputs.ok_or_else(missing)?;
        let used: HashSet<ValueId> =
            draft.nodes.iter().flat_map(|n| &n.inputs).chain(&draft.outputs).copied().collect();
        let read = |n: &usize| {
            let input = &function.graph.inputs[*n];
            used.contains(input) && !draft.is_known(*input)
        };
        let reads: Vec<usize> = (0..function.graph.inputs.len()).filter(read).collect();
        let inputs: Vec<ValueId> = reads.iter().map(|n| function.graph.inputs[*n]).collect();
        let plan = Outline::of(draft, Vec::new(), &inputs, &vec![None; inputs.len()]).finish(weights)?;
        Ok(Self { name: function.name.clone(), plan, reads, last: Mutex::new(None) })
    }

    pub fn run(&self, inputs: Vec<Value>, noted: &mut Option<Arc<Noted>>, budget: &Budget) -> Values {
        budget.spend(self.plan.steps.len())?;
        let result = match noted.as_ref().filter(|n| n.fits(&inputs)) {
            Some(noted) => self.plan.go(inputs, Pace::Known(&noted.schedule), budget, None),
            None => {
                let shapes = inputs.iter().map(|v| v.dims().into()).collect();
                let mut schedule = Schedule::default();
                let result = self.plan.go(inputs, Pace::First(&mut schedule), budget, None);
                *noted = Some(Arc::new(Noted { shapes, schedule }));
                result
            }
        };
        result.map_err(|error| match error {
            EngineError::Execution(text) => {
                EngineError::Execution(format!("in function {:?}: {text}", self.name))
            }
            other => other,
        })
    }

    pub fn noted(&self) -> Option<Arc<Noted>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn note(&self, noted: Option<Arc<Noted>>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }
}

impl Noted {
    fn fits(&self, inputs: &[Value]) -> bool {
        self.shapes.len() == inputs.len()
            && self.shapes.iter().zip(inputs).all(|(s, v)| s.as_slice() == v.dims())
    }
}
