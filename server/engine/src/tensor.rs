//! Tensors at the border of the engine: a shape and row-major values in host memory.

use crate::EngineError;
use serde::Serialize;

/// Element type of a tensor that a request or an answer may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 16-bit brain float.
    BF16,
    /// 16-bit IEEE float.
    F16,
    /// 32-bit IEEE float.
    F32,
    /// 64-bit IEEE float.
    F64,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Truth value.
    Bool,
    /// Byte string of any length.
    String,
}

impl DType {
    /// The name as TensorFlow users write it (`float32`, `int64`, `string`, …).
    pub fn name(self) -> &'static str {
        match self {
            Self::BF16 => "bfloat16",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::String => "string",
        }
    }

    /// Bytes of an element; of strings, whose lengths differ, at least one.
    pub fn width(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool | Self::String => 1,
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Row-major values. A request carries the type its signature asks for; narrow types that a model takes
/// (`float16`, `int8`, …) travel in the next wider variant and are narrowed by the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `float32`; also carries `float16` and `bfloat16`.
    F32(Vec<f32>),
    /// `float64`.
    F64(Vec<f64>),
    /// `int64`; also carries every narrower integer type, and `uint64` as far as it fits.
    I64(Vec<i64>),
    /// `bool`.
    Bool(Vec<bool>),
    /// `string`.
    String(Vec<Vec<u8>>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::String(v) => v.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A shape and as many row-major values as it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// Builds a tensor; the number of values must be the product of `shape`.
    pub fn new(shape: Vec<usize>, data: Data) -> Result<Self, EngineError> {
        let wanted = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        if wanted == Some(data.len()) {
            Ok(Self { shape, data })
        } else {
            Err(EngineError::input(format!("{} values do not fill the shape {shape:?}", data.len())))
        }
    }

    /// Extent of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Shape and values.
    pub fn into_parts(self) -> (Vec<usize>, Data) {
        (self.shape, self.data)
    }
}
