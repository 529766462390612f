//! Packed weights in a file, so that a model that comes back maps them instead of packing them again.
//!
//! ```text
//! header   magic, version, number of rows, length of the file, checksum of the rows, checksum of the header
//! rows     key, offset, bytes, checksum of the bytes; by key
//! bytes    packed matrices as they lie in memory, each row's at a multiple of 64
//! ```
//!
//! A key is a digest of all that decides the bytes: the checkpoint's entry with its checksum, what is done to it, the form and the
//! version of the layout. So a file is right for any plan that finds its keys in it, on any instruction set, and what is not found is
//! packed anew. Numbers are little-endian; other machines write and read no such file.
//!
//! What can go wrong on a local disk: a crash leaves a file whose length or content is not all there, or bits rot while
//! nobody looks. Both are found by the checksums when a process first maps the file. A process that has checked a file once
//! does not check it again: what it then maps are pages that it, or a check before, had in memory. Rot under a running process
//! is left to the disk's own checksums, as it is for the weights in memory.

mod write;

pub use write::{Packs, Unsaved};

use crate::kernels::Form;
use crate::kernels::gemm::Packed;
use crate::value::{Map, Memory};
use rayon::prelude::*;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Names packed weights by what they are made of.
pub type Key = [u8; 32];

const MAGIC: [u8; 8] = *b"berth.pw";
/// Changes when the file's layout does.
const VERSION: u32 = 1;
const HEADER: usize = 32;
const ROW: usize = 56;
/// Where each row's bytes may begin.
const ALIGN: usize = 64;
/// Bytes that are checked at a time.
const PIECE: usize = 4 << 20;

/// One row's bytes: where they begin, how many they are, their checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    start: usize,
    bytes: usize,
    checksum: u32,
}

/// A file of packed weights, mapped.
#[derive(Debug)]
pub struct PackedFile {
    map: Arc<Map>,
    rows: HashMap<Key, Row>,
}

impl PackedFile {
    /// Maps a file, which nobody may write to any more. `checked`: its bytes were compared with their checksums before. None: there
    /// is none, or it is not whole.
    pub fn open(path: &Path, checked: bool) -> Option<Self> {
        if cfg!(not(target_endian = "little")) || !path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
        if length < HEADER {
            return None;
        }
        let map = Map::new(&file, 0, length).ok()?;
        let rows = rows(&map)?;
        let file = Self { map, rows };
        (checked || file.is_whole()).then_some(file)
    }

    /// Whether all bytes are what was written.
    fn is_whole(&self) -> bool {
        self.rows.par_iter().all(|(_, row)| checksum(&self.map[row.start..][..row.bytes]) == row.checksum)
    }

    /// What was packed under a key; None: nothing, or it is not of this form.
    pub fn find(&self, key: &Key, form: Form) -> Option<Vec<Packed>> {
        let row = self.rows.get(key)?;
        if form.elements()?.checked_mul(size_of::<f32>())? != row.bytes {
            return None;
        }
        form.restore(|first, count| {
            let start = row.start.checked_add(first.checked_mul(size_of::<f32>())?)?;
            Memory::mapped(self.map.clone(), start, count)
        })
    }
}

/// The checksum of many bytes (CRC-32C), on all cores.
pub fn checksum(bytes: &[u8]) -> u32 {
    let pieces: Vec<(u32, usize)> = bytes.par_chunks(PIECE).map(|p| (crc32c::crc32c(p), p.len())).collect();
    pieces.into_iter().fold(0, |sum, (piece, len)| crc32c::crc32c_combine(sum, piece, len))
}

/// The rows of a whole file; None: it is not one.
fn rows(file: &[u8]) -> Option<HashMap<Key, Row>> {
    let header = file.get(..HEADER)?;
    let word = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let length = u64::from_le_bytes(header.get(16..24)?.try_into().ok()?);
    if header[..8] != MAGIC || word(8)? != VERSION || length != file.len() as u64 {
        return None;
    }
    let count = usize::try_from(word(12)?).ok()?;
    let table = file.get(HEADER..HEADER.checked_add(count.checked_mul(ROW)?)?)?;
    if word(24)? != crc32c::crc32c(table) || word(28)? != crc32c::crc32c(&header[..28]) {
        return None;
    }
    let mut rows = HashMap::with_capacity(count);
    for row in table.as_chunks::<ROW>().0 {
        let number = |at: usize| u64::from_le_bytes(row[at..at + 8].try_into().unwrap_or_default());
        let (start, bytes) = (usize::try_from(number(32)).ok()?, usize::try_from(number(40)).ok()?);
        let checksum = u32::from_le_bytes(row[48..52].try_into().ok()?);
        file.get(start..start.checked_add(bytes)?)?;
        let key: Key = row[..32].try_into().ok()?;
        if !start.is_multiple_of(ALIGN) || rows.insert(key, Row { start, bytes, checksum }).is_some() {
            return None;
        }
    }
    Some(rows)
}

/// Header and rows of a file with these bytes, in this order, and where each begins. None: they are too many.
fn table(parts: &[(Key, usize, u32)]) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut at = HEADER.checked_add(parts.len().checked_mul(ROW)?)?;
    let (mut rows, mut starts) = (Vec::with_capacity(parts.len() * ROW), Vec::with_capacity(parts.len()));
    for (key, bytes, checksum) in parts {
        at = at.checked_next_multiple_of(ALIGN)?;
        starts.push(at);
        rows.extend_from_slice(key);
        rows.extend_from_slice(&(at as u64).to_le_bytes());
        rows.extend_from_slice(&(*bytes as u64).to_le_bytes());
        rows.extend_from_slice(&checksum.to_le_bytes());
        rows.extend_from_slice(&[0; 4]);
        at = at.checked_add(*bytes)?;
    }
    let mut all = Vec::with_capacity(HEADER + rows.len());
    all.extend_from_slice(&MAGIC);
    all.extend_from_slice(&VERSION.to_le_bytes());
    all.extend_from_slice(&u32::try_from(parts.len()).ok()?.to_le_bytes());
    all.extend_from_slice(&(at as u64).to_le_bytes());
    all.extend_from_slice(&crc32c::crc32c(&rows).to_le_bytes());
    all.extend_from_slice(&crc32c::crc32c(&all).to_le_bytes());
    all.extend_from_slice(&rows);
    Some((all, starts))
}

#[cfg(test)]
mod tests;
