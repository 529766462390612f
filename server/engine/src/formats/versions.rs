//! The versions that an artifact holds: directories with numbers for names, like TensorFlow Serving's. The highest is served.
//!
//! Where no directory has a number for its name there is one version, number 1. `berth.json` may give versions labels.

use super::overrides::{FILE, Overrides};
use crate::EngineError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that makes a directory a SavedModel.
pub const SAVED_MODEL: &str = "saved_model.pb";
/// `export/Servo/1`, below one wrapping directory.
const DEEPEST: usize = 4;
/// Directories that are looked at on one level.
const MOST_DIRECTORIES: usize = 4096;

/// Labels, and the numbers of the versions that they are on.
pub(super) type Labels = BTreeMap<String, u64>;

/// The numbers and labels of an artifact's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// In ascending order; at least one.
    numbers: Vec<u64>,
    labels: Labels,
}

impl Default for Numbering {
    /// Of an artifact that says nothing of versions.
    fn default() -> Self {
        Self { numbers: vec![Self::ONLY], labels: Labels::new() }
    }
}

impl Numbering {
    /// The version of an artifact that says none.
    pub const ONLY: u64 = 1;

    /// Every number, the served one last.
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// The version that is served where none is asked for.
    pub fn served(&self) -> u64 {
        self.numbers.last().copied().unwrap_or(Self::ONLY)
    }

    /// The version that a label is on.
    pub fn labelled(&self, label: &str) -> Option<u64> {
        self.labels.get(label).copied()
    }
}

/// The versions in an unpacked artifact.
pub struct Versions {
    root: PathBuf,
    /// Directories by their numbers.
    numbered: BTreeMap<u64, PathBuf>,
    /// The SavedModel, where none has a number.
    plain: Option<PathBuf>,
    /// Whether the highest of them is found in the root by itself.
    is_saved_model: bool,
}

/// The version that is to be loaded.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What [`crate::Prepared::open`] is to open.
    pub dir: PathBuf,
    /// The SavedModel in it; of other formats none.
    pub saved_model: Option<PathBuf>,
    /// Its number.
    pub number: u64,
    /// The artifact's versions.
    pub numbering: Arc<Numbering>,
}

impl Chosen {
    /// Whether this is the version that is served where none is asked for.
    pub fn is_served(&self) -> bool {
        self.numbering.served() == self.number
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
                return Self::new(root, numbered, models.into_iter().next(), true);
            }
            level = level.iter().flat_map(|dir| directories(dir)).take(MOST_DIRECTORIES).collect();
        }
        // Beside a model's files a directory is one of its own, whatever its name.
        let numbered = if has_files(root) { BTreeMap::new() } else { numbered(&directories(root)) };
        Self::new(root, numbered, None, false)
    }

    fn new(
        root: &Path,
        numbered: BTreeMap<u64, PathBuf>,
        plain: Option<PathBuf>,
        is_saved_model: bool,
    ) -> Self {
        Self { root: root.to_owned(), numbered, plain, is_saved_model }
    }

    /// The directory of the SavedModel that is served; None: there is none.
    pub(super) fn saved_model(self) -> Option<PathBuf> {
        let served = self.numbered.into_values().next_back().or(self.plain);
        served.filter(|_| self.is_saved_model)
    }

    /// Their numbers, and what `berth.json` calls them.
    pub fn numbering(&self) -> Result<Numbering, EngineError> {
        let mut found = Numbering::default();
        if !self.numbered.is_empty() {
            found.numbers = self.numbered.keys().copied().collect();
        }
        found.labels = Overrides::find(&self.root)?.version_labels;
        match found.labels.iter().find(|(_, number)| !found.numbers.contains(number)) {
            None => Ok(found),
            Some((label, number)) => Err(EngineError::broken(format!(
                "{FILE}: the label {label:?} is on version {number}, which the archive does not hold; it holds {:?}",
                found.numbers
            ))),
        }
    }

    /// A version by its number; without one that which is served. None: there is no version of this number.
    pub fn choose(&self, number: Option<u64>) -> Result<Option<Chosen>, EngineError> {
        let numbering = Arc::new(self.numbering()?);
        let number = number.unwrap_or(numbering.served());
        if !numbering.numbers.contains(&number) {
            return Ok(None);
        }
        let own = self.numbered.get(&number);
        let is_found = self.is_saved_model || self.numbered.len() == 1;
        // What lies in the archive's top is said of the version that it serves.
        let own_dir = own.filter(|_| number != numbering.served() || !is_found);
        let dir = own_dir.unwrap_or(&self.root).clone();
        let saved_model = if self.is_saved_model { own.or(self.plain.as_ref()).cloned() } else { None };
        Ok(Some(Chosen { dir, saved_model, number, numbering }))
    }
}

fn has_model(dir: &Path) -> bool {
    dir.join(SAVED_MODEL).symlink_metadata().is_ok_and(|m| m.is_file())
}

fn has_files(dir: &Path) -> bool {
    let is_file = |e: std::fs::DirEntry| {
        let hidden = e.file_name().to_str().is_some_and(|n| n.starts_with('.') || n == FILE);
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
        assert_eq!(*found.numbering().unwrap().numbers(), [2, 10]);
        let served = found.choose(None).unwrap().unwrap();
        assert_eq!((served.number, served.dir.as_path()), (10, root.path()));
        assert_eq!(served.saved_model.as_deref(), Some(root.path().join("10").as_path()));
        assert!(served.is_served());
        let old = found.choose(Some(2)).unwrap().unwrap();
        assert_eq!((old.number, old.dir), (2, root.path().join("2")));
        assert!(found.choose(Some(3)).unwrap().is_none());
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
            let only = found.choose(Some(1)).unwrap().unwrap();
            assert_eq!(
                (only.number, only.numbering.numbers(), only.dir.as_path()),
                (1, &[1][..], root.path()),
                "{files:?}"
            );
            assert!(found.choose(Some(2)).unwrap().is_none());
        }
    }

    #[test]
    fn versions_of_other_formats_and_below_other_directories() {
        let root = artifact(&["1/model.onnx", "2/model.onnx"]);
        let served = Versions::find(root.path()).choose(None).unwrap().unwrap();
        assert_eq!((served.number, served.dir, served.saved_model), (2, root.path().join("2"), None));
        let root = artifact(&["export/Servo/1555/saved_model.pb"]);
        let served = Versions::find(root.path()).choose(None).unwrap().unwrap();
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
        assert_eq!(*Versions::find(root.path()).numbering().unwrap().numbers(), [1]);
    }

    #[test]
    fn labels_are_on_versions_that_are_there() {
        let root = artifact(&["1/saved_model.pb", "2/saved_model.pb"]);
        let say = |text: &str| std::fs::write(root.path().join("berth.json"), text).unwrap();
        say(r#"{"version_labels": {"stable": 1, "canary": 2}}"#);
        let served = Versions::find(root.path()).choose(None).unwrap().unwrap();
        assert_eq!((served.number, served.numbering.labelled("stable")), (2, Some(1)));
        say(r#"{"version_labels": {"stable": 3}}"#);
        let error = Versions::find(root.path()).choose(None).unwrap_err().to_string();
        assert!(error.contains("\"stable\" is on version 3") && error.contains("[1, 2]"), "{error}");
    }
}
