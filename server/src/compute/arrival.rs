//! Which calls are taken, and which are told at once that they would wait in vain.

use super::call::{Call, CallId, State};
use super::core::{Core, Limits};
use super::lane::Lane;
use crate::cache::CopyId;
use std::time::Duration;

/// Lanes whose costs are remembered.
const MOST_LANES: usize = 4096;

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// So many wait.
    QueueFull(usize),
    /// So many wait for this model.
    ModelQueueFull(usize),
    /// It would wait so long.
    TooLong(Duration),
}

impl Limits {
    /// Threads that may do heavy pieces at a time.
    pub(super) fn most_heavy(&self) -> usize {
        self.threads.saturating_sub(1).max(1)
    }
}

impl<F: PartialEq> Core<F> {
    /// A call comes, which is worth nothing if it does not get a thread within `patience`.
    pub fn arrive(&mut self, copy: CopyId, patience: Option<Duration>) -> Result<CallId, Refusal> {
        let limits = &self.limits;
        if self.waiting >= limits.queue {
            return Err(Refusal::QueueFull(limits.queue));
        }
        if self.lanes.get(&copy).is_some_and(|lane| lane.waiting() >= limits.model_queue) {
            return Err(Refusal::ModelQueueFull(limits.model_queue));
        }
        let wait = self.expected_wait(copy);
        if wait > patience.unwrap_or(limits.max_wait).min(limits.max_wait) {
            return Err(Refusal::TooLong(wait));
        }
        if self.lanes.len() >= MOST_LANES && !self.lanes.contains_key(&copy) {
            self.lanes.retain(|_, lane| !lane.is_idle());
        }
        self.next_call += 1;
        let call = CallId(self.next_call);
        let lane = self.lanes.entry(copy).or_insert_with(|| Lane::new(self.virtual_time));
        if lane.is_idle() {
            lane.virtual_time = lane.virtual_time.max(self.virtual_time);
        }
        let expected = lane.costs.call();
        lane.push(call);
        lane.backlog += expected;
        self.backlog += expected;
        self.waiting += 1;
        self.calls.insert(call, Call { lane: copy, state: State::Fresh, expected, work: None });
        self.place(copy);
        Ok(call)
    }

    /// What is before a call of this model: its own calls, and of each other model as much at most, because the lanes take turns.
    fn expected_wait(&self, copy: CopyId) -> Duration {
        let Some(lane) = self.lanes.get(&copy) else { return Duration::ZERO };
        let lanes = u32::try_from(self.ready.len().max(1)).unwrap_or(u32::MAX);
        let before = lane.backlog.saturating_mul(lanes).min(self.backlog);
        let threads = if lane.costs.run.is_heavy() { self.limits.most_heavy() } else { self.limits.threads };
        before / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)
    }
}
