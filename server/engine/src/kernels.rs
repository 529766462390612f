//! What the operations do, on the CPU.

mod access;
mod activate;
mod attention;
mod caches;
mod chain;
mod control;
mod conv;
pub mod convolve;
mod crew;
mod cuts;
mod depthwise;
mod elementwise;
mod forest;
mod form;
pub mod gemm;
mod hash;
mod indexing;
mod layer_norm;
mod moves;
pub(crate) mod narrow;
mod neighbours;
mod packed;
mod pool;
mod product;
mod rare;
mod recurrent;
mod reduce;
mod resize;
mod run;
mod shapes;
pub mod simd;
pub(crate) mod slices;
mod spatial;
mod text;
mod threads;
mod transposed;
pub mod vector;

pub use crate::graph::Activation;
pub use crate::value::Value;
pub use access::{axis, into_value, literal};
pub use control::{listing, truth};
#[cfg(feature = "candle")]
pub use elementwise::broadcast_shape;
pub use form::Form;
pub use moves::{expand, permute};
pub use packed::{Made, PackedProduct};
pub(crate) use rare::labels;
pub use recurrent::PackedRecurrent;
#[cfg(feature = "candle")]
pub use resize::{Tap, taps};
pub use run::run;
pub use shapes::split_sizes;
pub use spatial::Geometry;
pub use threads::{Work, on_one_thread, with_help};

use crate::EngineError;

/// What an operation gives.
pub type Outcome = Result<Value, EngineError>;

/// Most elements of one value: an operation that would make more is refused before it allocates.
const MOST_ELEMENTS: usize = 1 << 28;

/// The number of elements of a shape, if a value may have as many.
pub(crate) fn elements(shape: &[usize]) -> Result<usize, EngineError> {
    // An empty shape may not be long either: loops over its other axes would not end.
    let count =
        shape.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1))).filter(|n| *n <= MOST_ELEMENTS);
    let count = count.map(|n| if shape.contains(&0) { 0 } else { n });
    count.ok_or_else(|| fail(format!("a value of shape {shape:?} is larger than {MOST_ELEMENTS} elements")))
}

pub(crate) fn fail(text: impl Into<String>) -> EngineError {
    EngineError::Execution(text.into())
}
