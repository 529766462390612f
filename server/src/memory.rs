//! Memory goes back to the system when a model is unloaded, not when the allocator feels like it.

/// Returns freed pages to the system.
pub fn give_back() {
    mimalloc_collect();
}

#[allow(unsafe_code)]
fn mimalloc_collect() {
    // SAFETY: mi_collect may be called at any time from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
