//! The control groups under which the node's pods have theirs, and their removal.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

const ROOT: &str = "/sys/fs/cgroup";
/// How long the kernel may take until groups whose processes ended are empty.
const PATIENCE: Duration = Duration::from_secs(10);

/// The groups; they are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Cgroups {
    groups: Vec<PathBuf>,
}

impl Cgroups {
    /// Makes one group of this name in every hierarchy. What a killed process left under the name goes first.
    pub fn new(name: &str) -> io::Result<Self> {
        let root = Path::new(ROOT);
        let hierarchies = if root.join("cgroup.controllers").exists() {
            // One hierarchy; what children may limit is said by the parent.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu +cpuset +io +memory +pids");
            vec![root.to_owned()]
        } else {
            let below = root.read_dir()?.collect::<io::Result<Vec<_>>>()?;
            below.into_iter().map(|e| e.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
        };
        let cgroups = Self { groups: hierarchies.into_iter().map(|h| h.join(name)).collect() };
        for group in &cgroups.groups {
            remove(group);
            match fs::create_dir(group) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        Ok(cgroups)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let started = Instant::now();
        while self.groups.iter().any(|group| !remove(group)) && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes a group and those in it; false: something of it is left.
fn remove(group: &Path) -> bool {
    let Ok(below) = group.read_dir() else { return true };
    for entry in below.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(group).is_ok()
}
