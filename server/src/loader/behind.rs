//! Packed weights are written behind the first load, when the cores have nothing better to do.

use crate::disk::DiskEntry;
use berth_engine::Unsaved;
use std::sync::{Arc, Mutex, PoisonError};

/// One model's weights at a time: a disk writes two files no faster than one after the other.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes a model's packed weights beside its artifact, and does not wait for it. The model may go meanwhile; then they are
/// written after its next load.
pub fn save(entry: Arc<DiskEntry>, unsaved: Unsaved) {
    let work = move || {
        yield_to_others();
        let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        entry.save_packed(unsaved.bytes(), |mut file| unsaved.write(&mut file));
    };
    if let Err(error) = std::thread::Builder::new().name("packed".into()).spawn(work) {
        tracing::warn!(%error, "packed weights are not kept");
    }
}

/// Lets this thread run when no other wants to.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code)]
    // SAFETY: takes numbers alone. On Linux zero is this thread, not the process; it ends with its work.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 19);
    }
}
