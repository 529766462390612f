//! Requests: who gets the copy in memory, who waits, and what follows when a copy is no longer used.

use super::core::{Core, unload};
use super::entry::{CopyId, Entry, State, WaiterId};
use super::event::Action;
use crate::error::ModelError;
use crate::names::ModelName;
use std::time::Duration;

impl<H: Clone, P> Core<H, P> {
    pub(super) fn request(&mut self, now: Duration, model: &ModelName, waiter: WaiterId) {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.models.entry(model.clone()).or_insert_with(Entry::new);
        entry.requests += 1;
        entry.last_used = clock;
        entry.last_used_at = now;
        match &mut entry.state {
            State::Resident { copy, update } => {
                entry.hits += 1;
                self.counters.hits += 1;
                self.actions.extend(copy.grant(waiter));
                let stale = entry.checked_at.is_none_or(|t| now >= t + self.policy.revalidate_after);
                if stale
                    && !entry.checking
                    && update.is_none()
                    && let Some(handle) = copy.handle.clone()
                {
                    entry.checking = true;
                    let revision = entry.revision;
                    let origin = self.origin(model);
                    self.actions.push(Action::Check { model: model.clone(), handle, origin, revision });
                }
            }
            State::Failed { error, until, attempts } => {
                if now < *until {
                    self.actions.push(Action::Refuse(waiter, error.clone()));
                } else {
                    let attempts = *attempts;
                    self.counters.misses += 1;
                    self.wait(model, waiter);
                    self.start_job(now, model, attempts);
                }
            }
            State::Coming(job) if job.expired => {
                self.actions.push(Action::Refuse(waiter, ModelError::load_limit()));
            }
            State::Coming(_) => {
                self.counters.misses += 1;
                self.wait(model, waiter);
            }
            State::Out => {
                self.counters.misses += 1;
                self.wait(model, waiter);
                self.start_job(now, model, 0);
            }
        }
    }

    fn wait(&mut self, model: &ModelName, waiter: WaiterId) {
        let Some(entry) = self.models.get_mut(model) else { return };
        if entry.waiters.len() >= self.policy.max_waiters {
            self.actions.push(Action::Refuse(waiter, ModelError::too_many_waiters()));
        } else {
            entry.waiters.push_back(waiter);
        }
    }

    pub(super) fn waiter_gone(&mut self, model: &ModelName, waiter: WaiterId) {
        if let Some(entry) = self.models.get_mut(model) {
            entry.waiters.retain(|w| *w != waiter);
        }
    }

    pub(super) fn released(&mut self, now: Duration, model: &ModelName, id: CopyId) {
        self.clock += 1;
        let (keep, clock) = (self.policy.keep, self.clock);
        let Some(entry) = self.models.get_mut(model) else { return };
        entry.last_used = clock;
        entry.last_used_at = now;
        let pinned = entry.is_pinned();
        match &mut entry.state {
            State::Resident { copy, .. } if copy.id == id => {
                copy.leases -= 1;
                if copy.leases == 0 && !keep && !pinned {
                    self.retire(model);
                    self.actions.push(Action::Discard(model.clone()));
                }
            }
            _ => {
                if let Some(copy) = entry.retired.iter_mut().find(|c| c.id == id) {
                    copy.leases -= 1;
                    if copy.leases == 0 {
                        self.actions.extend(unload(model, copy));
                    }
                }
            }
        }
    }
}
