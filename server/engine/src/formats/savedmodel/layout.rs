//! Where in an artifact the SavedModel is.

use crate::EngineError;
use crate::formats::versions::{SAVED_MODEL, Versions};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The directory of the version to serve: the highest.
pub fn find(root: &Path) -> Result<PathBuf, EngineError> {
    Versions::find(root).saved_model().ok_or_else(|| {
        EngineError::UnknownFormat(format!(
            "expected {SAVED_MODEL} in the archive's top, in a version directory (1/{SAVED_MODEL}), or in export/Servo/1"
        ))
    })
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
