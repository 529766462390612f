//! What the Open Inference Protocol asks, whether it comes by HTTP or by gRPC: both answer with the messages made here.

mod describe;
mod repository;
mod statistics;

pub use describe::{data_type_name, instance_kind_name, server};
pub use repository::index;

use crate::cache::Lease;
use crate::error::{Class, InvokeError, ModelError};
use crate::invoke::{App, Exchange};
use crate::loader::LoadedModel;
use crate::named::Wanted;

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

    /// Which of the model's versions is meant.
    pub fn wanted(self) -> Result<Wanted, InvokeError> {
        match self.version {
            "" => Ok(Wanted::Latest),
            number => Ok(Wanted::Number(number.parse().map_err(|_| ModelError::NotFound)?)),
        }
    }

    /// The text of an error, as Triton words it where it has words.
    pub fn message_of(self, error: &InvokeError) -> String {
        let Self { model, version } = self;
        match error {
            InvokeError::Model(e) if e.class() == Class::NotFound && version.is_empty() => {
                format!("Request for unknown model: '{model}' is not found")
            }
            InvokeError::Model(e) if e.class() == Class::NotFound => {
                format!("Request for unknown model: '{model}' version {version} is not found")
            }
            InvokeError::Model(error) => format!("failed to load '{model}': {error}"),
            other => other.to_string(),
        }
    }

    /// The model in this version, loaded if need be.
    async fn acquire(self, app: &App) -> Result<Lease, InvokeError> {
        let wanted = self.wanted()?;
        app.acquire_version(&app.named(self.model).await?, &wanted).await
    }

    /// Asks the loaded model something.
    async fn ask<T>(self, app: &App, question: impl FnOnce(&LoadedModel) -> T) -> Result<T, InvokeError> {
        let lease = self.acquire(app).await?;
        lease.model().map(question).ok_or(InvokeError::Panicked)
    }

    /// Answers one inference; `exchange` is told the number of the version that answers.
    pub async fn infer<E: Exchange>(
        self,
        app: &App,
        exchange: impl FnOnce(u64) -> E,
    ) -> Result<E::Answer, InvokeError> {
        let lease = self.acquire(app).await?;
        let exchange = exchange(lease.number());
        app.run(lease, exchange).await
    }
}
