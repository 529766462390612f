//! A model as the admin port shows it.

use super::entry::{Entry, ModelState, State};
use crate::names::ModelName;
use serde::Serialize;
use std::time::Duration;

/// A model in the list of the admin port.
#[derive(Debug, Clone, Serialize)]
pub struct ModelView {
    /// The target model.
    pub name: String,
    /// Which of the archive's versions, where it is not the one that the archive serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Where it is.
    pub state: ModelState,
    /// Bytes in memory, those not yet given back included.
    pub bytes: u64,
    /// Requests that use it now.
    pub leases: u64,
    /// Requests that wait for it.
    pub waiting: usize,
    /// Never evicted.
    pub pinned: bool,
    /// Requests since it became known.
    pub requests: u64,
    /// Of these, those that found it resident.
    pub hits: u64,
    /// Seconds since a request last used it.
    pub idle_seconds: f64,
    /// Why it, or its newer version, did not load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Seconds until a request tries again, for state Failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_seconds: Option<f64>,
}

impl<H, P> Entry<H, P> {
    pub fn view(&self, name: &ModelName, now: Duration) -> ModelView {
        let live = match &self.state {
            State::Resident { copy, .. } => copy.leases,
            _ => 0,
        };
        let retry = match &self.state {
            State::Failed { until, .. } => Some(until.saturating_sub(now).as_secs_f64()),
            _ => None,
        };
        ModelView {
            name: name.as_str().to_owned(),
            version: name.version(),
            state: self.state(),
            bytes: self.bytes(),
            leases: live + self.retired.iter().map(|c| c.leases).sum::<u64>(),
            waiting: self.waiters.len(),
            pinned: self.is_pinned(),
            requests: self.requests,
            hits: self.hits,
            idle_seconds: now.saturating_sub(self.last_used_at).as_secs_f64(),
            error: self.error().map(ToString::to_string),
            retry_in_seconds: retry,
        }
    }
}
