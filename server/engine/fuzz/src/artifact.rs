//! What bytes are to a target: a file of an artifact, or several files with names.
//!
//! Several files are one text: each begins with a line of `%%%% ` and its name, and ends where the next such line begins. A name
//! `model.pt!/code/a.py` is the member `code/a.py` of the zip archive `model.pt`. So mutations reach what is within archives, and
//! keep the sizes and offsets of what is around it right; that these are wrong is the matter of the target `zip`.

use super::archive;
use super::index;
use std::path::{Component, Path};

/// Begins a file.
const BEGIN: &[u8] = b"%%%% ";
/// Files of one artifact, and characters of a name.
const MOST_FILES: usize = 256;
const LONGEST_NAME: usize = 200;

/// Files by their names.
pub type Files = Vec<(String, Vec<u8>)>;

/// What the bytes are.
pub enum Layout {
    /// This file.
    File(&'static str),
    /// This file, with sound ones beside it.
    Beside(&'static str, &'static [(&'static str, &'static [u8])]),
    /// Files with names.
    Named,
}

const BOOSTER: &[(&str, &[u8])] = &[(
    "xgboost-model.json",
    include_bytes!("../../tests/boosters/xgb-linear-classes/model/xgboost-model.json"),
)];
const WORDS: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../../tests/huggingface/bert-no-pooler/model/config.json")),
    ("model.safetensors", include_bytes!("../../tests/huggingface/bert-no-pooler/model/model.safetensors")),
];
const LAYERS: &[(&str, &[u8])] = &[
    ("model.safetensors", include_bytes!("../../tests/huggingface/bert-no-pooler/model/model.safetensors")),
    ("tokenizer.json", include_bytes!("../../tests/huggingface/bert-no-pooler/model/tokenizer.json")),
];

/// Every target; `seeds.py` writes seeds for each.
pub const TARGETS: &[(&str, Layout)] = &[
    ("catboost", Layout::File("model.json")),
    ("config", Layout::Beside("config.json", LAYERS)),
    ("faiss", Layout::Named),
    ("huggingface", Layout::Named),
    ("joblib", Layout::File("model.joblib")),
    ("lightgbm", Layout::File("model.txt")),
    ("linear-learner", Layout::Named),
    ("mxnet", Layout::Named),
    ("onnx", Layout::File("model.onnx")),
    ("overrides", Layout::Beside("berth.json", BOOSTER)),
    ("pickle", Layout::File("model.pkl")),
    ("random-cut", Layout::File("forest.json")),
    ("savedmodel", Layout::Named),
    ("skops", Layout::Named),
    ("tokenizer", Layout::Beside("tokenizer.json", WORDS)),
    ("torch", Layout::Named),
    ("xgboost", Layout::File("xgboost-model")),
    ("zip", Layout::File("model.skops")),
];

/// What the bytes of a target are.
pub fn layout(target: &str) -> Option<&'static Layout> {
    TARGETS.iter().find(|(name, _)| *name == target).map(|(_, layout)| layout)
}

impl Layout {
    /// The files that bytes are.
    pub fn split(&self, bytes: &[u8]) -> Files {
        match self {
            Self::File(name) | Self::Beside(name, _) => vec![((*name).to_owned(), bytes.to_vec())],
            Self::Named => named(bytes),
        }
    }

    /// The bytes of files, for who changes them.
    #[allow(dead_code, reason = "tests change nothing")]
    pub fn join(&self, files: &Files) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, file) in files {
            if let Self::Named = self {
                bytes.extend([BEGIN, name.as_bytes(), b"\n"].concat());
            }
            bytes.extend(file);
        }
        bytes
    }

    /// Writes bytes as an artifact. What cannot be a file is left out.
    pub fn write(&self, bytes: &[u8], dir: &Path) {
        let mut archives: Vec<(String, Files)> = Vec::new();
        for (name, file) in self.split(bytes) {
            let Some((archive, member)) = name.split_once("!/") else {
                put(dir, &name, file);
                continue;
            };
            let member = (member.to_owned(), file);
            match archives.iter_mut().find(|(name, _)| name == archive) {
                Some((_, members)) => members.push(member),
                None => archives.push((archive.to_owned(), vec![member])),
            }
        }
        for (name, members) in archives {
            put(dir, &name, archive::write(&members));
        }
        if let Self::Beside(_, others) = self {
            others.iter().for_each(|(name, file)| put(dir, name, file.to_vec()));
        }
    }
}

fn named(bytes: &[u8]) -> Files {
    let mut starts: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(BEGIN)).take(MOST_FILES).collect();
    starts.push(bytes.len());
    let file = |place: &[usize]| {
        let part = &bytes[place[0] + BEGIN.len()..place[1]];
        let line = part.iter().position(|b| *b == b'\n')?;
        Some((String::from_utf8_lossy(&part[..line]).into_owned(), part[line + 1..].to_vec()))
    };
    starts.windows(2).filter_map(file).collect()
}

/// Writes a file below a directory, if its name leads there.
fn put(dir: &Path, name: &str, mut bytes: Vec<u8>) {
    let path = Path::new(name);
    let is_plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    if !is_plain || name.is_empty() || name.ends_with('/') || name.len() > LONGEST_NAME || name.contains('\0')
    {
        return;
    }
    // Checksums would hide what is behind them.
    if name.ends_with(".index") {
        index::seal_all(&mut bytes);
    }
    let path = dir.join(path);
    if path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok()) && !path.is_dir() {
        std::fs::write(path, bytes).unwrap();
    }
}
