//! Performs the core's actions: downloads and questions to the store on the async runtime, loads and unloads on its blocking threads.

use super::{Answer, Handle, Inner, JobTasks};
use crate::cache::entry::{CopyId, JobId, WaiterId};
use crate::cache::event::{Action, Event};
use crate::cache::lease::Lease;
use crate::catalogue::Origin;
use crate::error::ModelError;
use crate::loader::Ready;
use crate::names::ModelName;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

impl Inner {
    pub(super) fn perform(self: &Arc<Self>, subject: &ModelName, actions: Vec<Action<Handle, Ready>>) {
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

    fn unload(self: &Arc<Self>, model: ModelName, copy: CopyId, handle: Handle) {
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

/// Lets waiting reservations see that time passes, and gives back the memory of what was unloaded since.
pub(super) async fn tick(inner: Weak<Inner>) {
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
