//! Every error that a request may meet, typed once: its reason (metric label), whose fault it is, whether it is worth
//! another try. The protocols map [`Class`] to their own codes, each in one table.

mod invoke;
mod model;

pub use invoke::InvokeError;
pub use model::{LOAD_LIMIT, ModelError, StoreError};

use berth_engine::{EngineError, Fault};

/// What a protocol needs to know of an error to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is wrong.
    BadRequest,
    /// There is no such endpoint or model.
    NotFound,
    /// The request's body is over the limit.
    TooLarge,
    /// The model is wrong: its artifact, or what it did with these values.
    Model,
    /// The model is wrong for this server: it can never fit.
    NeverFits,
    /// The model took longer to load than the limit.
    LoadLimit,
    /// The model is still loading.
    NotReady,
    /// The client's own deadline passed.
    Deadline,
    /// Too much is asked at once, or the server is about to stop.
    Unavailable,
    /// The store cannot be reached or refuses.
    Dependency,
    /// A bug, or a broken machine.
    Internal,
}

fn engine_class(error: &EngineError) -> Class {
    match error.fault() {
        Fault::Caller => Class::BadRequest,
        Fault::Model => Class::Model,
        Fault::Server => Class::Internal,
    }
}
