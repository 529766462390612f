//! On how many threads an operation runs. Small work stays on the thread it is on; a run that is small as a whole never
//! leaves it, so that several of them go side by side.

use super::crew;

use std::cell::Cell;

/// Multiplications from which a product is split.
const SPLIT: usize = 1 << 19;

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
    static WORK: Cell<usize> = const { Cell::new(0) };
}

/// Threads for so many multiplications, or as much other work.
pub fn threads(work: usize) -> usize {
    WORK.set(WORK.get().saturating_add(work));
    if work < SPLIT || ALONE.get() { 1 } else { rayon::current_num_threads() }
}

/// Work that was asked about on this thread.
pub struct Work;

impl Work {
    /// Counts what `run` asks about.
    pub fn counted<R>(run: impl FnOnce() -> R) -> (R, usize) {
        let before = WORK.replace(0);
        let result = run();
        (result, WORK.replace(before))
    }
}

/// A run whose work may be shared out: on this thread, with the help of others as far as there are no other runs.
pub fn with_help<R>(run: impl FnOnce() -> R) -> R {
    crew::counted(run)
}

/// Runs on this thread alone.
pub fn on_one_thread<R>(run: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    run()
}
