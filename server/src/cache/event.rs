//! What the core is told, and what it wants done.

use super::entry::{CopyId, JobId, WaiterId};
use crate::catalogue::{About, Listing, Origin};
use crate::error::ModelError;
use crate::names::ModelName;
use std::sync::Arc;

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
