//! TensorFlow's checkpoint: an index of tensors and the files of their bytes.

mod read;
mod texts;
mod twins;

use super::proto::{BundleEntry, BundleHeader, dtype};
use super::regions::{self, Region};
use super::{layout, sstable};
use crate::packed_file::checksum;
use crate::value::{Map, Maps};
use crate::{DType, EngineError};
use prost::Message;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// An index of a million variables is a tenth of this.
const LARGEST_INDEX: u64 = 1 << 30;
/// Files of one checkpoint.
const MOST_SHARDS: i32 = 4096;

/// How an artifact's files may be read.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Nobody writes to them: they may be mapped without a lease.
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
    maps: Maps,
    shards: i32,
    /// By key; those of parts have keys that are no text.
    entries: HashMap<Vec<u8>, BundleEntry>,
    sizes: HashMap<i32, u64>,
    /// Bytes that were read to find twins.
    compared: AtomicU64,
}

/// A tensor of the checkpoint, checked against the files.
#[derive(Debug, Clone)]
pub struct Entry {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub elements: usize,
    /// Bytes in the file.
    pub stored: u64,
}

impl Bundle {
    pub fn open(dir: &Path, access: Access) -> Result<Self, EngineError> {
        let dir = dir.join("variables");
        let mut bundle = Self {
            dir,
            access,
            maps: Maps::new(access.unchanging),
            shards: 0,
            entries: HashMap::new(),
            sizes: HashMap::new(),
            compared: AtomicU64::new(0),
        };
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
            } else {
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
        self.entries.contains_key(key.as_bytes())
    }

    /// A tensor's type and shape, after its bytes were found to be there; of a part, the part's.
    pub fn entry(&self, key: &str, part: Option<&[(usize, usize)]>) -> Result<Entry, EngineError> {
        let entry = self.find(key)?;
        let wrong = |what: &str| EngineError::broken(format!("checkpoint entry {key:?}: {what}"));
        let dtype = dtype(entry.dtype).ok_or_else(|| wrong("its type is not supported"))?;
        let whole = shape(entry).ok_or_else(|| wrong("its shape is not a shape"))?;
        if dtype == DType::String {
            if part.is_some() || !entry.slices.is_empty() {
                return Err(wrong("it is a part of a tensor of strings"));
            }
            let elements = checked(&whole, 1).ok_or_else(|| wrong("its shape is not a shape"))?;
            let (_, size) = self.place(key, entry)?;
            return Ok(Entry { dtype, shape: whole, elements, stored: size as u64 });
        }
        for (region, piece) in self.pieces(key, entry, &whole)? {
            let (_, size) = self.place(key, piece)?;
            let extents: Vec<usize> = region.iter().map(|(_, length)| *length).collect();
            if checked(&extents, dtype.width()) != Some(size) {
                return Err(wrong("its size is not that of its shape"));
            }
        }
        let shape = match part {
            None => whole,
            Some(part) => {
                regions::within(part, &whole).ok_or_else(|| wrong("a part of it lies outside of it"))?
            }
        };
        let stored = checked(&shape, dtype.width()).ok_or_else(|| wrong("its shape is not a shape"))?;
        Ok(Entry { dtype, elements: stored / dtype.width(), shape, stored: stored as u64 })
    }

    /// Reads a tensor's bytes, or those of a part of it, little-endian, and checks them against their checksum. `into` has their number.
    pub fn read(
        &self,
        key: &str,
        part: Option<&[(usize, usize)]>,
        into: &mut [u8],
    ) -> Result<(), EngineError> {
        let wanted = self.entry(key, part)?;
        let entry = self.find(key)?;
        let whole = shape(entry).unwrap_or_default();
        let target = part.map_or_else(|| regions::all(&whole), <[_]>::to_vec);
        let mut missing = wanted.elements;
        for (region, piece) in self.pieces(key, entry, &whole)? {
            if region == target {
                return self.bytes(key, piece, into);
            }
            let Some(common) = regions::common(&region, &target) else { continue };
            let mut bytes = Vec::new();
            let size = usize::try_from(piece.size).unwrap_or(0);
            bytes.try_reserve_exact(size).map_err(|_| EngineError::Execution("out of memory".to_owned()))?;
            bytes.resize(size, 0);
            self.bytes(key, piece, &mut bytes)?;
            let copied =
                regions::copy(&common, (&region, &bytes), (&target, &mut *into), wanted.dtype.width());
            missing = missing.saturating_sub(copied);
        }
        if missing > 0 {
            return Err(EngineError::broken(format!("checkpoint entry {key:?}: parts of it are missing")));
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Result<&BundleEntry, EngineError> {
        self.entries.get(key.as_bytes()).ok_or_else(|| {
            EngineError::broken(format!("the checkpoint has no entry {key:?}, which the graph reads"))
        })
    }

    /// Where an entry's bytes are in its file.
    fn place(&self, key: &str, entry: &BundleEntry) -> Result<(u64, usize), EngineError> {
        let file = self.sizes.get(&entry.shard_id).copied().unwrap_or(0);
        let place = u64::try_from(entry.offset).ok().zip(u64::try_from(entry.size).ok());
        let place = place.filter(|(o, s)| o.checked_add(*s).is_some_and(|end| end <= file));
        let place = place.and_then(|(offset, size)| Some((offset, usize::try_from(size).ok()?)));
        place.ok_or_else(|| {
            EngineError::broken(format!(
                "checkpoint entry {key:?}: its bytes lie outside of the data file, which may be cut short"
            ))
        })
    }

    /// The entries that a tensor's bytes are in, and the part of it that each is: often the only one.
    fn pieces<'b>(
        &'b self,
        key: &str,
        entry: &'b BundleEntry,
        whole: &[usize],
    ) -> Result<Vec<(Region, &'b BundleEntry)>, EngineError> {
        if entry.slices.is_empty() {
            return Ok(vec![(regions::all(whole), entry)]);
        }
        let wrong = || EngineError::broken(format!("checkpoint entry {key:?}: a part of it is missing"));
        let piece = |slice: &super::proto::Slice| {
            let region = regions::of(slice, whole)?;
            Some((region, self.entries.get(&regions::key(key, slice))?))
        };
        let pieces: Option<Vec<_>> = entry.slices.iter().map(piece).collect();
        pieces.filter(|p| p.iter().all(|(_, e)| e.slices.is_empty())).ok_or_else(wrong)
    }

    /// Maps a tensor's bytes, and checks them unless that was done before. None: they have to be read.
    pub fn map(&self, key: &str) -> Result<Option<Arc<Map>>, EngineError> {
        let entry = self.find(key)?;
        let (offset, size) = self.place(key, entry)?;
        let whole = entry.slices.is_empty();
        if !whole || size <= self.access.small || cfg!(not(target_endian = "little")) {
            return Ok(None);
        }
        let Some(map) = self.maps.map(&self.shard(entry.shard_id), offset, size) else { return Ok(None) };
        if !self.access.checked {
            check(key, entry, &map)?;
        }
        Ok(Some(map))
    }

    fn fill(&self, entry: &BundleEntry, into: &mut [u8]) -> Result<(), EngineError> {
        let name = file_name(entry.shard_id, self.shards);
        let io = |e: std::io::Error| EngineError::Io { file: name.clone(), message: e.kind().to_string() };
        let file = File::open(self.shard(entry.shard_id)).map_err(io)?;
        file.read_exact_at(into, entry.offset.unsigned_abs()).map_err(io)
    }

    fn shard(&self, shard: i32) -> PathBuf {
        self.dir.join(file_name(shard, self.shards))
    }
}

fn shape(entry: &BundleEntry) -> Option<Vec<usize>> {
    let dims = entry.shape.iter().flat_map(|s| &s.dim).map(|d| usize::try_from(d.size).ok());
    dims.collect::<Option<Vec<usize>>>().filter(|s| s.len() <= 16)
}

/// The product of extents and a width.
fn checked(shape: &[usize], width: usize) -> Option<usize> {
    shape.iter().try_fold(width, |n, d| n.checked_mul(*d))
}

fn check(key: &str, entry: &BundleEntry, bytes: &[u8]) -> Result<(), EngineError> {
    if sstable::masked(checksum(bytes)) == entry.crc32c {
        return Ok(());
    }
    Err(unequal(key))
}

fn unequal(key: &str) -> EngineError {
    EngineError::broken(format!("checkpoint entry {key:?}: its bytes fail their checksum"))
}

fn file_name(shard: i32, shards: i32) -> String {
    format!("variables.data-{shard:05}-of-{shards:05}")
}

fn broken(what: &str) -> EngineError {
    EngineError::broken(format!("variables/variables.index: {what}"))
}
