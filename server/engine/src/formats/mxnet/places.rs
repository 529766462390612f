//! Where the parts of a model are: in a directory, or in an archive.

use super::SYMBOL;
use super::params::{self, Array, Bytes};
use crate::EngineError;
use crate::formats::zip::Zip;
use crate::formats::{candidates, savedmodel};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A graph, and what describes inputs.
const LARGEST_TEXT: u64 = 256 << 20;
/// Arrays that are compressed are unpacked into memory.
const LARGEST_PACKED: u64 = 2 << 30;

/// A model's parts.
pub enum Places {
    /// The directory, and the graph's name in it.
    Directory(PathBuf, String),
    /// The archive, and the graph's name in it.
    Archive(Zip, String),
}

/// Arrays by name.
pub enum Arrays {
    /// In a file, so many bytes behind its start.
    File(PathBuf, u64, HashMap<String, Array>),
    /// In memory.
    Memory(Vec<u8>, HashMap<String, Array>),
}

#[derive(Deserialize)]
struct Shaped {
    #[serde(alias = "data_name")]
    name: String,
    #[serde(alias = "data_shape")]
    shape: Vec<i64>,
}

#[derive(Deserialize)]
struct ArchiveSignature {
    #[serde(alias = "input")]
    inputs: Vec<Shaped>,
}

impl Places {
    /// Those around a graph's file.
    pub fn beside(symbol: &Path) -> Result<Self, EngineError> {
        let dir = symbol.parent().unwrap_or(Path::new("."));
        Ok(Self::Directory(dir.to_owned(), candidates::name(symbol)))
    }

    /// Those in an archive.
    pub fn within(archive: &Path) -> Result<Self, EngineError> {
        let zip = Zip::open(archive)?;
        let mut symbols: Vec<String> = zip.members().iter().map(|m| m.name.clone()).collect();
        symbols.retain(|name| name.ends_with(SYMBOL));
        match &mut symbols[..] {
            [only] => Ok(Self::Archive(zip, std::mem::take(only))),
            _ => {
                Err(EngineError::broken(format!("it holds {} graphs: {}", symbols.len(), symbols.join(", "))))
            }
        }
    }

    /// The graph's name.
    pub fn symbol_name(&self) -> &str {
        match self {
            Self::Directory(_, name) | Self::Archive(_, name) => name,
        }
    }

    /// Whether it is an archive.
    pub fn is_archive(&self) -> bool {
        matches!(self, Self::Archive(..))
    }

    /// The graph's file.
    pub fn symbol(&self) -> Result<Vec<u8>, EngineError> {
        let name = self.symbol_name();
        self.text(name)?.ok_or_else(|| EngineError::broken(format!("{name} is missing")))
    }

    /// A small file beside the graph; none: it is not there.
    pub fn text(&self, name: &str) -> Result<Option<Vec<u8>>, EngineError> {
        match self {
            Self::Directory(dir, _) if !dir.join(name).is_file() => Ok(None),
            Self::Directory(dir, _) => savedmodel::layout::read_file(dir, name, LARGEST_TEXT).map(Some),
            Self::Archive(zip, _) => zip.find(name).map(|member| zip.read(member, LARGEST_TEXT)).transpose(),
        }
    }

    /// The newest arrays of the graph's name; the only ones that there are, if none has it.
    pub fn arrays(&self) -> Result<Arrays, EngineError> {
        let mut names: Vec<String> = match self {
            Self::Directory(dir, _) => {
                let entries = dir.read_dir().into_iter().flatten().flatten();
                entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Self::Archive(zip, _) => zip.members().iter().map(|member| member.name.clone()).collect(),
        };
        names.retain(|name| name.ends_with(".params") && !name.starts_with('.'));
        names.sort();
        let prefix = self.symbol_name().strip_suffix(SYMBOL).unwrap_or_default();
        let own =
            names.iter().rfind(|name| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-')));
        let name = match (own, &names[..]) {
            (Some(own), _) | (None, [own]) => own,
            (None, []) => return Err(EngineError::broken(format!("{prefix}-0000.params is missing"))),
            (None, _) => {
                return Err(EngineError::broken(format!(
                    "none of {} is {prefix}-0000.params",
                    names.join(", ")
                )));
            }
        };
        let named = |e: EngineError| match e {
            EngineError::BrokenArtifact(what) => EngineError::broken(format!("{name}: {what}")),
            other => other,
        };
        self.arrays_of(name).map_err(named)
    }

    fn arrays_of(&self, name: &str) -> Result<Arrays, EngineError> {
        let (path, begin, len) = match self {
            Self::Directory(dir, _) => (dir.join(name), 0, None),
            Self::Archive(zip, _) => {
                let member = zip.find(name).ok_or_else(|| EngineError::broken("it is missing"))?;
                match zip.place(member)? {
                    Some(begin) => (zip.path().to_owned(), begin, Some(member.size)),
                    None => {
                        let bytes = zip.read(member, LARGEST_PACKED)?;
                        let arrays = params::read(&Bytes::Memory(&bytes))?;
                        return Ok(Arrays::Memory(bytes, arrays));
                    }
                }
            }
        };
        let io = |e: std::io::Error| EngineError::Io { file: name.to_owned(), message: e.kind().to_string() };
        let file = File::open(&path).map_err(io)?;
        let len = match len {
            Some(len) => len,
            None => file.metadata().map_err(io)?.len(),
        };
        let arrays = params::read(&Bytes::File { file: &file, begin, len })?;
        Ok(Arrays::File(path, begin, arrays))
    }

    /// What is said of the inputs' shapes. Extents that are not positive may be any.
    pub fn shapes(&self) -> Result<HashMap<String, Vec<i64>>, EngineError> {
        let json = |name: &str, e: serde_json::Error| EngineError::broken(format!("{name}: {e}"));
        let mut said = Vec::new();
        if let Some(text) = self.text("model-shapes.json")? {
            said = serde_json::from_slice(&text).map_err(|e| json("model-shapes.json", e))?;
        } else if let Some(text) = self.text("signature.json")? {
            let signature: ArchiveSignature =
                serde_json::from_slice(&text).map_err(|e| json("signature.json", e))?;
            said = signature.inputs;
        }
        let said: Vec<Shaped> = said;
        Ok(said.into_iter().map(|input| (input.name, input.shape)).collect())
    }
}
