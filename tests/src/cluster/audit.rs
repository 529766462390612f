//! What the API server notes of each request.

use serde::Deserialize;
use std::path::Path;

/// A request that was answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The path and the query.
    #[serde(rename = "requestURI")]
    pub uri: String,
    /// Who asked.
    pub user: User,
    /// Of what kind it was, if it was about objects.
    pub object_ref: Option<Object>,
    /// How it was answered.
    pub response_status: Option<Status>,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: String,
}

/// Who asked.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// The user's name.
    pub username: String,
}

/// What a request was about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Object {
    /// The plural of the kind.
    pub resource: String,
    /// Like `status`.
    pub subresource: String,
    /// The namespace, if it has one.
    pub namespace: String,
    /// The name, if it was about one object.
    pub name: String,
    /// The group of the API.
    pub api_group: String,
}

/// How a request was answered.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
}

impl Event {
    /// Whether it was meant to change something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Whether the asker had no right to it.
    pub fn denied(&self) -> bool {
        self.response_status.as_ref().is_some_and(|s| s.code == 403)
    }
}

/// What an API server must be told to note: every request once it is answered, without the objects; one that watches also when its
/// answer begins.
pub(super) const POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
  "omitStages": ["RequestReceived"],
  "rules": [{"level": "Metadata"}]
}"#;

/// All requests so far. A line that is being written is left out.
pub(super) fn read(path: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
