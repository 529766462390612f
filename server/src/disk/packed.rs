//! Packed weights beside an entry's files: what makes a reload a map. They are worth nothing without the files, and are made
//! again if they are missing: nothing has to be removed for them, and nothing is lost with them.

use super::budget::file_cost;
use super::entry::DiskEntry;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError};

const NAME: &str = "packed";
/// Appears by rename from this.
const TEMPORARY: &str = "packed.new";

impl DiskEntry {
    /// Writes packed weights of `bytes` bytes beside the files, in place of those that are there; `write` says whether it wrote all of
    /// them. They are charged first, and not written if there is no room.
    pub fn save_packed(self: &Arc<Self>, bytes: u64, write: impl FnOnce(&mut File) -> io::Result<bool>) {
        // Keeps the directory.
        let Some(reading) = self.read() else { return };
        let Some(cache) = self.cache() else { return };
        let mut charged = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = file_cost(bytes);
        if !cache.inner.space().charge(cost) {
            tracing::debug!(model = self.model().as_str(), bytes, "no room on disk for packed weights");
            return;
        }
        match replace(reading.root(), write) {
            Ok(true) => cache.release(std::mem::replace(&mut *charged, cost)),
            Ok(false) => cache.release(cost),
            Err(error) => {
                cache.release(cost);
                tracing::warn!(model = self.model().as_str(), %error, "cannot keep packed weights");
            }
        }
    }
}

/// Where an entry's packed weights are, if there are any.
pub fn path(dir: &Path) -> std::path::PathBuf {
    dir.join(NAME)
}

/// On stable storage first, then in place: a file with the right name is whole, and never changes.
fn replace(dir: &Path, write: impl FnOnce(&mut File) -> io::Result<bool>) -> io::Result<bool> {
    let temporary = dir.join(TEMPORARY);
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o640).open(&temporary)?;
    let done = write(&mut file).and_then(|done| {
        if done {
            file.sync_all()?;
            std::fs::rename(&temporary, path(dir))?;
        }
        Ok(done)
    });
    if !matches!(done, Ok(true)) {
        let _ = std::fs::remove_file(&temporary);
    }
    done
}

/// Removes what a crash left of an entry's packed weights; the bytes to charge for them.
pub fn adopt(dir: &Path) -> u64 {
    let _ = std::fs::remove_file(dir.join(TEMPORARY));
    let meta = path(dir).symlink_metadata().ok().filter(std::fs::Metadata::is_file);
    meta.map_or(0, |meta| file_cost(meta.len()))
}

#[cfg(test)]
mod tests {
    use super::{File, NAME, TEMPORARY};
    use crate::disk::DiskCache;
    use crate::names::ModelName;
    use crate::store::Version;
    use std::io::{self, Write as _};
    use std::path::{Path, PathBuf};

    const BUDGET: u64 = 1 << 20;

    fn open(root: &Path) -> DiskCache {
        DiskCache::open(root, BUDGET, "store").unwrap()
    }

    fn name() -> ModelName {
        ModelName::new("model").unwrap()
    }

    /// An entry with one file, and its directory.
    fn entry(cache: &DiskCache, root: &Path) -> PathBuf {
        let mut stage = cache.stage(&name(), &Version("1".into())).unwrap();
        stage.reserve(5).unwrap();
        std::fs::write(stage.files().join("file"), "bytes").unwrap();
        let (_, commit) = stage.publish().unwrap();
        commit.run();
        root.join("entries").read_dir().unwrap().next().unwrap().unwrap().path()
    }

    fn write(text: &str) -> impl FnOnce(&mut File) -> io::Result<bool> {
        move |file| file.write_all(text.as_bytes()).map(|()| true)
    }

    #[test]
    fn packed_weights_are_charged_replaced_found_again_and_removed_with_their_entry() {
        let root = tempfile::tempdir().unwrap();
        let cache = open(root.path());
        let dir = entry(&cache, root.path());
        let before = cache.usage().used;
        let entry = cache.get(&name()).unwrap();
        entry.save_packed(5000, write("first"));
        assert_eq!(cache.usage().used - before, 3 * 4096);
        entry.save_packed(6, write("second"));
        assert_eq!(cache.usage().used - before, 2 * 4096, "what was replaced is charged no more");
        assert_eq!(std::fs::read(dir.join(NAME)).unwrap(), b"second");
        drop((entry, cache));
        std::fs::write(dir.join(TEMPORARY), "of a crash").unwrap();
        let cache = open(root.path());
        assert_eq!(cache.usage().used - before, 2 * 4096);
        assert!(!dir.join(TEMPORARY).exists());
        cache.remove(&name());
        assert!(!dir.exists());
        assert_eq!(cache.usage().used, 0);
    }

    #[test]
    fn packed_weights_without_room_or_end_leave_nothing() {
        let root = tempfile::tempdir().unwrap();
        let cache = open(root.path());
        let dir = entry(&cache, root.path());
        let before = cache.usage().used;
        let entry = cache.get(&name()).unwrap();
        entry.save_packed(BUDGET, |_| panic!("written though there is no room"));
        entry.save_packed(10, |_| Ok(false));
        entry.save_packed(10, |_| Err(io::Error::other("the disk is full")));
        assert_eq!(cache.usage().used, before);
        assert!(!dir.join(NAME).exists() && !dir.join(TEMPORARY).exists());
        cache.remove(&name());
        entry.save_packed(10, |_| panic!("written beside files that are gone"));
        assert_eq!(cache.usage().used, 0);
    }
}
