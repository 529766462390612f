//! The status that follows from what was applied and what the pods say (pure), written if it changed.

mod compute;

use super::apply::Applied;
use super::observe::Observed;
use super::plan::Planned;
use super::{key, pods};
use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::survey::Survey;
use crate::writer::Target;
use berth_crds::conditions::READY;
use berth_crds::{GROUP, MultiModelEndpoint, MultiModelEndpointStatus, VERSION};
use k8s_openapi::jiff::Timestamp;
use kube::core::ApiResource;
use serde_json::json;
use std::time::{Duration, Instant};

pub use compute::{Seen, compute};

/// Computes and writes. Conditions are written at once, numbers at most once in a while: the time that they still have
/// to wait is returned.
pub async fn report(
    observed: &Observed,
    planned: &Planned,
    applied: &Applied,
    failure: Option<&Error>,
    survey: &Survey,
    context: &Context,
) -> Result<Option<Duration>, Error> {
    let failing = pods::failing(&observed.pods);
    let seen = Seen {
        endpoint: &observed.endpoint,
        namespace: &observed.namespace,
        planned,
        stateful_set: applied.stateful_set(),
        failure,
        failing: failing.as_ref(),
        counts: survey.counts(),
    };
    let status = compute(&seen, Timestamp::now());
    let old = observed.endpoint.status.clone().unwrap_or_default();
    if status == old {
        return Ok(None);
    }
    let object = format!("MultiModelEndpoint {}", key(Some(&observed.namespace), &observed.name));
    let now = Instant::now();
    if same_but_numbers(&status, &old) {
        let wait = context.paced.wait(&object, context.config.status_interval(), now);
        if !wait.is_zero() {
            return Ok(Some(wait));
        }
    }
    write(observed, &status, context).await?;
    context.paced.wrote(&object, now);
    events::of_change(&*observed.endpoint, READY, &old.conditions, &status.conditions, context).await;
    Ok(None)
}

fn same_but_numbers(new: &MultiModelEndpointStatus, old: &MultiModelEndpointStatus) -> bool {
    let without = |status: &MultiModelEndpointStatus| MultiModelEndpointStatus {
        replicas: 0,
        ready_replicas: 0,
        models: None,
        ..status.clone()
    };
    without(new) == without(old)
}

async fn write(
    observed: &Observed,
    status: &MultiModelEndpointStatus,
    context: &Context,
) -> Result<(), Error> {
    let resource = ApiResource::erase::<MultiModelEndpoint>(&());
    let target = Target {
        resource: &resource,
        kind: "MultiModelEndpoint",
        namespace: &observed.namespace,
        name: &observed.name,
    };
    let object = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "MultiModelEndpoint",
        // The uid keeps a status from being written to a later object of the same name.
        "metadata": {"name": observed.name, "namespace": observed.namespace, "uid": observed.uid},
        "status": status,
    });
    context.writer.apply_status(target, &object).await
}
