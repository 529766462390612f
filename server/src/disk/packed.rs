//! Packed weights beside an entry's files: what makes a reload a map. They are worth nothing without the files, and are made
//! again if they are missing: nothing has to be removed for them, and nothing is lost with them.

use super::budget::file_cost;
use super::entry::DiskEntry;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const NAME: &str = "packed";
/// Appears by rename from this.
const TEMPORARY: &str = "packed.new";

/// What is known of an entry's packed weights.
#[derive(Debug, Default)]
pub struct Beside {
    /// Bytes charged for them.
    charged: u64,
    /// Bytes charged for new ones that are being written.
    writing: Option<u64>,
    /// The entry is being removed.
    gone: bool,
}

impl Beside {
    /// Packed weights for which so many bytes are charged; zero: there are none.
    pub fn charged(bytes: u64) -> Self {
        Self { charged: bytes, ..Self::default() }
    }

    /// Bytes that are charged.
    pub fn bytes(&self) -> u64 {
        self.charged + self.writing.unwrap_or(0)
    }

    /// The entry is being removed, and what is being written with it; the bytes to release.
    pub fn go(&mut self) -> u64 {
        self.gone = true;
        std::mem::take(&mut self.charged) + self.writing.take().unwrap_or(0)
    }
}

impl DiskEntry {
    /// Writes packed weights of `bytes` bytes beside the files, in place of those that are there; `write` says whether it wrote all of
    /// them. They are charged first, and not written if there is no room. An entry that is removed meanwhile does not wait for them.
    pub fn save_packed(&self, bytes: u64, write: impl FnOnce(&mut dyn Write) -> io::Result<bool>) {
        let Some(cache) = self.cache() else { return };
        let cost = file_cost(bytes);
        if !cache.inner.space().charge(cost) {
            tracing::debug!(model = self.model().as_str(), bytes, "no room on disk for packed weights");
            return;
        }
        {
            let mut beside = self.beside();
            if beside.gone || beside.writing.is_some() {
                return cache.release(cost);
            }
            beside.writing = Some(cost);
        }
        let temporary = self.dir().join(TEMPORARY);
        let written = self.write_packed(&temporary, write);
        let mut beside = self.beside();
        // What was charged went with the entry, and so did the file.
        let Some(cost) = beside.writing.take() else { return };
        let placed = match written {
            Ok(true) => std::fs::rename(&temporary, path(self.dir())).map(|()| true),
            other => other,
        };
        if let Ok(true) = placed {
            return cache.release(std::mem::replace(&mut beside.charged, cost));
        }
        if let Err(error) = placed {
            tracing::warn!(model = self.model().as_str(), %error, "cannot keep packed weights");
        }
        let _ = std::fs::remove_file(&temporary);
        cache.release(cost);
    }

    /// Writes a file to stable storage: once it has its name it is whole, and never changes.
    fn write_packed(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let file = File::options().write(true).create(true).truncate(true).mode(0o640).open(path)?;
        let mut target = Target { entry: self, file };
        let done = write(&mut target)?;
        if done {
            target.file.sync_all()?;
        }
        Ok(done)
    }
}

/// Where packed weights are written to, as long as their entry is there.
struct Target<'e> {
    entry: &'e DiskEntry,
    file: File,
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.entry.beside().gone {
            return Err(io::Error::other("the entry is removed"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Where an entry's packed weights are, if there are any.
pub fn path(dir: &Path) -> std::path::PathBuf {
    dir.join(NAME)
}

/// Removes what a crash left of an entry's packed weights; the bytes to charge for them.
pub fn adopt(dir: &Path) -> u64 {
    let _ = std::fs::remove_file(dir.join(TEMPORARY));
    let meta = path(dir).symlink_metadata().ok().filter(std::fs::Metadata::is_file);
    meta.map_or(0, |meta| file_cost(meta.len()))
}

#[cfg(test)]
mod tests {
    use super::{NAME, TEMPORARY};
    use crate::disk::DiskCache;
    use crate::names::ModelName;
    use crate::store::Version;
    use std::io::{self, Write};
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
        let version = Version { tag: "1".into(), origin: String::new(), bytes: None, sha256: None };
        let mut stage = cache.stage(&name(), &version).unwrap();
        stage.reserve(5).unwrap();
        std::fs::write(stage.files().join("file"), "bytes").unwrap();
        let (_, commit) = stage.publish().unwrap();
        commit.run();
        root.join("entries").read_dir().unwrap().next().unwrap().unwrap().path()
    }

    fn write(text: &str) -> impl FnOnce(&mut dyn Write) -> io::Result<bool> {
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
        entry.save_packed(10, |file| {
            cache.remove(&name());
            assert!(!dir.exists(), "what is written does not keep the entry");
            assert_eq!(cache.usage().used, 0, "nor what is charged for it");
            file.write_all(b"0123456789").map(|()| true)
        });
        assert_eq!(cache.usage().used, 0);
        entry.save_packed(10, |_| panic!("written beside files that are gone"));
        assert_eq!(cache.usage().used, 0);
    }
}
