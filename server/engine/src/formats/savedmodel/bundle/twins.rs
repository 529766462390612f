//! Which tensors are the same.

use super::super::proto::BundleEntry;
use super::super::regions;
use super::Bundle;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

/// Bytes that are compared at a time.
const COMPARED: usize = 1 << 20;

impl Bundle {
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

    /// A text that a tensor with other elements would not have; of a part, the part's.
    pub fn identity(&self, key: &str, part: Option<&[(usize, usize)]>) -> String {
        let what = |e: &BundleEntry| (e.dtype, e.size, e.crc32c, format!("{:?}", e.shape));
        let entry = self.entries.get(key.as_bytes());
        let slices = entry.map_or(&[][..], |e| &e.slices);
        let pieces: Vec<_> =
            slices.iter().map(|s| (s, self.entries.get(&regions::key(key, s)).map(what))).collect();
        format!("{key:?} {part:?} {:?} {pieces:?}", entry.map(what))
    }
}
