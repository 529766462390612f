//! Why a model is not in memory.

use super::{Class, engine_class};
use crate::archive::ArchiveError;
use berth_engine::EngineError;
use std::time::Duration;

/// Why a store could not give what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The object is not there any more.
    #[error("the object is gone")]
    Gone,
    /// The object was overwritten while it was read.
    #[error("the object was overwritten while it was downloaded")]
    Overwritten,
    /// The store does not let this server read.
    #[error(
        "access denied by the store; check the credentials and that they allow s3:GetObject and s3:ListBucket"
    )]
    Denied,
    /// The store could not be reached, or failed, in every attempt.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// The store's answer does not fit the request.
    #[error("the store gave a wrong answer: {0}")]
    Corrupt(String),
    /// A file could not be read.
    #[error("cannot read from the store: {0}")]
    Io(String),
}

/// Why a model did not get into memory.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Nothing under the prefix has this name.
    #[error("no model of this name under the endpoint's prefix")]
    NotFound,
    /// The artifact has no such version inside.
    #[error("the model has no version {0}")]
    NoVersion(u64),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive is not the one that was asked for.
    #[error(
        "the artifact's SHA-256 digest is {got} and must be {wanted}; correct the ModelArtifact's sha256 or the artifact"
    )]
    DigestMismatch {
        /// What was demanded.
        wanted: String,
        /// What came.
        got: String,
    },
    /// A digest is demanded of something that has none.
    #[error("a SHA-256 digest is demanded of an unpacked model, which has none; name an archive")]
    NoDigest,
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The model inside.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It is bigger than all memory there is for models.
    #[error("the model needs {need} bytes of memory and the budget is {budget}: it can never be loaded here")]
    NeverFits {
        /// Bytes of the loaded model.
        need: u64,
        /// Bytes of the budget.
        budget: u64,
    },
    /// It is bigger than all disk there is for models.
    #[error("the unpacked model needs more than the disk budget of {budget} bytes")]
    NeverFitsDisk {
        /// Bytes of the budget.
        budget: u64,
    },
    /// The disk is full of models that are being loaded.
    #[error("the disk budget is taken by models that are being loaded")]
    DiskBusy,
    /// The cache directory does not work.
    #[error("the disk cache failed: {0}")]
    Disk(String),
    /// It took longer than the load limit.
    #[error("the model did not load within the limit of {} s", .0.as_secs())]
    LoadLimit(Duration),
    /// Too many requests wait for it.
    #[error("too many requests wait for this model")]
    TooManyWaiters,
    /// The load panicked.
    #[error("loading the model failed inside the server")]
    Panicked,
}

impl ModelError {
    /// Error of a job that outlasts the load limit.
    pub fn load_limit() -> Self {
        Self::LoadLimit(LOAD_LIMIT)
    }

    /// Error of a request that finds the queue full.
    pub fn too_many_waiters() -> Self {
        Self::TooManyWaiters
    }

    /// Error of a model bigger than the budget.
    pub fn never_fits(need: u64, budget: u64) -> Self {
        Self::NeverFits { need, budget }
    }

    /// Whether later requests get this error for a while without another attempt. A missing model is looked for
    /// anew by each request: it is served as soon as it is there.
    pub fn is_remembered(&self) -> bool {
        !self.is_absence() && !matches!(self, Self::DiskBusy)
    }

    /// Whether the store is certain that there is no such model.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NotFound | Self::NoVersion(_))
    }

    /// Stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound | Self::Store(StoreError::Gone) => "ModelNotFound",
            Self::NoVersion(_) => "VersionNotFound",
            Self::Store(StoreError::Denied) => "StoreDenied",
            Self::Store(StoreError::Overwritten) => "ArtifactOverwritten",
            Self::Store(_) => "StoreUnavailable",
            Self::DigestMismatch { .. } | Self::NoDigest => "DigestMismatch",
            Self::Archive(e) => e.reason(),
            Self::Engine(e) => e.reason(),
            Self::NeverFits { .. } => "ModelTooLargeForMemory",
            Self::NeverFitsDisk { .. } => "ModelTooLargeForDisk",
            Self::DiskBusy => "DiskBusy",
            Self::Disk(_) => "DiskFailed",
            Self::LoadLimit(_) => "LoadLimitExceeded",
            Self::TooManyWaiters => "TooManyWaiters",
            Self::Panicked => "Internal",
        }
    }

    /// What protocols need to know.
    pub fn class(&self) -> Class {
        match self {
            Self::NotFound | Self::NoVersion(_) | Self::Store(StoreError::Gone) => Class::NotFound,
            Self::Store(_) => Class::Dependency,
            Self::Archive(_) | Self::DigestMismatch { .. } | Self::NoDigest => Class::Model,
            Self::Engine(e) => engine_class(e),
            Self::NeverFits { .. } | Self::NeverFitsDisk { .. } => Class::NeverFits,
            Self::DiskBusy | Self::TooManyWaiters => Class::Unavailable,
            Self::LoadLimit(_) => Class::LoadLimit,
            Self::Disk(_) | Self::Panicked => Class::Internal,
        }
    }
}

/// A load that takes longer has failed: SageMaker's limit.
pub const LOAD_LIMIT: Duration = Duration::from_secs(360);
