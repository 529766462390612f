use super::{ModelArtifactStatus, Observed, compute, reasons, same_but_residency};
use crate::survey::Survey;
use crate::survey::tests::{pod, report, survey};
use berth_crds::report::{ModelReport, ModelState};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

fn observed(spec: &Value, survey: Survey) -> Observed {
    let mut all = json!({"endpoint": "vision", "targetModel": "a"});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let artifact =
        serde_json::from_value(json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
        "metadata": {"name": "a", "namespace": "ml", "generation": 1, "uid": "u"}, "spec": all}))
        .unwrap();
    Observed {
        artifact: Arc::new(artifact),
        name: "a".to_owned(),
        namespace: "ml".to_owned(),
        endpoint_replicas: Some(2),
        rival: None,
        survey: Arc::new(survey),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Two pods with the model in these states.
fn states(states: &[ModelState]) -> Survey {
    let names = ["vision-0", "vision-1", "vision-2"];
    let pods: Vec<_> =
        names.iter().zip(states).map(|(name, s)| (*name, Some(pod(&[report("a", *s)])))).collect();
    survey(&pods)
}

fn failed(reason: &str) -> Survey {
    let report = ModelReport {
        reason: Some(reason.to_owned()),
        message: Some("why".to_owned()),
        ..report("a", ModelState::Failed)
    };
    survey(&[("vision-0", Some(pod(&[report])))])
}

/// Status and reason of the three conditions.
fn check(status: &ModelArtifactStatus, ready: (&str, &str), available: &str, loaded: &str) {
    let find = |kind: &str| status.conditions.iter().find(|c| c.type_ == kind).unwrap();
    let summary = find("Ready");
    let found = (summary.status.as_str(), summary.reason.as_str());
    assert_eq!(found, ready, "{:?}", status.conditions);
    assert_eq!(find("ArtifactAvailable").status, available, "{:?}", status.conditions);
    assert_eq!(find("Loaded").status, loaded, "{:?}", status.conditions);
}

#[test]
fn a_model_that_is_loaded_on_demand_is_ready_before_it_is_loaded() {
    let of = |s: &[ModelState]| compute(&observed(&json!({}), states(s)), at(1));
    check(&of(&[ModelState::Standby, ModelState::Unknown]), ("True", reasons::STANDBY), "True", "False");
    check(&of(&[ModelState::Loading]), ("True", reasons::STANDBY), "True", "False");
    check(&of(&[ModelState::Resident, ModelState::Standby]), ("True", reasons::RESIDENT), "True", "True");
    check(&of(&[ModelState::Unknown]), ("Unknown", reasons::PENDING), "Unknown", "False");
}

#[test]
fn a_preloaded_model_is_ready_when_enough_pods_have_it() {
    let spec = json!({"preload": true, "minCopies": 2});
    let of = |s: &[ModelState]| compute(&observed(&spec, states(s)), at(1));
    check(&of(&[ModelState::Standby, ModelState::Standby]), ("False", reasons::LOADING), "True", "False");
    check(&of(&[ModelState::Resident, ModelState::Loading]), ("False", reasons::LOADING), "True", "False");
    let both = of(&[ModelState::Resident, ModelState::Resident]);
    check(&both, ("True", reasons::RESIDENT), "True", "True");
    assert_eq!(both.resident_on, ["vision-0", "vision-1"]);
    // There are no more copies than pods.
    check(&of(&[ModelState::Resident]), ("True", reasons::RESIDENT), "True", "True");
}

#[test]
fn a_failure_is_the_artifacts_or_the_loads() {
    let of = |reason: &str| compute(&observed(&json!({}), failed(reason)), at(1));
    check(&of("ModelNotFound"), ("False", "ModelNotFound"), "False", "False");
    check(&of("ModelTooLargeForMemory"), ("False", "ModelTooLargeForMemory"), "True", "False");
    check(&of("not a word"), ("False", reasons::LOAD_FAILED), "True", "False");
    let message = &of("ModelNotFound").conditions[0].message;
    assert_eq!(message, "pod vision-0: why");
}

#[test]
fn what_keeps_anything_from_being_known_is_told() {
    let of = |change: fn(&mut Observed), survey: Survey| {
        let mut observed = observed(&json!({}), survey);
        change(&mut observed);
        compute(&observed, at(1))
    };
    let silent = || survey(&[("vision-0", None)]);
    check(
        &of(|o| o.endpoint_replicas = None, silent()),
        ("False", reasons::ENDPOINT_NOT_FOUND),
        "Unknown",
        "False",
    );
    check(
        &of(|o| o.endpoint_replicas = Some(0), silent()),
        ("False", reasons::SCALED_TO_ZERO),
        "Unknown",
        "False",
    );
    check(&of(|_| {}, Survey::default()), ("False", reasons::ENDPOINT_NOT_READY), "Unknown", "False");
    check(&of(|_| {}, silent()), ("Unknown", reasons::PENDING), "Unknown", "False");
    let rival = of(|o| o.rival = Some("b".to_owned()), states(&[ModelState::Resident]));
    check(&rival, ("False", reasons::DUPLICATE_TARGET_MODEL), "Unknown", "False");
}

#[test]
fn what_was_learned_of_a_version_stays_while_the_pods_are_away() {
    let told = ModelReport {
        size_bytes: Some(7),
        digest: Some("sha256:1".to_owned()),
        format: Some("Onnx".to_owned()),
        ..report("a", ModelState::Standby)
    };
    let mut observed = observed(&json!({}), survey(&[("vision-0", Some(pod(&[told])))]));
    let first = compute(&observed, at(1));
    assert_eq!((first.size_bytes, first.format.as_deref()), (Some(7), Some("Onnx")));
    let mut with = (*observed.artifact).clone();
    with.status = Some(first.clone());
    observed.artifact = Arc::new(with.clone());
    assert_eq!(compute(&observed, at(9)), first, "nothing changed");
    observed.survey = Arc::new(Survey::default());
    assert_eq!(compute(&observed, at(9)).size_bytes, Some(7));
    with.metadata.generation = Some(2);
    observed.artifact = Arc::new(with);
    assert_eq!(compute(&observed, at(9)).size_bytes, None);
}

#[test]
fn coming_and_going_with_requests_is_told_from_what_matters() {
    let of = |survey: Survey| compute(&observed(&json!({}), survey), at(1));
    let (standby, resident) = (of(states(&[ModelState::Standby])), of(states(&[ModelState::Resident])));
    assert!(same_but_residency(&resident, &standby));
    assert!(!same_but_residency(&of(failed("ModelNotFound")), &standby));
    assert!(!same_but_residency(&of(failed("ModelNotFound")), &of(failed("StoreDenied"))));
}
