//! Names that come from clients, checked once.
//!
//! A target model's name is its key relative to the endpoint's prefix. It never becomes a path as it is: the disk cache names
//! its entries by hash, and a directory store opens it below its root only after this check.
//!
//! An archive may hold several versions of its model, in directories with numbers for names. The highest one is the model; each of
//! the others is a model of its own in memory, told apart by its number. To stores and disk they are one artifact.

use std::sync::Arc;

/// A checked target model name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelName {
    key: Arc<str>,
    /// Which of the archive's versions; none: the one that the archive serves.
    version: Option<u64>,
}

/// Why a name is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the target model name is not valid: {0}")]
pub struct BadName(&'static str);

/// Most bytes in a name, as in the runtime API.
const MOST_BYTES: usize = 1024;

impl ModelName {
    /// Checks a name: 1 to 1024 bytes of printable text, relative, without empty, `.` or `..` segments.
    pub fn new(name: &str) -> Result<Self, BadName> {
        if name.is_empty() || name.len() > MOST_BYTES {
            return Err(BadName("it must have 1 to 1024 bytes"));
        }
        if name.chars().any(|c| c.is_control() || c == '\u{fffd}') || name.starts_with(char::is_whitespace) {
            return Err(BadName("it must be printable and not begin with a space"));
        }
        if name.contains('\\') {
            return Err(BadName("it must not contain a backslash"));
        }
        if name.starts_with('/') {
            return Err(BadName("it must be relative to the endpoint's prefix, without a leading slash"));
        }
        let body = name.strip_suffix('/').unwrap_or(name);
        if body.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BadName("it must not contain empty, '.' or '..' segments"));
        }
        Ok(Self { key: body.into(), version: None })
    }

    /// One version of those in the archive.
    #[must_use]
    pub fn of_version(&self, number: u64) -> Self {
        Self { key: self.key.clone(), version: Some(number) }
    }

    /// The number of the version, where a certain one is meant.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// What stores and disk have: the archive with all its versions.
    #[must_use]
    pub fn artifact(&self) -> Self {
        Self { key: self.key.clone(), version: None }
    }

    /// The key, without the version's number.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// Whether the name is that of an archive; otherwise it is that of an unpacked model's directory.
    pub fn is_archive(&self) -> bool {
        is_archive(&self.key)
    }
}

/// How archives' keys end, the usual one first.
pub const ENDINGS: [&str; 3] = [".tar.gz", ".tgz", ".tar"];

/// Whether a key ends as archives do.
pub fn is_archive(key: &str) -> bool {
    ENDINGS.iter().any(|end| key.ends_with(end) && key.len() > end.len())
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version {
            None => f.write_str(&self.key),
            Some(number) => write!(f, "{} version {number}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ModelName;

    #[test]
    fn keys_are_names_and_paths_out_of_the_prefix_are_not() {
        for good in ["cifar.tar.gz", "tenant-a/x.tar.gz", "modèle/ü.tgz", "a b.tar", "dir/"] {
            assert!(ModelName::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(1025);
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b", "a\0b", "a\nb", " a", &long] {
            assert!(ModelName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions_are_names_of_their_own_and_one_artifact() {
        let archive = ModelName::new("a.tar.gz").unwrap();
        let old = archive.of_version(3);
        assert_ne!(archive, old);
        assert_eq!((old.artifact(), old.as_str(), old.version()), (archive, "a.tar.gz", Some(3)));
        assert_eq!(old.to_string(), "a.tar.gz version 3");
    }
}
