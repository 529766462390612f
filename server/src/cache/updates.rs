//! Newer versions: noticed by asking the store now and then, loaded beside the old one, switched in one step.

use super::core::Core;
use super::entry::State;
use super::event::{Action, Source};
use crate::error::ModelError;
use crate::names::ModelName;
use std::time::Duration;

impl<H: Clone, P> Core<H, P> {
    /// The store's word on the version that answers.
    pub(super) fn checked(&mut self, now: Duration, model: &ModelName, source: Source, revision: u64) {
        let Some(entry) = self.models.get_mut(model) else { return };
        entry.checking = false;
        if entry.revision != revision {
            // Of another origin: what it says is of no use any more.
            return;
        }
        // While the store cannot be asked the version in use stays in use, and is asked about at the next interval.
        entry.checked_at = Some(now);
        match (source, &entry.state) {
            (Source::Changed, State::Resident { .. }) => self.start_update(model),
            (Source::Gone, State::Resident { .. }) if entry.is_outdated() && entry.listing.is_some() => {
                self.update_failed(now, model, &ModelError::NotFound);
            }
            (Source::Gone, State::Resident { .. }) => self.vanish(now, model),
            _ => {}
        }
    }

    /// What to do with the version that answers when the next one failed to come.
    pub(super) fn update_failed(&mut self, now: Duration, model: &ModelName, error: &ModelError) {
        let Some(entry) = self.models.get(model) else { return };
        // The owner's new origin may be a slip of the pen; otherwise the store is certain that there is no such model.
        let slip = entry.listing.is_some() && entry.is_outdated();
        if error.is_absence() && !slip {
            self.vanish(now, model);
            return;
        }
        tracing::warn!(model = model.as_str(), %error, "update failed, the version before goes on");
        self.retry_later(now, model);
    }

    /// The store has the model no more.
    fn vanish(&mut self, now: Duration, model: &ModelName) {
        let Some(entry) = self.models.get_mut(model) else { return };
        (entry.checked_at, entry.about) = (None, None);
        entry.last_error = entry.listing.is_some().then_some(ModelError::NotFound);
        self.retire(model);
        // Of an archive that has lost a version the others may be on disk.
        if model.version().is_none() {
            self.actions.push(Action::Discard(model.clone()));
        }
        self.retry_later(now, model);
    }
}
