//! What an artifact's directory holds, told by the beginning of its files.

use super::savedmodel::layout;
use super::{lightgbm, xgboost};
use crate::EngineError;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file by which it is told.
const HEAD: u64 = 1024;
/// Files that are looked at.
const MOST_FILES: usize = 256;
/// Names that an error lists.
const LISTED: usize = 8;

/// The one model that a directory holds.
pub enum Candidates {
    SavedModel,
    /// One booster, or several that answer together.
    XgBoost(Vec<PathBuf>),
    LightGbm(PathBuf),
}

impl Candidates {
    /// Looks at the files in the archive's top, or in its only directory.
    pub fn find(dir: &Path) -> Result<Self, EngineError> {
        let found = layout::find(dir);
        let files = files(dir, 1);
        let (mut boosters, mut texts) = (Vec::new(), Vec::new());
        for file in &files {
            let head = head(file);
            if xgboost::is_likely(&head) {
                boosters.push(file.clone());
            } else if lightgbm::is_likely(&head) {
                texts.push(file.clone());
            }
        }
        match (found, &boosters[..], &texts[..]) {
            (Ok(_), [], []) => Ok(Self::SavedModel),
            (Err(_), [_, ..], []) => Ok(Self::XgBoost(boosters)),
            (Err(_), [], [text]) => Ok(Self::LightGbm(text.clone())),
            (Err(EngineError::UnknownFormat(_)), [], []) => Err(nothing(&files)),
            (Err(error), [], []) => Err(error),
            (found, ..) => {
                let saved = found.is_ok().then(|| "a TensorFlow SavedModel".to_owned());
                let named = |kind: &str, file: &Path| format!("{} ({kind})", name(file));
                let boosters = boosters.iter().map(|file| named("XGBoost", file));
                let texts = texts.iter().map(|file| named("LightGBM", file));
                let all: Vec<String> = saved.into_iter().chain(boosters).chain(texts).collect();
                Err(EngineError::UnknownFormat(format!(
                    "the archive holds {} models: {}; keep the one that is to be served",
                    all.len(),
                    all.join(", ")
                )))
            }
        }
    }
}

fn nothing(files: &[PathBuf]) -> EngineError {
    let names: Vec<String> = files.iter().take(LISTED).map(|file| name(file)).collect();
    let more = if files.len() > LISTED { ", …" } else { "" };
    let files = if names.is_empty() { "no file".to_owned() } else { names.join(", ") + more };
    EngineError::UnknownFormat(format!(
        "its top has {files}; expected a TensorFlow SavedModel (saved_model.pb in the archive's top, in a version directory like \
         1/saved_model.pb, or in export/Servo/1), an XGBoost model (JSON, UBJSON or the older binary, under any name) or a LightGBM \
         model (text)"
    ))
}

/// A file's name, for people.
pub fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The regular files of a directory by name; where there is nothing but one directory, those of that.
fn files(dir: &Path, deeper: usize) -> Vec<PathBuf> {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    let is_hidden = |name: &str| name.starts_with('.') || name == "__MACOSX";
    let entries = entries.flatten().filter(|e| !e.file_name().to_str().is_some_and(is_hidden));
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            Ok(kind) if kind.is_dir() => directories.push(entry.path()),
            _ => {}
        }
    }
    if let ([], [only], 1..) = (&files[..], &directories[..], deeper) {
        return self::files(only, deeper - 1);
    }
    files.sort();
    files.truncate(MOST_FILES);
    files
}

fn head(file: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() { Vec::new() } else { head }
}
