//! The one value that is all state of a model.

use super::event::Action;
use crate::catalogue::{About, Listing, Origin};
use crate::error::ModelError;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Names a job: one attempt to get a model into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Names a copy: one loaded version in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyId(pub u64);

/// Names a request that waits for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);

/// The state of a model as the world sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ModelState {
    /// Known, loadable on demand.
    Standby,
    /// Waits for a free download slot.
    Queued,
    /// Store → disk.
    Downloading,
    /// Waits for memory.
    Reserving,
    /// Disk → memory.
    Loading,
    /// In memory, answers.
    Resident,
    /// No longer answers; its memory is on its way back.
    Draining,
    /// The last attempt failed; requests get its error until the back-off ends.
    Failed,
}

/// How far a job is. `P` is what the download leaves for the load.
#[derive(Debug)]
pub(super) enum Phase<P> {
    Queued,
    Downloading,
    Reserving { bytes: u64, payload: P, since: Duration },
    Loading { bytes: u64 },
}

/// One attempt to get a model into memory.
#[derive(Debug)]
pub(super) struct Job<P> {
    pub id: JobId,
    pub phase: Phase<P>,
    /// Whether the store must be asked before a copy on disk is used.
    pub revalidate: bool,
    /// The load limit has passed: nobody waits for this job any more, but its memory is still spoken for.
    pub expired: bool,
    /// Failed attempts before this one.
    pub attempts: u32,
    /// The entry's revision when the job started.
    pub revision: u64,
}

/// One loaded version in memory.
#[derive(Debug)]
pub(super) struct Copy<H> {
    pub id: CopyId,
    /// None once it is handed over to be given back.
    pub handle: Option<H>,
    pub bytes: u64,
    pub leases: u64,
    /// The entry's revision when its job started: an older one came from another origin.
    pub revision: u64,
}

impl<H: Clone> Copy<H> {
    /// Counts a lease and grants it.
    pub fn grant<P>(&mut self, waiter: WaiterId) -> Option<Action<H, P>> {
        let handle = self.handle.clone()?;
        self.leases += 1;
        Some(Action::Grant(waiter, self.id, handle))
    }
}

/// Where a model is on its way round the map at the top of [`super`].
#[derive(Debug)]
pub(super) enum State<H, P> {
    /// Standby, or Draining as long as there are retired copies.
    Out,
    /// Queued, Downloading, Reserving or Loading: see the job's phase.
    Coming(Job<P>),
    /// Resident; `update` brings a newer version while this one answers.
    Resident { copy: Copy<H>, update: Option<Job<P>> },
    /// Failed.
    Failed { error: ModelError, until: Duration, attempts: u32 },
}

/// All that is known of a model.
#[derive(Debug)]
pub(super) struct Entry<H, P> {
    pub state: State<H, P>,
    /// Copies that no longer answer: their last leases end, then their memory is given back.
    pub retired: Vec<Copy<H>>,
    /// Requests that wait for the job, oldest first.
    pub waiters: VecDeque<WaiterId>,
    /// Pinned by hand; the listing may pin it too.
    pub pinned: bool,
    /// What its owner asks of it; none: it lies under the prefix and nothing is asked.
    pub listing: Option<Listing>,
    /// Grows whenever the origin changes.
    pub revision: u64,
    /// What is known of the artifact.
    pub about: Option<About>,
    /// Why the last attempt for a listed model, or the last update, failed.
    pub last_error: Option<ModelError>,
    /// Such failures, one after the other.
    pub setbacks: u32,
    /// Another attempt is noted for later.
    pub retrying: bool,
    /// The store is being asked what it has, without a download.
    pub looking: bool,
    /// When it was last asked that.
    pub looked_at: Option<Duration>,
    /// Logical time of the last grant or release.
    pub last_used: u64,
    /// When the last use was, on the core's clock.
    pub last_used_at: Duration,
    /// When the store last confirmed the version; none: never.
    pub checked_at: Option<Duration>,
    /// A check is under way.
    pub checking: bool,
    /// Requests that found the model resident, and all requests.
    pub hits: u64,
    pub requests: u64,
}

impl<H, P> Entry<H, P> {
    pub fn new() -> Self {
        Self {
            state: State::Out,
            retired: Vec::new(),
            waiters: VecDeque::new(),
            pinned: false,
            listing: None,
            revision: 0,
            about: None,
            last_error: None,
            setbacks: 0,
            retrying: false,
            looking: false,
            looked_at: None,
            last_used: 0,
            last_used_at: Duration::ZERO,
            checked_at: None,
            checking: false,
            hits: 0,
            requests: 0,
        }
    }

    pub fn state(&self) -> ModelState {
        match &self.state {
            State::Out if self.retired.is_empty() => ModelState::Standby,
            State::Out => ModelState::Draining,
            State::Coming(job) => job.state(),
            State::Resident { .. } => ModelState::Resident,
            State::Failed { .. } => ModelState::Failed,
        }
    }

    /// What answers now.
    pub fn resident(&self) -> Option<&H> {
        match &self.state {
            State::Resident { copy, .. } => copy.handle.as_ref(),
            _ => None,
        }
    }

    /// The job under way, for a first load or an update.
    pub fn job(&mut self) -> Option<&mut Job<P>> {
        match &mut self.state {
            State::Coming(job) | State::Resident { update: Some(job), .. } => Some(job),
            _ => None,
        }
    }

    /// Bytes that this model occupies, has reserved or has not yet given back.
    pub fn bytes(&self) -> u64 {
        let retired: u64 = self.retired.iter().map(|c| c.bytes).sum();
        retired
            + match &self.state {
                State::Coming(job) => job.reserved(),
                State::Resident { copy, update } => copy.bytes + update.as_ref().map_or(0, Job::reserved),
                _ => 0,
            }
    }

    /// Nothing is worth remembering: the entry may go.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Out)
            && self.retired.is_empty()
            && self.waiters.is_empty()
            && !self.pinned
            && self.listing.is_none()
    }

    /// Where the artifact is to come from.
    pub fn origin(&self) -> Arc<Origin> {
        self.listing.as_ref().map(|l| l.origin.clone()).unwrap_or_default()
    }

    /// Never to be evicted.
    pub fn is_pinned(&self) -> bool {
        self.pinned || self.listing.as_ref().is_some_and(|l| l.pin)
    }

    /// Why the model is not there, or not in its newest version.
    pub fn error(&self) -> Option<&ModelError> {
        match &self.state {
            State::Failed { error, .. } => Some(error),
            _ => self.last_error.as_ref(),
        }
    }

    /// Whether what answers came from another origin than the one that is asked for now.
    pub fn is_outdated(&self) -> bool {
        matches!(&self.state, State::Resident { copy, .. } if copy.revision != self.revision)
    }
}

impl<P> Job<P> {
    fn state(&self) -> ModelState {
        match self.phase {
            Phase::Queued => ModelState::Queued,
            Phase::Downloading => ModelState::Downloading,
            Phase::Reserving { .. } => ModelState::Reserving,
            Phase::Loading { .. } => ModelState::Loading,
        }
    }

    pub fn reserved(&self) -> u64 {
        match self.phase {
            Phase::Loading { bytes } => bytes,
            _ => 0,
        }
    }
}
