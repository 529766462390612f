//! An artifact on its way to the disk.

use super::budget::file_cost;
use super::entry::DiskEntry;
use super::record::Record;
use super::{DiskCache, disk_error};
use crate::error::ModelError;
use crate::names::ModelName;
use crate::store::Version;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// An artifact that is being unpacked. Dropped before [`Stage::publish`] it leaves nothing.
pub struct Stage {
    cache: DiskCache,
    model: ModelName,
    version: Version,
    dir: PathBuf,
    cost: u64,
    bytes: u64,
    files: u64,
    published: bool,
}

impl Stage {
    pub(super) fn new(cache: DiskCache, model: ModelName, version: Version) -> Result<Self, ModelError> {
        let dir = cache.staging().join(format!("unpack-{:016x}", fastrand::u64(..)));
        // For the directories and the record.
        let cost = file_cost(0) * 8;
        cache.reserve(cost)?;
        let stage = Self { cache, model, version, dir, cost, bytes: 0, files: 0, published: false };
        std::fs::create_dir_all(stage.files())
            .map_err(|e| disk_error("cannot create a directory for unpacking", &e))?;
        Ok(stage)
    }

    /// Where to unpack to.
    pub fn files(&self) -> PathBuf {
        self.dir.join("files")
    }

    /// Charges a file of `size` bytes before it is written.
    pub fn reserve(&mut self, size: u64) -> Result<(), ModelError> {
        let cost = file_cost(size);
        let budget = self.cache.usage().budget;
        // What the stage itself holds cannot be evicted for it: it would never fit.
        if self.cost.saturating_add(cost) > budget {
            return Err(ModelError::NeverFitsDisk { budget });
        }
        self.cache.reserve(cost)?;
        self.cost += cost;
        self.bytes += size;
        self.files += 1;
        Ok(())
    }

    /// Makes the unpacked artifact an entry that loads may read at once, and that outlives the process once
    /// [`Commit::run`] is done.
    pub fn publish(mut self) -> Result<(Arc<DiskEntry>, Commit), ModelError> {
        let target = self.cache.entry_dir(&self.model, &self.version);
        std::fs::rename(&self.dir, &target).map_err(|e| disk_error("cannot move an entry in place", &e))?;
        self.published = true;
        let record = Record::new(
            &self.cache.inner.store,
            self.model.as_str(),
            &self.version,
            self.cost,
            self.bytes,
            self.files,
        );
        let entry = DiskEntry::new(
            &self.cache,
            self.model.clone(),
            self.version.clone(),
            target,
            self.cost,
            0,
            SystemTime::now(),
        );
        self.cache.publish(entry.clone());
        Ok((entry.clone(), Commit { entry, record }))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.published {
            remove(&self.dir);
            self.cache.release(self.cost);
        }
    }
}

fn remove(dir: &Path) {
    if let Err(e) = std::fs::remove_dir_all(dir)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::error!(error = %e, "cannot clean up after unpacking");
    }
}

/// The rest of the way to stable storage.
pub struct Commit {
    entry: Arc<DiskEntry>,
    record: Record,
}

impl Commit {
    /// Fsyncs the files and writes the record. An error costs the entry its life after a restart, nothing else. An entry that is
    /// removed meanwhile does not wait for it: a sync of a big artifact takes longer than the next model can wait for room.
    pub fn run(self) {
        if self.entry.is_doomed() {
            return;
        }
        if let Err(e) = self.record.commit(self.entry.dir())
            && !self.entry.is_doomed()
        {
            tracing::warn!(model = self.entry.model().as_str(), error = %e, "not kept over a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::DiskCache;
    use crate::names::ModelName;
    use crate::store::Version;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::path::Path;

    const BUDGET: u64 = 1 << 20;

    fn stage(cache: &DiskCache, name: &str) -> super::Stage {
        let version = Version { tag: "1".into(), origin: String::new(), bytes: None, sha256: None };
        cache.stage(&ModelName::new(name).unwrap(), &version).unwrap()
    }

    /// A file whose sync waits until somebody opens it to write, and the name by which that is done.
    fn slow_file(root: &Path, files: &Path) -> std::path::PathBuf {
        let (inside, outside) = (files.join("slow"), root.join("slow"));
        mknodat(CWD, &inside, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::fs::hard_link(&inside, &outside).unwrap();
        outside
    }

    #[test]
    fn an_entry_on_its_way_to_stable_storage_gives_room_to_the_next() {
        let root = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(root.path(), BUDGET, "store").unwrap();
        let mut first = stage(&cache, "first");
        first.reserve(BUDGET / 2).unwrap();
        let slow = slow_file(root.path(), &first.files());
        let (_, commit) = first.publish().unwrap();
        let sync = std::thread::spawn(move || commit.run());
        let mut second = stage(&cache, "second");
        second.reserve(BUDGET / 2).unwrap();
        assert!(cache.get(&ModelName::new("first").unwrap()).is_none(), "it went");
        // Whether the sync has begun or not, it ends, and finds nothing to write down.
        drop(std::fs::File::options().read(true).write(true).open(slow).unwrap());
        sync.join().unwrap();
        second.publish().unwrap();
        assert_eq!(root.path().join("entries").read_dir().unwrap().count(), 1);
    }
}
