//! The status that follows from what the pods say (pure), written if it changed.

use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::status::Change;
use berth_crds::ModelArtifactStatus;
use berth_crds::conditions::{
    ARTIFACT_AVAILABLE, ARTIFACT_REASONS, Is, LOADED, Observation, READY, merge, reasons,
};
use berth_crds::report::{ModelReport, ModelState};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// Names of pods that a status lists.
const PODS_LISTED: usize = 100;
/// Where nothing is preloaded, models come and go with the requests: that is written this seldom.
const RESIDENCY_PERIOD: Duration = Duration::from_secs(300);

/// The status.
pub fn compute(observed: &Observed, now: Timestamp) -> ModelArtifactStatus {
    let artifact = &observed.artifact;
    let old = artifact.status.clone().unwrap_or_default();
    let reports: Vec<(&str, &ModelReport)> = observed.survey.of_model(artifact.target_model()).collect();
    let of = |state: ModelState| reports.iter().filter(move |(_, report)| report.state == state);
    let resident: Vec<String> = of(ModelState::Resident).map(|(pod, _)| (*pod).to_owned()).collect();
    let conditions = conditions(observed, &reports, resident.len());
    let generation = artifact.metadata.generation;
    // What is known of a version stays known while no pod says otherwise; of another version nothing is known.
    let same = old.observed_generation == generation;
    let known = reports.iter().map(|(_, report)| *report);
    ModelArtifactStatus {
        observed_generation: generation,
        size_bytes: known
            .clone()
            .find_map(|report| i64::try_from(report.size_bytes?).ok())
            .or(old.size_bytes.filter(|_| same)),
        digest: known.clone().find_map(|report| report.digest.clone()).or(old.digest.filter(|_| same)),
        format: known.clone().find_map(|report| report.format.clone()).or(old.format.filter(|_| same)),
        resident_on: resident.into_iter().take(PODS_LISTED).collect(),
        conditions: merge(&old.conditions, &conditions, generation, now),
    }
}

fn conditions(observed: &Observed, reports: &[(&str, &ModelReport)], copies: usize) -> [Observation; 3] {
    if let Some((reason, message)) = hopeless(observed, reports) {
        let ready = if reason == reasons::PENDING { Is::Unknown } else { Is::False };
        return [
            Observation::new(READY, ready, reason, message.as_str()),
            Observation::new(ARTIFACT_AVAILABLE, Is::Unknown, reason, message),
            Observation::new(LOADED, Is::False, reason, ""),
        ];
    }
    let available = available(reports);
    let loaded = loaded(observed, reports, copies);
    let ready = if available.is != Is::True {
        Observation { kind: READY, ..available.clone() }
    } else if loaded.reason == reasons::RESIDENT || (loaded.is != Is::True && is_needed(observed, &loaded)) {
        Observation { kind: READY, ..loaded.clone() }
    } else {
        Observation::new(READY, Is::True, reasons::STANDBY, "")
    };
    [ready, available, loaded]
}

/// Whether a model that is not loaded is one that requests do not get.
fn is_needed(observed: &Observed, loaded: &Observation) -> bool {
    observed.artifact.spec.preload || !matches!(loaded.reason.as_str(), reasons::STANDBY | reasons::LOADING)
}

/// Why nothing can be said of the artifact itself.
fn hopeless(observed: &Observed, reports: &[(&str, &ModelReport)]) -> Option<(&'static str, String)> {
    let endpoint = &observed.artifact.spec.endpoint;
    if let Some(rival) = &observed.rival {
        let message = format!(
            "ModelArtifact {rival} is older and has the target model {}: delete one of them",
            observed.artifact.target_model()
        );
        return Some((reasons::DUPLICATE_TARGET_MODEL, message));
    }
    match observed.endpoint_replicas {
        None => {
            let message = format!("there is no MultiModelEndpoint {endpoint} in this namespace: create it");
            Some((reasons::ENDPOINT_NOT_FOUND, message))
        }
        Some(0) => Some((reasons::SCALED_TO_ZERO, format!("endpoint {endpoint} has no pods"))),
        Some(_) if observed.survey.pods.is_empty() => {
            Some((reasons::ENDPOINT_NOT_READY, format!("no pod of endpoint {endpoint} is ready")))
        }
        Some(_) if reports.is_empty() => Some((
            reasons::PENDING,
            format!("no pod of endpoint {endpoint} was asked for it yet, or none answered"),
        )),
        Some(_) => None,
    }
}

/// One pod that has it, or had it, is enough; only then does one that could not find it count.
fn available(reports: &[(&str, &ModelReport)]) -> Observation {
    let is = |is, reason: &str, message: &str| Observation::new(ARTIFACT_AVAILABLE, is, reason, message);
    let has = |report: &ModelReport| match report.state {
        ModelState::Unknown | ModelState::Queued | ModelState::Downloading => false,
        ModelState::Standby
        | ModelState::Reserving
        | ModelState::Loading
        | ModelState::Resident
        | ModelState::Draining => true,
        ModelState::Failed => !is_artifacts(report),
    };
    if reports.iter().any(|(_, report)| has(report)) {
        return is(Is::True, reasons::AS_EXPECTED, "");
    }
    match reports.iter().find(|(_, report)| report.state == ModelState::Failed) {
        Some((pod, report)) => is(Is::False, reason(report), &said(pod, report)),
        None => is(Is::Unknown, reasons::PENDING, "no pod has looked at the store yet"),
    }
}

fn loaded(observed: &Observed, reports: &[(&str, &ModelReport)], copies: usize) -> Observation {
    let spec = &observed.artifact.spec;
    let is = |is, reason: &str, message: &str| Observation::new(LOADED, is, reason, message);
    // No more copies than there are pods.
    let pods = observed.survey.pods.len().max(1);
    let wanted = if spec.preload { usize::try_from(spec.min_copies).unwrap_or(1).clamp(1, pods) } else { 1 };
    if copies >= wanted {
        return is(Is::True, reasons::RESIDENT, "");
    }
    if let Some((pod, report)) = reports.iter().find(|(_, report)| report.state == ModelState::Failed)
        && copies == 0
    {
        return is(Is::False, reason(report), &said(pod, report));
    }
    let moving = reports.iter().any(|(_, report)| {
        matches!(
            report.state,
            ModelState::Queued | ModelState::Downloading | ModelState::Reserving | ModelState::Loading
        )
    });
    if moving || spec.preload {
        return is(Is::False, reasons::LOADING, "it is on its way into memory");
    }
    is(Is::False, reasons::STANDBY, "it is loaded when it is asked for")
}

fn is_artifacts(report: &ModelReport) -> bool {
    report.reason.as_deref().is_some_and(|reason| ARTIFACT_REASONS.contains(&reason))
}

/// A pod's reason, if it is one word as the API wants it.
fn reason(report: &ModelReport) -> &str {
    let word = report.reason.as_deref().filter(|reason| {
        reason.len() <= 128
            && reason.starts_with(|c: char| c.is_ascii_uppercase())
            && reason.chars().all(|c| c.is_ascii_alphanumeric())
    });
    word.unwrap_or(reasons::LOAD_FAILED)
}

fn said(pod: &str, report: &ModelReport) -> String {
    let message = report.message.as_deref().unwrap_or("the pod did not say why; see its log");
    format!("pod {pod}: {message}")
}

/// Computes and writes; how long what is not urgent still has to wait is returned.
pub async fn report(observed: &Observed, context: &Context) -> Result<Option<Duration>, Error> {
    let status = compute(observed, Timestamp::now());
    let old = observed.artifact.status.clone().unwrap_or_default();
    let is_residency = !observed.artifact.spec.preload && same_but_residency(&status, &old);
    let pace = is_residency.then_some(RESIDENCY_PERIOD);
    let (before, after) = (&old.conditions[..], &status.conditions[..]);
    let change = Change { kind: "ModelArtifact", old: &old, new: &status, before, after, pace };
    crate::status::report(&*observed.artifact, change, context).await
}

/// Whether two statuses differ only in where the model is in memory now.
fn same_but_residency(new: &ModelArtifactStatus, old: &ModelArtifactStatus) -> bool {
    let facts = |status: &ModelArtifactStatus| {
        let firm = status.conditions.iter().filter(|condition| condition.type_ != LOADED);
        // The reason of what holds is where it is now; of what does not hold, why.
        let why = |c: &Condition| if c.status == "True" { String::new() } else { c.reason.clone() };
        let firm: Vec<_> = firm.map(|c| (c.type_.clone(), c.status.clone(), why(c))).collect();
        (status.observed_generation, status.size_bytes, status.digest.clone(), status.format.clone(), firm)
    };
    facts(new) == facts(old)
}

#[cfg(test)]
mod tests;
