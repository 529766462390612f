//! Turns an artifact directory into a runnable model.
//!
//! The way of a model: [`Prepared::open`] reads and checks everything except the weights' values, and knows
//! the bytes the model will take; the caller sets these bytes aside; [`Prepared::load`] reads the
//! weights and builds the plans; [`Model::run`] answers, from any number of threads at once.
//!
//! What crosses the border is [`Tensor`], plain host memory.

mod batching;
mod device;
mod error;
mod formats;
mod graph;
#[doc(hidden)]
pub mod kernels;
mod model;
mod packed_file;
mod plan;
mod report;
mod signature;
mod tensor;
#[doc(hidden)]
pub mod value;

pub use batching::Batching;
pub use device::Device;
pub use error::{EngineError, Fault};
pub use formats::versions::{Chosen, Numbering, Versions};
pub use model::{Kept, Model, Prepared, inspect};
pub use packed_file::Unsaved;
pub use plan::release_idle;
pub use report::{Cost, Listing, OnDevice, Operation, Place, Preferences, Read, Report, UnsupportedOp};
pub use signature::{Dim, Signature, TensorSpec};
pub use tensor::{DType, Data, Tensor};
