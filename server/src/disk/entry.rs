//! One artifact on disk.

use super::DiskCache;
use super::packed::Beside;
use super::record::Record;
use crate::names::ModelName;
use crate::store::Version;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An unpacked artifact. Its files never change; when it is removed they go with the last reader.
pub struct DiskEntry {
    cache: Weak<super::Inner>,
    model: ModelName,
    version: Version,
    dir: PathBuf,
    cost: u64,
    pub(super) packed: Mutex<Beside>,
    /// This process loaded the files, and found them to be what was written.
    checked: AtomicBool,
    readers: AtomicUsize,
    doomed: AtomicBool,
    deleted: AtomicBool,
    /// Milliseconds since 1970.
    last_used: AtomicU64,
    last_persisted: AtomicU64,
}

impl DiskEntry {
    pub(super) fn new(
        cache: &DiskCache,
        model: ModelName,
        version: Version,
        dir: PathBuf,
        cost: u64,
        packed: u64,
        last_used: SystemTime,
    ) -> Arc<Self> {
        let at = millis(last_used);
        Arc::new(Self {
            cache: Arc::downgrade(&cache.inner),
            model,
            version,
            dir,
            cost,
            packed: Mutex::new(Beside::charged(packed)),
            checked: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            doomed: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
            last_used: AtomicU64::new(at),
            last_persisted: AtomicU64::new(at),
        })
    }

    /// The model.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    pub(super) fn beside(&self) -> MutexGuard<'_, Beside> {
        self.packed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cache(&self) -> Option<DiskCache> {
        self.cache.upgrade().map(|inner| DiskCache { inner })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes on disk, packed weights included.
    pub fn bytes(&self) -> u64 {
        self.cost + self.beside().bytes()
    }

    /// Whether this process loaded these files before.
    pub fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    /// This process loaded the files.
    pub fn set_checked(&self) {
        self.checked.store(true, Ordering::Relaxed);
    }

    /// Notes a use, for the order in which entries go.
    pub fn touch(&self) {
        self.last_used.store(millis(SystemTime::now()), Ordering::Relaxed);
    }

    /// Milliseconds since 1970.
    pub fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Writes the last use down, unless it was written already.
    pub fn persist_use(&self) {
        let at = self.last_used();
        if self.last_persisted.swap(at, Ordering::Relaxed) != at {
            let _ = Record::touch(&self.dir, UNIX_EPOCH + Duration::from_millis(at));
        }
    }

    /// Keeps the files in place while a load reads them; None: they are going already.
    pub fn read(self: &Arc<Self>) -> Option<Reading> {
        self.readers.fetch_add(1, Ordering::SeqCst);
        let reading = Reading { entry: self.clone() };
        (!self.is_doomed()).then_some(reading)
    }

    pub(super) fn is_read(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 0
    }

    /// Its files are gone, or go with the last reader.
    pub(super) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::SeqCst)
    }

    /// The entry is no longer in the cache: its files go now, or with the last reader.
    pub(super) fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
        if !self.is_read() {
            self.delete();
        }
    }

    fn delete(&self) {
        if self.deleted.swap(true, Ordering::SeqCst) {
            return;
        }
        let Some(cache) = self.cache() else { return };
        let cost = self.cost + self.beside().go();
        // The record goes first, with the rename: a crash in the middle leaves something that is swept.
        let trash = cache.staging().join(format!("trash-{:016x}", fastrand::u64(..)));
        let gone = match std::fs::rename(&self.dir, &trash) {
            Ok(()) => std::fs::remove_dir_all(&trash),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        };
        match gone {
            Ok(()) => cache.release(cost),
            // Still charged: the bytes are still there.
            Err(e) => {
                tracing::error!(model = self.model.as_str(), error = %e, "cannot delete from the disk cache");
            }
        }
    }
}

/// Keeps an entry's files in place.
pub struct Reading {
    entry: Arc<DiskEntry>,
}

impl Reading {
    /// The unpacked artifact.
    pub fn dir(&self) -> PathBuf {
        self.entry.dir.join("files")
    }

    /// A file of packed weights, which may not be there.
    pub fn packed(&self) -> PathBuf {
        super::packed::path(&self.entry.dir)
    }

    /// The entry.
    pub fn entry(&self) -> &Arc<DiskEntry> {
        &self.entry
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let last = self.entry.readers.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.entry.is_doomed() {
            self.entry.delete();
        }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
