//! The way of a job: queue for a download slot, download, reserve memory, load.

use super::core::Core;
use super::entry::{Copy, CopyId, Entry, Job, JobId, Phase, State};
use super::event::Action;
use crate::error::ModelError;
use crate::names::ModelName;
use std::time::Duration;

impl<H: Clone, P> Core<H, P> {
    /// Starts a first load of a model that is out of memory.
    pub(super) fn start_job(&mut self, now: Duration, model: &ModelName, attempts: u32) {
        let id = JobId(self.fresh_id());
        let fresh_for = self.policy.revalidate_after;
        let Some(entry) = self.models.get_mut(model) else { return };
        let revalidate = entry.checked_at.is_none_or(|t| now >= t + fresh_for);
        let revision = entry.revision;
        let job = Job { id, phase: Phase::Queued, revalidate, expired: false, attempts, revision };
        entry.state = State::Coming(job);
        self.queued.push_back(model.clone());
    }

    /// Brings another version beside the one that answers, unless that is under way.
    pub(super) fn start_update(&mut self, model: &ModelName) {
        let id = JobId(self.fresh_id());
        let Some(entry) = self.models.get_mut(model) else { return };
        let (revision, attempts) = (entry.revision, entry.setbacks);
        if let State::Resident { update: update @ None, .. } = &mut entry.state {
            let phase = Phase::Queued;
            *update = Some(Job { id, phase, revalidate: true, expired: false, attempts, revision });
            self.queued.push_back(model.clone());
        }
    }

    pub(super) fn start_downloads(&mut self) {
        while self.downloads < self.policy.max_downloads {
            let Some(model) = self.queued.pop_front() else { return };
            let origin = self.origin(&model);
            let Some(entry) = self.models.get_mut(&model) else { continue };
            let Some(job) = entry.job() else { continue };
            if !matches!(job.phase, Phase::Queued) {
                continue;
            }
            job.phase = Phase::Downloading;
            let (job, revalidate) = (job.id, job.revalidate);
            self.downloads += 1;
            self.actions.push(Action::Download { model, job, origin, revalidate });
        }
    }

    pub(super) fn downloaded(
        &mut self,
        now: Duration,
        model: &ModelName,
        id: JobId,
        bytes: u64,
        payload: P,
        fresh: bool,
    ) {
        let budget = self.ledger.budget();
        let Some(entry) = self.models.get_mut(model) else { return };
        let Some(job) = entry.job().filter(|j| j.id == id && matches!(j.phase, Phase::Downloading)) else {
            return;
        };
        self.downloads -= 1;
        job.phase = Phase::Reserving { bytes, payload, since: now };
        if fresh {
            entry.checked_at = Some(now);
        }
        if bytes > budget {
            self.actions.push(Action::Abandon(id));
            self.fail(now, model, &ModelError::never_fits(bytes, budget));
        } else {
            self.reserving.push_back(model.clone());
        }
    }

    /// Starts the loads whose memory can be had, in the order in which they asked: a big model is not overtaken for
    /// ever by small ones.
    pub(super) fn admit(&mut self, now: Duration) {
        while self.loads < self.policy.max_loads {
            let Some(model) = self.reserving.front().cloned() else { return };
            let Some(Phase::Reserving { bytes, since, .. }) =
                self.models.get_mut(&model).and_then(Entry::job).map(|j| &j.phase)
            else {
                self.reserving.pop_front();
                continue;
            };
            let (bytes, impatient) = (*bytes, now >= *since + self.policy.patience);
            if !self.ledger.reserve(bytes) {
                self.make_room(&model, bytes, impatient);
                return;
            }
            self.reserving.pop_front();
            self.start_load(model, bytes);
        }
    }

    fn start_load(&mut self, model: ModelName, bytes: u64) {
        let Some(job) = self.models.get_mut(&model).and_then(Entry::job) else { return };
        let before = std::mem::replace(&mut job.phase, Phase::Loading { bytes });
        if let Phase::Reserving { payload, .. } = before {
            let job = job.id;
            self.loads += 1;
            self.actions.push(Action::Load { model, job, payload });
        }
    }

    pub(super) fn loaded(&mut self, now: Duration, model: &ModelName, id: JobId, handle: H) {
        let copy = CopyId(self.fresh_id());
        let Some(entry) = self.models.get_mut(model) else { return };
        let job = entry.job().filter(|j| j.id == id).map(|j| (j.reserved(), j.revision));
        let Some((bytes, revision)) = job else { return };
        // One step: the version that answered until now retires, the new one answers.
        if let State::Resident { update, .. } = &mut entry.state {
            *update = None;
            self.retire(model);
        }
        let Some(entry) = self.models.get_mut(model) else { return };
        self.loads -= 1;
        self.counters.loads += 1;
        self.ledger.occupy(bytes);
        let mut copy = Copy { id: copy, handle: Some(handle), bytes, leases: 0, revision };
        for waiter in entry.waiters.drain(..) {
            self.actions.extend(copy.grant(waiter));
        }
        let unused = copy.leases == 0;
        entry.last_used_at = now;
        entry.state = State::Resident { copy, update: None };
        let outdated = entry.is_outdated();
        if !outdated {
            (entry.last_error, entry.setbacks) = (None, 0);
        }
        if unused && !self.policy.keep && !entry.is_pinned() {
            self.retire(model);
            self.actions.push(Action::Discard(model.clone()));
        } else if outdated {
            self.start_update(model);
        }
    }

    pub(super) fn job_failed(&mut self, now: Duration, model: &ModelName, id: JobId, error: &ModelError) {
        let Some(entry) = self.models.get_mut(model) else { return };
        let Some(job) = entry.job().filter(|j| j.id == id) else { return };
        match job.phase {
            Phase::Downloading => self.downloads -= 1,
            Phase::Loading { bytes } => {
                self.loads -= 1;
                self.ledger.cancel(bytes);
            }
            Phase::Queued | Phase::Reserving { .. } => {}
        }
        self.fail(now, model, error);
    }

    /// The load limit has passed. What can be abandoned is; a load cannot be interrupted, so its memory stays
    /// reserved until it ends, and if it ends well after all the model is used.
    pub(super) fn job_expired(&mut self, now: Duration, model: &ModelName, id: JobId, error: &ModelError) {
        let Some(entry) = self.models.get_mut(model) else { return };
        let Some(job) = entry.job().filter(|j| j.id == id && !j.expired) else { return };
        if let Phase::Loading { .. } = job.phase {
            job.expired = true;
            for waiter in entry.waiters.drain(..) {
                self.actions.push(Action::Refuse(waiter, error.clone()));
            }
            return;
        }
        if let Phase::Downloading = job.phase {
            self.downloads -= 1;
        }
        self.actions.push(Action::Abandon(id));
        self.fail(now, model, error);
    }

    /// Ends the model's job with an error: its waiters get it, later requests until the back-off ends. The version
    /// that answers goes on if the job was an update.
    fn fail(&mut self, now: Duration, model: &ModelName, error: &ModelError) {
        let Some(entry) = self.models.get_mut(model) else { return };
        self.counters.failures += 1;
        if entry.listing.is_some() || matches!(entry.state, State::Resident { .. }) {
            entry.last_error = Some(error.clone());
            entry.setbacks += 1;
        }
        match &mut entry.state {
            State::Resident { update, .. } => {
                *update = None;
                // Asked again after the usual interval, not at once.
                entry.checked_at = Some(now);
                self.update_failed(now, model, error);
                return;
            }
            State::Coming(job) => {
                let attempts = job.attempts + 1;
                entry.state = if error.is_remembered() {
                    let wait = backoff(self.policy.backoff_first, self.policy.backoff_most, attempts);
                    State::Failed { error: error.clone(), until: now + wait, attempts }
                } else {
                    State::Out
                };
                // Whatever was known of the version is to be asked anew.
                entry.checked_at = None;
            }
            _ => return,
        }
        for waiter in entry.waiters.drain(..) {
            self.actions.push(Action::Refuse(waiter, error.clone()));
        }
        if !error.is_remembered() && entry.is_idle() {
            self.models.remove(model);
        } else {
            self.retry_later(now, model);
        }
    }
}

pub(super) fn backoff(first: Duration, most: Duration, attempts: u32) -> Duration {
    first.saturating_mul(1u32 << (attempts.saturating_sub(1)).min(16)).min(most)
}
