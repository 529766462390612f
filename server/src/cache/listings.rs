//! What the owner asks of single models: another origin, to be held in memory, to stay there.

use super::core::Core;
use super::entry::{Entry, JobId, Phase, State};
use super::event::Action;
use super::jobs::backoff;
use crate::catalogue::{About, Listing};
use crate::error::ModelError;
use crate::names::ModelName;
use std::collections::HashMap;
use std::time::Duration;

/// What became of the models that are to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// In memory, or failed.
    pub settled: usize,
    /// On their way.
    pub coming: usize,
}

impl<H: Clone, P> Core<H, P> {
    /// Every listed model.
    pub fn listings(&self) -> HashMap<ModelName, Listing> {
        let listed = |(name, e): (&ModelName, &Entry<H, P>)| Some((name.clone(), e.listing.clone()?));
        self.models.iter().filter_map(listed).collect()
    }

    /// How far the models are that this pod is to hold.
    pub fn held(&self) -> Held {
        let mut held = Held::default();
        for entry in self.models.values().filter(|e| self.holds(e)) {
            match entry.state {
                State::Coming(_) => held.coming += 1,
                _ => held.settled += 1,
            }
        }
        held
    }

    /// Whether the model is to be brought without a request. Where nothing stays only what is pinned does.
    fn holds(&self, entry: &Entry<H, P>) -> bool {
        entry.listing.as_ref().is_some_and(|l| l.hold && (self.policy.keep || entry.is_pinned()))
    }

    /// Takes in what the owner asks now.
    pub(super) fn list(&mut self, now: Duration, model: &ModelName, listing: Option<Listing>) {
        let entry = self.models.entry(model.clone()).or_insert_with(Entry::new);
        let before = entry.origin();
        entry.listing = listing;
        if entry.listing.is_none() {
            entry.last_error = None;
        }
        if before != entry.origin() {
            self.move_to_origin(now, model);
        }
        self.bring(now, model);
        if self.models.get(model).is_some_and(Entry::is_idle) {
            self.models.remove(model);
        }
    }

    /// Starts for the new origin. What answers goes on until the new version is there; a load cannot be interrupted, so
    /// another one follows it.
    fn move_to_origin(&mut self, now: Duration, model: &ModelName) {
        let Some(entry) = self.models.get_mut(model) else { return };
        entry.revision += 1;
        (entry.checked_at, entry.looked_at, entry.last_error) = (None, None, None);
        (entry.looking, entry.setbacks) = (false, 0);
        match &entry.state {
            State::Resident { update: None, .. } => self.start_update(model),
            State::Resident { update: Some(job), .. } if !matches!(job.phase, Phase::Loading { .. }) => {
                self.abandon(model);
                self.start_update(model);
            }
            State::Coming(job) if !matches!(job.phase, Phase::Loading { .. }) => {
                self.abandon(model);
                self.start_job(now, model, 0);
            }
            State::Out | State::Failed { .. } => (entry.state, entry.about) = (State::Out, None),
            State::Resident { .. } | State::Coming(_) => {}
        }
    }

    /// Gives the model's job up; those who wait for it wait for the next.
    fn abandon(&mut self, model: &ModelName) {
        let Some(entry) = self.models.get_mut(model) else { return };
        let Some(job) = entry.job() else { return };
        let (id, downloading) = (job.id, matches!(job.phase, Phase::Downloading));
        if downloading {
            self.downloads -= 1;
        }
        match &mut entry.state {
            State::Resident { update, .. } => *update = None,
            state => *state = State::Out,
        }
        self.actions.push(Action::Abandon(id));
    }

    /// Brings a model that is to be held.
    fn bring(&mut self, now: Duration, model: &ModelName) {
        let wanted = self.models.get(model).is_some_and(|e| {
            self.holds(e) && matches!(e.state, State::Out) && e.waiters.is_empty() && !e.retrying
        });
        if wanted {
            self.start_job(now, model, 0);
        } else {
            self.retry_later(now, model);
        }
    }

    /// Notes another attempt for a model that is to be held, or whose new origin has not given a version yet.
    pub(super) fn retry_later(&mut self, now: Duration, model: &ModelName) {
        let Some(entry) = self.models.get(model) else { return };
        let missing = self.holds(entry) && matches!(entry.state, State::Out | State::Failed { .. });
        if entry.retrying || !(missing || entry.is_outdated()) {
            return;
        }
        let wait = backoff(self.policy.backoff_first, self.policy.backoff_most, entry.setbacks);
        self.retries.push((now + wait, model.clone()));
        if let Some(entry) = self.models.get_mut(model) {
            entry.retrying = true;
        }
    }

    /// Tries again whatever is due.
    pub(super) fn retry(&mut self, now: Duration) {
        if self.retries.iter().all(|(at, _)| *at > now) {
            return;
        }
        let (due, later) = std::mem::take(&mut self.retries).into_iter().partition(|(at, _)| *at <= now);
        self.retries = later;
        let due: Vec<(Duration, ModelName)> = due;
        for (_, model) in due {
            let Some(entry) = self.models.get_mut(&model) else { continue };
            entry.retrying = false;
            let attempts = match &entry.state {
                State::Failed { attempts, .. } => *attempts,
                _ => 0,
            };
            let held = self.models.get(&model).is_some_and(|e| self.holds(e));
            match self.models.get(&model).map(|e| (&e.state, e.is_outdated())) {
                Some((State::Out | State::Failed { .. }, _)) if held => self.start_job(now, &model, attempts),
                Some((State::Resident { .. }, true)) => self.start_update(&model),
                _ => {}
            }
        }
    }

    /// What the job's artifact is.
    pub(super) fn about(&mut self, model: &ModelName, id: JobId, about: About) {
        let Some(entry) = self.models.get_mut(model) else { return };
        if entry.job().is_some_and(|j| j.id == id) {
            entry.about = Some(about);
        }
    }

    /// Has the store asked about a listed model that nobody has asked for yet.
    pub(super) fn look(&mut self, now: Duration, model: &ModelName) {
        let wait = self.policy.revalidate_after;
        let Some(entry) = self.models.get_mut(model) else { return };
        let asked = entry.looking || entry.looked_at.is_some_and(|t| now < t + wait);
        let unknown = entry.about.is_none() && matches!(entry.state, State::Out);
        if entry.listing.is_some() && unknown && !asked {
            (entry.looking, entry.looked_at) = (true, Some(now));
            let (origin, revision) = (entry.origin(), entry.revision);
            self.actions.push(Action::Look { model: model.clone(), origin, revision });
        }
    }

    /// The store's answer.
    pub(super) fn looked(
        &mut self,
        model: &ModelName,
        revision: u64,
        answer: Result<Option<About>, ModelError>,
    ) {
        let Some(entry) = self.models.get_mut(model).filter(|e| e.revision == revision) else { return };
        entry.looking = false;
        if entry.listing.is_none() || !matches!(entry.state, State::Out) || entry.about.is_some() {
            return;
        }
        match answer {
            Ok(Some(about)) => (entry.about, entry.last_error) = (Some(about), None),
            Ok(None) => entry.last_error = Some(ModelError::NotFound),
            Err(error) => entry.last_error = Some(error),
        }
    }
}
