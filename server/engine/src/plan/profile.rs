//! Where the time of a run goes.

use super::describe;
use super::step::Step;
use crate::report::Cost;
use crate::value::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What each step of a plan cost, over any number of runs.
#[derive(Debug, Default)]
pub struct Profile {
    costs: Mutex<Vec<Option<Cost>>>,
}

impl Profile {
    /// Counts one run of a step.
    pub fn note(&self, number: usize, step: &Step, took: Duration, inputs: Inputs<'_>, made: &[Value]) {
        let cost = || (describe::flops(step, inputs.here(), made), moved(step, inputs.bytes(), made));
        self.count(number, step, took, cost);
    }

    /// The same of a step whose FLOPs are not counted, and which moved so many bytes.
    #[cfg(feature = "candle")]
    pub fn note_bytes(&self, number: usize, step: &Step, took: Duration, bytes: usize) {
        self.count(number, step, took, || (0, bytes as u64));
    }

    fn count(&self, number: usize, step: &Step, took: Duration, cost: impl FnOnce() -> (u64, u64)) {
        let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        if costs.len() <= number {
            costs.resize(number + 1, None);
        }
        let cost = costs[number].get_or_insert_with(|| {
            let (flops, bytes) = cost();
            Cost { operation: step.title(), node: step.name.clone(), runs: 0, seconds: 0.0, flops, bytes }
        });
        cost.runs += 1;
        cost.seconds += took.as_secs_f64();
    }

    /// The costs of the steps that ran, the dearest first.
    pub fn finish(self) -> Vec<Cost> {
        let costs = self.costs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut costs: Vec<Cost> = costs.into_iter().flatten().collect();
        for cost in &mut costs {
            cost.seconds /= cost.runs as f64;
        }
        costs.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        costs
    }
}

/// What a step read.
#[derive(Debug, Clone, Copy)]
pub enum Inputs<'a> {
    /// Values.
    Here(&'a [&'a Value]),
    /// Values of so many bytes that were handed over to it.
    Gone(usize),
}

impl Inputs<'_> {
    fn here(&self) -> &[&Value] {
        match self {
            Self::Here(values) => values,
            Self::Gone(_) => &[],
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Here(values) => values.iter().map(|v| v.bytes()).fold(0, usize::saturating_add),
            Self::Gone(bytes) => *bytes,
        }
    }
}

fn moved(step: &Step, read: usize, made: &[Value]) -> u64 {
    let packed: usize = step.product().map_or(0, |p| p.buffers().iter().map(|(_, bytes)| bytes).sum());
    made.iter().map(Value::bytes).fold(packed.saturating_add(read), usize::saturating_add) as u64
}
