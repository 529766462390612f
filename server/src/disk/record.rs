//! What is written down of an entry.

use crate::store::Version;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Changes when the layout does: older entries are then swept, never misread.
const FORMAT: u32 = 2;
const NAME: &str = "entry.json";
/// A longer record is none of ours.
const LONGEST: u64 = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    pub format: u32,
    pub store: String,
    pub model: String,
    pub version: Version,
    /// Bytes charged to the budget.
    pub cost: u64,
    /// Bytes of the files together: a start checks them.
    pub bytes: u64,
    pub files: u64,
}

impl Record {
    pub fn new(store: &str, model: &str, version: &Version, cost: u64, bytes: u64, files: u64) -> Self {
        let (store, model, version) = (store.to_owned(), model.to_owned(), version.clone());
        Self { format: FORMAT, store, model, version, cost, bytes, files }
    }

    /// Makes the entry one: everything on stable storage first, the record by rename last.
    pub fn commit(&self, dir: &Path) -> io::Result<()> {
        sync_tree(&dir.join("files"))?;
        let temporary = dir.join("entry.json.new");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        std::fs::rename(&temporary, dir.join(NAME))?;
        File::open(dir)?.sync_all()?;
        dir.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }

    /// The record of an entry, and when it was last used; None: it is not a whole entry.
    pub fn read(dir: &Path) -> Option<(Self, std::time::SystemTime)> {
        let path = dir.join(NAME);
        let meta = path.symlink_metadata().ok()?;
        if !meta.is_file() || meta.len() > LONGEST {
            return None;
        }
        let record: Self = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let (bytes, files) = measure(&dir.join("files")).ok()?;
        let whole = record.format == FORMAT && (record.bytes, record.files) == (bytes, files);
        whole.then_some((record, meta.modified().ok()?))
    }

    /// The record's modification time is the entry's last use: losing it costs the order, nothing else.
    pub fn touch(dir: &Path, at: std::time::SystemTime) -> io::Result<()> {
        File::options().append(true).open(dir.join(NAME))?.set_modified(at)
    }
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in dir.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}

fn measure(dir: &Path) -> io::Result<(u64, u64)> {
    let (mut bytes, mut files) = (0, 0);
    for entry in dir.read_dir()? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            let (b, f) = measure(&entry.path())?;
            bytes += b;
            files += f;
        } else {
            bytes += meta.len();
            files += 1;
        }
    }
    Ok((bytes, files))
}
