//! Newer versions: noticed by asking the store now and then, loaded beside the old one, switched in one step.

use super::core::{Core, Source};
use super::entry::{Job, JobId, Phase, State};
use crate::names::ModelName;
use std::time::Duration;

impl<H: Clone, P> Core<H, P> {
    /// The store's word on the version that answers.
    pub(super) fn checked(&mut self, now: Duration, model: &ModelName, source: Source) {
        let id = JobId(self.fresh_id());
        let Some(entry) = self.models.get_mut(model) else { return };
        entry.checking = false;
        // While the store cannot be asked the version in use stays in use, and is asked about at the next interval.
        entry.checked_at = Some(now);
        match (source, &mut entry.state) {
            (Source::Changed, State::Resident { update: update @ None, .. }) => {
                let job = Job { id, phase: Phase::Queued, revalidate: true, expired: false, attempts: 0 };
                *update = Some(job);
                self.queued.push_back(model.clone());
            }
            (Source::Gone, State::Resident { .. }) => {
                entry.checked_at = None;
                self.retire(model);
                self.actions.push(super::core::Action::Discard(model.clone()));
            }
            _ => {}
        }
    }
}
