use super::{Planned, Presence, plan, reasons};
use crate::endpoint::observe::{Child, Observed};
use berth_crds::MultiModelEndpoint;
use kube::api::DynamicObject;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is observed of a new endpoint with this spec beside where its models are.
#[allow(clippy::needless_pass_by_value, reason = "literals are given")]
pub(crate) fn observed(spec: Value) -> Observed {
    let mut merged = json!({"models": {"uri": "s3://models/vision/"}});
    merged.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let endpoint: MultiModelEndpoint = serde_json::from_value(json!({
        "apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint",
        "metadata": {"name": "vision", "namespace": "ml", "uid": "u1", "generation": 3}, "spec": merged}))
    .unwrap();
    Observed {
        endpoint: Arc::new(endpoint),
        name: "vision".to_owned(),
        namespace: "ml".to_owned(),
        uid: "u1".to_owned(),
        children: BTreeMap::new(),
        pods: Vec::new(),
        storage_class: Presence::NotAsked,
        service_account: Presence::NotAsked,
    }
}

fn possible(observed: &Observed) -> super::Plan {
    match plan(observed, Some("berth:1")).unwrap() {
        Planned::Possible(plan) => *plan,
        Planned::Impossible(problems) => panic!("{problems:?}"),
    }
}

fn check(observed: &Observed, reason: &str, says: &str) {
    match plan(observed, Some("berth:1")).unwrap() {
        Planned::Possible(_) => panic!("{reason} was expected"),
        Planned::Impossible(problems) => {
            assert!(problems.iter().any(|p| p.reason == reason && p.message.contains(says)), "{problems:?}");
        }
    }
}

#[test]
fn defaults_are_resolved_in_what_the_pods_read() {
    let plan = possible(&observed(json!({})));
    let spec = &plan.configuration.spec;
    assert_eq!(spec.cache.memory.as_ref().unwrap().0, ((4u64 << 30) / 5 * 4).to_string());
    assert_eq!(spec.cache.disk.size.0, ((10u64 << 30) / 10 * 9).to_string());
    assert_eq!(plan.image, "berth:1");
    assert_eq!(plan.service_account(), "vision");
}

#[test]
fn scaling_an_ingress_and_an_image_are_not_in_what_the_pods_read() {
    let before = possible(&observed(json!({})));
    let other = json!({"replicas": 5, "ingress": {"host": "a.b"}, "server": {"image": "other"}});
    let after = possible(&observed(other));
    assert_eq!(before.configuration, after.configuration);
    assert_eq!(after.image, "other");
}

#[test]
fn cuda_asks_for_a_gpu_unless_the_spec_says_how_many() {
    let one = possible(&observed(json!({"server": {"device": "CUDA"}})));
    assert_eq!(one.resources.limits["nvidia.com/gpu"].0, "1");
    let limits = json!({"memory": "8Gi", "nvidia.com/gpu": 2});
    let two = possible(&observed(json!({"server": {"device": "CUDA", "resources": {"limits": limits}}})));
    assert_eq!(two.resources.limits["nvidia.com/gpu"].0, "2");
}

#[test]
fn memory_that_cannot_work_is_refused_with_numbers() {
    for (memory, limit, says) in [
        (json!("4Gi"), "4Gi", "4048 Mi"),
        (json!("0"), "4Gi", "between 1 and"),
        (json!("64Mi"), "100Mi", "128Mi at least"),
        (Value::Null, "64Mi", "128Mi at least"),
    ] {
        let mut spec = json!({"cache": {}, "server": {"resources": {"limits": {"memory": limit}}}});
        if !memory.is_null() {
            spec["cache"]["memory"] = memory;
        }
        check(&observed(spec), reasons::INVALID_MEMORY, says);
    }
}

#[test]
fn pod_templates_that_cannot_be_laid_over_are_refused_with_the_path() {
    for (template, says) in [
        (json!({"spec": {"nodeselector": {"a": "b"}}}), "spec.nodeselector is no field"),
        (json!({"spec": {"containers": "x"}}), "is no pod template"),
        (json!({"spec": {"containers": [{"name": "srever"}]}}), "name it \"server\""),
        (json!({"metadata": {"labels": {"berth.dev/endpoint": "x"}}}), "remove it"),
    ] {
        check(&observed(json!({"server": {"podTemplate": template}})), reasons::INVALID_POD_TEMPLATE, says);
    }
    let good = json!({"metadata": {"labels": {"team": "ml"}}, "spec": {"nodeSelector": {"a": "b"},
        "containers": [{"name": "server", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "i"}]}});
    assert!(possible(&observed(json!({"server": {"podTemplate": good}}))).overlay.is_some());
}

#[test]
fn what_a_spec_names_must_be_there() {
    let mut without = observed(json!({"cache": {"disk": {"storageClassName": "gp9"}}}));
    without.storage_class = Presence::Missing;
    check(&without, reasons::STORAGE_CLASS_NOT_FOUND, "gp9");
    let mut without = observed(json!({"server": {"serviceAccountName": "sa"}}));
    without.service_account = Presence::Missing;
    check(&without, reasons::SERVICE_ACCOUNT_NOT_FOUND, "sa");
    assert!(
        matches!(plan(&observed(json!({})), None).unwrap(), Planned::Impossible(p) if p[0].reason == reasons::IMAGE_MISSING)
    );
}

#[test]
fn a_name_that_is_taken_is_left_to_its_owner() {
    let mut taken = observed(json!({}));
    let foreign = DynamicObject::new("vision", &Child::Service.resource()).within("ml");
    taken.children.insert(Child::Service, foreign.clone());
    check(&taken, reasons::NAME_TAKEN, "Service vision");
    // What is not wanted is nobody's business.
    let mut unwanted = observed(json!({}));
    unwanted.children.insert(Child::Ingress, foreign);
    possible(&unwanted);
}
