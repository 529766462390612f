//! On which processor a thread runs. A helper that is woken where the thread runs that it helps takes turns with it, which is slower
//! than no help, and on some machines the scheduler leaves the two together for long.

/// The processor that this thread runs on.
#[cfg(target_os = "linux")]
pub fn here() -> usize {
    rustix::thread::sched_getcpu()
}

/// Leaves a processor for any other that this thread may run on. It stays where there is none.
#[cfg(target_os = "linux")]
pub fn leave(processor: usize) {
    use rustix::thread::{sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut others = allowed;
    others.unset(processor);
    // Afterwards it may run everywhere again; only that it moves is wanted.
    if others.count() > 0 && sched_setaffinity(None, &others).is_ok() {
        let _ = sched_setaffinity(None, &allowed);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn here() -> usize {
    0
}

#[cfg(not(target_os = "linux"))]
pub fn leave(_processor: usize) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{here, leave};
    use rustix::thread::sched_getaffinity;

    #[test]
    fn a_thread_leaves_its_processor_and_may_come_back() {
        let before = sched_getaffinity(None).unwrap();
        let processor = here();
        leave(processor);
        let after = sched_getaffinity(None).unwrap();
        assert!(before == after, "the thread may run where it could before");
        // Nobody promises that it stays away, so that is not looked at; it runs somewhere that it may.
        assert!(after.is_set(here()));
    }
}
