//! Leases of files that belong to others, as Linux gives them to a file's owner: as long as one lasts, nobody else has the file open to
//! write. Who opens it so, or cuts it short, is made to wait (up to `/proc/sys/fs/lease-break-time`, 45 s), and the holder is told by a
//! signal. What was mapped is then copied, the copy is put where the map was, and the lease is given back. So a model may be served from
//! the files that its owner has, without a copy in memory, and lives on when they change. `fcntl(2)`, `F_SETLEASE`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// A file that nobody else writes to.
#[derive(Debug)]
pub struct Lease {
    file: File,
    maps: Mutex<Maps>,
}

/// Where the file is mapped.
#[derive(Debug, Default)]
struct Maps {
    /// Where each map begins, and its bytes.
    places: Vec<(usize, usize)>,
    /// It was given back: there may be no more maps.
    over: bool,
}

/// All that may be asked back.
static LEASES: Mutex<Vec<Weak<Lease>>> = Mutex::new(Vec::new());

impl Lease {
    /// Of a file that nobody is writing to. None: somebody is, or the system or the file system gives none, or not to us.
    pub fn take(path: &Path) -> Option<Arc<Self>> {
        if !system::listens() {
            return None;
        }
        let lease = Arc::new(Self { file: File::open(path).ok()?, maps: Mutex::default() });
        let mut leases = lock(&LEASES);
        leases.retain(|lease| lease.strong_count() > 0);
        // It is known before it can be asked back.
        leases.push(Arc::downgrade(&lease));
        drop(leases);
        system::lease(&lease.file).then_some(lease)
    }

    /// Makes a map of the file, and notes where it is.
    pub fn keep<R>(&self, map: impl FnOnce(&File) -> io::Result<(R, (usize, usize))>) -> io::Result<R> {
        let mut maps = lock(&self.maps);
        if maps.over {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let (made, place) = map(&self.file)?;
        maps.places.push(place);
        Ok(made)
    }

    /// A map goes. Afterwards its memory is not touched any more.
    pub fn forget(&self, start: usize) {
        lock(&self.maps).places.retain(|(other, _)| *other != start);
    }

    /// Gives the file back, if somebody waits for it.
    fn answer(&self) {
        let mut maps = lock(&self.maps);
        if maps.over || !system::is_asked_back(&self.file) {
            return;
        }
        maps.over = true;
        for (start, bytes) in maps.places.drain(..) {
            if let Err(error) = system::replace(start, bytes) {
                // The writer waits a while, and then the pages are no more ours.
                tracing::error!(%error, bytes, "no memory for a copy of a model file that is being changed");
            }
        }
        system::give_back(&self.file);
    }
}

/// Looks which files are asked back.
fn answer_all() {
    let leases: Vec<_> = lock(&LEASES).iter().filter_map(Weak::upgrade).collect();
    leases.iter().for_each(|lease| lease.answer());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod system {
    use super::{File, OnceLock, answer_all, io};
    use memmap2::MmapMut;
    use std::os::fd::AsRawFd;

    /// Whether there is a thread that hears what is asked back. It sleeps until then.
    pub fn listens() -> bool {
        static LISTENS: OnceLock<bool> = OnceLock::new();
        *LISTENS.get_or_init(|| {
            let Ok(mut signals) = signal_hook::iterator::Signals::new([libc::SIGIO]) else { return false };
            let listen = move || signals.forever().for_each(|_| answer_all());
            std::thread::Builder::new().name("leases".to_owned()).spawn(listen).is_ok()
        })
    }

    /// Takes a lease; it ends with the file, or when it is given back.
    pub fn lease(file: &File) -> bool {
        // SAFETY: plain numbers about an open file.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) == 0 }
    }

    pub fn give_back(file: &File) {
        // SAFETY: as above.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
    }

    pub fn is_asked_back(file: &File) -> bool {
        // SAFETY: as above.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) != libc::F_RDLCK }
    }

    /// Puts a copy of mapped pages where they are; who reads them meanwhile sees no difference.
    pub fn replace(start: usize, bytes: usize) -> io::Result<()> {
        let mut copy = MmapMut::map_anon(bytes)?;
        let from: *const u8 = std::ptr::with_exposed_provenance(start);
        // SAFETY: the pages are mapped, as long as their place is noted, and nobody writes to them: the writer still waits. They are
        // private to this process; what is moved over them holds the same bytes, at once for all threads, and is unmapped with them.
        let moved = unsafe {
            copy.copy_from_slice(std::slice::from_raw_parts(from, bytes));
            libc::mprotect(copy.as_mut_ptr().cast(), bytes, libc::PROT_READ);
            let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
            libc::mremap(copy.as_mut_ptr().cast(), bytes, bytes, flags, from.cast_mut())
        };
        if moved == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // Its memory is at another place now.
        std::mem::forget(copy);
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{File, io};

    pub fn listens() -> bool {
        false
    }

    pub fn lease(_: &File) -> bool {
        false
    }

    pub fn give_back(_: &File) {}

    pub fn is_asked_back(_: &File) -> bool {
        false
    }

    pub fn replace(_: usize, _: usize) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::map::Maps;
    use std::fs::File;
    use std::path::Path;
    use std::time::{Duration, Instant};

    /// Who cuts a file short that is mapped waits no longer than a copy takes, and what was mapped stays as it was.
    #[test]
    fn maps_outlive_their_files() {
        let memory = Path::new("/dev/shm");
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir_in(memory).unwrap()];
        // Few file systems give no leases; those in memory do.
        let leased = dirs.iter().map(|dir| dir.path().join("weights")).find(|path| {
            std::fs::write(path, b"any").unwrap();
            Maps::new(false).map(path, 0, 3).is_some()
        });
        let path = leased.unwrap();
        let bytes: Vec<u8> = (0..3_000_000usize).map(|n| (n % 253) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let maps = Maps::new(false);
        let whole = maps.map(&path, 0, bytes.len()).unwrap();
        let part = maps.map(&path, 10_001, 5).unwrap();
        let gone = maps.map(&path, 4096, 100).unwrap();
        drop(gone);
        // Who only reads does not disturb.
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let begun = Instant::now();
        File::create(&path).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "the system took the lease away");
        assert_eq!(path.metadata().unwrap().len(), 0);
        assert_eq!((&whole[..], &part[..]), (&bytes[..], &bytes[10_001..10_006]));
        std::fs::write(&path, vec![7u8; 4_000_000]).unwrap();
        assert_eq!((&whole[..], &part[..]), (&bytes[..], &bytes[10_001..10_006]));
        // The file was given back: it is mapped no more, under this lease.
        assert!(maps.map(&path, 0, 10).is_none());
        drop((whole, part));
        // Anew it is, and not while somebody has it open to write.
        assert_eq!(Maps::new(false).map(&path, 0, 2).unwrap()[..], [7, 7]);
        let writer = File::options().append(true).open(&path).unwrap();
        assert!(Maps::new(false).map(&path, 0, 2).is_none());
        drop(writer);
        assert!(Maps::new(false).map(&path, 0, 2).is_some());
    }
}
