//! The disk cache: unpacked artifacts that survive unloading and restarts.
//!
//! ```text
//! cache-dir/
//!   lock                    held by the process that uses the directory
//!   staging/<random>/       being unpacked, or being deleted; swept at start
//!   entries/<hash>-<n>/files/   an unpacked artifact, named by the hash of store, model and version
//!   entries/<hash>-<n>/entry.json   its record; appears by rename once every file is on stable storage
//!   entries/<hash>-<n>/packed   its packed weights, for reloads; appears by rename, behind the first load, if there is room
//! ```
//!
//! A directory without a record is not an entry: a crash leaves nothing that could be served by mistake, and a start
//! sweeps it. Fsyncs happen behind the first load, which reads the same pages from memory meanwhile.
//!
//! Files never change once they have their name, so loaded models map them. The map of a file that is removed keeps its
//! blocks until the model goes: beyond the budget there may be as much on disk as mapped models have in memory.
//!
//! Every byte is charged to the budget before it is written, in blocks as the file system counts them, temporary files
//! included. What is over goes by least recent use; entries that a load is reading stay.

mod budget;
mod entry;
mod open;
mod packed;
mod record;
mod stage;

pub use entry::{DiskEntry, Reading};
pub use stage::{Commit, Stage};

use crate::error::ModelError;
use crate::names::ModelName;
use crate::store::Version;
use budget::Space;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The disk cache.
#[derive(Clone)]
pub struct DiskCache {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    root: PathBuf,
    /// Names the store, so that one directory may serve two of them one after the other.
    store: String,
    space: Mutex<Space>,
    entries: Mutex<HashMap<ModelName, Arc<DiskEntry>>>,
    _lock: File,
}

/// Bytes and numbers of the disk cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes that artifacts may use.
    pub budget: u64,
    /// Bytes charged, temporary files included.
    pub used: u64,
    /// Artifacts.
    pub entries: usize,
}

impl DiskCache {
    /// Opens or makes a cache directory, sweeps what a crash left, and finds the artifacts of earlier runs.
    pub fn open(root: &Path, budget: u64, store: &str) -> Result<Self, ModelError> {
        let cache = open::open(root, budget, store)?;
        cache.shrink(0);
        Ok(cache)
    }

    /// The artifact of a model, whatever its version, if it is here.
    pub fn get(&self, model: &ModelName) -> Option<Arc<DiskEntry>> {
        self.inner.entries().get(&model.artifact()).cloned()
    }

    /// Starts unpacking a version of a model.
    pub fn stage(&self, model: &ModelName, version: &Version) -> Result<Stage, ModelError> {
        Stage::new(self.clone(), model.artifact(), version.clone())
    }

    /// Forgets a model's artifact; its bytes go once no load reads it.
    pub fn remove(&self, model: &ModelName) {
        let entry = self.inner.entries().remove(&model.artifact());
        if let Some(entry) = entry {
            entry.doom();
        }
    }

    /// Bytes and numbers, at this moment.
    pub fn usage(&self) -> DiskUsage {
        let entries = self.inner.entries().len();
        let space = self.inner.space();
        DiskUsage { budget: space.budget, used: space.used, entries }
    }

    /// Writes the times of last use down, for the order after a restart.
    pub fn persist_use(&self) {
        let entries: Vec<_> = self.inner.entries().values().cloned().collect();
        for entry in entries {
            entry.persist_use();
        }
    }

    /// Charges `bytes`, after removing as many of the least recently used artifacts as it takes.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), ModelError> {
        let budget = self.inner.space().budget;
        if bytes > budget {
            return Err(ModelError::NeverFitsDisk { budget });
        }
        loop {
            if self.inner.space().charge(bytes) {
                return Ok(());
            }
            if !self.evict_one() {
                return Err(ModelError::DiskBusy);
            }
        }
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.inner.space().release(bytes);
    }

    /// Removes artifacts until `bytes` more would fit.
    fn shrink(&self, bytes: u64) {
        while self.inner.space().lacks(bytes) && self.evict_one() {}
    }

    /// Removes the least recently used artifact that no load reads; false: there is none.
    fn evict_one(&self) -> bool {
        let victim = {
            let mut entries = self.inner.entries();
            let oldest = entries
                .iter()
                .filter(|(_, e)| !e.is_read())
                .min_by_key(|(_, e)| e.last_used())
                .map(|(name, _)| name.clone());
            oldest.and_then(|name| entries.remove(&name))
        };
        match victim {
            Some(entry) => {
                tracing::debug!(model = entry.model().as_str(), "removed from disk");
                entry.doom();
                true
            }
            None => false,
        }
    }

    pub(crate) fn publish(&self, entry: Arc<DiskEntry>) {
        let before = self.inner.entries().insert(entry.model().clone(), entry);
        if let Some(before) = before {
            before.doom();
        }
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.inner.root.join("staging")
    }

    /// A directory of its own for each attempt: one that is on its way out never stands in the way of the next.
    pub(crate) fn entry_dir(&self, model: &ModelName, version: &Version) -> PathBuf {
        let name = entry_name(&self.inner.store, model, version);
        self.inner.root.join("entries").join(format!("{name}-{:08x}", fastrand::u32(..)))
    }
}

impl Inner {
    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ModelName, Arc<DiskEntry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry's directory is named by.
fn entry_name(store: &str, model: &ModelName, version: &Version) -> String {
    hash([store, model.as_str(), &version.tag, &version.origin])
}

/// Hexadecimal SHA-256 of some texts, told apart from each other.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn disk_error(what: &str, e: &std::io::Error) -> ModelError {
    ModelError::Disk(format!("{what}: {e}"))
}
