//! Performs what [`Core`] decides, and tells it what became of it.
//!
//! One lock guards the core and is held for the time of a decision, never over I/O or an await. Downloads run on
//! the async runtime, loads and unloads on its blocking threads; predictions run elsewhere (see `compute`), so loading never
//! takes a predicting thread.

mod perform;
mod questions;

pub use questions::Usage;

use super::core::{Core, Policy};
use super::entry::{JobId, WaiterId};
use super::event::{Action, Event};
use super::lease::Lease;
use crate::catalogue::Listing;
use crate::error::{InvokeError, LOAD_LIMIT, ModelError};
use crate::loader::{LoadedModel, Loader, Ready};
use crate::metrics::Metrics;
use crate::names::ModelName;
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
        tokio::spawn(perform::tick(Arc::downgrade(&inner)));
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

    /// Waits until every model that this pod is to hold is in memory or failed.
    pub async fn hold(&self) {
        self.wait_until(|core| core.held().coming == 0).await;
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
