//! Names that come from clients, checked once.
//!
//! A target model's name is its key relative to the endpoint's prefix. It never becomes a path as it is: the disk cache names
//! its entries by hash, and a directory store opens it below its root only after this check.

use std::sync::Arc;

/// A checked target model name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelName(Arc<str>);

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
        Ok(Self(body.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is that of an archive; otherwise it is that of an unpacked model's directory.
    pub fn is_archive(&self) -> bool {
        is_archive(&self.0)
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
        f.write_str(&self.0)
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
}
