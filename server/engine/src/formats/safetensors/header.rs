//! The header of a file: eight bytes that say how long it is, then JSON. Behind it the tensors lie without gaps and without overlaps.

use crate::formats::candidates;
use crate::{DType, EngineError};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The limit of the format's own library.
const LARGEST: u64 = 100_000_000;
/// Bytes before the header.
const LENGTH: u64 = 8;
/// What is no tensor.
const METADATA: &str = "__metadata__";
/// Axes of a tensor.
const MOST_AXES: usize = 16;

/// A tensor as the header tells it.
pub struct Entry {
    pub name: String,
    pub dtype: Result<DType, String>,
    pub shape: Vec<usize>,
    /// From the beginning of the file.
    pub offset: u64,
}

#[derive(Deserialize)]
struct Told {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// Tensors in the order of the header, each name once.
struct Header(Vec<(String, Told)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Tensors;
        impl<'de> Visitor<'de> for Tensors {
            type Value = Header;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tensors by their names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut all, mut names) = (Vec::new(), HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        map.next_value::<serde::de::IgnoredAny>()?;
                        continue;
                    }
                    let told: Told = map.next_value()?;
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format!("tensor {name:?} is there twice")));
                    }
                    all.push((name, told));
                }
                Ok(Header(all))
            }
        }
        from.deserialize_map(Tensors)
    }
}

/// Reads the header of a file.
pub fn read(path: &Path) -> Result<Vec<Entry>, EngineError> {
    let file = candidates::name(path);
    let io = |e: std::io::Error| EngineError::Io { file: file.clone(), message: e.kind().to_string() };
    let broken = |what: String| EngineError::broken(format!("{file}: {what}"));
    let mut open = File::open(path).map_err(io)?;
    let size = open.metadata().map_err(io)?.len();
    let mut length = [0; LENGTH as usize];
    if size < LENGTH {
        return Err(broken(format!("it has {size} bytes, which is no header")));
    }
    open.read_exact(&mut length).map_err(io)?;
    let length = u64::from_le_bytes(length);
    if length > LARGEST || length > size - LENGTH {
        return Err(broken(format!("its header is to have {length} bytes, the file has {size}")));
    }
    let mut json = Vec::new();
    open.take(length).read_to_end(&mut json).map_err(io)?;
    if json.len() as u64 != length {
        return Err(broken("it was cut short while it was read".to_owned()));
    }
    let header: Header = serde_json::from_slice(&json).map_err(|e| broken(format!("its header: {e}")))?;
    let begin = LENGTH + length;
    entries(header, begin, size - begin).map_err(broken)
}

/// The entries, if their tensors are all of the data.
fn entries(header: Header, begin: u64, data: u64) -> Result<Vec<Entry>, String> {
    let mut places: Vec<[u64; 2]> = header.0.iter().map(|(_, told)| told.data_offsets).collect();
    places.sort_unstable();
    let mut end = 0;
    for [from, to] in places {
        if from != end || to < from {
            return Err(format!(
                "its tensors overlap, or there are gaps between them, at byte {from} of its data"
            ));
        }
        end = to;
    }
    if end != data {
        return Err(format!("its tensors have {end} bytes, the file has {data}; it may be cut short"));
    }
    header.0.into_iter().map(|(name, told)| entry(name, told, begin)).collect()
}

fn entry(name: String, told: Told, begin: u64) -> Result<Entry, String> {
    let [from, to] = told.data_offsets;
    let dtype = dtype(&told.dtype).ok_or(told.dtype);
    if told.shape.len() > MOST_AXES {
        return Err(format!("tensor {name:?} has {} axes", told.shape.len()));
    }
    let elements = told.shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
    // The bytes of types that are not known are not known.
    let fits = match &dtype {
        Ok(dtype) => elements.and_then(|n| n.checked_mul(dtype.width() as u64)) == Some(to - from),
        Err(_) => elements.is_some(),
    };
    if !fits {
        return Err(format!("tensor {name:?} of shape {:?} does not have {} bytes", told.shape, to - from));
    }
    Ok(Entry { name, dtype, shape: told.shape, offset: begin + from })
}

fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        "I64" => DType::I64,
        "I32" => DType::I32,
        "I16" => DType::I16,
        "I8" => DType::I8,
        "U64" => DType::U64,
        "U32" => DType::U32,
        "U16" => DType::U16,
        "U8" => DType::U8,
        "BOOL" => DType::Bool,
        _ => return None,
    })
}
