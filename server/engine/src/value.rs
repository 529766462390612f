//! Values: what operations read and make.
//!
//! On the CPU a value is the engine's own: row-major, never strided, its memory shared by whoever holds it. That memory is a vector,
//! a block of a run's [`workspace`], or a part of a mapped file, which is what lets buffers be planned and weights be
//! paged. Five kinds of elements are enough: floats narrower than `float32` are computed in it, every integer in `int64`, truth in
//! bytes; the border widens and narrows.

mod lease;
mod lines;
mod map;
mod memory;
pub mod workspace;

pub(crate) use lines::Lines;
pub use map::{Map, Maps};
pub use memory::{Memory, Output};

use crate::{DType, EngineError};
use bytemuck::Pod;
use smallvec::SmallVec;
use std::sync::Arc;

/// Extents; few have more than six.
pub type Dims = SmallVec<[usize; 6]>;

/// What the elements of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    F32,
    F64,
    I64,
    Bool,
    Text,
    List,
}

impl Kind {
    /// What elements of a type are in memory.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 | DType::F16 | DType::BF16 => Self::F32,
            DType::F64 => Self::F64,
            DType::Bool => Self::Bool,
            DType::String => Self::Text,
            _ => Self::I64,
        }
    }
}

/// The elements of a value.
#[derive(Debug, Clone)]
pub enum Contents {
    F32(Memory<f32>),
    F64(Memory<f64>),
    I64(Memory<i64>),
    Bool(Memory<u8>),
    /// Byte strings.
    Text(Arc<Vec<Vec<u8>>>),
    /// A list of values, as loops build them; itself a scalar.
    List(Arc<List>),
}

/// Values of one type, by place.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// None: a place that nothing was written to.
    pub items: Vec<Option<Value>>,
    /// What is said of the items' shape, -1 for an extent that is not.
    pub shape: Option<Vec<i64>>,
}

/// An immutable array.
#[derive(Debug, Clone)]
pub struct Value {
    dims: Dims,
    contents: Contents,
}

/// Numbers that values are made of.
pub trait Element: Pod + PartialOrd + Default + Send + Sync + 'static {
    /// What a value of them is.
    const KIND: Kind;
    fn of(contents: &Contents) -> Option<&Memory<Self>>;
    fn wrap(memory: Memory<Self>) -> Contents;
}

macro_rules! element {
    ($type:ty, $variant:ident) => {
        impl Element for $type {
            const KIND: Kind = Kind::$variant;
            fn of(contents: &Contents) -> Option<&Memory<Self>> {
                match contents {
                    Contents::$variant(memory) => Some(memory),
                    _ => None,
                }
            }
            fn wrap(memory: Memory<Self>) -> Contents {
                Contents::$variant(memory)
            }
        }
    };
}
element!(f32, F32);
element!(f64, F64);
element!(i64, I64);
element!(u8, Bool);

impl Contents {
    fn len(&self) -> usize {
        match self {
            Self::F32(m) => m.len(),
            Self::F64(m) => m.len(),
            Self::I64(m) => m.len(),
            Self::Bool(m) => m.len(),
            Self::Text(t) => t.len(),
            Self::List(_) => 1,
        }
    }
}

impl Value {
    /// Puts elements and a shape together; as many as the shape says.
    pub fn new(contents: Contents, dims: &[usize]) -> Result<Self, EngineError> {
        let count = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        // What is empty may not be long along its other axes: nothing would bound the loops over them.
        let long =
            || dims.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1))).is_none_or(|n| n > 1 << 28);
        if count == Some(contents.len()) && !(count == Some(0) && long()) {
            return Ok(Self { dims: dims.into(), contents });
        }
        Err(EngineError::Execution(format!("{} elements do not fill the shape {dims:?}", contents.len())))
    }

    /// Numbers with a shape.
    pub fn of<T: Element>(memory: impl Into<Memory<T>>, dims: &[usize]) -> Result<Self, EngineError> {
        Self::new(T::wrap(memory.into()), dims)
    }

    /// Byte strings with a shape.
    pub fn text(text: Vec<Vec<u8>>, dims: &[usize]) -> Result<Self, EngineError> {
        Self::new(Contents::Text(Arc::new(text)), dims)
    }

    /// A list of values.
    pub fn list(list: List) -> Self {
        Self { dims: Dims::new(), contents: Contents::List(Arc::new(list)) }
    }

    /// Its numbers, to be written: its own memory if nobody else has that, else a copy.
    pub fn into_output(self) -> Result<Output<f32>, EngineError> {
        self.slice::<f32>()?;
        let Contents::F32(memory) = self.contents else { return Err(EngineError::broken("other numbers")) };
        Ok(memory.into_output().unwrap_or_else(|memory| {
            let mut out = Output::new(memory.len());
            out.copy_from_slice(&memory);
            out
        }))
    }

    /// Extent of each dimension, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Number of elements.
    pub fn elem_count(&self) -> usize {
        self.contents.len()
    }

    /// What the elements are.
    pub fn kind(&self) -> Kind {
        match self.contents {
            Contents::F32(_) => Kind::F32,
            Contents::F64(_) => Kind::F64,
            Contents::I64(_) => Kind::I64,
            Contents::Bool(_) => Kind::Bool,
            Contents::Text(_) => Kind::Text,
            Contents::List(_) => Kind::List,
        }
    }

    /// The elements, whatever they are.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The elements as numbers of one type.
    pub fn slice<T: Element>(&self) -> Result<&[T], EngineError> {
        T::of(&self.contents).map(|m| &**m).ok_or_else(|| self.unexpected(T::KIND))
    }

    /// Where the elements are. None: they are of another type.
    pub fn memory<T: Element>(&self) -> Option<Memory<T>> {
        T::of(&self.contents).cloned()
    }

    /// The byte strings.
    pub fn texts(&self) -> Result<&[Vec<u8>], EngineError> {
        match &self.contents {
            Contents::Text(text) => Ok(text),
            _ => Err(self.unexpected(Kind::Text)),
        }
    }

    /// The list that the value is.
    pub fn items(&self) -> Result<&List, EngineError> {
        match &self.contents {
            Contents::List(list) => Ok(list),
            _ => Err(self.unexpected(Kind::List)),
        }
    }

    /// The list that the value is, to be changed: copied only if somebody else holds it too.
    pub fn into_items(self) -> Result<List, EngineError> {
        match self.contents {
            Contents::List(list) => Ok(Arc::unwrap_or_clone(list)),
            _ => Err(self.unexpected(Kind::List)),
        }
    }

    fn unexpected(&self, wanted: Kind) -> EngineError {
        EngineError::Execution(format!("expected {wanted:?}, got {:?}", self.kind()))
    }

    /// The same elements in another shape.
    pub fn reshape(&self, dims: &[usize]) -> Result<Self, EngineError> {
        Self::new(self.contents.clone(), dims)
    }

    /// The same elements in one row.
    pub fn flatten_all(&self) -> Self {
        Self { dims: std::iter::once(self.elem_count()).collect(), contents: self.contents.clone() }
    }

    /// Where the elements begin: values that share their memory have the same place.
    pub fn place(&self) -> usize {
        match &self.contents {
            Contents::F32(m) => m.as_ptr().addr(),
            Contents::F64(m) => m.as_ptr().addr(),
            Contents::I64(m) => m.as_ptr().addr(),
            Contents::Bool(m) => m.as_ptr().addr(),
            Contents::Text(t) => Arc::as_ptr(t).addr(),
            Contents::List(l) => Arc::as_ptr(l).addr(),
        }
    }

    /// Bytes of the elements.
    pub fn bytes(&self) -> usize {
        match &self.contents {
            Contents::F32(m) => m.len() * 4,
            Contents::F64(m) => m.len() * 8,
            Contents::I64(m) => m.len() * 8,
            Contents::Bool(m) => m.len(),
            Contents::Text(t) => t.iter().map(|t| t.len() + size_of::<Vec<u8>>()).sum(),
            Contents::List(list) => {
                let items = list.items.iter().map(|i| i.as_ref().map_or(0, Value::bytes));
                items.fold(list.items.len().saturating_mul(size_of::<Value>()), usize::saturating_add)
            }
        }
    }
}
