//! How a status is written, of either kind: if it changed, through the one writer, with the event that goes with it.

use crate::context::Context;
use crate::endpoint::key;
use crate::error::Error;
use crate::events;
use crate::writer::Target;
use berth_crds::conditions::READY;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::ApiResource;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;
use std::time::{Duration, Instant};

/// The time in which the watch tells of a write of our own, at the latest.
const WATCH_LAG: Duration = Duration::from_secs(2);

/// A status that follows from what was seen, and the one that it replaces.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a, S> {
    /// The kind's name.
    pub kind: &'static str,
    /// What the object says.
    pub old: &'a S,
    /// What it is to say.
    pub new: &'a S,
    /// The conditions of the one.
    pub before: &'a [Condition],
    /// The conditions of the other.
    pub after: &'a [Condition],
    /// The least time since the last write, if the change is not urgent.
    pub pace: Option<Duration>,
}

/// Writes a change; how long what is not urgent still has to wait is returned.
pub async fn report<K, S>(
    object: &K,
    change: Change<'_, S>,
    context: &Context,
) -> Result<Option<Duration>, Error>
where
    K: Resource<DynamicType = ()>,
    S: Serialize + PartialEq,
{
    if change.new == change.old {
        return Ok(None);
    }
    let resource = ApiResource::erase::<K>(&());
    let namespace = object.namespace().ok_or(Error::Incomplete { field: "metadata.namespace" })?;
    let (name, version) = (object.name_any(), object.resource_version());
    let paced = format!("{} {}", change.kind, key(Some(&namespace), &name));
    let now = Instant::now();
    // Judged by what it was before our last write, the same would be written twice.
    if context.paced.is_outdated(&paced, version.as_deref()) {
        return Ok(Some(WATCH_LAG));
    }
    let wait = change.pace.map_or(Duration::ZERO, |pace| context.paced.wait(&paced, pace, now));
    if !wait.is_zero() {
        return Ok(Some(wait));
    }
    let target = Target { resource: &resource, kind: change.kind, namespace: &namespace, name: &name };
    // The uid keeps a status from being written to a later object of the same name.
    let uid = object.uid().ok_or(Error::Incomplete { field: "metadata.uid" })?;
    let whole = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace, "uid": uid},
        "status": change.new,
    });
    tracing::debug!(object = paced, conditions = %told(change.after), "Writing a status");
    let written = context.writer.apply_status(target, &whole).await?;
    context.paced.wrote(&paced, version.as_deref(), written.resource_version().as_deref(), now);
    events::of_change(object, READY, change.before, change.after, context).await;
    Ok(None)
}

/// The conditions as one line of a log.
fn told(conditions: &[Condition]) -> String {
    let each = conditions.iter().map(|c| format!("{}={} {} {}", c.type_, c.status, c.reason, c.message));
    each.collect::<Vec<_>>().join("; ")
}
