//! Performs what [`Core`] decides, and tells it what became of it.
//!
//! One lock guards the core and is held for the time of a decision, never over I/O or an await. Downloads run on
//! the async runtime, loads and unloads on its blocking threads; predictions run elsewhere (see `compute`), so loading never
//! takes a predicting thread.

use super::core::{Action, Core, Counters, Event, Policy};
use super::entry::{JobId, ModelState, ModelView, WaiterId};
use super::lease::Lease;
use super::listings::Held;
use crate::catalogue::{About, Listing, Origin};
use crate::error::{InvokeError, LOAD_LIMIT, ModelError, StoreError};
use crate::loader::{LoadedModel, Loader, Ready};
use crate::metrics::Metrics;
use crate::names::ModelName;
use berth_crds::report::{ModelReport, ModelState as Reported};
use berth_engine::Numbering;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::AbortHandle;

type Handle = Arc<LoadedModel>;
type Answer = Result<Lease, ModelError>;

/// All models of this server.
#[derive(Clone)]
pub struct ModelCache {
    inner: Arc<Inner>,
}

/// What leases, tasks and the cache share.
pub struct Inner {
    locked: Mutex<Locked>,
    loader: Loader,
    metrics: Arc<Metrics>,
    started: Instant,
    /// Something came into memory, failed or went.
    changed: Notify,
    /// Questions to the store about models that nobody has asked for, at a time.
    looks: Semaphore,
    runtime: tokio::runtime::Handle,
    load_limit: Duration,
}

struct Locked {
    core: Core<Handle, Ready>,
    next_waiter: u64,
    waiters: HashMap<WaiterId, oneshot::Sender<Answer>>,
    jobs: HashMap<JobId, JobTasks>,
}

#[derive(Default)]
struct JobTasks {
    download: Option<AbortHandle>,
    limit: Option<AbortHandle>,
}

/// Bytes and numbers of models, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Bytes that models may use.
    pub budget: u64,
    /// Bytes of resident models.
    pub resident: u64,
    /// Bytes set aside for loads.
    pub reserved: u64,
    /// Bytes not yet given back.
    pub unloading: u64,
    /// Models in the map.
    pub models_known: usize,
    /// Resident models.
    pub models_resident: usize,
    /// Failed models.
    pub models_failed: usize,
    /// What was counted so far.
    pub counters: Counters,
}

impl ModelCache {
    /// An empty cache. Must be called inside a tokio runtime.
    pub fn new(policy: Policy, loader: Loader, metrics: Arc<Metrics>) -> Self {
        let looks = Semaphore::new(policy.max_downloads);
        let locked =
            Locked { core: Core::new(policy), next_waiter: 1, waiters: HashMap::new(), jobs: HashMap::new() };
        let inner = Arc::new(Inner {
            locked: Mutex::new(locked),
            loader,
            metrics,
            started: Instant::now(),
            changed: Notify::new(),
            looks,
            runtime: tokio::runtime::Handle::current(),
            load_limit: LOAD_LIMIT,
        });
        tokio::spawn(tick(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// The model, loaded if need be, with a lease on it. Waits at most `patience`; the load goes on after that.
    pub async fn acquire(&self, model: &ModelName, patience: Duration) -> Result<Lease, InvokeError> {
        let answer = match self.inner.request(model) {
            Requested::Now(answer) => return Ok(answer?),
            Requested::Wait(receiver, waiter) => {
                let started = Instant::now();
                let _gone = WaitGuard { inner: &self.inner, model, waiter };
                let answer = tokio::time::timeout(patience, receiver).await;
                self.inner.metrics.load_wait_seconds.observe(started.elapsed().as_secs_f64());
                answer
            }
        };
        match answer {
            Err(_elapsed) => Err(InvokeError::NotReady),
            Ok(Err(_closed)) => Err(InvokeError::ShuttingDown),
            Ok(Ok(answer)) => Ok(answer?),
        }
    }

    /// Takes a model and its other versions out of memory once their leases end; waits for that, but not longer than `patience`. False: it is
    /// not out yet.
    pub async fn unload(&self, model: &ModelName, patience: Duration) -> bool {
        let family = self.inner.lock().core.family(model);
        for name in &family {
            self.inner.apply(name, Event::Unload);
        }
        let is_out = |core: &Core<Handle, Ready>| {
            family.iter().all(|name| core.view(name, Duration::ZERO).is_none_or(|v| v.bytes == 0))
        };
        self.given_back(is_out, patience).await
    }

    /// Takes a model out of memory once its leases end, and does not wait for that.
    pub fn retire(&self, model: &ModelName) {
        self.inner.apply(model, Event::Unload);
    }

    /// Waits until the model waits for memory that no eviction can give it.
    pub async fn starved(&self, model: &ModelName) {
        self.wait_until(|core| core.is_starved(model)).await;
    }

    /// Takes every model out of memory, pinned ones too.
    pub async fn unload_all(&self, patience: Duration) -> bool {
        for view in self.models() {
            if let Ok(name) = ModelName::new(&view.name) {
                let name = view.version.map_or_else(|| name.clone(), |number| name.of_version(number));
                self.inner.apply(&name, Event::Unload);
            }
        }
        self.given_back(|core| core.ledger().resident() + core.ledger().unloading() == 0, patience).await
    }

    /// Waits until something is out of memory, and until the memory is the system's again.
    async fn given_back(&self, is_out: impl Fn(&Core<Handle, Ready>) -> bool, patience: Duration) -> bool {
        let done = tokio::time::timeout(patience, self.wait_until(is_out)).await.is_ok();
        let _ = tokio::task::spawn_blocking(crate::memory::give_back).await;
        done
    }

    /// Never evict the model (or evict it again).
    pub fn pin(&self, model: &ModelName, pinned: bool) {
        self.inner.apply(model, Event::Pin(pinned));
    }

    /// What is asked of single models now, in place of all that was asked before.
    pub fn set_listings(&self, listings: &BTreeMap<ModelName, Listing>) {
        let before = self.inner.lock().core.listings();
        for model in before.keys().filter(|model| !listings.contains_key(*model)) {
            self.inner.apply(model, Event::List(None));
        }
        for (model, listing) in listings {
            if before.get(model) != Some(listing) {
                self.inner.apply(model, Event::List(Some(listing.clone())));
            }
        }
        let same = |(model, listing): (&ModelName, &Listing)| before.get(model) == Some(listing);
        if before.len() != listings.len() || !listings.iter().all(same) {
            self.inner.lock().core.doubt_versions();
        }
    }

    /// What is asked of single models.
    pub fn listings(&self) -> HashMap<ModelName, Listing> {
        self.inner.lock().core.listings()
    }

    /// How far the models are that this pod is to hold.
    pub fn held(&self) -> Held {
        self.inner.lock().core.held()
    }

    /// Waits until every model that this pod is to hold is in memory or failed.
    pub async fn hold(&self) {
        self.wait_until(|core| core.held().coming == 0).await;
    }

    /// What is known of these models. The store is asked behind it about those of which nothing is: the next report has it.
    pub fn report(&self, models: &[ModelName]) -> Vec<ModelReport> {
        let reports: Vec<_> = {
            let locked = self.inner.lock();
            models.iter().map(|model| locked.core.report(model)).collect()
        };
        for (model, report) in models.iter().zip(&reports) {
            if matches!(report.state, Reported::Unknown | Reported::Failed) {
                self.inner.apply(model, Event::Look);
            }
        }
        reports
    }

    /// Every known model, sorted by name.
    pub fn models(&self) -> Vec<ModelView> {
        let mut views = self.inner.lock().core.views(self.inner.now());
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// Names of the known models, in no order.
    pub fn names(&self) -> Vec<ModelName> {
        self.inner.lock().core.names()
    }

    /// These models, as far as they are known, at one moment.
    pub fn details(&self, models: &[ModelName]) -> Vec<(Option<ModelView>, Option<About>)> {
        let (locked, now) = (self.inner.lock(), self.inner.now());
        models.iter().map(|model| (locked.core.view(model, now), locked.core.known_about(model))).collect()
    }

    /// One model, if it is known.
    pub fn model(&self, model: &ModelName) -> Option<ModelView> {
        self.inner.lock().core.view(model, self.inner.now())
    }

    /// Where a model is on its way, and why it is not there; none: nothing is known of it.
    pub fn standing(&self, model: &ModelName) -> Option<(ModelState, Option<ModelError>)> {
        self.inner.lock().core.standing(model)
    }

    /// The versions that a model's artifact holds. Loads and downloads nothing: none if the artifact was not looked into yet, an error
    /// if there is no such model.
    pub async fn numbering(&self, model: &ModelName) -> Result<Option<Arc<Numbering>>, ModelError> {
        let (known, serves, origin) = {
            let core = &self.inner.lock().core;
            (core.numbering(model), core.serves(model), core.origin(model))
        };
        if serves && known.is_some() {
            return Ok(known);
        }
        let _turn = self.inner.looks.acquire().await;
        let on_disk = self.inner.loader.numbering(model, &origin).await?;
        Ok(on_disk.or(known))
    }

    /// Looks at a model if it is in memory, without using it.
    pub fn resident<T>(&self, model: &ModelName, look: impl FnOnce(&LoadedModel) -> T) -> Option<T> {
        self.inner.lock().core.resident(model).map(|loaded| look(loaded))
    }

    /// Looks at every model in memory, in the order of their names.
    pub fn residents<T>(&self, look: impl Fn(&ModelName, &LoadedModel) -> T) -> Vec<T> {
        let locked = self.inner.lock();
        let mut all: Vec<_> = locked.core.residents().collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(name, loaded)| look(name, loaded)).collect()
    }

    /// Whether a model is in memory or listed.
    pub fn serves(&self, model: &ModelName) -> bool {
        self.inner.lock().core.serves(model)
    }

    /// Whether the store has a model under the endpoint's prefix. At most as many questions at a time as there are downloads.
    pub async fn looks_up(&self, model: &ModelName) -> Result<bool, StoreError> {
        let _turn = self.inner.looks.acquire().await;
        self.inner.loader.stores().find(model, &Origin::default()).await.map(|found| found.is_some())
    }

    /// Bytes and numbers, at this moment.
    pub fn usage(&self) -> Usage {
        let locked = self.inner.lock();
        let ledger = locked.core.ledger();
        let (models_resident, models_failed) = locked.core.tally();
        Usage {
            budget: ledger.budget(),
            resident: ledger.resident(),
            reserved: ledger.reserved(),
            unloading: ledger.unloading(),
            models_known: locked.core.known(),
            models_resident,
            models_failed,
            counters: locked.core.counters(),
        }
    }

    /// The path from the store to memory.
    pub fn loader(&self) -> &Loader {
        &self.inner.loader
    }

    async fn wait_until(&self, done: impl Fn(&Core<Handle, Ready>) -> bool) {
        loop {
            let notified = self.inner.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if done(&self.inner.lock().core) {
                return;
            }
            notified.await;
        }
    }
}

enum Requested {
    Now(Answer),
    Wait(oneshot::Receiver<Answer>, WaiterId),
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Locked> {
        // A panic under the lock is a bug in the core; what it guards stays consistent enough to go on answering.
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn request(self: &Arc<Self>, model: &ModelName) -> Requested {
        let mut locked = self.lock();
        let waiter = WaiterId(locked.next_waiter);
        locked.next_waiter += 1;
        let mut actions = locked.core.apply(self.now(), model, Event::Request(waiter));
        let mine = actions
            .iter()
            .position(|a| matches!(a, Action::Grant(w, ..) | Action::Refuse(w, _) if *w == waiter));
        let requested = match mine.map(|at| actions.swap_remove(at)) {
            Some(Action::Grant(_, copy, handle)) => {
                Requested::Now(Ok(Lease::new(self.clone(), model.clone(), copy, handle)))
            }
            Some(Action::Refuse(_, error)) => Requested::Now(Err(error)),
            _ => {
                let (sender, receiver) = oneshot::channel();
                locked.waiters.insert(waiter, sender);
                Requested::Wait(receiver, waiter)
            }
        };
        drop(locked);
        self.perform(model, actions);
        requested
    }

    pub(super) fn apply(self: &Arc<Self>, model: &ModelName, event: Event<Handle, Ready>) {
        let actions = self.lock().core.apply(self.now(), model, event);
        self.perform(model, actions);
    }

    fn perform(self: &Arc<Self>, subject: &ModelName, actions: Vec<Action<Handle, Ready>>) {
        for action in actions {
            match action {
                Action::Grant(waiter, copy, handle) => {
                    let lease = Lease::new(self.clone(), subject.clone(), copy, handle);
                    self.answer(waiter, Ok(lease));
                }
                Action::Refuse(waiter, error) => self.answer(waiter, Err(error)),
                Action::Download { model, job, origin, revalidate } => {
                    self.download(model, job, origin, revalidate);
                }
                Action::Abandon(job) => self.forget(job),
                Action::Load { model, job, payload } => self.load(model, job, payload),
                Action::Unload { model, copy, handle } => self.unload(model, copy, handle),
                Action::Check { model, handle, origin, revision } => {
                    self.check(model, &handle, origin, revision);
                }
                Action::Look { model, origin, revision } => self.look(model, origin, revision),
                Action::Discard(model) => {
                    let inner = self.clone();
                    self.runtime.spawn_blocking(move || inner.loader.discard(&model));
                }
            }
        }
    }

    /// A lease that nobody takes any more goes back by being dropped.
    fn answer(&self, waiter: WaiterId, answer: Answer) {
        let sender = self.lock().waiters.remove(&waiter);
        if let Some(sender) = sender {
            let _ = sender.send(answer);
        }
    }

    fn download(self: &Arc<Self>, model: ModelName, job: JobId, origin: Arc<Origin>, revalidate: bool) {
        // Held over the spawns: a job that ends at once finds its tasks in the map.
        let mut locked = self.lock();
        let (inner, name) = (self.clone(), model.clone());
        let download = self.runtime.spawn(async move {
            let started = Instant::now();
            let result = inner.loader.download(&name, &origin, revalidate).await;
            let event = match result {
                Ok(ready) => {
                    if ready.transferred {
                        inner.metrics.download_seconds.observe(started.elapsed().as_secs_f64());
                    }
                    Event::Downloaded {
                        job,
                        bytes: ready.resident_bytes(),
                        about: ready.about(),
                        fresh: ready.fresh,
                        payload: ready,
                    }
                }
                Err(error) => inner.job_failed(&name, job, error),
            };
            inner.apply(&name, event);
            inner.changed.notify_waiters();
        });
        let (inner, name) = (self.clone(), model);
        let limit = self.runtime.spawn(async move {
            tokio::time::sleep(inner.load_limit).await;
            inner.apply(&name, Event::JobExpired(job, ModelError::load_limit()));
            inner.changed.notify_waiters();
        });
        let tasks = JobTasks { download: Some(download.abort_handle()), limit: Some(limit.abort_handle()) };
        locked.jobs.insert(job, tasks);
    }

    fn load(self: &Arc<Self>, model: ModelName, job: JobId, ready: Ready) {
        let inner = self.clone();
        self.runtime.spawn_blocking(move || {
            let started = Instant::now();
            let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| inner.loader.load(ready)));
            let event = match loaded.unwrap_or(Err(ModelError::Panicked)) {
                Ok(handle) => {
                    inner.metrics.load_seconds.observe(started.elapsed().as_secs_f64());
                    tracing::info!(
                        model = model.as_str(),
                        seconds = started.elapsed().as_secs_f64(),
                        bytes = handle.bytes(),
                        "loaded"
                    );
                    Event::Loaded(job, Arc::new(handle))
                }
                Err(error) => inner.job_failed(&model, job, error),
            };
            crate::memory::loaded();
            inner.finished(job);
            inner.apply(&model, event);
            inner.changed.notify_waiters();
        });
    }

    fn job_failed(&self, model: &ModelName, job: JobId, error: ModelError) -> Event<Handle, Ready> {
        tracing::warn!(model = model.as_str(), reason = error.reason(), %error, "model failed");
        self.metrics.failed(error.reason());
        self.finished(job);
        Event::JobFailed(job, error)
    }

    /// The job needs its limit no more.
    fn finished(&self, job: JobId) {
        let tasks = self.lock().jobs.remove(&job);
        if let Some(limit) = tasks.and_then(|t| t.limit) {
            limit.abort();
        }
    }

    fn forget(&self, job: JobId) {
        let tasks = self.lock().jobs.remove(&job);
        for task in tasks.into_iter().flat_map(|t| [t.download, t.limit]).flatten() {
            task.abort();
        }
    }

    fn unload(self: &Arc<Self>, model: ModelName, copy: super::entry::CopyId, handle: Handle) {
        let inner = self.clone();
        self.runtime.spawn_blocking(move || {
            let started = Instant::now();
            handle.persist_use();
            drop(handle);
            crate::memory::freed();
            inner.metrics.unload_seconds.observe(started.elapsed().as_secs_f64());
            tracing::debug!(model = model.as_str(), "unloaded");
            inner.apply(&model, Event::Unloaded(copy));
            inner.changed.notify_waiters();
        });
    }

    fn check(self: &Arc<Self>, model: ModelName, handle: &Handle, origin: Arc<Origin>, revision: u64) {
        // Not the model itself: a check must not keep it in memory.
        let (inner, version) = (self.clone(), handle.version().clone());
        self.runtime.spawn(async move {
            let source = inner.loader.check(&model, &origin, &version).await;
            tracing::debug!(model = model.as_str(), ?source, "checked");
            inner.apply(&model, Event::Checked(source, revision));
        });
    }

    fn look(self: &Arc<Self>, model: ModelName, origin: Arc<Origin>, revision: u64) {
        let inner = self.clone();
        self.runtime.spawn(async move {
            let Ok(_turn) = inner.looks.acquire().await else { return };
            let answer = inner.loader.look(&model, &origin).await;
            inner.apply(&model, Event::Looked(revision, answer));
        });
    }
}

/// Tells the core that a request stopped waiting, whatever ended it.
struct WaitGuard<'a> {
    inner: &'a Arc<Inner>,
    model: &'a ModelName,
    waiter: WaiterId,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        // Answered requests are no longer in the map: nothing to tell.
        let waiting = self.inner.lock().waiters.remove(&self.waiter).is_some();
        if waiting {
            self.inner.apply(self.model, Event::WaiterGone(self.waiter));
        }
    }
}

/// Lets waiting reservations see that time passes, and gives back the memory of what was unloaded since.
async fn tick(inner: std::sync::Weak<Inner>) {
    let mut interval = tokio::time::interval(Duration::from_millis(200));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.runtime.spawn_blocking(crate::memory::give_back);
        let actions = {
            let mut locked = inner.lock();
            if locked.core.wants_ticks() { locked.core.tick(inner.now()) } else { Vec::new() }
        };
        for action in actions {
            // Time alone grants and refuses nothing: every action names its model.
            match &action {
                Action::Load { model, .. }
                | Action::Unload { model, .. }
                | Action::Download { model, .. } => {
                    let model = model.clone();
                    inner.perform(&model, vec![action]);
                }
                _ => {}
            }
        }
    }
}
