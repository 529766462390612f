//! The paths of an archive's entries, checked before anything is created.

use super::ArchiveError;
use std::collections::HashMap;
use std::path::PathBuf;

/// Most bytes of a path, and of one of its parts; most parts.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 255;
const DEEPEST: usize = 32;

/// The path to unpack to; None for what packers add for themselves.
pub fn check(path: &[u8], shown: &str) -> Result<Option<PathBuf>, ArchiveError> {
    let bad = |why| Err(ArchiveError::BadPath(shown.to_owned(), why));
    let Ok(path) = std::str::from_utf8(path) else { return bad("it is not UTF-8") };
    if path.len() > LONGEST {
        return bad("it is longer than 1024 bytes");
    }
    if path.starts_with('/') {
        return bad("it is absolute");
    }
    if path.contains(['\0', '\\']) || path.chars().any(char::is_control) {
        return bad("it has a backslash or a control character");
    }
    let mut clean = PathBuf::new();
    let mut depth = 0;
    for part in path.split('/') {
        match part {
            "" | "." => continue,
            ".." => return bad("it leads out of the archive"),
            _ if part.len() > LONGEST_PART => return bad("a part is longer than 255 bytes"),
            _ => clean.push(part),
        }
        depth += 1;
    }
    if depth > DEEPEST {
        return bad("it has more than 32 levels");
    }
    let litter = path.split('/').any(|p| p.starts_with("._") || p == ".DS_Store" || p == "__MACOSX");
    Ok((!litter && depth > 0).then_some(clean))
}

/// What was seen so far.
#[derive(Default)]
pub struct Names {
    entries: usize,
    files: usize,
    bytes: u64,
    /// True: a file.
    seen: HashMap<PathBuf, bool>,
}

impl Names {
    pub fn files(&self) -> usize {
        self.files
    }

    pub fn count(&mut self, most: usize) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > most { Err(ArchiveError::TooManyEntries(most)) } else { Ok(()) }
    }

    /// Adds what a file says of its size, before a byte of it is written.
    pub fn add_bytes(&mut self, size: u64, most: u64) -> Result<(), ArchiveError> {
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > most { Err(ArchiveError::TooLarge(most)) } else { Ok(()) }
    }

    /// Notes a directory and those above it; an error if one of them is a file.
    pub fn directory(&mut self, path: &std::path::Path, shown: &str) -> Result<(), ArchiveError> {
        for dir in path.ancestors().filter(|d| !d.as_os_str().is_empty()) {
            if *self.seen.entry(dir.to_owned()).or_insert(false) {
                return Err(ArchiveError::Duplicate(shown.to_owned()));
            }
        }
        Ok(())
    }

    /// Notes a file; false if the path is taken.
    pub fn file(&mut self, path: &std::path::Path, shown: &str) -> Result<bool, ArchiveError> {
        if let Some(parent) = path.parent() {
            self.directory(parent, shown)?;
        }
        self.files += 1;
        Ok(self.seen.insert(path.to_owned(), true).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::path::PathBuf;

    #[test]
    fn ways_out_are_refused_and_litter_is_left() {
        assert_eq!(check(b"./1//saved_model.pb", "").unwrap(), Some(PathBuf::from("1/saved_model.pb")));
        for litter in ["./", "._x", "a/.DS_Store", "__MACOSX/a"] {
            assert_eq!(check(litter.as_bytes(), "").unwrap(), None, "{litter}");
        }
        for bad in ["/etc/passwd", "a/../../b", "..", "a\\b", "a\nb"] {
            assert!(check(bad.as_bytes(), "").is_err(), "{bad:?}");
        }
        assert!(check(b"\xff", "").is_err());
    }
}
