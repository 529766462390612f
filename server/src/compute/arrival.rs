//! Which calls are taken, and which are told at once that they would wait in vain.

use super::call::{Call, CallId, State};
use super::core::{Core, Limits};
use super::lane::Lane;
use crate::cache::CopyId;
use crate::error::InvokeError;
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
    /// So many bytes wait at most.
    BytesFull(u64),
    /// So many bytes wait for this model at most.
    ModelBytesFull(u64),
    /// It would wait so long.
    TooLong(Duration),
}

impl Limits {
    /// Threads that may do heavy pieces at a time.
    pub(super) fn most_heavy(&self) -> usize {
        self.threads.saturating_sub(1).max(1)
    }

    /// Bytes of one model's calls that may wait.
    fn model_bytes(&self) -> u64 {
        self.queue_bytes.div_ceil(2)
    }
}

impl<F: PartialEq> Core<F> {
    /// Whether a call of so many bytes would be taken now, which is worth nothing if it does not get a thread within `patience`;
    /// without a copy: whether it could be of any model.
    pub fn look(&self, copy: Option<CopyId>, bytes: u64, patience: Option<Duration>) -> Result<(), Refusal> {
        let limits = &self.limits;
        if self.waiting >= limits.queue {
            return Err(Refusal::QueueFull(limits.queue));
        }
        if self.waiting > 0 && self.bytes.saturating_add(bytes) > limits.queue_bytes {
            return Err(Refusal::BytesFull(limits.queue_bytes));
        }
        let Some(lane) = copy.and_then(|copy| self.lanes.get(&copy)) else { return Ok(()) };
        let waiting = lane.waiting();
        if waiting >= limits.model_queue {
            return Err(Refusal::ModelQueueFull(limits.model_queue));
        }
        if waiting > 0 && lane.bytes.saturating_add(bytes) > limits.model_bytes() {
            return Err(Refusal::ModelBytesFull(limits.model_bytes()));
        }
        let wait = self.expected_wait(lane);
        if wait > patience.unwrap_or(limits.max_wait).min(limits.max_wait) {
            return Err(Refusal::TooLong(wait));
        }
        Ok(())
    }

    /// A call comes. It is taken, or [`Core::look`] says why not.
    pub fn arrive(
        &mut self,
        copy: CopyId,
        bytes: u64,
        patience: Option<Duration>,
    ) -> Result<CallId, Refusal> {
        self.look(Some(copy), bytes, patience)?;
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
        self.calls.insert(call, Call { lane: copy, state: State::Fresh, expected, bytes, work: None });
        self.waits(call, bytes);
        self.place(copy);
        Ok(call)
    }

    /// What is before a call of this model: its own calls, and of each other model as much at most, because the lanes take turns.
    fn expected_wait(&self, lane: &Lane<F>) -> Duration {
        let lanes = u32::try_from(self.ready.len().max(1)).unwrap_or(u32::MAX);
        let before = lane.backlog.saturating_mul(lanes).min(self.backlog);
        let threads = if lane.costs.run.is_heavy() { self.limits.most_heavy() } else { self.limits.threads };
        before / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)
    }
}

impl Refusal {
    /// Label of the metric.
    pub fn reason(self) -> &'static str {
        match self {
            Self::QueueFull(_) => "QueueFull",
            Self::ModelQueueFull(_) => "ModelQueueFull",
            Self::BytesFull(_) => "QueueBytesFull",
            Self::ModelBytesFull(_) => "ModelQueueBytesFull",
            Self::TooLong(_) => "WaitTooLong",
        }
    }
}

impl From<Refusal> for InvokeError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::QueueFull(limit) => Self::Overloaded(limit),
            Refusal::ModelQueueFull(limit) => Self::ModelOverloaded(limit),
            Refusal::BytesFull(limit) | Refusal::ModelBytesFull(limit) => Self::OverloadedBytes(limit),
            Refusal::TooLong(wait) => Self::WaitTooLong(wait),
        }
    }
}
