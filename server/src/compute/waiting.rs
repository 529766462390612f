//! Who waits for an answer, until it is there, its deadline passes, or the client leaves.

use super::call::CallId;
use super::shell::Shared;
use crate::error::InvokeError;
use std::time::Instant;
use tokio::sync::oneshot;

/// Takes the call out if it is waited for no more.
pub struct Waiting<'s, A> {
    shared: &'s Shared,
    id: CallId,
    receiver: Option<oneshot::Receiver<Result<A, InvokeError>>>,
}

impl<'s, A> Waiting<'s, A> {
    /// Of a call that was taken.
    pub fn new(shared: &'s Shared, id: CallId, receiver: oneshot::Receiver<Result<A, InvokeError>>) -> Self {
        Self { shared, id, receiver: Some(receiver) }
    }

    /// The answer, or that the deadline passed.
    pub async fn answer(&mut self, deadline: Option<Instant>) -> Result<A, InvokeError> {
        let Some(receiver) = &mut self.receiver else { return Err(InvokeError::Panicked) };
        let answer = match deadline {
            None => receiver.await,
            Some(at) => match tokio::time::timeout_at(at.into(), receiver).await {
                Ok(answer) => answer,
                Err(_elapsed) => return Err(InvokeError::DeadlineExceeded),
            },
        };
        self.receiver = None;
        answer.unwrap_or(Err(InvokeError::Panicked))
    }
}

impl<A> Drop for Waiting<'_, A> {
    fn drop(&mut self) {
        // Without a receiver the thread that is at it learns that nobody waits.
        if self.receiver.take().is_some() {
            // Its lease ends here, not under the lock.
            drop(self.shared.gone(self.id));
        }
    }
}
