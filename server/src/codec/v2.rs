//! The Open Inference Protocol, version 2: a request in one internal form, however it came (JSON, binary data after JSON, nothing but
//! binary data, gRPC), and the checks and texts of Triton. [`rest`] and [`message`] read and write the two outer forms.

mod classes;
pub mod datatype;
mod inputs;
mod json;
mod json_write;
pub mod message;
mod outputs;
mod raw;
pub mod rest;

pub use inputs::open as open_shape;

use crate::error::InvokeError;
use berth_engine::{DType, Data};
use bytes::Bytes;

/// A request, however it came.
#[derive(Debug, Default)]
struct Request {
    /// The model's name, as the client has it.
    model: String,
    /// The version that answers.
    version: u64,
    /// Comes back in the answer.
    id: String,
    /// The signature; none: the default one.
    signature: Option<String>,
    inputs: Vec<Input>,
    /// The outputs that are wanted; none: all.
    wanted: Vec<Wanted>,
}

/// One input.
#[derive(Debug)]
struct Input {
    name: String,
    dtype: DType,
    shape: Vec<i64>,
    values: Values,
}

/// An input's values.
#[derive(Debug)]
enum Values {
    /// Little-endian, as the protocol has them.
    Raw(Bytes),
    /// In the variant of their type.
    Typed(Data),
}

/// An output that is wanted.
#[derive(Debug, Default)]
struct Wanted {
    name: String,
    /// Not 0: only so many of the largest values, as classes.
    classes: usize,
    /// As binary data; none: as the request says for all.
    binary: Option<bool>,
}

/// What is known of a shared memory region that a request names: there are none.
fn no_shared_memory(name: &str) -> InvokeError {
    InvokeError::bad(format!(
        "'{name}' is to be in shared memory, which this server does not support; send and receive the values in the request \
         and the answer"
    ))
}
