//! What is known of an artifact: its endpoint, its rivals, the last survey. All of it from memory.

use crate::context::Context;
use crate::endpoint::key;
use crate::error::Error;
use crate::survey::Survey;
use berth_crds::ModelArtifact;
use kube::ResourceExt;
use std::sync::Arc;

/// What is known.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The artifact.
    pub artifact: Arc<ModelArtifact>,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Pods that its endpoint is to have; none: there is no such endpoint.
    pub endpoint_replicas: Option<i32>,
    /// An older artifact of the same endpoint and target model, which has it.
    pub rival: Option<String>,
    /// What the pods said.
    pub survey: Arc<Survey>,
}

/// Looks.
pub fn observe(artifact: &Arc<ModelArtifact>, context: &Context) -> Result<Observed, Error> {
    let namespace = artifact.namespace().ok_or(Error::Incomplete { field: "metadata.namespace" })?;
    let endpoint = &artifact.spec.endpoint;
    let rivals = context.artifacts_of(endpoint, Some(&namespace));
    Ok(Observed {
        artifact: Arc::clone(artifact),
        name: artifact.name_any(),
        endpoint_replicas: context.endpoint(endpoint, &namespace).map(|found| found.spec.replicas),
        rival: rival(artifact, &rivals),
        survey: context.surveys.last(&key(Some(&namespace), endpoint)).unwrap_or_default(),
        namespace,
    })
}

/// Of two artifacts of one target model the older has it, and of two as old the one whose name comes first. The pods
/// decide alike.
fn rival(artifact: &ModelArtifact, all: &[Arc<ModelArtifact>]) -> Option<String> {
    let age = |of: &ModelArtifact| (of.creation_timestamp().map(|time| time.0), of.name_any());
    let same = all.iter().filter(|other| other.target_model() == artifact.target_model());
    same.filter(|other| age(other) < age(artifact)).map(|other| other.name_any()).min()
}

#[cfg(test)]
mod tests {
    use super::{Arc, ModelArtifact, rival};
    use serde_json::json;

    fn artifact(name: &str, target: &str, second: u32) -> Arc<ModelArtifact> {
        let created = format!("2026-01-01T00:00:{second:02}Z");
        Arc::new(
            serde_json::from_value(json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
                "metadata": {"name": name, "creationTimestamp": created},
                "spec": {"endpoint": "vision", "targetModel": target}}))
            .unwrap(),
        )
    }

    #[test]
    fn the_older_one_has_the_target_model() {
        let all =
            [artifact("b", "x", 1), artifact("a", "x", 2), artifact("c", "x", 1), artifact("d", "y", 0)];
        let rivals: Vec<Option<String>> = all.iter().map(|artifact| rival(artifact, &all)).collect();
        assert_eq!(rivals, [None, Some("b".to_owned()), Some("b".to_owned()), None]);
    }
}
