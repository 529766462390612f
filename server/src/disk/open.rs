//! Opening a cache directory: one process at a time, nothing left over, everything whole found again.

use super::budget::Space;
use super::entry::DiskEntry;
use super::record::Record;
use super::{DiskCache, Inner, disk_error, entry_name, packed};
use crate::error::ModelError;
use crate::names::ModelName;
use rustix::fs::{FlockOperation, flock};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub fn open(root: &Path, budget: u64, store: &str) -> Result<DiskCache, ModelError> {
    let entries = root.join("entries");
    std::fs::create_dir_all(&entries)
        .map_err(|e| disk_error(&format!("cannot create {}", root.display()), &e))?;
    let lock = lock(root)?;
    let staging = root.join("staging");
    if staging.exists() {
        std::fs::remove_dir_all(&staging)
            .map_err(|e| disk_error("cannot sweep the staging directory", &e))?;
    }
    std::fs::create_dir_all(&staging).map_err(|e| disk_error("cannot create the staging directory", &e))?;
    let inner = Inner {
        root: root.to_owned(),
        store: store.to_owned(),
        space: Mutex::new(Space { budget, used: 0 }),
        entries: Mutex::new(HashMap::new()),
        _lock: lock,
    };
    let cache = DiskCache { inner: Arc::new(inner) };
    for dir in entries.read_dir().map_err(|e| disk_error("cannot read the cache directory", &e))? {
        let dir = dir.map_err(|e| disk_error("cannot read the cache directory", &e))?.path();
        if !adopt(&cache, &dir, store) {
            remove(&dir).map_err(|e| disk_error("cannot sweep an unfinished entry", &e))?;
        }
    }
    Ok(cache)
}

/// Takes in an entry of an earlier run; false: it is not whole, or not ours.
fn adopt(cache: &DiskCache, dir: &Path, store: &str) -> bool {
    let Some((record, used)) = Record::read(dir) else { return false };
    let Ok(model) = ModelName::new(&record.model) else { return false };
    let name = entry_name(store, &model, &record.version);
    let named = dir.file_name().and_then(|n| n.to_str()).and_then(|n| n.split('-').next());
    if record.store != store || named != Some(&name) {
        return false;
    }
    // Charged even beyond the budget, which may be smaller than in the earlier run: shrinking follows.
    let packed = packed::adopt(dir);
    cache.inner.space().used += record.cost + packed;
    let entry = DiskEntry::new(cache, model, record.version, dir.to_owned(), record.cost, packed, used);
    cache.publish(entry);
    true
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.symlink_metadata()?.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}

fn lock(root: &Path) -> Result<File, ModelError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join("lock"))
        .map_err(|e| disk_error(&format!("cannot write to {}", root.display()), &e))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        ModelError::Disk(format!(
            "{} is in use by another process; give each server its own --cache-dir",
            root.display()
        ))
    })?;
    Ok(file)
}
