//! TensorFlow's checkpoint: an index of tensors and the files of their bytes.

mod read;

use super::proto::{BundleEntry, BundleHeader, dtype};
use super::regions::{self, Region};
use super::{layout, sstable};
use crate::{DType, EngineError, value};
use memmap2::Mmap;
use prost::Message;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An index of a million variables is a tenth of this.
const LARGEST_INDEX: u64 = 1 << 30;
/// Files of one checkpoint.
const MOST_SHARDS: i32 = 4096;
/// Bytes that are compared at a time.
const COMPARED: usize = 1 << 20;

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
            if checked(&extents, width(dtype)) != Some(size) {
                return Err(wrong("its size is not that of its shape"));
            }
        }
        let shape = match part {
            None => whole,
            Some(part) => {
                regions::within(part, &whole).ok_or_else(|| wrong("a part of it lies outside of it"))?
            }
        };
        let stored = checked(&shape, width(dtype)).ok_or_else(|| wrong("its shape is not a shape"))?;
        Ok(Entry { dtype, elements: stored / width(dtype), shape, stored: stored as u64 })
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
                regions::copy(&common, (&region, &bytes), (&target, &mut *into), width(wanted.dtype));
            missing = missing.saturating_sub(copied);
        }
        if missing > 0 {
            return Err(EngineError::broken(format!("checkpoint entry {key:?}: parts of it are missing")));
        }
        Ok(())
    }

    /// A tensor of strings: the length of each, a checksum of those, then the strings.
    pub fn texts(&self, key: &str) -> Result<Vec<Vec<u8>>, EngineError> {
        let wrong = || EngineError::broken(format!("checkpoint entry {key:?}: its strings are not readable"));
        let entry = self.find(key)?;
        let count = shape(entry).and_then(|s| checked(&s, 1)).ok_or_else(wrong)?;
        let (_, size) = self.place(key, entry)?;
        // Each string has at least its length.
        if dtype(entry.dtype) != Some(DType::String) || !entry.slices.is_empty() || count > size {
            return Err(wrong());
        }
        let mut bytes = vec![0; size];
        self.fill(entry, &mut bytes)?;
        let (mut rest, mut sum) = (bytes.as_slice(), 0u32);
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            let length = sstable::varint(&mut rest).ok_or_else(wrong)?;
            sum = match u32::try_from(length) {
                Ok(short) => crc32c::crc32c_append(sum, &short.to_le_bytes()),
                Err(_) => crc32c::crc32c_append(sum, &length.to_le_bytes()),
            };
            lengths.push(usize::try_from(length).map_err(|_| wrong())?);
        }
        let (checksum, mut rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let all = crc32c::crc32c_append(crc32c::crc32c_append(sum, checksum), rest);
        if sstable::masked(sum).to_le_bytes() != *checksum || sstable::masked(all) != entry.crc32c {
            return Err(unequal(key));
        }
        let mut texts = Vec::with_capacity(count);
        for length in lengths {
            let (text, after) = rest.split_at_checked(length).ok_or_else(wrong)?;
            texts.push(text.to_vec());
            rest = after;
        }
        Ok(texts)
    }

    /// Whether two tensors have the same bytes: those that lie in one place, and those that were written twice.
    pub fn same(&self, a: &str, b: &str) -> bool {
        let (Ok(x), Ok(y)) = (self.find(a), self.find(b)) else { return false };
        let what = |e: &BundleEntry| (e.dtype, e.shape.clone(), e.size, e.crc32c);
        if what(x) != what(y) || !x.slices.is_empty() || !y.slices.is_empty() {
            return false;
        }
        if (x.shard_id, x.offset) == (y.shard_id, y.offset) {
            return true;
        }
        let (Ok((_, size)), Ok(_)) = (self.place(a, x), self.place(b, y)) else { return false };
        // Twins are few; files that pretend otherwise are not read for ever.
        let read = self.compared.fetch_add(size as u64, Ordering::Relaxed).saturating_add(size as u64);
        if read > self.sizes.values().fold(0u64, |n, s| n.saturating_add(*s)) {
            return false;
        }
        self.equal(x, y, size).unwrap_or(false)
    }

    fn equal(&self, x: &BundleEntry, y: &BundleEntry, size: usize) -> std::io::Result<bool> {
        let (one, other) = (File::open(self.shard(x.shard_id))?, File::open(self.shard(y.shard_id))?);
        let mut buffers = [vec![0; COMPARED.min(size)], vec![0; COMPARED.min(size)]];
        for from in (0..size).step_by(COMPARED) {
            let count = COMPARED.min(size - from);
            let [a, b] = &mut buffers;
            one.read_exact_at(&mut a[..count], x.offset.unsigned_abs() + from as u64)?;
            other.read_exact_at(&mut b[..count], y.offset.unsigned_abs() + from as u64)?;
            if a[..count] != b[..count] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What two tensors with the same bytes have in common.
    pub fn likeness(&self, key: &str) -> Option<(i64, u32)> {
        self.find(key).ok().map(|e| (e.size, e.crc32c))
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
    pub fn map(&self, key: &str) -> Result<Option<Arc<Mmap>>, EngineError> {
        let entry = self.find(key)?;
        let (offset, size) = self.place(key, entry)?;
        let whole = entry.slices.is_empty();
        let wanted = self.access.unchanging && size > self.access.small;
        if !whole || !wanted || cfg!(not(target_endian = "little")) {
            return Ok(None);
        }
        let file = File::open(self.shard(entry.shard_id));
        // What cannot be mapped may still be read, or says then why not.
        let map = file.and_then(|file| value::map(&file, offset, size));
        let Ok(map) = map else { return Ok(None) };
        if !self.access.checked {
            check(key, entry, &map)?;
        }
        Ok(Some(map))
    }

    /// A text that a tensor with other elements would not have; of a part, the part's.
    pub fn identity(&self, key: &str, part: Option<&[(usize, usize)]>) -> String {
        let what = |e: &BundleEntry| (e.dtype, e.size, e.crc32c, format!("{:?}", e.shape));
        let entry = self.entries.get(key.as_bytes());
        let slices = entry.map_or(&[][..], |e| &e.slices);
        let pieces: Vec<_> =
            slices.iter().map(|s| (s, self.entries.get(&regions::key(key, s)).map(what))).collect();
        format!("{key:?} {part:?} {:?} {pieces:?}", entry.map(what))
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
    if sstable::masked(crc32c::crc32c(bytes)) == entry.crc32c {
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
