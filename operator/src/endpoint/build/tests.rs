use super::{Prepared, build, stop_seconds};
use crate::endpoint::plan::tests::observed;
use crate::endpoint::plan::{Planned, plan};
use berth_crds::MultiModelEndpoint;
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

fn built(spec: Value) -> Prepared {
    match plan(&observed(spec), Some("berth:1")).unwrap() {
        Planned::Possible(plan) => build(&plan).unwrap(),
        Planned::Impossible(problems) => panic!("{problems:?}"),
    }
}

fn pod(prepared: &Prepared) -> PodSpec {
    prepared.stateful_set.spec.clone().unwrap().template.spec.unwrap()
}

fn digest(prepared: &Prepared) -> Option<String> {
    let template = prepared.stateful_set.spec.clone().unwrap().template;
    template.metadata.unwrap().annotations.unwrap().get("berth.dev/config-digest").cloned()
}

#[test]
fn every_child_is_named_owned_and_found_by_its_labels() {
    let built = built(json!({"ingress": {"host": "a.b"}}));
    let Prepared { service_account, role, role_binding, config_map, peers_service, service, .. } =
        built.clone();
    let Prepared { disruption_budget, stateful_set, ingress, .. } = built;
    for (metadata, name) in [
        (service_account.unwrap().metadata, "vision"),
        (role.metadata, "vision"),
        (role_binding.metadata, "vision"),
        (config_map.metadata, "vision"),
        (peers_service.metadata, "vision-peers"),
        (service.metadata, "vision"),
        (disruption_budget.metadata, "vision"),
        (stateful_set.metadata, "vision"),
        (ingress.unwrap().metadata, "vision"),
    ] {
        assert_eq!((metadata.name.as_deref(), metadata.namespace.as_deref()), (Some(name), Some("ml")));
        assert_eq!(metadata.labels.unwrap()["berth.dev/endpoint"], "vision");
        let owner = &metadata.owner_references.unwrap()[0];
        assert_eq!((owner.uid.as_str(), owner.controller), ("u1", Some(true)));
    }
}

#[test]
fn what_the_pods_read_is_an_endpoint_of_its_own() {
    let built = built(json!({}));
    let text = &built.config_map.data.unwrap()["endpoint.yaml"];
    let read: MultiModelEndpoint = serde_saphyr::from_str(text).unwrap();
    assert_eq!(read.metadata.name.as_deref(), Some("vision"));
    assert_eq!(read.spec.cache.memory.unwrap().0, ((4u64 << 30) / 5 * 4).to_string());
}

#[test]
fn only_what_the_pods_depend_on_changes_their_revision() {
    let before = digest(&built(json!({})));
    assert_eq!(before, digest(&built(json!({"replicas": 7, "ingress": {}}))));
    assert_ne!(before, digest(&built(json!({"cache": {"memory": "1Gi"}}))));
    assert_ne!(before, digest(&built(json!({"models": {"uri": "s3://models/other/"}}))));
}

#[test]
fn pods_keep_what_pod_security_restricted_demands() {
    let pod = pod(&built(json!({})));
    let all = pod.security_context.unwrap();
    assert_eq!(
        (all.run_as_non_root, all.seccomp_profile.unwrap().type_.as_str()),
        (Some(true), "RuntimeDefault")
    );
    let own = pod.containers[0].security_context.clone().unwrap();
    assert_eq!((own.allow_privilege_escalation, own.read_only_root_filesystem), (Some(false), Some(true)));
    assert_eq!(own.capabilities.unwrap().drop.unwrap(), ["ALL"]);
}

#[test]
fn a_pod_has_the_time_that_its_requests_may_take() {
    let pod = pod(&built(json!({"server": {"drainSeconds": 7, "requestDeadlineSeconds": 33}})));
    assert_eq!(pod.termination_grace_period_seconds, Some(50));
    assert!(pod.containers[0].lifecycle.is_none(), "the server drains itself");
    assert_eq!(stop_seconds(&berth_crds::endpoint::ServerSpec::default()), 80);
}

#[test]
fn a_secret_becomes_the_variables_of_the_store() {
    let s3 = json!({"uri": "s3://m/", "s3": {"endpoint": "http://minio:9000", "credentialsSecretRef": {"name": "s3"}}});
    let env = pod(&built(json!({"models": s3}))).containers[0].env.clone().unwrap();
    let find = |name: &str| env.iter().find(|var| var.name == name).unwrap().clone();
    assert_eq!(find("AWS_ENDPOINT_URL_S3").value.as_deref(), Some("http://minio:9000"));
    assert_eq!(find("AWS_REGION").value.as_deref(), Some("us-east-1"));
    for (key, optional) in
        [("AWS_ACCESS_KEY_ID", false), ("AWS_SECRET_ACCESS_KEY", false), ("AWS_SESSION_TOKEN", true)]
    {
        let from = find(key).value_from.unwrap().secret_key_ref.unwrap();
        assert_eq!((from.name.as_str(), from.key.as_str(), from.optional), ("s3", key, Some(optional)));
    }
}

#[test]
fn a_class_makes_a_claim_and_none_an_empty_directory() {
    let with = built(json!({"cache": {"disk": {"size": "5Gi", "storageClassName": "gp3"}}}));
    let claims = with.stateful_set.spec.clone().unwrap().volume_claim_templates.unwrap();
    assert_eq!(claims[0].spec.clone().unwrap().storage_class_name.as_deref(), Some("gp3"));
    assert!(pod(&with).volumes.unwrap().iter().all(|volume| volume.name != "cache"));
    let without = built(json!({}));
    assert!(without.stateful_set.spec.clone().unwrap().volume_claim_templates.is_none());
    assert!(pod(&without).volumes.unwrap().iter().any(|volume| volume.name == "cache"));
}

#[test]
fn a_pod_template_adds_to_the_pods_by_name() {
    let template = json!({"metadata": {"labels": {"team": "ml"}}, "spec": {
        "nodeSelector": {"disk": "ssd"}, "terminationGracePeriodSeconds": 5,
        "containers": [{"name": "server", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "i"}]}});
    let built = built(json!({"server": {"podTemplate": template}}));
    let metadata = built.stateful_set.spec.clone().unwrap().template.metadata.unwrap();
    assert_eq!(metadata.labels.as_ref().unwrap()["team"], "ml");
    assert_eq!(metadata.labels.unwrap()["berth.dev/endpoint"], "vision");
    let pod = pod(&built);
    assert_eq!(pod.node_selector.unwrap()["disk"], "ssd");
    assert_eq!(pod.termination_grace_period_seconds, Some(5));
    let names: Vec<_> = pod.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["server", "side"]);
    let server = &pod.containers[0];
    assert_eq!(server.image.as_deref(), Some("berth:1"));
    let env: Vec<_> = server.env.iter().flatten().map(|var| var.name.as_str()).collect();
    assert_eq!(env, ["POD_NAME", "POD_NAMESPACE", "A"]);
}

#[test]
fn a_service_account_of_the_users_is_used_and_not_made() {
    let built = built(json!({"server": {"serviceAccountName": "irsa"}}));
    assert!(built.service_account.is_none());
    assert_eq!(pod(&built).service_account_name.as_deref(), Some("irsa"));
    assert_eq!(built.role_binding.subjects.unwrap()[0].name, "irsa");
}
