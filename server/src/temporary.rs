//! A directory that goes when it is no longer needed.

use std::path::{Path, PathBuf};

/// Removed on drop.
pub struct Directory(PathBuf);

impl Directory {
    /// Makes one where the system keeps temporary files.
    pub fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("berth-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
