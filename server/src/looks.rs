//! Files that are looked at now and then: what is seen counts when it is the same in two looks and was not taken yet.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Another one: the file was replaced or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// Of a file.
    pub fn of(file: &Path) -> std::io::Result<Self> {
        let meta = file.metadata()?;
        let modified = (meta.mtime(), meta.mtime_nsec());
        Ok(Self { inode: meta.ino(), bytes: meta.len(), modified })
    }
}

/// What the last looks saw.
#[derive(Debug)]
pub struct Looks<T> {
    before: Option<T>,
    taken: Option<T>,
}

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self { before: None, taken: None }
    }
}

impl<T: PartialEq + Clone> Looks<T> {
    /// Whether this is to be taken: it rests, and is another than the last that was.
    pub fn is_new(&mut self, seen: T) -> bool {
        // Written in pieces, a file is read once it rests.
        let rests = self.before.as_ref() == Some(&seen);
        self.before = Some(seen.clone());
        let new = rests && self.taken.as_ref() != Some(&seen);
        if new {
            self.taken = Some(seen);
        }
        new
    }

    /// What was taken last is to be taken again.
    pub fn again(&mut self) {
        self.taken = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Looks;

    #[test]
    fn what_rests_is_taken_once() {
        let mut looks = Looks::default();
        let seen = [1, 1, 1, 2, 3, 3, 3].map(|seen| looks.is_new(seen));
        assert_eq!(seen, [false, true, false, false, false, true, false]);
        looks.again();
        assert!(looks.is_new(3));
    }
}
