//! The versions that an artifact holds: directories with numbers for names, like TensorFlow Serving's. The highest is served.
//!
//! Where no directory has a number for its name there is one version, number 1.

use crate::error::ModelError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that makes a directory a SavedModel.
const SAVED_MODEL: &str = "saved_model.pb";
/// What an archive's owner says, in its top.
const SETTINGS: &str = "berth.json";
/// `export/Servo/1`, below one wrapping directory: as deep as the engine looks.
const DEEPEST: usize = 4;
/// Directories that are looked at on one level.
const MOST_DIRECTORIES: usize = 4096;
/// The version of an artifact that says none.
const ONLY: u64 = 1;

/// What an artifact holds.
pub struct Versions {
    /// Directories by their numbers.
    numbered: BTreeMap<u64, PathBuf>,
    /// The SavedModel, where none has a number.
    plain: Option<PathBuf>,
    /// Whether the engine finds the highest of them by itself.
    is_saved_model: bool,
}

/// The version that is to be loaded.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What the engine is to open.
    pub dir: PathBuf,
    /// The SavedModel in it; of other formats none.
    pub saved_model: Option<PathBuf>,
    /// Its number.
    pub number: u64,
    /// The numbers of all versions in the artifact, the served one last.
    pub all: Arc<[u64]>,
}

impl Chosen {
    /// Whether this is the version that is served where none is asked for.
    pub fn is_served(&self) -> bool {
        self.all.last() == Some(&self.number)
    }
}

impl Versions {
    /// Looks into an unpacked artifact.
    pub fn find(root: &Path) -> Self {
        let mut level = vec![root.to_owned()];
        for _ in 0..=DEEPEST {
            let models: Vec<PathBuf> = level.iter().filter(|dir| has_model(dir)).cloned().collect();
            if !models.is_empty() {
                let numbered = numbered(&models);
                return Self { plain: models.into_iter().next(), numbered, is_saved_model: true };
            }
            level = level.iter().flat_map(|dir| directories(dir)).take(MOST_DIRECTORIES).collect();
        }
        // Beside a model's files a directory is one of its own, whatever its name.
        let numbered = if has_files(root) { BTreeMap::new() } else { numbered(&directories(root)) };
        Self { numbered, plain: None, is_saved_model: false }
    }

    /// Every number, the served one last.
    pub fn numbers(&self) -> Arc<[u64]> {
        if self.numbered.is_empty() { Arc::new([ONLY]) } else { self.numbered.keys().copied().collect() }
    }

    /// A version by its number; without one that which is served.
    pub fn choose(&self, root: &Path, number: Option<u64>) -> Result<Chosen, ModelError> {
        let all = self.numbers();
        let served = all.last().copied().unwrap_or(ONLY);
        let number = number.unwrap_or(served);
        if !all.contains(&number) {
            return Err(ModelError::NoVersion(number));
        }
        let own = self.numbered.get(&number);
        let dir = match own {
            // What lies in the archive's top is said of the version that it serves.
            Some(_) if number == served && (self.is_saved_model || self.numbered.len() == 1) => root,
            Some(own) => own,
            None => root,
        };
        let saved_model = if self.is_saved_model { own.or(self.plain.as_ref()).cloned() } else { None };
        Ok(Chosen { dir: dir.to_owned(), saved_model, number, all })
    }
}

fn has_model(dir: &Path) -> bool {
    dir.join(SAVED_MODEL).symlink_metadata().is_ok_and(|m| m.is_file())
}

fn has_files(dir: &Path) -> bool {
    let is_file = |e: std::fs::DirEntry| {
        let hidden = e.file_name().to_str().is_some_and(|n| n.starts_with('.') || n == SETTINGS);
        !hidden && e.file_type().is_ok_and(|t| t.is_file())
    };
    dir.read_dir().is_ok_and(|entries| entries.flatten().any(is_file))
}

/// Those whose names are numbers, without signs; protocols carry them as positive `int64`.
fn numbered(dirs: &[PathBuf]) -> BTreeMap<u64, PathBuf> {
    let number = |dir: &PathBuf| {
        let name = dir.file_name()?.to_str()?;
        let number = name.parse().ok().filter(|n| i64::try_from(*n).is_ok())?;
        name.bytes().all(|b| b.is_ascii_digit()).then_some((number, dir.clone()))
    };
    dirs.iter().filter_map(number).collect()
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

#[cfg(test)]
mod tests {
    use super::Versions;
    use crate::error::ModelError;
    use std::path::Path;

    fn file(root: &Path, path: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }

    fn artifact(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|path| file(root.path(), path));
        root
    }

    #[test]
    fn the_highest_is_served_and_the_others_go_by_number() {
        let root = artifact(&["2/saved_model.pb", "10/saved_model.pb", "assets/x", "3/other"]);
        let found = Versions::find(root.path());
        assert_eq!(*found.numbers(), [2, 10]);
        let served = found.choose(root.path(), None).unwrap();
        assert_eq!((served.number, served.dir.as_path()), (10, root.path()));
        assert_eq!(served.saved_model.as_deref(), Some(root.path().join("10").as_path()));
        assert!(served.is_served());
        let old = found.choose(root.path(), Some(2)).unwrap();
        assert_eq!((old.number, old.dir), (2, root.path().join("2")));
        assert!(matches!(found.choose(root.path(), Some(3)), Err(ModelError::NoVersion(3))));
    }

    #[test]
    fn what_says_no_number_is_version_one() {
        for files in [
            &["saved_model.pb"][..],
            &["model.onnx"],
            &["model.onnx", "2024/notes"],
            &["wrapped/saved_model.pb"],
            &[],
        ] {
            let root = artifact(files);
            let found = Versions::find(root.path());
            let only = found.choose(root.path(), Some(1)).unwrap();
            assert_eq!(
                (only.number, &only.all[..], only.dir.as_path()),
                (1, &[1][..], root.path()),
                "{files:?}"
            );
            assert!(found.choose(root.path(), Some(2)).is_err());
        }
    }

    #[test]
    fn versions_of_other_formats_and_below_other_directories() {
        let root = artifact(&["1/model.onnx", "2/model.onnx"]);
        let served = Versions::find(root.path()).choose(root.path(), None).unwrap();
        assert_eq!((served.number, served.dir, served.saved_model), (2, root.path().join("2"), None));
        let root = artifact(&["export/Servo/1555/saved_model.pb"]);
        let served = Versions::find(root.path()).choose(root.path(), None).unwrap();
        assert_eq!((served.number, served.dir.as_path()), (1555, root.path()));
    }

    #[test]
    fn names_that_are_no_numbers_are_none() {
        let root = artifact(&[
            "+5/saved_model.pb",
            "-6/saved_model.pb",
            "99999999999999999999/saved_model.pb",
            "7a/saved_model.pb",
        ]);
        assert_eq!(*Versions::find(root.path()).numbers(), [1]);
    }
}
