//! What is said of an endpoint. Pure.

use super::super::build;
use super::super::plan::{Planned, Problem};
use crate::error::Error;
use berth_crds::conditions::{AVAILABLE, Is, Observation, PROGRESSING, READY, SPEC_VALID, merge, reasons};
use berth_crds::endpoint::ModelCounts;
use berth_crds::{MultiModelEndpoint, MultiModelEndpointStatus};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

/// All that a status follows from.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The endpoint, with its last status.
    pub endpoint: &'a MultiModelEndpoint,
    /// Its namespace.
    pub namespace: &'a str,
    /// Whether its spec can be done.
    pub planned: &'a Planned,
    /// Its pods' StatefulSet as it is in the cluster.
    pub stateful_set: Option<&'a StatefulSet>,
    /// What kept it from being applied.
    pub failure: Option<&'a Error>,
    /// Why a pod cannot run.
    pub failing: Option<&'a Problem>,
    /// Numbers of models; none if no pod answered.
    pub counts: Option<ModelCounts>,
}

/// The status.
pub fn compute(seen: &Seen<'_>, now: Timestamp) -> MultiModelEndpointStatus {
    let old = seen.endpoint.status.clone().unwrap_or_default();
    let set = seen.stateful_set.and_then(|set| set.status.as_ref());
    let ready = set.and_then(|status| status.ready_replicas).unwrap_or(0);
    let valid = spec_valid(seen);
    let available = available(seen, ready);
    let progressing = progressing(seen, ready);
    let summary = summary(&valid, &available);
    let generation = seen.endpoint.metadata.generation;
    MultiModelEndpointStatus {
        observed_generation: generation,
        replicas: set.map_or(0, |status| status.replicas),
        ready_replicas: ready,
        selector: Some(selector(seen)),
        url: Some(url(seen)),
        // Numbers of pods that do not answer for a while are the last that were known; without pods there are none.
        models: seen.counts.or(old.models.filter(|_| ready > 0)),
        conditions: merge(&old.conditions, &[summary, available, progressing, valid], generation, now),
    }
}

fn selector(seen: &Seen<'_>) -> String {
    let labels = build::selector(&seen.endpoint.name_any());
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn url(seen: &Seen<'_>) -> String {
    let ingress = seen.endpoint.spec.ingress.as_ref();
    match ingress.and_then(|ingress| Some((ingress.host.as_ref()?, ingress.tls_secret_name.is_some()))) {
        Some((host, true)) => format!("https://{host}"),
        Some((host, false)) => format!("http://{host}"),
        None => format!("http://{}.{}.svc", seen.endpoint.name_any(), seen.namespace),
    }
}

fn spec_valid(seen: &Seen<'_>) -> Observation {
    if let Planned::Impossible(problems) = seen.planned {
        let reason = problems.first().map_or(reasons::INVALID_SPEC, |problem| problem.reason);
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        return Observation::new(SPEC_VALID, Is::False, reason, messages.join("; "));
    }
    match (seen.failure, seen.failing) {
        (Some(error), _) if error.is_permanent() => {
            Observation::new(SPEC_VALID, Is::False, error.reason(), crate::error::chain(error))
        }
        (_, Some(problem)) if problem.reason != reasons::POD_FAILING => {
            Observation::new(SPEC_VALID, Is::False, problem.reason, problem.message.as_str())
        }
        _ => Observation::new(SPEC_VALID, Is::True, reasons::AS_EXPECTED, ""),
    }
}

/// Enough pods: one fewer than wanted, as many as a rolling update leaves, and one at least.
fn available(seen: &Seen<'_>, ready: i32) -> Observation {
    let wanted = seen.endpoint.spec.replicas;
    if wanted == 0 {
        let message = "spec.replicas is 0: `kubectl scale mme NAME --replicas 1` starts a pod";
        return Observation::new(AVAILABLE, Is::False, reasons::SCALED_TO_ZERO, message);
    }
    let least = (wanted - 1).max(1);
    let message = format!("{ready} of {wanted} pods are ready");
    if ready >= least {
        // Without numbers: another pod is no other condition.
        return Observation::new(AVAILABLE, Is::True, reasons::AS_EXPECTED, "");
    }
    match seen.failing {
        Some(problem) => Observation::new(AVAILABLE, Is::False, problem.reason, problem.message.as_str()),
        None => Observation::new(AVAILABLE, Is::False, reasons::PODS_NOT_READY, message),
    }
}

fn progressing(seen: &Seen<'_>, ready: i32) -> Observation {
    let is = |is, reason: &str, message: &str| Observation::new(PROGRESSING, is, reason, message);
    if let Planned::Impossible(_) = seen.planned {
        return is(Is::False, reasons::INVALID_SPEC, "the spec cannot be done as it is: see SpecValid");
    }
    if let Some(error) = seen.failure {
        return is(Is::True, error.reason(), &crate::error::chain(error));
    }
    if let Some(problem) = seen.failing {
        return is(Is::False, problem.reason, &problem.message);
    }
    if is_settled(seen, ready) {
        is(Is::False, reasons::AS_EXPECTED, "")
    } else {
        is(Is::True, reasons::ROLLOUT_IN_PROGRESS, "pods are started or replaced, one at a time")
    }
}

/// Whether the pods are as many and of the revision that they are to be.
fn is_settled(seen: &Seen<'_>, ready: i32) -> bool {
    let wanted = seen.endpoint.spec.replicas;
    let Some(set) = seen.stateful_set else { return false };
    let Some(status) = &set.status else { return false };
    status.observed_generation >= set.metadata.generation
        && ready == wanted
        && status.replicas == wanted
        && status.updated_replicas.unwrap_or(0) == wanted
}

fn summary(valid: &Observation, available: &Observation) -> Observation {
    // What is not possible leaves the pods as they were, but not as the spec says.
    if valid.is == Is::False {
        return Observation { kind: READY, ..valid.clone() };
    }
    Observation { kind: READY, ..available.clone() }
}

#[cfg(test)]
mod tests;
