//! Weights that lie in files as plain numbers, little-endian, without checksums: those of ONNX, PyTorch, safetensors and MXNet.

use super::savedmodel::bundle::Access;
use super::savedmodel::from_bytes;
use crate::graph::Weight;
use crate::value::{Element, Maps, Memory, Output, Value};
use crate::{DType, EngineError};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files of one artifact.
const MOST_FILES: usize = 65_536;

/// Where the weights of an artifact are.
pub struct Stored {
    access: Access,
    maps: Maps,
    files: Vec<(PathBuf, u64)>,
    places: HashMap<String, Place>,
}

/// Where a weight begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: usize,
    offset: u64,
}

impl Stored {
    /// None yet.
    pub fn new(access: Access) -> Self {
        Self { access, maps: Maps::new(access.unchanging), files: Vec::new(), places: HashMap::new() }
    }

    /// The number of a file, which is looked at once.
    pub fn file(&mut self, path: &Path) -> Result<usize, EngineError> {
        if let Some(found) = self.files.iter().position(|(known, _)| known == path) {
            return Ok(found);
        }
        let meta = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file);
        let meta = meta.ok_or_else(|| EngineError::broken(format!("{} is missing", name(path))))?;
        if self.files.len() >= MOST_FILES {
            return Err(EngineError::broken("its weights lie in too many files"));
        }
        self.files.push((path.to_owned(), meta.len()));
        Ok(self.files.len() - 1)
    }

    /// Where a file is.
    pub fn path(&self, file: usize) -> Option<&Path> {
        self.files.get(file).map(|(path, _)| path.as_path())
    }

    /// Notes a weight, after its bytes were found to be there.
    pub fn add(
        &mut self,
        key: &str,
        file: usize,
        offset: u64,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Weight, EngineError> {
        let wrong = |what: &str| EngineError::broken(format!("weight {key:?}: {what}"));
        let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let elements = elements.ok_or_else(|| wrong("its shape is not a shape"))?;
        let bytes = elements.checked_mul(dtype.width()).ok_or_else(|| wrong("its shape is not a shape"))?;
        let (path, size) = self.files.get(file).ok_or_else(|| wrong("its file is missing"))?;
        if offset.checked_add(bytes as u64).is_none_or(|end| end > *size) {
            let file = name(path);
            return Err(wrong(&format!("its bytes lie outside of {file}, which may be cut short")));
        }
        if dtype == DType::String {
            return Err(wrong("it is of strings"));
        }
        self.places.insert(key.to_owned(), Place { file, offset });
        Ok(Weight {
            key: key.to_owned(),
            part: None,
            dtype,
            shape: shape.to_vec(),
            elements,
            stored: bytes as u64,
        })
    }

    /// How the files may be read.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Reads or maps one weight.
    pub fn weight(&self, weight: &Weight) -> Result<Value, EngineError> {
        self.mapped(weight)?.map_or_else(|| self.read(weight), Ok)
    }

    /// A weight where it lies in a mapped file. None: it has to be read.
    pub fn mapped(&self, weight: &Weight) -> Result<Option<Value>, EngineError> {
        match weight.dtype {
            DType::F32 => self.mapped_as::<f32>(weight),
            DType::F64 => self.mapped_as::<f64>(weight),
            DType::I64 => self.mapped_as::<i64>(weight),
            _ => Ok(None),
        }
    }

    /// What tells a weight's bytes from others of this artifact.
    pub fn identity(&self, weight: &Weight) -> String {
        let place = self.places.get(&weight.key);
        let file = place.and_then(|p| self.files.get(p.file)).map(|(path, size)| (name(path), *size));
        format!("{file:?} {:?} {:?} {:?}", place.map(|p| p.offset), weight.dtype, weight.shape)
    }

    /// The file that it is in, and where.
    fn place(&self, weight: &Weight) -> Result<(&Path, u64), EngineError> {
        let place = self.places.get(&weight.key);
        let found = place.and_then(|p| self.files.get(p.file).map(|(path, _)| (path.as_path(), p.offset)));
        found.ok_or_else(|| EngineError::broken("a weight that is not there"))
    }

    fn open(&self, weight: &Weight) -> Result<(File, u64), EngineError> {
        let (path, offset) = self.place(weight)?;
        let file = File::open(path).map_err(|e| failed(path, &e))?;
        Ok((file, offset))
    }

    fn mapped_as<T: Element>(&self, weight: &Weight) -> Result<Option<Value>, EngineError> {
        let bytes = weight.elements.saturating_mul(size_of::<T>());
        if bytes <= self.access.small || cfg!(not(target_endian = "little")) {
            return Ok(None);
        }
        let (path, offset) = self.place(weight)?;
        let Some(map) = self.maps.map(path, offset, bytes) else { return Ok(None) };
        let memory = Memory::<T>::mapped(map, 0, weight.elements);
        memory.map(|memory| Value::of(memory, &weight.shape)).transpose()
    }

    fn read(&self, weight: &Weight) -> Result<Value, EngineError> {
        let out_of_memory = || EngineError::Execution("out of memory".to_owned());
        let (file, offset) = self.open(weight)?;
        let fill = |into: &mut [u8]| {
            file.read_exact_at(into, offset)
                .map_err(|e| EngineError::Io { file: weight.key.clone(), message: e.kind().to_string() })
        };
        if weight.dtype == DType::F32 && cfg!(target_endian = "little") {
            // The common case goes from the file to where it stays.
            let mut values = Output::try_lasting(weight.elements).ok_or_else(out_of_memory)?;
            fill(bytemuck::cast_slice_mut::<f32, u8>(&mut values))?;
            return Value::of(values, &weight.shape);
        }
        let size = weight.elements.checked_mul(weight.dtype.width()).ok_or_else(out_of_memory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| out_of_memory())?;
        bytes.resize(size, 0u8);
        fill(&mut bytes)?;
        crate::kernels::into_value(from_bytes(weight.dtype, weight.shape.clone(), &bytes))
    }
}

fn name(path: &Path) -> String {
    super::candidates::name(path)
}

fn failed(path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::Io { file: name(path), message: error.kind().to_string() }
}
