//! A file that is read from its start to its end, so that large vectors are in memory once.

use crate::EngineError;
use bytemuck::Pod;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A file, and how much of it is left.
pub struct Input {
    file: BufReader<File>,
    left: u64,
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let unreadable = |e: std::io::Error| EngineError::Io {
            file: crate::formats::candidates::name(path),
            message: e.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        let left = file.metadata().map_err(unreadable)?.len();
        Ok(Self { file: BufReader::new(file), left })
    }

    /// Bytes that are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// As many values as are asked for, which the file must have.
    pub fn many<T: Pod>(&mut self, count: usize) -> Result<Vec<T>, EngineError> {
        let mut values = Vec::new();
        self.more(&mut values, count)?;
        Ok(values)
    }

    /// As [`Input::many`], behind those that are there.
    pub fn more<T: Pod>(&mut self, values: &mut Vec<T>, count: usize) -> Result<(), EngineError> {
        let bytes = (count as u64).checked_mul(size_of::<T>() as u64).filter(|bytes| *bytes <= self.left);
        let Some(bytes) = bytes else {
            return Err(EngineError::broken(format!(
                "it ends {} bytes behind where {count} values begin",
                self.left
            )));
        };
        let from = values.len();
        values
            .try_reserve_exact(count)
            .map_err(|_| EngineError::broken("there is no memory for its vectors"))?;
        values.resize(from + count, T::zeroed());
        self.left -= bytes;
        let to = bytemuck::cast_slice_mut(&mut values[from..]);
        self.file.read_exact(to).map_err(|e| EngineError::broken(e.to_string()))
    }

    /// One value.
    pub fn one<T: Pod>(&mut self) -> Result<T, EngineError> {
        let bytes = self.many::<T>(1)?;
        bytes.first().copied().ok_or_else(|| EngineError::broken("it ends too early"))
    }

    /// A count that fits the machine.
    pub fn size(&mut self) -> Result<usize, EngineError> {
        let size = self.one::<u64>()?;
        usize::try_from(size).map_err(|_| EngineError::broken(format!("a size of {size}")))
    }

    /// Values with their number before them.
    pub fn counted<T: Pod>(&mut self) -> Result<Vec<T>, EngineError> {
        let count = self.size()?;
        self.many(count)
    }

    /// A truth.
    pub fn flag(&mut self) -> Result<bool, EngineError> {
        self.one::<u8>().map(|byte| byte != 0)
    }

    /// The name of what follows.
    pub fn tag(&mut self) -> Result<[u8; 4], EngineError> {
        self.one()
    }
}
