//! Reading the bytes of large tensors: on all threads, in pieces that are checked and used while they are in the second cache.
//! Files that others may write to are read and never mapped: one that is cut short under a map would end the process.

use super::{Bundle, file_name, sstable, unequal};
use crate::EngineError;
use crate::formats::savedmodel::proto::BundleEntry;
use rayon::prelude::*;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are read at a time: with what is made of them they fit into the second cache.
const PIECE: usize = 256 << 10;
/// Pieces that one thread reads one after the other; checksums are put together for as many.
const RUN: usize = 16;

/// Bytes of a tensor in its file.
struct Stored<'b> {
    file: File,
    name: String,
    offset: u64,
    key: &'b str,
}

impl Stored<'_> {
    fn read(&self, from: usize, into: &mut [u8]) -> Result<(), EngineError> {
        let read = self.file.read_exact_at(into, self.offset + from as u64);
        read.map_err(|e| EngineError::Io { file: self.name.clone(), message: e.kind().to_string() })
    }

    /// What became of the runs, in order, against the checksum of all.
    fn check(&self, runs: impl Iterator<Item = (u32, usize)>, wanted: u32) -> Result<(), EngineError> {
        let sum = runs.fold(0, |sum, (run, len)| crc32c::crc32c_combine(sum, run, len));
        if sstable::masked(sum) == wanted { Ok(()) } else { Err(unequal(self.key)) }
    }
}

impl Bundle {
    fn stored<'b>(&self, key: &'b str, entry: &BundleEntry) -> Result<Stored<'b>, EngineError> {
        let (offset, _) = self.place(key, entry)?;
        let name = file_name(entry.shard_id, self.shards);
        let io = |e: std::io::Error| EngineError::Io { file: name.clone(), message: e.kind().to_string() };
        let file = File::open(self.shard(entry.shard_id)).map_err(io)?;
        Ok(Stored { file, name, offset, key })
    }

    /// Reads an entry's bytes to where they stay. `into` has their number.
    pub(super) fn bytes(&self, key: &str, entry: &BundleEntry, into: &mut [u8]) -> Result<(), EngineError> {
        let stored = self.stored(key, entry)?;
        let run = |(n, into): (usize, &mut [u8])| {
            let (mut sum, len) = (0, into.len());
            for (piece, into) in into.chunks_mut(PIECE).enumerate() {
                stored.read((n * RUN + piece) * PIECE, into)?;
                sum = crc32c::crc32c_append(sum, into);
            }
            Ok((sum, len))
        };
        let runs = into.par_chunks_mut(PIECE * RUN).enumerate().map(run);
        let runs = runs.collect::<Result<Vec<_>, EngineError>>()?;
        stored.check(runs.into_iter(), entry.crc32c)
    }

    /// Hands a tensor of `float32` over in rows of so many columns, from several threads: the number of the first row, and rows. What is
    /// made of them is void if this fails, as it does in the end if the checksum is another. False: nothing was read, because
    /// the tensor does not lie in the file as it would in memory.
    pub fn rows(
        &self,
        key: &str,
        columns: usize,
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<bool, EngineError> {
        let entry = self.find(key)?;
        let (_, size) = self.place(key, entry)?;
        let row = columns.checked_mul(size_of::<f32>()).unwrap_or(0);
        let whole = row > 0 && size.is_multiple_of(row);
        if !entry.slices.is_empty() || cfg!(not(target_endian = "little")) || !whole {
            return Ok(false);
        }
        let cut = Cut { row, rows: size / row, many: (PIECE / row).max(1) };
        let stored = self.stored(key, entry)?;
        let count = cut.rows.div_ceil(cut.many * RUN);
        let next = AtomicUsize::new(0);
        let runs = |_| {
            let mut done = Vec::new();
            let mut buffer = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok(done);
                }
                let (sum, bytes) = cut.run(&stored, n, &mut buffer, work)?;
                done.push((n, sum, bytes));
            }
        };
        let workers = rayon::current_num_threads().min(count);
        let runs = (0..workers).into_par_iter().map(runs).collect::<Result<Vec<_>, EngineError>>()?;
        let mut runs: Vec<(usize, u32, usize)> = runs.concat();
        runs.sort_unstable();
        stored.check(runs.into_iter().map(|(_, sum, len)| (sum, len)), entry.crc32c)?;
        Ok(true)
    }
}

/// How a tensor is cut into pieces.
struct Cut {
    /// Bytes of a row, rows of the tensor, rows of a piece.
    row: usize,
    rows: usize,
    many: usize,
}

impl Cut {
    /// One run of pieces: its checksum and its bytes.
    fn run(
        &self,
        stored: &Stored<'_>,
        n: usize,
        buffer: &mut Vec<f32>,
        work: &(dyn Fn(usize, &[f32]) + Sync),
    ) -> Result<(u32, usize), EngineError> {
        let first = n * RUN * self.many;
        let end = (first + RUN * self.many).min(self.rows);
        let mut sum = 0;
        for at in (first..end).step_by(self.many) {
            let elements = self.many.min(end - at) * self.row / size_of::<f32>();
            make_room(buffer, elements)?;
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer[..elements]);
            stored.read(at * self.row, bytes)?;
            sum = crc32c::crc32c_append(sum, bytes);
            work(at, &buffer[..elements]);
        }
        Ok((sum, (end - first) * self.row))
    }
}

fn make_room(buffer: &mut Vec<f32>, count: usize) -> Result<(), EngineError> {
    let missing = count.saturating_sub(buffer.len());
    buffer.try_reserve_exact(missing).map_err(|_| EngineError::Execution("out of memory".to_owned()))?;
    buffer.resize(buffer.len() + missing, 0.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Bundle, sstable};
    use crate::EngineError;
    use crate::formats::savedmodel::proto::BundleEntry;
    use crate::value::Maps;
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    /// A checkpoint of one tensor, behind a few other bytes.
    fn bundle(dir: &Path, tensor: &[f32], damage: impl FnOnce(&mut Vec<u8>)) -> Bundle {
        let bytes: &[u8] = bytemuck::cast_slice(tensor);
        let mut file = [&[9; 12], bytes].concat();
        let sizes = HashMap::from([(0, file.len() as u64)]);
        damage(&mut file);
        std::fs::create_dir_all(dir.join("variables")).unwrap();
        std::fs::write(dir.join("variables/variables.data-00000-of-00001"), file).unwrap();
        let crc32c = sstable::masked(crc32c::crc32c(bytes));
        let entry = BundleEntry { offset: 12, size: bytes.len() as i64, crc32c, ..BundleEntry::default() };
        let entries = HashMap::from([(b"w".to_vec(), entry)]);
        let (dir, compared) = (dir.join("variables"), AtomicU64::new(0));
        let maps = Maps::new(false);
        Bundle { dir, access: Access::FOREIGN, maps, shards: 1, entries, sizes, compared }
    }

    /// What comes, put together again.
    fn gathered(bundle: &Bundle, columns: usize, count: usize) -> Result<Vec<f32>, EngineError> {
        let all = Mutex::new(vec![f32::NAN; count]);
        let put = |first: usize, part: &[f32]| {
            all.lock().unwrap()[first * columns..][..part.len()].copy_from_slice(part);
        };
        assert!(bundle.rows("w", columns, &put)?);
        Ok(all.into_inner().unwrap())
    }

    #[test]
    fn rows_come_once_and_are_checked_at_the_end() {
        // Several runs of pieces, the last of them not full; rows that are longer than a piece.
        for (columns, rows) in [(64, 40_000), (70_000, 20), (5, 1)] {
            let tensor: Vec<f32> = (0..columns * rows).map(|n| n as f32).collect();
            let dir = tempfile::tempdir().unwrap();
            let whole = bundle(dir.path(), &tensor, |_| {});
            assert_eq!(gathered(&whole, columns, tensor.len()).unwrap(), tensor);
            let mut read = vec![0f32; tensor.len()];
            let entry = &whole.entries[b"w".as_slice()];
            whole.bytes("w", entry, bytemuck::cast_slice_mut(&mut read)).unwrap();
            assert_eq!(read, tensor);
            assert!(!whole.rows("w", tensor.len() + 1, &|_, _| unreachable!()).unwrap());
            assert!(!whole.rows("w", 0, &|_, _| unreachable!()).unwrap());

            let flipped = bundle(dir.path(), &tensor, |file| *file.last_mut().unwrap() ^= 1);
            let error = gathered(&flipped, columns, tensor.len()).unwrap_err();
            assert!(error.to_string().contains("fail their checksum"), "{error}");
            let error = flipped.bytes("w", entry, bytemuck::cast_slice_mut(&mut read)).unwrap_err();
            assert!(error.to_string().contains("fail their checksum"), "{error}");

            // The file is cut short after it was found to be long enough.
            let short = bundle(dir.path(), &tensor, |file| file.truncate(file.len() - 1));
            assert!(matches!(gathered(&short, columns, tensor.len()), Err(EngineError::Io { .. })));
        }
    }
}
