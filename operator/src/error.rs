//! What can go wrong while reconciling, and the one table of when to try again.

use berth_crds::conditions::reasons;
use std::time::Duration;

/// A reconcile that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server could not be asked or failed.
    #[error("could not {doing}")]
    Api {
        /// Verb and object.
        doing: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server does not take what was to be written.
    #[error("the API server refused to {doing}: {message}")]
    Refused {
        /// Verb and object.
        doing: String,
        /// Its answer.
        message: String,
    },
    /// The API server took too long.
    #[error("could not {doing}: no answer in {} s", .limit.as_secs())]
    TimedOut {
        /// Verb and object.
        doing: String,
        /// How long it had.
        limit: Duration,
    },
    /// This process may not be the leader any more.
    #[error("did not {doing}: the leader lease was not renewed in time")]
    Fenced {
        /// Verb and object.
        doing: String,
    },
    /// An object came without what the API server always sets.
    #[error("an object of the API server has no {field}")]
    Incomplete {
        /// What it lacks.
        field: &'static str,
    },
    /// An object cannot be written as JSON or YAML.
    #[error("could not write {what}: {message}")]
    Unwritable {
        /// The object.
        what: String,
        /// Why.
        message: String,
    },
}

impl Error {
    /// An answer of the API server as an error: a refusal that asking again will not change, or a failure.
    pub fn api(doing: impl Into<String>, source: kube::Error) -> Self {
        let doing = doing.into();
        match source {
            kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => {
                Self::Refused { doing, message: status.message }
            }
            source => Self::Api { doing, source: Box::new(source) },
        }
    }

    /// One CamelCase word: label of the metric, reason of the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api { .. } | Self::TimedOut { .. } | Self::Incomplete { .. } => reasons::API_UNAVAILABLE,
            Self::Refused { .. } => reasons::APPLY_REFUSED,
            Self::Fenced { .. } => "Fenced",
            Self::Unwritable { .. } => reasons::INVALID_SPEC,
        }
    }

    /// Whether trying again soon could help.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unwritable { .. })
    }

    /// Whether the object to be read is not there.
    pub fn is_not_found(error: &kube::Error) -> bool {
        matches!(error, kube::Error::Api(status) if status.code == 404)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries print their cause themselves.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
