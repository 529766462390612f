//! safetensors: named tensors as plain numbers behind a header in JSON, in one file, or in several that an index names.

mod header;

use super::savedmodel::layout;
use super::stored::Stored;
use super::{Access, candidates};
use crate::graph::Weight;
use crate::{DType, EngineError};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// The file's usual name.
pub const FILE: &str = "model.safetensors";
/// What says which tensor is in which file.
pub const INDEX: &str = "model.safetensors.index.json";
/// An index names each tensor of a model.
const LARGEST_INDEX: u64 = 64 << 20;

/// A tensor in a file.
#[derive(Debug, Clone)]
struct Tensor {
    file: usize,
    /// In the file.
    offset: u64,
    /// None: a type that the engine does not have, by its name.
    dtype: Result<DType, String>,
    shape: Vec<usize>,
}

/// The tensors of a model, and those of them that are used.
pub struct Tensors {
    stored: Stored,
    all: HashMap<String, Tensor>,
    used: Vec<Weight>,
    numbers: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl Tensors {
    /// None yet.
    pub fn new(access: Access) -> Self {
        Self { stored: Stored::new(access), all: HashMap::new(), used: Vec::new(), numbers: HashMap::new() }
    }

    /// Reads the headers of a directory's files.
    pub fn open(dir: &Path, access: Access) -> Result<Self, EngineError> {
        let mut tensors = Self::new(access);
        if dir.join(FILE).is_file() {
            tensors.add(&dir.join(FILE), "")?;
        } else {
            tensors.add_parts(dir)?;
        }
        Ok(tensors)
    }

    /// Adds the tensors of a file, their names behind a prefix.
    pub fn add(&mut self, path: &Path, prefix: &str) -> Result<(), EngineError> {
        let file = self.stored.file(path)?;
        for entry in header::read(path)? {
            let tensor = Tensor { file, offset: entry.offset, dtype: entry.dtype, shape: entry.shape };
            if self.all.insert(format!("{prefix}{}", entry.name), tensor).is_some() {
                return Err(EngineError::broken(format!("tensor {:?} is in two files", entry.name)));
            }
        }
        Ok(())
    }

    /// The files that the index names. Each holds what it is said to hold.
    fn add_parts(&mut self, dir: &Path) -> Result<(), EngineError> {
        let bytes = layout::read_file(dir, INDEX, LARGEST_INDEX)?;
        let index: Index =
            serde_json::from_slice(&bytes).map_err(|e| EngineError::broken(format!("{INDEX}: {e}")))?;
        let mut files: Vec<&String> = index.weight_map.values().collect();
        files.sort();
        files.dedup();
        for file in files {
            // A name with a directory in it would lead out of the archive.
            if Path::new(file).file_name() != Some(file.as_ref()) {
                return Err(EngineError::broken(format!("{INDEX}: {file:?} is not the name of a file")));
            }
            self.add(&dir.join(file), "")?;
        }
        for (name, file) in &index.weight_map {
            let there = self.all.get(name).and_then(|t| self.stored.path(t.file)).map(candidates::name);
            if there.as_ref() != Some(file) {
                return Err(EngineError::broken(format!("{INDEX}: tensor {name:?} is not in {file}")));
            }
        }
        Ok(())
    }

    /// The shape of a tensor, if there is one.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.all.get(name).map(|tensor| &tensor.shape[..])
    }

    /// The number of a tensor as a weight.
    pub fn weight(&mut self, name: &str) -> Result<usize, EngineError> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        let missing = || EngineError::broken(format!("tensor {name:?} is missing"));
        let tensor = self.all.get(name).ok_or_else(missing)?;
        let dtype = tensor.dtype.clone().map_err(|dtype| {
            EngineError::broken(format!(
                "tensor {name:?} is of type {dtype}; save it as float32, float16 or bfloat16"
            ))
        })?;
        let weight = self.stored.add(name, tensor.file, tensor.offset, dtype, &tensor.shape)?;
        self.used.push(weight);
        self.numbers.insert(name.to_owned(), self.used.len() - 1);
        Ok(self.used.len() - 1)
    }

    /// A weight by its number.
    pub fn used(&self, number: usize) -> &Weight {
        &self.used[number]
    }

    /// The weights that are used, and where they are.
    pub fn finish(self) -> (Vec<Weight>, Stored) {
        (self.used, self.stored)
    }
}
