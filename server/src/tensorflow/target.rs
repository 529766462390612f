//! Which model a request means, and which of its versions.

use crate::cache::Lease;
use crate::error::{Class, InvokeError, ModelError};
use crate::grpc::proto::tensorflow::serving::ModelSpec;
use crate::grpc::proto::tensorflow::serving::model_spec::VersionChoice;
use crate::invoke::App;

/// A model's name as a request has it, and the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub name: String,
    /// The version.
    pub version: Wanted,
}

/// Which version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The highest.
    Latest,
    /// The one of this number.
    Number(i64),
    /// The one of this label. Archives give their versions none.
    Label(String),
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

    /// The model, loaded if need be. Whether there is a version of the number, only the artifact says: it is brought first, with
    /// the version that it serves. If that one is broken, the others still serve.
    pub async fn acquire(&self, app: &App) -> Result<Lease, InvokeError> {
        let number = match &self.version {
            Wanted::Label(label) => return Err(unknown_label(label)),
            Wanted::Latest => None,
            Wanted::Number(number) => Some(*number),
        };
        let name = app.named(&self.name).await?;
        let Some(number) = number else { return app.acquire(&name).await };
        let number = u64::try_from(number).map_err(|_| ModelError::NoVersion(0))?;
        let version = name.of_version(number);
        if app.cache.serves(&version) {
            return app.acquire(&version).await;
        }
        match app.acquire(&name).await {
            Ok(lease) if self::number(&lease) == number => return Ok(lease),
            Ok(lease) if lease.model().is_some_and(|model| model.numbers().contains(&number)) => {}
            Ok(_) => return Err(ModelError::NoVersion(number).into()),
            Err(error) if matches!(error.class(), Class::Model | Class::NeverFits) => {}
            Err(error) => return Err(error),
        }
        // The served version is not held meanwhile: there may be no room for two.
        app.acquire(&version).await
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

pub fn unknown_label(label: &str) -> InvokeError {
    InvokeError::bad(format!("Unrecognized servable version label: {label}"))
}

/// The number of the version that a lease is on.
pub fn number(lease: &Lease) -> u64 {
    lease.model().map_or(0, crate::loader::LoadedModel::number)
}
