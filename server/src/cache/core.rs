//! The decisions: an event and the time in, actions out. No I/O, no clock, no randomness.

use super::budget::Ledger;
use super::entry::{Copy, CopyId, Entry, State};
use super::event::{Action, Event};
use super::view::ModelView;
use crate::names::ModelName;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The numbers that the decisions depend on.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Bytes that models may use together.
    pub memory_budget: u64,
    /// False: load, answer, drop.
    pub keep: bool,
    /// Downloads at a time.
    pub max_downloads: usize,
    /// Loads at a time.
    pub max_loads: usize,
    /// Requests that may wait for one model.
    pub max_waiters: usize,
    /// Models remembered while they are out of memory.
    pub max_known: usize,
    /// How long the store's word on a version is taken as fresh.
    pub revalidate_after: Duration,
    /// First wait after a failure; doubles with each.
    pub backoff_first: Duration,
    /// Longest wait after a failure.
    pub backoff_most: Duration,
    /// How long a reservation waits for unused models before used ones are drained for it.
    pub patience: Duration,
}

/// Numbers that only grow.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Requests that found their model resident.
    pub hits: u64,
    /// Requests that did not.
    pub misses: u64,
    /// Copies that went because others needed the memory.
    pub evictions: u64,
    /// Loads that ended with a model.
    pub loads: u64,
    /// Jobs that failed.
    pub failures: u64,
}

/// All models and the budget.
#[derive(Debug)]
pub struct Core<H, P> {
    pub(super) policy: Policy,
    pub(super) models: HashMap<ModelName, Entry<H, P>>,
    pub(super) ledger: Ledger,
    /// Jobs that wait for a download slot, oldest first.
    pub(super) queued: VecDeque<ModelName>,
    /// Jobs that wait for memory, oldest first.
    pub(super) reserving: VecDeque<ModelName>,
    /// Listed models and updates to be tried again without a request, and when.
    pub(super) retries: Vec<(Duration, ModelName)>,
    pub(super) downloads: usize,
    pub(super) loads: usize,
    pub(super) counters: Counters,
    pub(super) actions: Vec<Action<H, P>>,
    next_id: u64,
    pub(super) clock: u64,
}

impl<H: Clone, P> Core<H, P> {
    /// No model in memory.
    pub fn new(policy: Policy) -> Self {
        Self {
            ledger: Ledger::new(policy.memory_budget),
            policy,
            models: HashMap::new(),
            queued: VecDeque::new(),
            reserving: VecDeque::new(),
            retries: Vec::new(),
            downloads: 0,
            loads: 0,
            counters: Counters::default(),
            actions: Vec::new(),
            next_id: 1,
            clock: 1,
        }
    }

    /// Takes in what happened to `model` and says what is to be done now.
    pub fn apply(&mut self, now: Duration, model: &ModelName, event: Event<H, P>) -> Vec<Action<H, P>> {
        match event {
            Event::Request(waiter) => self.request(now, model, waiter),
            Event::WaiterGone(waiter) => self.waiter_gone(model, waiter),
            Event::Released(copy) => self.released(now, model, copy),
            Event::Downloaded { job, bytes, payload, about, fresh } => {
                self.about(model, job, about);
                self.downloaded(now, model, job, bytes, payload, fresh);
            }
            Event::Loaded(job, handle) => self.loaded(now, model, job, handle),
            Event::JobFailed(job, error) => self.job_failed(now, model, job, &error),
            Event::JobExpired(job, error) => self.job_expired(now, model, job, &error),
            Event::Unloaded(copy) => self.unloaded(model, copy),
            Event::Checked(source, revision) => self.checked(now, model, source, revision),
            Event::Unload => self.unload(model),
            Event::Pin(pinned) => self.models.entry(model.clone()).or_insert_with(Entry::new).pinned = pinned,
            Event::List(listing) => self.list(now, model, listing),
            Event::Look => self.look(now, model),
            Event::Looked(revision, answer) => self.looked(model, revision, answer),
        }
        self.start_downloads();
        self.admit(now);
        self.prune();
        std::mem::take(&mut self.actions)
    }

    /// Time passed: reservations may have become impatient, and back-offs ended.
    pub fn tick(&mut self, now: Duration) -> Vec<Action<H, P>> {
        self.retry(now);
        self.start_downloads();
        self.admit(now);
        std::mem::take(&mut self.actions)
    }

    /// The bytes by what holds them.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether a reservation waits for memory or a back-off runs, so that time alone may change something.
    pub fn wants_ticks(&self) -> bool {
        !self.reserving.is_empty() || !self.retries.is_empty()
    }

    /// Every known model, in no order.
    pub fn views(&self, now: Duration) -> Vec<ModelView> {
        self.models.iter().map(|(name, entry)| entry.view(name, now)).collect()
    }

    /// One model.
    pub fn view(&self, model: &ModelName, now: Duration) -> Option<ModelView> {
        self.models.get(model).map(|entry| entry.view(model, now))
    }

    /// Whether a model is in memory or listed: there is no need to ask a store whether it exists.
    pub fn serves(&self, model: &ModelName) -> bool {
        let there = |e: &Entry<H, P>| matches!(e.state, State::Resident { .. }) || e.listing.is_some();
        self.models.get(model).is_some_and(there)
    }

    /// What answers for a model now.
    pub fn resident(&self, model: &ModelName) -> Option<&H> {
        self.models.get(model).and_then(Entry::resident)
    }

    /// Every model in memory, in no order.
    pub fn residents(&self) -> impl Iterator<Item = (&ModelName, &H)> {
        self.models.iter().filter_map(|(name, entry)| Some((name, entry.resident()?)))
    }

    /// Numbers of resident and of failed models.
    pub fn tally(&self) -> (usize, usize) {
        self.models.values().fold((0, 0), |(resident, failed), e| match e.state {
            State::Resident { .. } => (resident + 1, failed),
            State::Failed { .. } => (resident, failed + 1),
            State::Out if e.last_error.is_some() => (resident, failed + 1),
            _ => (resident, failed),
        })
    }

    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The resident copy stops answering; its memory goes back once the last lease on it ends.
    pub(super) fn retire(&mut self, model: &ModelName) {
        let Some(entry) = self.models.get_mut(model) else { return };
        match std::mem::replace(&mut entry.state, State::Out) {
            State::Resident { mut copy, update } => {
                if let Some(job) = update {
                    entry.state = State::Coming(job);
                }
                self.ledger.retire(copy.bytes);
                if copy.leases == 0 {
                    self.actions.extend(unload(model, &mut copy));
                }
                entry.retired.push(copy);
            }
            other => entry.state = other,
        }
    }

    fn unloaded(&mut self, model: &ModelName, id: CopyId) {
        let Some(entry) = self.models.get_mut(model) else { return };
        if let Some(at) = entry.retired.iter().position(|c| c.id == id) {
            let copy = entry.retired.swap_remove(at);
            self.ledger.give_back(copy.bytes);
        }
    }

    fn unload(&mut self, model: &ModelName) {
        self.retire(model);
        if let Some(entry) = self.models.get_mut(model)
            && let State::Failed { .. } = entry.state
        {
            entry.state = State::Out;
        }
    }

    /// Forgets the longest unused of the models that are out of memory, once there are too many of them.
    fn prune(&mut self) {
        let most = self.policy.max_known;
        if self.models.len() <= most {
            return;
        }
        let mut idle: Vec<(u64, ModelName)> = self
            .models
            .iter()
            .filter(|(_, e)| e.is_idle() || (matches!(e.state, State::Failed { .. }) && e.retired.is_empty()))
            .filter(|(_, e)| !e.pinned && e.listing.is_none() && e.waiters.is_empty())
            .map(|(name, e)| (e.last_used, name.clone()))
            .collect();
        idle.sort_unstable_by_key(|(used, _)| *used);
        // A tenth at once, so that the scan is not repeated with every new name.
        for (_, name) in idle.into_iter().take(self.models.len() - most + most / 10) {
            self.models.remove(&name);
        }
    }
}

/// Hands the copy's memory to whoever gives it back: the core keeps no handle to it.
pub(super) fn unload<H, P>(model: &ModelName, copy: &mut Copy<H>) -> Option<Action<H, P>> {
    let handle = copy.handle.take()?;
    Some(Action::Unload { model: model.clone(), copy: copy.id, handle })
}
