//! What a request for a model would be told, without one.

use super::core::Core;
use super::entry::{CopyId, State};
use crate::error::ModelError;
use crate::names::ModelName;
use std::time::Duration;

impl<H: Clone, P> Core<H, P> {
    /// The copy that would answer now, none if the request would wait for one, or why it would be refused at once.
    pub fn outlook(&self, now: Duration, model: &ModelName) -> Result<Option<CopyId>, ModelError> {
        let Some(entry) = self.models.get(model) else { return Ok(None) };
        match &entry.state {
            State::Resident { copy, .. } => Ok(Some(copy.id)),
            State::Failed { error, until, .. } if now < *until => Err(error.clone()),
            State::Coming(job) if job.expired => Err(ModelError::load_limit()),
            _ if entry.waiters.len() >= self.policy.max_waiters => Err(ModelError::too_many_waiters()),
            _ => Ok(None),
        }
    }
}
