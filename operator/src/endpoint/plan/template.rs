//! Reads `spec.server.podTemplate`. The schema lets everything through there, so what is no field of a pod template is
//! refused here, not dropped.

use super::{Problem, problem};
use crate::difference;
use berth_crds::conditions::reasons;
use berth_crds::names::{labels, pod};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde_json::Value;

/// The overlay as it is typed.
pub(super) fn overlay(value: Option<&Value>) -> Result<Option<PodTemplateSpec>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let refuse = |message: String| problem(reasons::INVALID_POD_TEMPLATE, message);
    // Containers may be given by their name alone, to add to ours.
    let template: PodTemplateSpec = serde_json::from_value(value.clone())
        .map_err(|e| refuse(format!("spec.server.podTemplate is no pod template: {e}")))?;
    let read = serde_json::to_value(&template)
        .map_err(|e| refuse(format!("spec.server.podTemplate cannot be read: {e}")))?;
    if let Some(path) = difference::first(value, &read) {
        return Err(refuse(format!(
            "spec.server.podTemplate.{path} is no field of a pod template, or its value is of another type: see `kubectl explain pod.{path}`"
        )));
    }
    if let Some(spec) = &template.spec {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        if let Some(name) = containers.filter(|container| is_incomplete(container)).map(|c| &c.name).next() {
            return Err(refuse(format!(
                "spec.server.podTemplate has a container {name:?} without an image: to change the container that serves, name it {:?}",
                pod::CONTAINER
            )));
        }
    }
    let own = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    if own.is_some_and(|own| own.contains_key(labels::ENDPOINT)) {
        return Err(refuse(format!(
            "spec.server.podTemplate sets the label {}, by which Services find the pods: remove it",
            labels::ENDPOINT
        )));
    }
    Ok(Some(template))
}

/// Whether it is neither ours nor complete.
fn is_incomplete(container: &Container) -> bool {
    container.name != pod::CONTAINER && container.image.as_deref().unwrap_or_default().is_empty()
}
