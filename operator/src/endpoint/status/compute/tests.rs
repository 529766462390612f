use super::{
    Error, ModelCounts, MultiModelEndpointStatus, Planned, Problem, Seen, StatefulSet, compute, reasons,
};
use crate::endpoint::observe::Observed;
use crate::endpoint::plan::plan;
use crate::endpoint::plan::tests::observed;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;

fn set(replicas: i32, ready: i32, updated: i32) -> StatefulSet {
    serde_json::from_value(json!({"metadata": {"generation": 2}, "spec": null, "status": {
        "observedGeneration": 2, "replicas": replicas, "readyReplicas": ready, "updatedReplicas": updated}}))
    .unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What is seen beside a spec that can be done and its StatefulSet.
#[derive(Default)]
struct Beside {
    planned: Option<Planned>,
    failure: Option<Error>,
    failing: Option<Problem>,
    counts: Option<ModelCounts>,
}

fn status(observed: &Observed, set: Option<&StatefulSet>, beside: Beside) -> MultiModelEndpointStatus {
    let planned = beside.planned.unwrap_or_else(|| plan(observed, Some("i")).unwrap());
    let seen = Seen {
        endpoint: &observed.endpoint,
        namespace: "ml",
        planned: &planned,
        stateful_set: set,
        failure: beside.failure.as_ref(),
        failing: beside.failing.as_ref(),
        counts: beside.counts,
    };
    compute(&seen, at(1))
}

fn condition(status: &MultiModelEndpointStatus, kind: &str) -> (String, String) {
    let found = status.conditions.iter().find(|c| c.type_ == kind).unwrap();
    assert_eq!(found.observed_generation, Some(3));
    (found.status.clone(), found.reason.clone())
}

fn check(status: &MultiModelEndpointStatus, kind: &str, is: &str, reason: &str) {
    assert_eq!(
        condition(status, kind),
        (is.to_owned(), reason.to_owned()),
        "{kind}: {:?}",
        status.conditions
    );
}

#[test]
fn an_endpoint_from_its_first_sight_to_its_last_pod() {
    let endpoint = observed(json!({"replicas": 3}));
    let first = status(&endpoint, None, Beside::default());
    check(&first, "Ready", "False", reasons::PODS_NOT_READY);
    check(&first, "Progressing", "True", reasons::ROLLOUT_IN_PROGRESS);
    check(&first, "SpecValid", "True", reasons::AS_EXPECTED);
    let some = status(&endpoint, Some(&set(3, 1, 3)), Beside::default());
    check(&some, "Available", "False", reasons::PODS_NOT_READY);
    let enough = status(&endpoint, Some(&set(3, 2, 3)), Beside::default());
    check(&enough, "Ready", "True", reasons::AS_EXPECTED);
    check(&enough, "Progressing", "True", reasons::ROLLOUT_IN_PROGRESS);
    let all = status(&endpoint, Some(&set(3, 3, 3)), Beside::default());
    check(&all, "Progressing", "False", reasons::AS_EXPECTED);
    assert_eq!((all.replicas, all.ready_replicas), (3, 3));
    assert_eq!(all.selector.as_deref(), Some("berth.dev/endpoint=vision"));
    assert_eq!(all.url.as_deref(), Some("http://vision.ml.svc"));
}

#[test]
fn a_rolling_update_progresses_and_stays_ready() {
    let rolling = status(&observed(json!({"replicas": 3})), Some(&set(3, 2, 1)), Beside::default());
    check(&rolling, "Ready", "True", reasons::AS_EXPECTED);
    check(&rolling, "Progressing", "True", reasons::ROLLOUT_IN_PROGRESS);
}

#[test]
fn a_single_pod_and_none() {
    check(
        &status(&observed(json!({})), Some(&set(1, 0, 1)), Beside::default()),
        "Ready",
        "False",
        reasons::PODS_NOT_READY,
    );
    let none = status(&observed(json!({"replicas": 0})), Some(&set(0, 0, 0)), Beside::default());
    check(&none, "Ready", "False", reasons::SCALED_TO_ZERO);
    check(&none, "Progressing", "False", reasons::AS_EXPECTED);
}

#[test]
fn a_spec_that_cannot_be_done_is_not_ready_whatever_runs() {
    let problem = Problem { reason: reasons::STORAGE_CLASS_NOT_FOUND, message: "no gp9".to_owned() };
    let planned = Planned::Impossible(vec![problem]);
    let seen = status(
        &observed(json!({})),
        Some(&set(1, 1, 1)),
        Beside { planned: Some(planned), ..Beside::default() },
    );
    check(&seen, "SpecValid", "False", reasons::STORAGE_CLASS_NOT_FOUND);
    check(&seen, "Ready", "False", reasons::STORAGE_CLASS_NOT_FOUND);
    check(&seen, "Available", "True", reasons::AS_EXPECTED);
}

#[test]
fn pods_that_cannot_run_are_told_where_they_matter() {
    let crash = Problem { reason: reasons::POD_FAILING, message: "OOMKilled".to_owned() };
    let down = status(
        &observed(json!({})),
        Some(&set(1, 0, 1)),
        Beside { failing: Some(crash), ..Beside::default() },
    );
    check(&down, "Ready", "False", reasons::POD_FAILING);
    check(&down, "SpecValid", "True", reasons::AS_EXPECTED);
    let secret = Problem { reason: reasons::SECRET_NOT_FOUND, message: "s3".to_owned() };
    let down = status(
        &observed(json!({})),
        Some(&set(1, 0, 1)),
        Beside { failing: Some(secret), ..Beside::default() },
    );
    check(&down, "SpecValid", "False", reasons::SECRET_NOT_FOUND);
}

#[test]
fn a_refusal_is_the_specs_fault_and_a_failure_is_not() {
    let refused =
        Error::Refused { doing: "apply StatefulSet".to_owned(), message: "Invalid value".to_owned() };
    let seen = status(
        &observed(json!({})),
        Some(&set(1, 1, 1)),
        Beside { failure: Some(refused), ..Beside::default() },
    );
    check(&seen, "SpecValid", "False", reasons::APPLY_REFUSED);
    check(&seen, "Ready", "False", reasons::APPLY_REFUSED);
    let late = Error::TimedOut { doing: "apply".to_owned(), limit: std::time::Duration::from_secs(1) };
    let seen = status(
        &observed(json!({})),
        Some(&set(1, 1, 1)),
        Beside { failure: Some(late), ..Beside::default() },
    );
    check(&seen, "SpecValid", "True", reasons::AS_EXPECTED);
    check(&seen, "Ready", "True", reasons::AS_EXPECTED);
    check(&seen, "Progressing", "True", reasons::API_UNAVAILABLE);
}

#[test]
fn the_same_again_is_the_same_status() {
    let mut endpoint = observed(json!({"ingress": {"host": "a.b", "tlsSecretName": "t"}}));
    let counts = ModelCounts { known: 3, resident: 2, failed: 1 };
    let first = status(&endpoint, Some(&set(1, 1, 1)), Beside { counts: Some(counts), ..Beside::default() });
    assert_eq!(first.url.as_deref(), Some("https://a.b"));
    let mut with = (*endpoint.endpoint).clone();
    with.status = Some(first.clone());
    endpoint.endpoint = Arc::new(with);
    let planned = plan(&endpoint, Some("i")).unwrap();
    let set = set(1, 1, 1);
    let again = Seen {
        endpoint: &endpoint.endpoint,
        namespace: "ml",
        planned: &planned,
        stateful_set: Some(&set),
        failure: None,
        failing: None,
        // No pod answered this time.
        counts: None,
    };
    assert_eq!(compute(&again, at(99)), first);
}
