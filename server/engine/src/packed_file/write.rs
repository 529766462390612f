//! Writing packed weights down while the model that holds them serves.

use super::{ALIGN, HEADER, Key, PIECE, ROW, table};
use crate::kernels::gemm::Packed;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Weak};

/// The packed weights of a model, by key.
#[derive(Debug)]
pub struct Packs(pub(super) BTreeMap<Key, Vec<Packed>>);

/// Packed weights that no file has yet. It does not keep them in memory.
#[derive(Debug, Clone)]
pub struct Unsaved {
    packs: Weak<Packs>,
    bytes: u64,
}

impl Packs {
    /// Packed weights by key.
    pub fn new(packed: BTreeMap<Key, Vec<Packed>>) -> Self {
        Self(packed)
    }

    /// What is to be written of them; None: nothing.
    pub fn unsaved(self: &Arc<Self>) -> Option<Unsaved> {
        if self.0.is_empty() || cfg!(not(target_endian = "little")) {
            return None;
        }
        let table = HEADER as u64 + (self.0.len() * ROW) as u64;
        let bytes = self.0.values().fold(table, |at, parts| at.next_multiple_of(ALIGN as u64) + size(parts));
        Some(Unsaved { packs: Arc::downgrade(self), bytes })
    }
}

fn size(parts: &[Packed]) -> u64 {
    parts.iter().map(|p| p.bytes() as u64).sum()
}

impl Unsaved {
    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all of it. False: the model went out of memory meanwhile, and what was written is of no use. The weights are held for
    /// a small piece at a time, so that a model that goes takes its memory along.
    pub fn write(&self, to: &mut impl Write) -> io::Result<bool> {
        let Some(parts) = self.sums() else { return Ok(false) };
        let Some((head, starts)) = table(&parts) else { return Ok(false) };
        to.write_all(&head)?;
        let mut at = head.len();
        for ((key, bytes, _), start) in parts.iter().zip(starts) {
            to.write_all(&[0; ALIGN][..start - at])?;
            at = start + bytes;
            let count = self.packs.upgrade().and_then(|p| p.0.get(key).map(Vec::len)).unwrap_or(0);
            for n in 0..count {
                if !self.part(key, n, to)? {
                    return Ok(false);
                }
            }
        }
        Ok(self.packs.strong_count() > 0)
    }

    fn part(&self, key: &Key, n: usize, to: &mut impl Write) -> io::Result<bool> {
        for piece in 0.. {
            let Some(packs) = self.packs.upgrade() else { return Ok(false) };
            let Some(packed) = packs.0.get(key).and_then(|parts| parts.get(n)) else { return Ok(false) };
            let bytes: &[u8] = bytemuck::cast_slice(packed.as_slice());
            match bytes.chunks(PIECE).nth(piece) {
                Some(piece) => to.write_all(piece)?,
                None => break,
            }
        }
        Ok(true)
    }

    /// Keys, bytes and checksums, in the order of the file.
    fn sums(&self) -> Option<Vec<(Key, usize, u32)>> {
        let keys: Vec<Key> = self.packs.upgrade()?.0.keys().copied().collect();
        keys.into_iter().map(|key| self.sum(key)).collect()
    }

    fn sum(&self, key: Key) -> Option<(Key, usize, u32)> {
        let packs = self.packs.upgrade()?;
        let mut all = (0, 0);
        for packed in packs.0.get(&key)? {
            let bytes: &[u8] = bytemuck::cast_slice(packed.as_slice());
            all = (all.0 + bytes.len(), crc32c::crc32c_append(all.1, bytes));
        }
        Some((key, all.0, all.1))
    }
}
