//! A file of arrays: a magic number, the arrays, and their names. Only where each array lies is read.

use crate::{DType, EngineError};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

const MAGIC: u64 = 0x112;
/// Arrays with a count of axes first; with 64-bit extents; with a kind of storage; with shapes of no axes.
const V1: u32 = 0xF993_FAC8;
const V2: u32 = 0xF993_FAC9;
const V3: u32 = 0xF993_FACA;
/// Arrays of one file.
const MOST: u64 = 1 << 20;
/// Axes of an array.
const MOST_AXES: u32 = 32;
/// Bytes of a name.
const LONGEST_NAME: u64 = 4096;

/// An array: what it is, and where in the file its numbers begin.
#[derive(Debug, Clone)]
pub struct Array {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub begin: u64,
}

/// Bytes that may be read anywhere.
pub enum Bytes<'f> {
    /// A part of a file.
    File {
        file: &'f File,
        begin: u64,
        len: u64,
    },
    Memory(&'f [u8]),
}

impl Bytes<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    fn read(&self, at: u64, to: &mut [u8]) -> Result<(), EngineError> {
        let cut = || EngineError::broken(format!("its arrays end at byte {}", self.len()));
        if at.checked_add(to.len() as u64).is_none_or(|end| end > self.len()) {
            return Err(cut());
        }
        match self {
            Self::File { file, begin, .. } => {
                file.read_exact_at(to, begin + at).map_err(|e| EngineError::broken(e.to_string()))
            }
            Self::Memory(bytes) => {
                to.copy_from_slice(&bytes[at as usize..][..to.len()]);
                Ok(())
            }
        }
    }
}

/// The arrays by their names, without what comes before the colon.
pub fn read(bytes: &Bytes<'_>) -> Result<HashMap<String, Array>, EngineError> {
    let mut cursor = Cursor { bytes, at: 0 };
    if cursor.long()? != MAGIC || cursor.long()? != 0 {
        return Err(EngineError::broken("it is not a file of MXNet's arrays"));
    }
    let count = cursor.long()?;
    if count > MOST {
        return Err(EngineError::broken(format!("{count} arrays")));
    }
    let arrays = (0..count).map(|_| cursor.array()).collect::<Result<Vec<_>, _>>()?;
    let names = cursor.long()?;
    if names != count {
        return Err(EngineError::broken(format!("{count} arrays have {names} names")));
    }
    let mut all = HashMap::new();
    for array in arrays {
        let name = cursor.name()?;
        let name = name.split_once(':').map_or(name.as_str(), |(_, name)| name).to_owned();
        all.insert(name, array);
    }
    Ok(all)
}

struct Cursor<'b> {
    bytes: &'b Bytes<'b>,
    at: u64,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], EngineError> {
        let mut to = [0; N];
        self.bytes.read(self.at, &mut to)?;
        self.at += N as u64;
        Ok(to)
    }

    fn long(&mut self) -> Result<u64, EngineError> {
        self.take().map(u64::from_le_bytes)
    }

    fn word(&mut self) -> Result<u32, EngineError> {
        self.take().map(u32::from_le_bytes)
    }

    fn array(&mut self) -> Result<Array, EngineError> {
        let magic = self.word()?;
        if matches!(magic, V2 | V3) && !matches!(self.word()?, 0 | u32::MAX) {
            return Err(EngineError::broken("an array is sparse; save it dense"));
        }
        let (axes, wide) = if matches!(magic, V1 | V2 | V3) { (self.word()?, true) } else { (magic, false) };
        if axes > MOST_AXES {
            return Err(EngineError::broken(format!("an array of {axes} axes")));
        }
        let extent = |cursor: &mut Self| {
            let extent = if wide { cursor.long()? } else { u64::from(cursor.word()?) };
            usize::try_from(extent).map_err(|_| EngineError::broken(format!("an extent of {extent}")))
        };
        let shape = (0..axes).map(|_| extent(self)).collect::<Result<Vec<_>, _>>()?;
        if shape.is_empty() && magic != V3 {
            // Nothing was ever in it.
            return Ok(Array { dtype: DType::F32, shape: vec![0], begin: self.at });
        }
        // The device that it was on.
        self.take::<8>()?;
        let (dtype, width) = match self.word()? {
            0 => (DType::F32, 4),
            1 => (DType::F64, 8),
            2 => (DType::F16, 2),
            3 => (DType::U8, 1),
            4 => (DType::I32, 4),
            5 => (DType::I8, 1),
            6 => (DType::I64, 8),
            7 => (DType::Bool, 1),
            12 => (DType::BF16, 2),
            other => return Err(EngineError::broken(format!("an array of element type {other}"))),
        };
        let bytes = shape.iter().try_fold(width, |n: u64, d| n.checked_mul(*d as u64));
        let begin = self.at;
        let end = bytes.and_then(|bytes| begin.checked_add(bytes)).filter(|end| *end <= self.bytes.len());
        self.at = end.ok_or_else(|| EngineError::broken(format!("an array of {shape:?} is cut short")))?;
        Ok(Array { dtype, shape, begin })
    }

    fn name(&mut self) -> Result<String, EngineError> {
        let length = self.long()?;
        if length > LONGEST_NAME {
            return Err(EngineError::broken(format!("a name of {length} bytes")));
        }
        let mut name = vec![0; length as usize];
        self.bytes.read(self.at, &mut name)?;
        self.at += length;
        String::from_utf8(name).map_err(|_| EngineError::broken("a name that is no text"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Bytes, MAGIC, V1, V2, V3, read};
    use crate::DType;

    fn words(of: &[u32]) -> Vec<u8> {
        of.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    fn file(array: &[u8]) -> Vec<u8> {
        let long = |n: u64| n.to_le_bytes().to_vec();
        [long(MAGIC), long(0), long(1), array.to_vec(), long(1), long(5), b"arg:w".to_vec()].concat()
    }

    #[test]
    fn every_version_of_an_array_is_found() {
        // Two axes of 64 bits, device, type, six numbers.
        let wide = words(&[2, 3, 0, 2, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6]);
        let old = words(&[2, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5, 6]);
        let scalar = words(&[0, 1, 0, 4, 7]);
        for (array, shape, dtype) in [
            ([words(&[V2, 0]), wide.clone()].concat(), vec![3, 2], DType::F32),
            ([words(&[V1]), wide].concat(), vec![3, 2], DType::F32),
            (old, vec![3, 2], DType::F32),
            ([words(&[V3, 0]), scalar].concat(), vec![], DType::I32),
        ] {
            let bytes = file(&array);
            let all = read(&Bytes::Memory(&bytes)).unwrap();
            let found = &all["w"];
            assert_eq!((&found.shape, found.dtype), (&shape, dtype));
            assert_eq!(found.begin as usize, 24 + array.len() - 4 * shape.iter().product::<usize>());
            for cut in 0..bytes.len() {
                assert!(read(&Bytes::Memory(&bytes[..cut])).is_err(), "cut at {cut}");
            }
        }
        assert!(read(&Bytes::Memory(&file(&words(&[V2, 1])))).is_err(), "sparse");
        assert!(read(&Bytes::Memory(&file(&words(&[99])))).is_err(), "axes");
    }
}
