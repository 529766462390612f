//! What an artifact's directory holds, told by the beginning of its files.

use super::overrides::Overrides;
use super::savedmodel::layout;
use super::{catboost, faiss, huggingface, lightgbm, mxnet, onnx, random_cut, sklearn, torch, xgboost};
use crate::EngineError;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file by which it is told.
const HEAD: u64 = 1024;
/// Files that are looked at.
const MOST_FILES: usize = 256;
/// Names that an error lists.
const LISTED: usize = 8;

/// What a file is the model of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    SavedModel,
    XgBoost,
    LightGbm,
    Onnx,
    Faiss,
    RandomCut,
    Mxnet,
    CatBoost,
    /// A pickle, whatever is in it.
    Pickle,
    Torch,
    /// Weights of PyTorch's without a program.
    TorchWeights,
    /// Weights and settings of Hugging Face's transformers.
    HuggingFace,
}

impl Format {
    /// For people.
    fn title(self) -> &'static str {
        match self {
            Self::SavedModel => "TensorFlow SavedModel",
            Self::XgBoost => "XGBoost",
            Self::LightGbm => "LightGBM",
            Self::Onnx => "ONNX",
            Self::Faiss => "FAISS",
            Self::RandomCut => "random cut forest",
            Self::Mxnet => "MXNet",
            Self::CatBoost => "CatBoost",
            Self::Pickle => "pickle",
            Self::Torch => "PyTorch",
            Self::TorchWeights => "weights of PyTorch's",
            Self::HuggingFace => "Hugging Face",
        }
    }

    /// As `berth.json` and reports name it.
    fn id(self) -> &'static str {
        match self {
            Self::SavedModel => "tensorflow-savedmodel",
            Self::XgBoost => "xgboost",
            Self::LightGbm => "lightgbm",
            Self::Onnx => "onnx",
            Self::Faiss => "faiss",
            Self::RandomCut => "random-cut-forest",
            Self::Mxnet => "mxnet",
            Self::CatBoost => "catboost",
            Self::Pickle => "sklearn",
            Self::Torch => "pytorch",
            Self::TorchWeights => "pytorch-weights",
            Self::HuggingFace => "huggingface",
        }
    }

    /// What a file is by its beginning, and its name where that says nothing. None: it is no model.
    fn of(file: &Path, head: &[u8]) -> Option<Self> {
        match () {
            () if random_cut::is_likely(head) => Some(Self::RandomCut),
            () if mxnet::is_likely(file, head) => Some(Self::Mxnet),
            () if catboost::is_likely(head) => Some(Self::CatBoost),
            () if faiss::is_likely(head) => Some(Self::Faiss),
            () if xgboost::is_likely(head) => Some(Self::XgBoost),
            () if lightgbm::is_likely(head) => Some(Self::LightGbm),
            () if onnx::is_likely(&name(file), head) => Some(Self::Onnx),
            () => {
                let is_pickle = || sklearn::is_likely(&name(file), head).then_some(Self::Pickle);
                torch::kind(file, head).or_else(is_pickle)
            }
        }
    }
}

/// The one model that a directory holds.
pub struct Candidate {
    /// What it is.
    pub format: Format,
    /// Its file; several, if they answer together; of a SavedModel none.
    pub files: Vec<PathBuf>,
}

impl Candidate {
    /// Looks at the files in the archive's top, or in its only directory.
    pub fn find(dir: &Path, overrides: &Overrides) -> Result<Self, EngineError> {
        let saved = layout::find(dir);
        let files = files(dir, 1);
        let mut found = told(&files);
        if let Some(wanted) = &overrides.file {
            found.retain(|(_, file)| name(file) == *wanted);
        }
        let saved = match &overrides.format {
            Some(wanted) => {
                found.retain(|(format, _)| format.id() == wanted);
                let is_saved = wanted == Format::SavedModel.id();
                if is_saved { saved } else { Err(EngineError::UnknownFormat(String::new())) }
            }
            None if overrides.file.is_some() => Err(EngineError::UnknownFormat(String::new())),
            None => saved,
        };
        if found.is_empty() && saved.is_err() && (overrides.format.is_some() || overrides.file.is_some()) {
            return Err(EngineError::UnknownFormat(format!(
                "berth.json asks for {}{}, which is not there",
                overrides.format.as_deref().unwrap_or("a model"),
                overrides.file.as_deref().map(|f| format!(" in {f}")).unwrap_or_default()
            )));
        }
        // Weights beside a program are a copy of its own.
        if found.iter().any(|(format, _)| *format == Format::Torch) {
            found.retain(|(format, _)| *format != Format::TorchWeights);
        }
        match (saved, &found[..]) {
            (Ok(_), []) => Ok(Self { format: Format::SavedModel, files: Vec::new() }),
            (Err(EngineError::UnknownFormat(_)), []) => Err(nothing(&files)),
            (Err(error), []) => Err(error),
            (Err(_), [(format, file)]) => Ok(Self { format: *format, files: vec![file.clone()] }),
            (Err(_), all) if all.iter().all(|(format, _)| *format == Format::XgBoost) => {
                Ok(Self { format: Format::XgBoost, files: found.into_iter().map(|(_, file)| file).collect() })
            }
            (saved, all) => {
                let saved = saved.is_ok().then(|| format!("a {}", Format::SavedModel.title()));
                let named = all.iter().map(|(format, file)| format!("{} ({})", name(file), format.title()));
                let all: Vec<String> = saved.into_iter().chain(named).collect();
                Err(EngineError::UnknownFormat(format!(
                    "the archive holds {} models: {}; keep the one that is to be served, or name it in berth.json ({{\"file\": \"…\"}})",
                    all.len(),
                    all.join(", ")
                )))
            }
        }
    }

    /// The file of a model that has only one.
    pub fn file(&self) -> Result<&Path, EngineError> {
        let first = self.files.first().map(PathBuf::as_path);
        first.ok_or_else(|| EngineError::broken("the model has no file"))
    }
}

/// What each file is the model of, if it is one.
fn told(files: &[PathBuf]) -> Vec<(Format, PathBuf)> {
    let model = files.iter().find(|file| huggingface::is_model(file, files));
    let of = |file: &PathBuf| match model {
        Some(model) if model == file => Some(Format::HuggingFace),
        // Beside such a model its words and settings lie, and its weights for other libraries.
        Some(_) if file.extension().is_some_and(|e| e == "json") => None,
        _ => {
            Format::of(file, &head(file)).filter(|format| model.is_none() || *format != Format::TorchWeights)
        }
    };
    files.iter().filter_map(|file| Some((of(file)?, file.clone()))).collect()
}

fn nothing(files: &[PathBuf]) -> EngineError {
    let names: Vec<String> = files.iter().take(LISTED).map(|file| name(file)).collect();
    let more = if files.len() > LISTED { ", …" } else { "" };
    let files = if names.is_empty() { "no file".to_owned() } else { names.join(", ") + more };
    EngineError::UnknownFormat(format!(
        "its top has {files}; expected a TensorFlow SavedModel (saved_model.pb in the archive's top, in a version directory like \
         1/saved_model.pb, or in export/Servo/1), an XGBoost model (JSON, UBJSON or the older binary, under any name), a LightGBM model \
         (text), an ONNX model (model.onnx), a scikit-learn model (a pickle, joblib's file or .skops), a FAISS index, a random cut forest (JSON), an MXNet \
         model (*-symbol.json and *-0000.params, or a .mar archive), a PyTorch program (torch.export or TorchScript) or a model of Hugging \
         Face's transformers (config.json and model.safetensors)"
    ))
}

/// A file's name, for people.
pub fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The regular files of a directory by name; where there is nothing but one directory, those of that.
fn files(dir: &Path, deeper: usize) -> Vec<PathBuf> {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    let is_hidden =
        |name: &str| name.starts_with('.') || name == "__MACOSX" || name == super::overrides::FILE;
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
