//! The protocol's names of element types.

use crate::error::InvokeError;
use berth_engine::DType;

/// Every type with its name and the bytes of one element; none: elements have lengths of their own.
const ALL: [(DType, &str, Option<usize>); 14] = [
    (DType::F32, "FP32", Some(4)),
    (DType::F64, "FP64", Some(8)),
    (DType::F16, "FP16", Some(2)),
    (DType::BF16, "BF16", Some(2)),
    (DType::I8, "INT8", Some(1)),
    (DType::I16, "INT16", Some(2)),
    (DType::I32, "INT32", Some(4)),
    (DType::I64, "INT64", Some(8)),
    (DType::U8, "UINT8", Some(1)),
    (DType::U16, "UINT16", Some(2)),
    (DType::U32, "UINT32", Some(4)),
    (DType::U64, "UINT64", Some(8)),
    (DType::Bool, "BOOL", Some(1)),
    (DType::String, "BYTES", None),
];

/// The name of a type.
pub fn name(dtype: DType) -> &'static str {
    ALL.iter().find(|(d, ..)| *d == dtype).map_or("", |(_, name, _)| name)
}

/// Bytes of one element.
pub fn width(dtype: DType) -> Option<usize> {
    ALL.iter().find(|(d, ..)| *d == dtype).and_then(|(.., width)| *width)
}

/// The type of a name.
pub fn parse(text: &str, input: &str) -> Result<DType, InvokeError> {
    ALL.iter().find(|(_, name, _)| *name == text).map(|(dtype, ..)| *dtype).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|(_, name, _)| *name).collect();
        InvokeError::bad(format!(
            "invalid datatype '{text}' for input '{input}'; the datatypes are {}",
            known.join(", ")
        ))
    })
}
