//! The model and the version that a request of TensorFlow Serving's is for.

use crate::cache::Lease;
use crate::error::{Class, InvokeError};
use crate::grpc::proto::tensorflow::serving::ModelSpec;
use crate::grpc::proto::tensorflow::serving::model_spec::VersionChoice;
use crate::invoke::App;
use crate::named::Wanted;

/// A model's name as a request has it, and the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub name: String,
    /// The version.
    pub version: Wanted,
}

impl Target {
    /// Reads a gRPC request's.
    pub fn of(spec: Option<&ModelSpec>) -> Result<Self, InvokeError> {
        let spec = spec.ok_or_else(|| InvokeError::bad("Missing ModelSpec"))?;
        if spec.name.is_empty() {
            return Err(InvokeError::bad("ModelSpec has no name specified."));
        }
        let version = match &spec.version_choice {
            None => Wanted::Latest,
            Some(VersionChoice::Version(number)) => Wanted::Number(*number),
            Some(VersionChoice::VersionLabel(label)) => Wanted::Label(label.clone()),
        };
        Ok(Self { name: spec.name.clone(), version })
    }

    /// The model in this version, loaded if need be.
    pub async fn acquire(&self, app: &App) -> Result<Lease, InvokeError> {
        app.acquire_version(&app.named(&self.name).await?, &self.version).await
    }

    /// An error as TensorFlow Serving words it.
    pub fn message(&self, error: &InvokeError) -> String {
        let absent = matches!(error, InvokeError::Model(_)) && error.class() == Class::NotFound;
        match (&self.version, absent) {
            (Wanted::Number(number), true) => {
                format!("Servable not found for request: Specific({}, {number})", self.name)
            }
            (_, true) => format!("Servable not found for request: Latest({})", self.name),
            (_, false) => error.to_string(),
        }
    }

    /// What an answer says of the model that gave it.
    pub fn answered(&self, number: u64, signature: String) -> ModelSpec {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let version_choice = Some(VersionChoice::Version(number));
        ModelSpec { name: self.name.clone(), version_choice, signature_name: signature }
    }
}
