//! ONNX's types of elements. Those that the graph does not compute in are held in a wider one and made no finer than they are by
//! whatever operation says that it makes them.

use super::proto::{Type, TypeValue};
use crate::DType;
use crate::graph::Narrow;
use crate::value::Kind;

/// A type of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elem {
    /// One that requests carry.
    Plain(DType),
    /// One that is narrower than what requests carry.
    Narrow(Narrow),
}

impl Elem {
    pub const F32: Self = Self::Plain(DType::F32);
    pub const F64: Self = Self::Plain(DType::F64);
    pub const I64: Self = Self::Plain(DType::I64);
    pub const I32: Self = Self::Plain(DType::I32);
    pub const U8: Self = Self::Plain(DType::U8);
    pub const I8: Self = Self::Plain(DType::I8);
    pub const BOOL: Self = Self::Plain(DType::Bool);
    pub const TEXT: Self = Self::Plain(DType::String);

    /// By its number in the schema. None: complex numbers, or none at all.
    pub fn of(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Plain(DType::F32),
            2 => Self::Plain(DType::U8),
            3 => Self::Plain(DType::I8),
            4 => Self::Plain(DType::U16),
            5 => Self::Plain(DType::I16),
            6 => Self::Plain(DType::I32),
            7 => Self::Plain(DType::I64),
            8 => Self::Plain(DType::String),
            9 => Self::Plain(DType::Bool),
            10 => Self::Plain(DType::F16),
            11 => Self::Plain(DType::F64),
            12 => Self::Plain(DType::U32),
            13 => Self::Plain(DType::U64),
            16 => Self::Plain(DType::BF16),
            17 => Self::Narrow(Narrow::F8E4M3FN),
            18 => Self::Narrow(Narrow::F8E4M3FNUZ),
            19 => Self::Narrow(Narrow::F8E5M2),
            20 => Self::Narrow(Narrow::F8E5M2FNUZ),
            21 => Self::Narrow(Narrow::U4),
            22 => Self::Narrow(Narrow::I4),
            23 => Self::Narrow(Narrow::F4E2M1),
            24 => Self::Narrow(Narrow::F8E8M0),
            25 => Self::Narrow(Narrow::U2),
            26 => Self::Narrow(Narrow::I2),
            _ => return None,
        })
    }

    /// The elements of a tensor, or of the tensors in a sequence.
    pub fn of_type(kind: &Type) -> Option<Self> {
        match kind.value.as_ref()? {
            TypeValue::Tensor(tensor) => Self::of(i64::from(tensor.elem_type)),
            TypeValue::Sequence(inner) | TypeValue::Optional(inner) => {
                Self::of_type(inner.elem_type.as_deref()?)
            }
            TypeValue::Map(map) => Self::of_type(map.value_type.as_deref()?),
        }
    }

    /// As what requests and answers carry it.
    pub fn border(self) -> DType {
        match self {
            Self::Plain(dtype) => dtype,
            Self::Narrow(narrow) if narrow.is_float() => DType::F32,
            Self::Narrow(Narrow::U4 | Narrow::U2) => DType::U8,
            Self::Narrow(_) => DType::I8,
        }
    }

    /// As what the graph holds it.
    pub fn kind(self) -> Kind {
        match self.border() {
            DType::F32 | DType::F16 | DType::BF16 => Kind::F32,
            DType::F64 => Kind::F64,
            DType::Bool => Kind::Bool,
            DType::String => Kind::Text,
            _ => Kind::I64,
        }
    }

    /// Whether it is a float of any width.
    pub fn is_float(self) -> bool {
        matches!(self.kind(), Kind::F32 | Kind::F64)
    }

    /// Whether it is an integer of any width.
    pub fn is_integer(self) -> bool {
        self.kind() == Kind::I64
    }

    /// Whether it is an integer that is never negative.
    pub fn is_unsigned(self) -> bool {
        matches!(self.border(), DType::U8 | DType::U16 | DType::U32 | DType::U64)
    }

    /// Bits of an element.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain(dtype) => 8 * dtype.width() as u32,
            Self::Narrow(narrow) => narrow.bits(),
        }
    }
}
