//! What the operations do, on the CPU.

mod access;
mod activate;
mod conv;
mod depthwise;
mod elementwise;
mod indexing;
mod matrix;
mod moves;
mod pool;
mod product;
mod rare;
mod reduce;
mod resize;
mod run;
mod shapes;
pub mod simd;
mod slices;
mod spatial;
mod transposed;

pub use crate::value::Value;
pub use access::{into_value, literal};
pub use moves::expand;
pub use run::run;

use crate::EngineError;

/// What an operation gives.
pub type Outcome = Result<Value, EngineError>;

/// Most elements of one value: an operation that would make more is refused before it allocates.
const MOST_ELEMENTS: usize = 1 << 28;
/// Work below this many multiplications stays on the thread it is on.
const PARALLEL_WORK: usize = 8 << 20;

/// The number of elements of a shape, if a value may have as many.
fn elements(shape: &[usize]) -> Result<usize, EngineError> {
    // An empty shape may not be long either: loops over its other axes would not end.
    let count =
        shape.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1))).filter(|n| *n <= MOST_ELEMENTS);
    let count = count.map(|n| if shape.contains(&0) { 0 } else { n });
    count.ok_or_else(|| fail(format!("a value of shape {shape:?} is larger than {MOST_ELEMENTS} elements")))
}

fn fail(text: impl Into<String>) -> EngineError {
    EngineError::Execution(text.into())
}
