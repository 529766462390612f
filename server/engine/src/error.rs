//! What can go wrong between an artifact and an answer, and whose fault it is.

use crate::UnsupportedOp;

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is wrong.
    Caller,
    /// The artifact is wrong.
    Model,
    /// This server is wrong, or its machine is.
    Server,
}

/// Any error of the engine. The text says what was expected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The directory holds no format that the engine reads.
    #[error("no model found: {0}")]
    UnknownFormat(String),
    /// A file of the artifact breaks its format.
    #[error("broken artifact: {0}")]
    BrokenArtifact(String),
    /// The model needs operations that the engine does not have: all of them.
    #[error("the model needs operations that are not supported: {}", list(.0))]
    Unsupported(Vec<UnsupportedOp>),
    /// The request does not fit the model's signature.
    #[error("{0}")]
    InvalidInput(String),
    /// The model refused these values while it ran (a shape that does not fit, an index out of range).
    #[error("the model failed: {0}")]
    Execution(String),
    /// The device cannot be used.
    #[error("{0}")]
    Device(String),
    /// Whoever asked for the run wants it no more.
    #[error("the run was cancelled")]
    Cancelled,
    /// Reading the artifact failed.
    #[error("cannot read {file}: {message}")]
    Io {
        /// The file, relative to the artifact.
        file: String,
        /// The system's words.
        message: String,
    },
}

impl EngineError {
    /// An [`EngineError::InvalidInput`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::InvalidInput(message.into())
    }

    /// An [`EngineError::BrokenArtifact`].
    pub fn broken(message: impl Into<String>) -> Self {
        Self::BrokenArtifact(message.into())
    }

    /// Stable name: metric label, event reason, condition reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownFormat(_) => "UnknownFormat",
            Self::BrokenArtifact(_) => "BrokenArtifact",
            Self::Unsupported(_) => "UnsupportedOperations",
            Self::InvalidInput(_) => "InvalidInput",
            Self::Execution(_) => "ExecutionFailed",
            Self::Device(_) => "DeviceUnavailable",
            Self::Cancelled => "Cancelled",
            Self::Io { .. } => "ArtifactUnreadable",
        }
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::InvalidInput(_) | Self::Cancelled => Fault::Caller,
            Self::Device(_) | Self::Io { .. } => Fault::Server,
            _ => Fault::Model,
        }
    }
}

fn list(ops: &[UnsupportedOp]) -> String {
    let place = |o: &UnsupportedOp| {
        let function = o.function.as_ref().map_or_else(String::new, |f| format!(" of function {f}"));
        let why = o.detail.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        format!("{} (node {}{function}){why}", o.op, o.node)
    };
    ops.iter().map(place).collect::<Vec<_>>().join(", ")
}
