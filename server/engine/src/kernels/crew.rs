//! Threads that help with pieces of work.
//!
//! Whoever shares work out does pieces of it as well, on its own thread, and waits only for helpers that have begun: on a busy machine
//! a helper that does not get its turn holds nobody up. Helpers look for more work for a moment before they sleep, because an
//! operation of a model is followed by another one. Runs that go side by side leave each other their threads.

mod place;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

/// Times that a thread looks again before it sleeps: about a tenth of a millisecond. Most of what a run does on one thread alone is over
/// by then; to be woken takes as long, and longer on a virtual machine whose processor sleeps too.
const LOOKS: usize = 8000;

/// Work that is shared out. It lives as long as the call that shares it.
struct Job<'w> {
    work: &'w (dyn Fn(usize) + Sync),
    count: usize,
    /// Pieces that somebody has taken, and those of them that helpers have, from the end on.
    taken: AtomicUsize,
    from_end: AtomicUsize,
    /// Helpers that are at it.
    helpers: AtomicUsize,
    panicked: AtomicBool,
    caller: Thread,
    /// Where the caller ran when it shared the work.
    processor: usize,
}

impl Job<'_> {
    /// Does pieces until there are no more. Whoever shares them begins at the first, helpers begin at the last: what is one beside the
    /// other is done by the same thread as a rule, also in the next operation, and lies in its cache then.
    fn pieces(&self, mut next: impl FnMut() -> usize) {
        while self.taken.fetch_add(1, Ordering::Relaxed) < self.count {
            (self.work)(next());
        }
    }

    fn lead(&self) {
        let mut first = 0..self.count;
        self.pieces(|| first.next().unwrap_or_default());
    }

    /// A helper's part of it.
    fn help(&self) {
        if place::here() == self.processor {
            place::leave(self.processor);
        }
        let last = || self.count - 1 - self.from_end.fetch_add(1, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(|| self.pieces(last))).is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
        // As soon as the number falls, the job may be gone.
        let caller = self.caller.clone();
        if self.helpers.fetch_sub(1, Ordering::Release) == 1 {
            caller.unpark();
        }
    }
}

/// A job, and how many more helpers may come.
struct Offer {
    job: *const Job<'static>,
    places: usize,
}

// SAFETY: a job is shared between threads by design; what it points to is `Sync`.
#[allow(unsafe_code)]
unsafe impl Send for Offer {}

/// The helpers of this process.
struct Crew {
    offers: Mutex<Vec<Offer>>,
    /// As many as there are offers, to be looked at without the lock.
    open: AtomicUsize,
    wake: Condvar,
    /// Helpers that sleep. It changes under the lock; waking costs a system call even where nobody sleeps.
    asleep: AtomicUsize,
    threads: usize,
}

fn crew() -> &'static Crew {
    static CREW: OnceLock<&'static Crew> = OnceLock::new();
    CREW.get_or_init(|| {
        let threads = rayon::current_num_threads();
        let crew: &'static Crew = Box::leak(Box::new(Crew {
            offers: Mutex::new(Vec::new()),
            open: AtomicUsize::new(0),
            wake: Condvar::new(),
            asleep: AtomicUsize::new(0),
            threads,
        }));
        for n in 1..threads {
            // With fewer helpers, work takes longer.
            let started = std::thread::Builder::new().name(format!("helper-{n}")).spawn(|| crew.serve());
            if let Err(error) = started {
                tracing::warn!(%error, "a helping thread was not started");
            }
        }
        crew
    })
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, Vec<Offer>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A helper's life.
    fn serve(&self) {
        loop {
            for _ in 0..LOOKS {
                if self.open.load(Ordering::Relaxed) > 0 {
                    break;
                }
                std::hint::spin_loop();
            }
            let job = self.next();
            // SAFETY: `next` counted this helper while the job was on offer; whoever shares the job takes the offer back and waits
            // until no helper is left before the job goes.
            #[allow(unsafe_code)]
            unsafe { &*job }.help();
        }
    }

    /// The job that waits longest, with this helper counted; sleeps until there is one.
    fn next(&self) -> *const Job<'static> {
        let mut offers = self.lock();
        loop {
            if let Some(offer) = offers.first_mut() {
                // SAFETY: a job is there as long as its offer, which is taken back under the lock that is held here.
                #[allow(unsafe_code)]
                unsafe { &*offer.job }.helpers.fetch_add(1, Ordering::Relaxed);
                let job = offer.job;
                offer.places -= 1;
                if offer.places == 0 {
                    offers.remove(0);
                    self.open.store(offers.len(), Ordering::Relaxed);
                }
                return job;
            }
            self.asleep.fetch_add(1, Ordering::Relaxed);
            offers = self.wake.wait(offers).unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn offer(&self, job: *const Job<'static>, places: usize) {
        let mut offers = self.lock();
        offers.push(Offer { job, places });
        self.open.store(offers.len(), Ordering::Relaxed);
        let asleep = self.asleep.load(Ordering::Relaxed);
        drop(offers);
        match places.min(asleep) {
            0 => {}
            1 => self.wake.notify_one(),
            _ => self.wake.notify_all(),
        }
    }

    fn take_back(&self, job: *const Job<'static>) {
        let mut offers = self.lock();
        offers.retain(|o| !std::ptr::eq(o.job, job));
        self.open.store(offers.len(), Ordering::Relaxed);
    }
}

/// Ends an offer, also when the work panics.
struct End<'j> {
    job: &'j Job<'j>,
    offered: *const Job<'static>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        crew().take_back(self.offered);
        let done = || self.job.helpers.load(Ordering::Acquire) == 0;
        for _ in 0..LOOKS {
            if done() {
                return;
            }
            std::hint::spin_loop();
        }
        while !done() {
            std::thread::park();
        }
    }
}

/// Does `count` pieces of work on at most so many threads.
pub fn share(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let threads = threads.min(count);
    if threads < 2 {
        (0..count).for_each(work);
        return;
    }
    let crew = crew();
    let others = RUNNING.load(Ordering::Relaxed).saturating_sub(1);
    let helpers = threads.min(crew.threads.saturating_sub(others)).saturating_sub(1);
    if helpers == 0 {
        (0..count).for_each(work);
        return;
    }
    let job = Job {
        work: &work,
        count,
        taken: AtomicUsize::new(0),
        from_end: AtomicUsize::new(0),
        helpers: AtomicUsize::new(0),
        panicked: AtomicBool::new(false),
        caller: std::thread::current(),
        processor: place::here(),
    };
    // The lifetime is left out of the pointer's type; `End` keeps it.
    let offered = (&raw const job).cast::<Job<'static>>();
    let end = End { job: &job, offered };
    crew.offer(offered, helpers);
    job.lead();
    drop(end);
    assert!(!job.panicked.load(Ordering::Relaxed), "a piece of work panicked");
}

/// Runs that are under way.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Counts a run while it lasts.
pub fn counted<R>(run: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
        }
    }
    RUNNING.fetch_add(1, Ordering::Relaxed);
    let _leave = Leave;
    run()
}

#[cfg(test)]
mod tests {
    use super::{counted, share};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Every piece once, whoever does it, though many share work out at the same time and pieces share out their own.
    #[test]
    fn every_piece_is_done_once() {
        std::thread::scope(|scope| {
            for caller in 0..8 {
                scope.spawn(move || {
                    for count in 0..200 {
                        let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                        let work = |n: usize| {
                            share(2, 3, |_| {
                                done[n].fetch_add(1, Ordering::Relaxed);
                            });
                        };
                        if caller % 2 == 0 {
                            counted(|| share(4, count, work));
                        } else {
                            share(4, count, work);
                        }
                        assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 3));
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_comes_out_and_nothing_else_breaks() {
        for _ in 0..20 {
            let seen = Mutex::new(Vec::new());
            let shared = catch_unwind(AssertUnwindSafe(|| {
                share(4, 16, |n| {
                    assert_ne!(n, 5, "this one fails");
                    seen.lock().unwrap().push(n);
                });
            }));
            assert!(shared.is_err());
            let sum = AtomicUsize::new(0);
            share(4, 16, |n| {
                sum.fetch_add(n, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 120);
        }
    }
}
