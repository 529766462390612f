//! `ModelArtifact`s of one endpoint.

use crate::catalogue::Artifact;
use berth_crds::ModelArtifact;
use std::sync::Arc;

/// What they list. Of two for one model the older counts, as the operator tells the younger's owner.
pub fn artifacts(objects: &[Arc<ModelArtifact>], endpoint: &str) -> Vec<Artifact> {
    let mut own: Vec<_> = objects.iter().filter(|o| o.spec.endpoint == endpoint).collect();
    own.sort_by_key(|o| {
        let created = o.metadata.creation_timestamp.as_ref().map(|t| t.0);
        (created, o.metadata.name.clone())
    });
    let read = |object: &Arc<ModelArtifact>| match Artifact::read(object, None) {
        Ok(artifact) => Some(artifact),
        Err(error) => {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            tracing::warn!(name, %error, "a ModelArtifact is left out");
            None
        }
    };
    own.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::{Arc, ModelArtifact, artifacts};
    use serde_json::json;

    fn object(name: &str, created: &str, spec: &serde_json::Value) -> Arc<ModelArtifact> {
        let metadata = json!({"name": name, "creationTimestamp": created});
        let object = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact", "metadata": metadata, "spec": spec});
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn the_older_comes_first_and_others_are_left_out() {
        let objects = [
            object("b", "2026-02-01T00:00:00Z", &json!({"endpoint": "e", "targetModel": "x", "pin": true})),
            object("c", "2026-01-01T00:00:00Z", &json!({"endpoint": "e", "targetModel": "x"})),
            object("d", "2026-01-01T00:00:00Z", &json!({"endpoint": "other"})),
            object("f", "2026-01-01T00:00:00Z", &json!({"endpoint": "e", "targetModel": "../x"})),
        ];
        let pins: Vec<_> = artifacts(&objects, "e").iter().map(|a| a.pin).collect();
        assert_eq!(pins, [false, true]);
    }
}
