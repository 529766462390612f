//! A directory of archives and unpacked models.

use super::{Content, Found, Object, Store, Version};
use crate::error::StoreError;
use crate::names::{ModelName, is_archive};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Levels of directories below the root that are searched for models.
const DEEPEST: usize = 4;
/// Files of one unpacked model that its version covers.
const MOST_FILES: usize = 4096;

/// A directory.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// Opens a directory that must exist.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = root
            .canonicalize()
            .map_err(|e| StoreError::Io(format!("the models directory {}: {e}", root.display())))?;
        if root.is_dir() {
            Ok(Self { root })
        } else {
            Err(StoreError::Io(format!("{} is not a directory", root.display())))
        }
    }

    pub(super) fn find(&self, model: &ModelName) -> Result<Option<Found>, StoreError> {
        let path = match self.root.join(model.as_str()).canonicalize() {
            Ok(path) => path,
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
                ) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(io(&e)),
        };
        // Links may point about inside the root (mounted volumes are made of them) and nowhere else.
        if !path.starts_with(&self.root) || path == self.root {
            return Ok(None);
        }
        let meta = path.metadata().map_err(|e| io(&e))?;
        if meta.is_dir() {
            return self.unpacked(path);
        }
        if !meta.is_file() || !model.is_archive() {
            return Ok(None);
        }
        Ok(Some(self.archive(&path, &meta)))
    }

    fn archive(&self, path: &Path, meta: &Metadata) -> Found {
        let tag = stamp(meta);
        let key = path.to_string_lossy().into_owned();
        let object = Object { key, size: meta.len(), etag: Some(tag.clone()), checksum: None };
        let version = Version::of(tag, Some(meta.len()));
        Found { version, content: Content::Archive(object), store: Store::Local(self.clone()) }
    }

    fn unpacked(&self, path: PathBuf) -> Result<Option<Found>, StoreError> {
        if looks_like_model(&path) { self.in_place(path).map(Some) } else { Ok(None) }
    }

    fn in_place(&self, path: PathBuf) -> Result<Found, StoreError> {
        let mut stamps = Vec::new();
        collect(&path, DEEPEST, &mut stamps).map_err(|e| io(&e))?;
        stamps.sort();
        let version = Version::of(crate::disk::hash(stamps.iter().map(String::as_str)), None);
        Ok(Found { version, content: Content::InPlace(path), store: Store::Local(self.clone()) })
    }

    pub(super) fn list(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        list(&self.root, "", DEEPEST, most, &mut names).map_err(|e| io(&e))?;
        names.sort();
        Ok(names)
    }

    pub(super) fn read(&self, object: &Object) -> Result<Box<dyn Read + Send>, StoreError> {
        let file = File::open(&object.key).map_err(|e| match e.kind() {
            ErrorKind::NotFound => StoreError::Gone,
            _ => io(&e),
        })?;
        // The opened file is the version that was found: an overwrite in place would change it.
        let meta = file.metadata().map_err(|e| io(&e))?;
        if object.etag.as_deref() == Some(stamp(&meta).as_str()) {
            Ok(Box::new(file.take(object.size)))
        } else {
            Err(StoreError::Overwritten)
        }
    }
}

/// Looks for an archive or an unpacked model that the endpoint's owner names by its path; such a path leads anywhere.
pub(super) fn find_path(path: &Path) -> Result<Option<Found>, StoreError> {
    let path = match path.canonicalize() {
        Ok(path) => path,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(io(&e)),
    };
    let meta = path.metadata().map_err(|e| io(&e))?;
    let store = LocalStore { root: path.parent().unwrap_or(&path).to_owned() };
    if meta.is_dir() {
        // Whether it is a model is told when it is read: who names it means it.
        return store.in_place(path).map(Some);
    }
    Ok(meta.is_file().then(|| store.archive(&path, &meta)))
}

/// Whether a directory holds a model, as far as its names tell: a model file, or a version directory with one.
fn looks_like_model(path: &Path) -> bool {
    if path.join("saved_model.pb").is_file() {
        return true;
    }
    let Ok(entries) = path.read_dir() else { return false };
    entries
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())))
        .any(|e| e.path().join("saved_model.pb").is_file())
}

fn list(
    dir: &Path,
    prefix: &str,
    levels: usize,
    most: usize,
    names: &mut Vec<String>,
) -> std::io::Result<()> {
    // In the order of keys, as S3 has them: `most` of them are the first.
    let mut entries = Vec::new();
    for entry in dir.read_dir()? {
        let entry = entry?;
        let Ok(meta) = entry.path().metadata() else { continue };
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let key =
            if meta.is_dir() && !looks_like_model(&entry.path()) { format!("{name}/") } else { name.clone() };
        entries.push((key, name, entry.path(), meta));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (_, name, path, meta) in entries {
        if name.starts_with('.') || names.len() >= most {
            continue;
        }
        let full = format!("{prefix}{name}");
        if meta.is_file() && is_archive(&name) || meta.is_dir() && looks_like_model(&path) {
            names.push(full);
        } else if meta.is_dir() && levels > 1 {
            list(&path, &format!("{full}/"), levels - 1, most, names)?;
        }
    }
    Ok(())
}

fn collect(dir: &Path, levels: usize, stamps: &mut Vec<String>) -> std::io::Result<()> {
    for entry in dir.read_dir()? {
        let path = entry?.path();
        let meta = path.metadata()?;
        if meta.is_file() {
            stamps.push(format!("{} {}", path.display(), stamp(&meta)));
        } else if meta.is_dir() && levels > 1 {
            collect(&path, levels - 1, stamps)?;
        }
        if stamps.len() > MOST_FILES {
            return Err(std::io::Error::other(format!("more than {MOST_FILES} files in one model")));
        }
    }
    Ok(())
}

/// Changes whenever a file is replaced or written.
fn stamp(meta: &Metadata) -> String {
    format!("{}-{}-{}.{}", meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())
}

fn io(e: &std::io::Error) -> StoreError {
    StoreError::Io(e.kind().to_string())
}
