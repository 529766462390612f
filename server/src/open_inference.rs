//! What the Open Inference Protocol asks, whether it comes by HTTP or by gRPC: both answer with the messages made here.

mod describe;
mod repository;
mod statistics;

pub use describe::{data_type_name, instance_kind_name, server};
pub use repository::index;

use crate::codec::v2::ONLY_VERSION;
use crate::error::{InvokeError, ModelError};
use crate::invoke::{App, Exchange};
use crate::loader::LoadedModel;
use crate::names::ModelName;

/// Why a region of shared memory is not taken.
pub const NO_SHARED_MEMORY: &str =
    "shared memory is not supported; send and receive the values in the request and the answer";
/// Why traces cannot be set.
pub const NO_TRACING: &str = "the server does not support tracing";
/// Why logs cannot be set.
pub const NO_LOG_SETTINGS: &str = "the server does not support dynamic logging";

/// A model as a client names it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its name.
    pub model: &'a str,
    /// A version, or nothing.
    pub version: &'a str,
}

impl<'a> Named<'a> {
    /// The newest version of a model.
    pub fn newest(model: &'a str) -> Self {
        Self { model, version: "" }
    }

    /// The model that is meant.
    async fn find(self, app: &App) -> Result<ModelName, InvokeError> {
        self.check_version()?;
        app.named(self.model).await
    }

    /// A model here has one version; without any the newest is meant.
    fn check_version(self) -> Result<(), InvokeError> {
        if self.version.is_empty() || self.version == ONLY_VERSION {
            return Ok(());
        }
        Err(ModelError::NotFound.into())
    }

    /// The text of an error, as Triton words it where it has words.
    pub fn message_of(self, error: &InvokeError) -> String {
        let Self { model, version } = self;
        match error {
            InvokeError::Model(ModelError::NotFound) if version.is_empty() => {
                format!("Request for unknown model: '{model}' is not found")
            }
            InvokeError::Model(ModelError::NotFound) => {
                format!("Request for unknown model: '{model}' version {version} is not found")
            }
            InvokeError::Model(error) => format!("failed to load '{model}': {error}"),
            other => other.to_string(),
        }
    }

    /// Asks the loaded model something.
    async fn ask<T>(self, app: &App, question: impl FnOnce(&LoadedModel) -> T) -> Result<T, InvokeError> {
        let model = self.find(app).await?;
        let lease = app.cache.acquire(&model, app.config.wait_limit).await?;
        lease.model().map(question).ok_or(InvokeError::Panicked)
    }

    /// Answers one inference.
    pub async fn infer<E: Exchange>(self, app: &App, exchange: E) -> Result<E::Answer, InvokeError> {
        let model = self.find(app).await?;
        app.invoke(&model, exchange).await
    }
}
