//! Mapped files: what lies in them is in memory once, in the system's cache of pages, and is there before it is read.

use super::lease::Lease;
use memmap2::{Mmap, MmapOptions};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a mapped file.
#[derive(Debug)]
pub struct Map {
    /// From the page on in which the bytes begin.
    pages: Mmap,
    /// Where in it the bytes begin.
    start: usize,
    /// What keeps others from writing to the file; none if nobody does.
    lease: Option<Arc<Lease>>,
}

impl Map {
    /// Maps bytes of a file. It must be one that nobody writes to or cuts short while the map lives: what is read through it would
    /// change, or end the process. Files of the disk cache are such: they are written once, and go by their name alone.
    pub fn new(file: &File, start: u64, bytes: usize) -> io::Result<Arc<Self>> {
        let (pages, start) = pages(file, start, bytes)?;
        Ok(Arc::new(Self { pages, start, lease: None }))
    }

    /// Maps bytes of a file that others may write to, but have to wait before they do.
    fn leased(lease: &Arc<Lease>, start: u64, bytes: usize) -> io::Result<Arc<Self>> {
        let (pages, start) = lease.keep(|file| {
            let (pages, start) = pages(file, start, bytes)?;
            let kept = (pages.as_ptr().addr(), pages.len());
            Ok(((pages, start), kept))
        })?;
        Ok(Arc::new(Self { pages, start, lease: Some(lease.clone()) }))
    }
}

fn pages(file: &File, start: u64, bytes: usize) -> io::Result<(Mmap, usize)> {
    let before = start % rustix::param::page_size() as u64;
    let skipped = before as usize;
    let length = bytes.checked_add(skipped).ok_or(io::ErrorKind::InvalidInput)?;
    // It may have been cut short since it was looked at: whoever reads pages behind its end is killed.
    if start.checked_add(bytes as u64).is_none_or(|end| file.metadata().map_or(true, |m| m.len() < end)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut options = MmapOptions::new();
    // SAFETY: nobody writes to the file, as the callers vouch for, or not before the lease is given back.
    #[allow(unsafe_code)]
    let pages = unsafe { options.offset(start - before).len(length).map(file) }?;
    Ok((pages, skipped))
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.pages[self.start..]
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            lease.forget(self.pages.as_ptr().addr());
        }
    }
}

/// Maps the files of an artifact, as far as they may be.
#[derive(Debug)]
pub struct Maps {
    unchanging: bool,
    /// Of files that may change; None: the system gives none on this one.
    leases: Mutex<HashMap<PathBuf, Option<Arc<Lease>>>>,
}

impl Maps {
    /// `unchanging`: nobody writes to the files.
    pub fn new(unchanging: bool) -> Self {
        Self { unchanging, leases: Mutex::default() }
    }

    /// Bytes of a file. None: they have to be read, which may tell why.
    pub fn map(&self, path: &Path, start: u64, bytes: usize) -> Option<Arc<Map>> {
        if self.unchanging {
            return Map::new(&File::open(path).ok()?, start, bytes).ok();
        }
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = leases.entry(path.to_owned()).or_insert_with(|| Lease::take(path)).clone()?;
        Map::leased(&lease, start, bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, Maps};
    use std::fs::File;

    #[test]
    fn any_bytes_of_a_file_are_mapped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let bytes: Vec<u8> = (0..50_000usize).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        for (start, len) in [(0, 50_000), (1, 1), (4096, 4096), (5000, 40_000)] {
            let map = Map::new(&File::open(&path).unwrap(), start as u64, len).unwrap();
            assert_eq!(map[..], bytes[start..start + len]);
            for unchanging in [false, true] {
                assert!(Maps::new(unchanging).map(&path, start as u64, 50_001 - start).is_none());
                assert!(Maps::new(unchanging).map(&path, u64::MAX, len).is_none());
                let maps = Maps::new(unchanging);
                if let Some(map) = maps.map(&path, start as u64, len) {
                    assert_eq!(map[..], bytes[start..start + len]);
                }
            }
        }
        assert!(Maps::new(true).map(&dir.path().join("other"), 0, 1).is_none());
        assert!(Maps::new(false).map(&dir.path().join("other"), 0, 1).is_none());
    }
}
