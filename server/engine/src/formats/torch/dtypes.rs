//! Element types as PyTorch numbers and names them, and which of two a result has.

use super::build::{Builder, is_float};
use crate::DType;
use crate::graph::ValueId;

/// By the number that programs in text use.
pub fn of_number(number: i64) -> Option<DType> {
    Some(match number {
        0 => DType::U8,
        1 => DType::I8,
        2 => DType::I16,
        3 => DType::I32,
        4 => DType::I64,
        5 => DType::F16,
        6 => DType::F32,
        7 => DType::F64,
        11 => DType::Bool,
        15 => DType::BF16,
        27 => DType::U16,
        28 => DType::U32,
        29 => DType::U64,
        _ => return None,
    })
}

/// The number that programs in text use.
pub fn number_of(dtype: DType) -> i64 {
    (0..30).find(|n| of_number(*n) == Some(dtype)).unwrap_or(6)
}

/// By the number that exports use.
pub fn of_export(number: i64) -> Option<DType> {
    Some(match number {
        1 => DType::U8,
        2 => DType::I8,
        3 => DType::I16,
        4 => DType::I32,
        5 => DType::I64,
        6 => DType::F16,
        7 => DType::F32,
        8 => DType::F64,
        12 => DType::Bool,
        13 => DType::BF16,
        28 => DType::U16,
        _ => return None,
    })
}

/// Of what exports' complex numbers are pairs.
pub fn complex_of_export(number: i64) -> Option<DType> {
    match number {
        10 => Some(DType::F32),
        11 => Some(DType::F64),
        _ => None,
    }
}

/// The number that programs in text have for complex numbers that are pairs of these.
pub fn complex_number(pairs: DType) -> i64 {
    if pairs == DType::F64 { 10 } else { 9 }
}

/// Of what the complex numbers of a storage's class are pairs.
pub fn complex_of_storage(name: &str) -> Option<DType> {
    match name {
        "ComplexFloatStorage" => Some(DType::F32),
        "ComplexDoubleStorage" => Some(DType::F64),
        _ => None,
    }
}

/// By the name of a storage's class.
pub fn of_storage(name: &str) -> Option<DType> {
    Some(match name {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" | "QInt32Storage" => DType::I32,
        "ShortStorage" => DType::I16,
        "CharStorage" | "QInt8Storage" => DType::I8,
        "ByteStorage" | "QUInt8Storage" => DType::U8,
        "BoolStorage" => DType::Bool,
        _ => return None,
    })
}

/// By the name that people write.
pub fn of_name(name: &str) -> Option<DType> {
    (0..30).filter_map(of_number).find(|dtype| dtype.name() == name)
}

/// Truth, integer, float.
fn category(dtype: DType) -> u8 {
    match dtype {
        DType::Bool => 0,
        _ if is_float(dtype) => 2,
        _ => 1,
    }
}

/// The type that holds both.
pub fn join(a: DType, b: DType) -> DType {
    use DType as D;
    if a == b {
        return a;
    }
    match category(a).cmp(&category(b)) {
        std::cmp::Ordering::Less => return b,
        std::cmp::Ordering::Greater => return a,
        std::cmp::Ordering::Equal => {}
    }
    match (a, b) {
        (D::F64, _) | (_, D::F64) => D::F64,
        _ if is_float(a) => D::F32,
        (D::I64 | D::U64 | D::U32, _) | (_, D::I64 | D::U64 | D::U32) => D::I64,
        (D::I32 | D::U16, _) | (_, D::I32 | D::U16) => D::I32,
        _ => D::I16,
    }
}

/// An operand as promotion sees it.
#[derive(Debug, Clone, Copy)]
pub struct Operand {
    dtype: DType,
    /// A number of the program, a tensor without axes, a tensor with some.
    weight: u8,
}

impl Operand {
    /// A number of the program.
    pub fn number(dtype: DType) -> Self {
        Self { dtype, weight: 0 }
    }

    pub fn tensor(b: &Builder, value: ValueId) -> Self {
        if b.numbers.contains(&value) {
            let dtype = b.dtype(value);
            return Self::number(if is_float(dtype) { DType::F32 } else { dtype });
        }
        Self { dtype: b.dtype(value), weight: 1 + u8::from(b.shape(value).is_none_or(|s| !s.is_empty())) }
    }
}

/// The type of a result: what has axes decides, unless what has none is of a higher category.
pub fn promoted(operands: &[Operand]) -> DType {
    let of = |weight: u8| operands.iter().filter(|o| o.weight == weight).map(|o| o.dtype).reduce(join);
    let mut result: Option<DType> = None;
    for weight in [2, 1, 0] {
        result = match (result, of(weight)) {
            (Some(so_far), Some(next)) if category(next) > category(so_far) => Some(next),
            (None, next) => next,
            (so_far, _) => so_far,
        };
    }
    result.unwrap_or(DType::F32)
}
