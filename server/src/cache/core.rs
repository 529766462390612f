//! The decisions: an event and the time in, actions out. No I/O, no clock, no randomness.

use super::budget::Ledger;
use super::entry::{Copy, CopyId, Entry, JobId, ModelView, State, WaiterId};
use crate::catalogue::{About, Listing, Origin};
use crate::error::ModelError;
use crate::names::ModelName;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
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

/// What happened. `H` is a loaded model, `P` what a download leaves for the load.
#[derive(Debug)]
pub enum Event<H, P> {
    /// A request wants the model.
    Request(WaiterId),
    /// A request stopped waiting.
    WaiterGone(WaiterId),
    /// A request is done with the copy.
    Released(CopyId),
    /// The job's artifact is on disk and checked; loaded it takes `bytes`. `fresh`: the store has just confirmed it.
    Downloaded {
        /// The job.
        job: JobId,
        /// Exact bytes of the loaded model.
        bytes: u64,
        /// What the load needs.
        payload: P,
        /// What is known of the artifact now.
        about: About,
        /// The store was asked and confirmed this version.
        fresh: bool,
    },
    /// The job's model is in memory.
    Loaded(JobId, H),
    /// The job ended without a model.
    JobFailed(JobId, ModelError),
    /// The job took longer than the load limit.
    JobExpired(JobId, ModelError),
    /// The copy's memory is back with the system.
    Unloaded(CopyId),
    /// The store's word on the version that answers, asked for the origin of this revision.
    Checked(Source, u64),
    /// Somebody wants the memory back.
    Unload,
    /// Never evict (or evict again).
    Pin(bool),
    /// The owner lists the model with these demands, or no longer lists it.
    List(Option<Listing>),
    /// Somebody wants to know of a listed model that nobody has asked for.
    Look,
    /// The store's answer to that, for the origin of this revision. None: it has no such artifact.
    Looked(u64, Result<Option<About>, ModelError>),
}

/// What the store says about the version in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The same.
    Unchanged,
    /// Another one.
    Changed,
    /// None.
    Gone,
    /// The store cannot be asked now.
    Unknown,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action<H, P> {
    /// Give the waiter the copy; its lease is already counted.
    Grant(WaiterId, CopyId, H),
    /// Tell the waiter why not.
    Refuse(WaiterId, ModelError),
    /// Get the artifact on disk, then report `Downloaded` or `JobFailed`.
    Download {
        /// The model.
        model: ModelName,
        /// The job.
        job: JobId,
        /// Where from, and what it must be.
        origin: Arc<Origin>,
        /// Ask the store whether a version on disk is still the newest.
        revalidate: bool,
    },
    /// Stop working on the job; nothing is to be reported.
    Abandon(JobId),
    /// Load, then report `Loaded` or `JobFailed`.
    Load {
        /// The model.
        model: ModelName,
        /// The job.
        job: JobId,
        /// What the download left.
        payload: P,
    },
    /// Give the memory back, then report `Unloaded`.
    Unload {
        /// The model.
        model: ModelName,
        /// The copy.
        copy: CopyId,
        /// The loaded model.
        handle: H,
    },
    /// Ask the store about the version in use, then report `Checked`.
    Check {
        /// The model.
        model: ModelName,
        /// The loaded model.
        handle: H,
        /// Where it is to come from.
        origin: Arc<Origin>,
        /// To be reported back.
        revision: u64,
    },
    /// Ask the store what it has, then report `Looked`.
    Look {
        /// The model.
        model: ModelName,
        /// Where it is to come from.
        origin: Arc<Origin>,
        /// To be reported back.
        revision: u64,
    },
    /// Remove the artifact from the disk cache.
    Discard(ModelName),
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

    fn request(&mut self, now: Duration, model: &ModelName, waiter: WaiterId) {
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

    fn waiter_gone(&mut self, model: &ModelName, waiter: WaiterId) {
        if let Some(entry) = self.models.get_mut(model) {
            entry.waiters.retain(|w| *w != waiter);
        }
    }

    fn released(&mut self, now: Duration, model: &ModelName, id: CopyId) {
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
fn unload<H, P>(model: &ModelName, copy: &mut Copy<H>) -> Option<Action<H, P>> {
    let handle = copy.handle.take()?;
    Some(Action::Unload { model: model.clone(), copy: copy.id, handle })
}
