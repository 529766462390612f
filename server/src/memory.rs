//! Memory goes back to the system when a model is unloaded, not when the allocator feels like it.
//!
//! The C library's allocator can give back the free pages of every thread at once, which those that keep a heap for each
//! thread cannot: what one thread loaded and another dropped would stay with the first.

use std::sync::atomic::{AtomicBool, Ordering};

/// A model was dropped since memory was last given back.
static FREED: AtomicBool = AtomicBool::new(false);
/// A load is over, and what it took on its way.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Arenas: enough that the few threads that work at a time do not wait for each other, few enough to stay compact.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 4;
/// Blocks from this size on are the system's own, and go back to it the moment they are freed.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: i32 = 256 << 10;

/// Sets the allocator up. Called once, before any thread is started.
pub fn prepare() {
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code)]
    // SAFETY: mallopt takes any values, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
    }
}

/// A model was dropped: its pages are due.
pub fn freed() {
    FREED.store(true, Ordering::Relaxed);
}

/// A load is over: the pages of the graph that it read are due.
pub fn loaded() {
    LOADED.store(true, Ordering::Relaxed);
}

/// Gives back what is due. Walks all of the heap, so it is called a few times a second at most.
pub fn give_back() {
    let (freed, loaded) = (FREED.swap(false, Ordering::Relaxed), LOADED.swap(false, Ordering::Relaxed));
    if freed {
        // The workspaces of the models that are gone are among those that wait.
        berth_engine::release_idle();
    }
    if !freed && !loaded {
        return;
    }
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code)]
    // SAFETY: malloc_trim may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
