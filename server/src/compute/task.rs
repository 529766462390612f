//! One call as the threads see it, whatever protocol it came by.

use crate::cache::Lease;
use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use crate::loader::{Clock, LoadedModel};
use berth_engine::Tensor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tokio::sync::oneshot;

/// What a run gives, by name.
pub type Outputs = Vec<(String, Tensor)>;

/// A call, with its protocol left open.
pub trait Task: Send {
    /// Reads the request.
    fn decode(&mut self) -> Result<Call, InvokeError>;

    /// The model. None only while the lease on it ends.
    fn model(&self) -> Option<&LoadedModel>;

    /// When it came.
    fn arrived(&self) -> Instant;

    /// It was run.
    fn ran(&mut self);

    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Writes and sends the answer.
    fn answer(self: Box<Self>, outputs: Result<Outputs, InvokeError>);
}

/// A call of a protocol.
pub struct Typed<E: Exchange> {
    /// Keeps the model in memory.
    pub lease: Lease,
    /// The request.
    pub exchange: E,
    /// When it came, and what the time since then was spent on.
    pub clock: Clock,
    /// When its answer is worth nothing any more.
    pub deadline: Option<Instant>,
    /// Who waits for the answer.
    pub sender: oneshot::Sender<Result<E::Answer, InvokeError>>,
}

/// A panic in the work of a call is this call's error and nobody else's.
pub fn caught<T>(work: impl FnOnce() -> Result<T, InvokeError>) -> Result<T, InvokeError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(InvokeError::Panicked))
}

impl<E: Exchange> Task for Typed<E> {
    fn decode(&mut self) -> Result<Call, InvokeError> {
        let Self { lease, exchange, clock, .. } = self;
        clock.lap();
        let call = caught(|| exchange.decode(lease.model().ok_or(InvokeError::Panicked)?.engine()));
        if call.is_ok() {
            clock.lap();
        }
        call
    }

    fn model(&self) -> Option<&LoadedModel> {
        self.lease.model()
    }

    fn arrived(&self) -> Instant {
        self.clock.started()
    }

    fn ran(&mut self) {
        self.clock.lap();
    }

    fn is_wanted(&self) -> bool {
        // The clock is looked at only where there is a deadline.
        !self.sender.is_closed() && self.deadline.is_none_or(|at| Instant::now() < at)
    }

    fn answer(self: Box<Self>, outputs: Result<Outputs, InvokeError>) {
        let Self { lease, exchange, mut clock, sender, .. } = *self;
        let answer = outputs.and_then(|outputs| {
            caught(|| exchange.encode(lease.model().ok_or(InvokeError::Panicked)?.engine(), outputs))
        });
        if answer.is_ok() {
            clock.lap();
        }
        if let Some(model) = lease.model() {
            model.statistics().count(&clock);
        }
        // The model may go before the answer is read: who reads it may unload the model and wait for that.
        drop(lease);
        let _ = sender.send(answer);
    }
}
