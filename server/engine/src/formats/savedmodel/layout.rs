//! Where in an artifact the SavedModel is.

use crate::EngineError;
use std::io::Read;
use std::path::{Path, PathBuf};

const MODEL: &str = "saved_model.pb";
/// `export/Servo/1`, below one wrapping directory.
const DEEPEST: usize = 4;

/// The directory of the version to serve: the highest.
pub fn find(root: &Path) -> Result<PathBuf, EngineError> {
    let mut level = vec![root.to_owned()];
    for _ in 0..=DEEPEST {
        if let Some(found) = level.iter().filter(|d| is_file(&d.join(MODEL))).max_by_key(|d| version(d)) {
            return Ok(found.clone());
        }
        level = level.iter().flat_map(|dir| directories(dir)).collect();
        if level.len() > 4096 {
            break;
        }
    }
    Err(EngineError::UnknownFormat(format!(
        "expected {MODEL} in the archive's top, in a version directory (1/{MODEL}), or in export/Servo/1"
    )))
}

/// Numeric directories by number, others below them.
fn version(dir: &Path) -> Option<u64> {
    dir.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok())
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|m| m.is_file())
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .filter(|e| e.file_name().to_str().is_some_and(|n| !n.starts_with('.') && n != "__MACOSX"))
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

/// Reads a whole file of at most `most` bytes.
pub fn read_file(dir: &Path, name: &str, most: u64) -> Result<Vec<u8>, EngineError> {
    let io = |e: std::io::Error| EngineError::Io { file: name.to_owned(), message: e.kind().to_string() };
    let file = std::fs::File::open(dir.join(name)).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > most {
        return Err(EngineError::broken(format!("{name} has {size} bytes, more than the limit of {most}")));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
