//! A temporary directory that goes with the process that made it, however that ends: what tests share is never dropped, and a process
//! that is killed drops nothing.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Waits until its input ends, which it does with the process at the other end, and then for those who may still be writing.
const KEEPER: &str = "cat; for _ in 1 2 3 4 5; do rm -rf -- \"$1\" && exit; sleep 1; done";

/// The directory.
#[derive(Debug)]
pub(super) struct Directory {
    dir: Option<TempDir>,
    keeper: Child,
}

impl Directory {
    /// Makes one.
    pub fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(dir.path()).stdin(Stdio::piped());
        // The terminal's signals are for whoever started this process.
        let keeper = keeper.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn()?;
        Ok(Self { dir: Some(dir), keeper })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.dir = None;
        self.keeper.stdin = None;
        let _ = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_when_it_is_dropped_and_when_its_process_ends() {
        let dropped = Directory::new().expect("a directory");
        let path = dropped.path().to_owned();
        assert!(path.is_dir());
        drop(dropped);
        assert!(!path.exists());
        let mut left = Directory::new().expect("a directory");
        let path = left.path().to_owned();
        // What the end of the process does.
        left.keeper.stdin = None;
        left.keeper.wait().expect("the keeper ends");
        assert!(!path.exists());
    }
}
