//! Directories of fixtures that a library's own script wrote: each has a model and what the library answered.

use berth_engine::{EngineError, Model, Prepared};
use std::path::{Path, PathBuf};

/// Where a group of fixtures is.
pub fn root(group: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(group)
}

/// The fixtures of a group, more than so many; or those of the directory that a variable names.
pub fn directories(group: &str, variable: &str, more_than: usize) -> Vec<PathBuf> {
    let other = std::env::var_os(variable).map(PathBuf::from);
    let entries = other.clone().unwrap_or_else(|| root(group)).read_dir().unwrap();
    let mut dirs: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.join("cases.json").exists()).collect();
    dirs.sort();
    assert!(other.is_some() || dirs.len() > more_than, "fixtures are missing: {}", dirs.len());
    dirs
}

/// Loads a model as the server does.
pub fn load(dir: &Path) -> Result<Model, EngineError> {
    Prepared::open(dir).and_then(Prepared::load)
}
