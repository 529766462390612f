//! Why a request has no answer.

use super::{Class, ModelError, engine_class};
use berth_engine::EngineError;
use std::time::Duration;

/// Why a request got no prediction.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvokeError {
    /// The request is not understood, or does not fit the model's signature.
    #[error("{0}")]
    BadRequest(String),
    /// The request names another endpoint.
    #[error("endpoint {0} not found: this server is endpoint {1}")]
    UnknownEndpoint(String, String),
    /// The body is over the limit.
    #[error("the request body is larger than the limit of {0} bytes (flag --max-body)")]
    TooLarge(u64),
    /// The model did not get into memory.
    #[error("{0}")]
    Model(ModelError),
    /// The model is still loading.
    #[error("the endpoint is still downloading or loading the target model; wait and try the request again")]
    NotReady,
    /// The model failed on these values.
    #[error("{0}")]
    Run(EngineError),
    /// The queue of the compute threads is full.
    #[error("too many requests at once: the queue of {0} is full")]
    Overloaded(usize),
    /// This model's part of that queue is full.
    #[error("too many requests for this model at once: its queue of {0} is full (flag --model-queue)")]
    ModelOverloaded(usize),
    /// More bytes than these would wait for the compute threads, of all models or of this one.
    #[error(
        "too many requests at once: more than {0} bytes would wait (flag --queue-bytes, half of it for one model)"
    )]
    OverloadedBytes(u64),
    /// The wait would be longer than the server or the client allows.
    #[error("too many requests at once: this one would wait about {} ms", .0.as_millis())]
    WaitTooLong(Duration),
    /// The client's deadline passed.
    #[error("the request's deadline passed before its answer was there")]
    DeadlineExceeded,
    /// The server is about to stop.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A bug.
    #[error("the server failed on this request")]
    Panicked,
}

impl From<ModelError> for InvokeError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<EngineError> for InvokeError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::InvalidInput(text) => Self::BadRequest(text),
            // Runs are cancelled when nobody waits for them any more.
            EngineError::Cancelled => Self::DeadlineExceeded,
            other => Self::Run(other),
        }
    }
}

impl InvokeError {
    /// An [`InvokeError::BadRequest`].
    pub fn bad(text: impl Into<String>) -> Self {
        Self::BadRequest(text.into())
    }

    /// Stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "InvalidRequest",
            Self::UnknownEndpoint(..) => "EndpointNotFound",
            Self::TooLarge(_) => "BodyTooLarge",
            Self::Model(e) => e.reason(),
            Self::NotReady => "ModelNotReady",
            Self::Run(e) => e.reason(),
            Self::Overloaded(_) | Self::OverloadedBytes(_) => "Overloaded",
            Self::ModelOverloaded(_) => "ModelOverloaded",
            Self::WaitTooLong(_) => "WaitTooLong",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::ShuttingDown => "ShuttingDown",
            Self::Panicked => "Internal",
        }
    }

    /// What protocols need to know.
    pub fn class(&self) -> Class {
        match self {
            Self::BadRequest(_) => Class::BadRequest,
            Self::UnknownEndpoint(..) => Class::NotFound,
            Self::TooLarge(_) => Class::TooLarge,
            Self::Model(e) => e.class(),
            Self::NotReady => Class::NotReady,
            Self::Run(e) => engine_class(e),
            Self::Overloaded(_)
            | Self::ModelOverloaded(_)
            | Self::OverloadedBytes(_)
            | Self::WaitTooLong(_)
            | Self::ShuttingDown => Class::Unavailable,
            Self::DeadlineExceeded => Class::Deadline,
            Self::Panicked => Class::Internal,
        }
    }
}
