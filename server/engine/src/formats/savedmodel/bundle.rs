//! TensorFlow's checkpoint: an index of tensors and the files of their bytes.

use super::proto::{BundleEntry, BundleHeader, dtype};
use super::{layout, sstable};
use crate::{DType, EngineError, value};
use memmap2::Mmap;
use prost::Message;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An index of a million variables is a tenth of this.
const LARGEST_INDEX: u64 = 1 << 30;
/// Files of one checkpoint.
const MOST_SHARDS: i32 = 4096;

/// How an artifact's files may be read.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Nobody writes to them: they may be mapped.
    pub unchanging: bool,
    /// Their bytes were compared with their checksums before.
    pub checked: bool,
    /// A tensor of at most so many bytes is copied, and read when the artifact is opened.
    pub small: usize,
}

impl Access {
    /// Files that others may write to.
    pub const FOREIGN: Self = Self { unchanging: false, checked: false, small: 64 << 10 };
}

/// An opened checkpoint; empty for a frozen graph.
pub struct Bundle {
    dir: PathBuf,
    access: Access,
    shards: i32,
    entries: HashMap<String, BundleEntry>,
    sizes: HashMap<i32, u64>,
}

/// A tensor of the checkpoint, checked against the files.
#[derive(Debug, Clone)]
pub struct Entry {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub elements: usize,
}

impl Entry {
    /// Bytes in the file.
    pub fn bytes(&self) -> usize {
        self.elements * width(self.dtype)
    }
}

impl Bundle {
    pub fn open(dir: &Path, access: Access) -> Result<Self, EngineError> {
        let dir = dir.join("variables");
        let mut bundle = Self { dir, access, shards: 0, entries: HashMap::new(), sizes: HashMap::new() };
        if !bundle.dir.join("variables.index").exists() {
            return Ok(bundle);
        }
        let index = layout::read_file(&bundle.dir, "variables.index", LARGEST_INDEX)?;
        for (key, value) in sstable::entries(&index)? {
            let unreadable = |_| broken("an entry is not readable");
            if key.is_empty() {
                let header = BundleHeader::decode(value.as_slice()).map_err(unreadable)?;
                if header.endianness != 0 || !(1..=MOST_SHARDS).contains(&header.num_shards) {
                    return Err(broken("it is big-endian, or has no or too many data files"));
                }
                bundle.shards = header.num_shards;
            } else if let Ok(key) = String::from_utf8(key) {
                bundle.entries.insert(key, BundleEntry::decode(value.as_slice()).map_err(unreadable)?);
            }
        }
        for shard in 0..bundle.shards {
            let name = bundle.shard(shard);
            let meta = name.symlink_metadata().ok().filter(std::fs::Metadata::is_file);
            let meta = meta.ok_or_else(|| {
                EngineError::broken(format!("variables/{} is missing", file_name(shard, bundle.shards)))
            })?;
            bundle.sizes.insert(shard, meta.len());
        }
        Ok(bundle)
    }

    /// How its files may be read.
    pub fn access(&self) -> Access {
        self.access
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A tensor's type and shape, after its bytes were found to be there.
    pub fn entry(&self, key: &str) -> Result<Entry, EngineError> {
        let entry = self.entries.get(key).ok_or_else(|| {
            EngineError::broken(format!("the checkpoint has no entry {key:?}, which the graph reads"))
        })?;
        let wrong = |what: &str| EngineError::broken(format!("checkpoint entry {key:?}: {what}"));
        if !entry.slices.is_empty() {
            return Err(wrong("it is a partitioned variable, which is not supported"));
        }
        let dtype = dtype(entry.dtype).filter(|d| *d != DType::String);
        let dtype = dtype.ok_or_else(|| wrong("its type is not supported"))?;
        let dims = entry.shape.iter().flat_map(|s| &s.dim).map(|d| usize::try_from(d.size).ok());
        let shape: Option<Vec<usize>> = dims.collect();
        let shape = shape.filter(|s| s.len() <= 16).ok_or_else(|| wrong("its shape is not a shape"))?;
        let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let bytes = elements.and_then(|n| n.checked_mul(width(dtype)));
        let elements = elements.filter(|_| bytes.is_some() && bytes == usize::try_from(entry.size).ok());
        let elements = elements.ok_or_else(|| wrong("its size is not that of its shape"))?;
        let file = self.sizes.get(&entry.shard_id).copied().unwrap_or(0);
        let end = u64::try_from(entry.offset).ok().zip(u64::try_from(entry.size).ok());
        if end.and_then(|(o, s)| o.checked_add(s)).is_none_or(|end| end > file) {
            return Err(wrong("its bytes lie outside of the data file, which may be cut short"));
        }
        Ok(Entry { dtype, shape, elements })
    }

    /// Reads a tensor's bytes, little-endian, and checks them against their checksum. `into` has their number.
    pub fn read(&self, key: &str, into: &mut [u8]) -> Result<(), EngineError> {
        self.entry(key)?;
        let entry = &self.entries[key];
        let name = file_name(entry.shard_id, self.shards);
        let io = |e: std::io::Error| EngineError::Io { file: name.clone(), message: e.kind().to_string() };
        let file = File::open(self.shard(entry.shard_id)).map_err(io)?;
        file.read_exact_at(into, entry.offset.unsigned_abs()).map_err(io)?;
        check(key, entry, into)
    }

    /// Maps a tensor's bytes, and checks them unless that was done before. None: they have to be read.
    pub fn map(&self, key: &str) -> Result<Option<Arc<Mmap>>, EngineError> {
        let size = self.entry(key)?.bytes();
        if !self.access.unchanging || size <= self.access.small || cfg!(not(target_endian = "little")) {
            return Ok(None);
        }
        let entry = &self.entries[key];
        let file = File::open(self.shard(entry.shard_id));
        // What cannot be mapped may still be read, or says then why not.
        let map = file.and_then(|file| value::map(&file, entry.offset.unsigned_abs(), size));
        let Ok(map) = map else { return Ok(None) };
        if !self.access.checked {
            check(key, entry, &map)?;
        }
        Ok(Some(map))
    }

    /// A text that a tensor with other elements would not have.
    pub fn identity(&self, key: &str) -> String {
        let what = self.entries.get(key).map(|e| (e.dtype, e.shape.as_ref(), e.size, e.crc32c));
        format!("{key:?} {what:?}")
    }

    fn shard(&self, shard: i32) -> PathBuf {
        self.dir.join(file_name(shard, self.shards))
    }
}

fn check(key: &str, entry: &BundleEntry, bytes: &[u8]) -> Result<(), EngineError> {
    if sstable::masked(crc32c::crc32c(bytes)) == entry.crc32c {
        return Ok(());
    }
    Err(EngineError::broken(format!("checkpoint entry {key:?}: its bytes fail their checksum")))
}

fn file_name(shard: i32, shards: i32) -> String {
    format!("variables.data-{shard:05}-of-{shards:05}")
}

/// Bytes of one element in the file.
pub fn width(dtype: DType) -> usize {
    match dtype {
        DType::F64 | DType::I64 | DType::U64 => 8,
        DType::F32 | DType::I32 | DType::U32 => 4,
        DType::F16 | DType::BF16 | DType::I16 | DType::U16 => 2,
        DType::I8 | DType::U8 | DType::Bool | DType::String => 1,
    }
}

fn broken(what: &str) -> EngineError {
    EngineError::broken(format!("variables/variables.index: {what}"))
}
