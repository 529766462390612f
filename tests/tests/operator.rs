//! The operator against a real API server: what it makes, repairs and leaves alone, and who of two acts.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "operator/chart.rs"]
mod chart;
#[path = "operator/failures.rs"]
mod failures;
#[path = "operator/rights.rs"]
mod rights;
#[path = "operator/statuses.rs"]
mod statuses;

use berth_crds::{ModelArtifact, MultiModelEndpoint, custom_resource_definitions};
use berth_tests::cluster::{ControlPlane, LIMITED, OPERATOR, Options, Program, unless_missing};
use berth_tests::operator::{OFTEN, start, writes};
use berth_tests::{eventually, until};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use kube::{Client, Resource};
use serde_json::{Value, json};
use std::time::Duration;

/// An operator that may do everything.
fn operator(plane: &ControlPlane, identity: &str) -> Program {
    start(plane, OPERATOR, identity, &OFTEN)
}

/// A control plane that knows the kinds.
async fn cluster() -> Option<(ControlPlane, Client)> {
    cluster_with(Options::default()).await
}

async fn cluster_with(options: Options) -> Option<(ControlPlane, Client)> {
    let started = tokio::task::spawn_blocking(move || ControlPlane::start(&options)).await.unwrap();
    let plane = unless_missing(started)?;
    let client = plane.client().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in custom_resource_definitions() {
        definitions.create(&PostParams::default(), &definition).await.unwrap();
    }
    let (endpoints, artifacts) = (endpoints(&client), artifacts(&client));
    eventually("the kinds are served", async || {
        let all = ListParams::default();
        endpoints.list(&all).await.is_ok() && artifacts.list(&all).await.is_ok()
    })
    .await;
    Some((plane, client))
}

fn endpoints(client: &Client) -> Api<MultiModelEndpoint> {
    Api::default_namespaced(client.clone())
}

fn artifacts(client: &Client) -> Api<ModelArtifact> {
    Api::default_namespaced(client.clone())
}

fn endpoint(spec: &Value) -> MultiModelEndpoint {
    let mut all = json!({"models": {"uri": "s3://models/vision/", "s3": {"credentialsSecretRef": {"name": "s3"}}},
        "server": {"resources": {"limits": {"memory": "1024Mi", "cpu": "0.5"}}}});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({"apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint",
        "metadata": {"name": "vision"}, "spec": all}))
    .unwrap()
}

/// The kinds of children with their names.
fn children() -> Vec<(ApiResource, &'static str)> {
    fn kind<K: Resource<DynamicType = ()>>() -> ApiResource {
        ApiResource::erase::<K>(&())
    }
    vec![
        (kind::<ServiceAccount>(), "vision"),
        (kind::<Role>(), "vision"),
        (kind::<RoleBinding>(), "vision"),
        (kind::<ConfigMap>(), "vision"),
        (kind::<Service>(), "vision-peers"),
        (kind::<Service>(), "vision"),
        (kind::<PodDisruptionBudget>(), "vision"),
        (kind::<StatefulSet>(), "vision"),
        (kind::<Ingress>(), "vision"),
    ]
}

fn api(client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
    Api::default_namespaced_with(client.clone(), resource)
}

async fn all_there(client: &Client) -> bool {
    for (resource, name) in children() {
        if api(client, &resource).get_opt(name).await.unwrap().is_none() {
            return false;
        }
    }
    true
}

async fn condition(client: &Client, kind: &str) -> Option<(String, String)> {
    let status = endpoints(client).get("vision").await.unwrap().status?;
    status.conditions.into_iter().find(|c| c.type_ == kind).map(|c| (c.status, c.reason))
}

async fn ready_is(client: &Client, status: &str, reason: &str) {
    let wanted = Some((status.to_owned(), reason.to_owned()));
    eventually(&format!("Ready is {status} for {reason}"), async || {
        condition(client, "Ready").await == wanted
    })
    .await;
}

/// What the StatefulSet's controller would say.
async fn pods_become_ready(client: &Client, replicas: i32) {
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let generation = sets.get("vision").await.unwrap().metadata.generation;
    let status = json!({"status": {"observedGeneration": generation, "replicas": replicas,
        "readyReplicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas}});
    sets.patch_status("vision", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

/// An endpoint with all its children, Ready, and the operator that made it.
async fn settled(plane: &ControlPlane, client: &Client) -> Program {
    let operator = operator(plane, "first");
    let new = endpoint(&json!({"ingress": {"host": "vision.example.com"}}));
    endpoints(client).create(&PostParams::default(), &new).await.unwrap();
    eventually("all children are there", async || all_there(client).await).await;
    pods_become_ready(client, 1).await;
    ready_is(client, "True", "AsExpected").await;
    operator
}

async fn merge(client: &Client, patch: &Value) {
    endpoints(client).patch("vision", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

/// The writes until a reconcile that nothing called for is over: another endpoint is handled after it.
async fn marked(client: &Client, plane: &ControlPlane, mark: &str) -> Vec<String> {
    merge(client, &json!({"metadata": {"annotations": {"mark": mark}}})).await;
    let name = format!("mark-{mark}");
    let mut other = endpoint(&json!({}));
    other.metadata.name = Some(name.clone());
    endpoints(client).create(&PostParams::default(), &other).await.unwrap();
    eventually("the mark is handled", async || {
        endpoints(client).get(&name).await.unwrap().status.is_some_and(|status| !status.conditions.is_empty())
    })
    .await;
    writes(plane, OPERATOR).into_iter().filter(|write| !write.contains("/mark-")).collect()
}

#[tokio::test]
async fn children_come_back_and_an_unchanged_endpoint_is_not_written() {
    let Some((plane, client)) = cluster().await else { return };
    let _operator = settled(&plane, &client).await;
    let before = marked(&client, &plane, "a").await;
    let after = marked(&client, &plane, "b").await;
    assert_eq!(before, after, "a reconcile of an unchanged endpoint wrote");
    for (resource, name) in children() {
        let of = api(&client, &resource);
        let uid = of.get(name).await.unwrap().metadata.uid;
        of.delete(name, &DeleteParams::default()).await.unwrap();
        eventually(&format!("{} {name} comes back", resource.kind), async || {
            of.get_opt(name).await.unwrap().is_some_and(|object| object.metadata.uid != uid)
        })
        .await;
        let stomp = json!({"metadata": {"labels": {"app.kubernetes.io/name": "stomped"}}});
        of.patch(name, &PatchParams::default(), &Patch::Merge(&stomp)).await.unwrap();
        eventually(&format!("{} {name} is repaired", resource.kind), async || {
            of.get(name).await.unwrap().metadata.labels.unwrap()["app.kubernetes.io/name"] == "berth"
        })
        .await;
    }
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let stomp = json!({"spec": {"replicas": 9}});
    sets.patch("vision", &PatchParams::default(), &Patch::Merge(&stomp)).await.unwrap();
    eventually("replicas are repaired", async || {
        sets.get("vision").await.unwrap().spec.unwrap().replicas == Some(1)
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_follows_its_spec() {
    let Some((plane, client)) = cluster().await else { return };
    let _operator = settled(&plane, &client).await;
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let template = async || sets.get("vision").await.unwrap().spec.unwrap().template;
    let before = template().await;
    let scale = json!({"spec": {"replicas": 3}});
    endpoints(&client).patch_scale("vision", &PatchParams::default(), &Patch::Merge(&scale)).await.unwrap();
    eventually("the StatefulSet is scaled", async || {
        sets.get("vision").await.unwrap().spec.unwrap().replicas == Some(3)
    })
    .await;
    assert_eq!(before, template().await, "scaling replaces no pod");
    ready_is(&client, "False", "PodsNotReady").await;
    pods_become_ready(&client, 3).await;
    ready_is(&client, "True", "AsExpected").await;
    let scale = endpoints(&client).get_scale("vision").await.unwrap();
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("berth.dev/endpoint=vision"));
    merge(&client, &json!({"spec": {"ingress": null, "cache": {"memory": "512Mi"}}})).await;
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    eventually("the Ingress goes", async || ingresses.get_opt("vision").await.unwrap().is_none()).await;
    eventually("another budget is another revision", async || template().await != before).await;
    // What cannot be done says so, leaves what runs, and passes when it is put right.
    merge(&client, &json!({"spec": {"cache": {"memory": "2Gi"}}})).await;
    ready_is(&client, "False", "InvalidMemory").await;
    assert_eq!(sets.get("vision").await.unwrap().spec.unwrap().replicas, Some(3));
    merge(&client, &json!({"spec": {"cache": {"memory": null}, "server": {"serviceAccountName": "absent"}}}))
        .await;
    ready_is(&client, "False", "ServiceAccountNotFound").await;
    let events: Api<Event> = Api::default_namespaced(client.clone());
    eventually("events tell of it", async || {
        let all = events.list(&ListParams::default()).await.unwrap();
        let told = |reason: &str| all.items.iter().any(|event| event.reason.as_deref() == Some(reason));
        told("InvalidMemory") && told("ServiceAccountNotFound")
    })
    .await;
}

#[tokio::test]
async fn an_object_of_another_is_left_to_it() {
    let Some((plane, client)) = cluster().await else { return };
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let theirs: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "vision"}, "data": {"a": "b"}})).unwrap();
    maps.create(&PostParams::default(), &theirs).await.unwrap();
    let _operator = operator(&plane, "first");
    endpoints(&client).create(&PostParams::default(), &endpoint(&json!({}))).await.unwrap();
    ready_is(&client, "False", "NameTaken").await;
    assert_eq!(maps.get("vision").await.unwrap().data, theirs.data);
    maps.delete("vision", &DeleteParams::default()).await.unwrap();
    // Nothing tells of a ConfigMap that never was ours: it is looked at again in its own time, or when the spec changes.
    merge(&client, &json!({"spec": {"replicas": 2}})).await;
    ready_is(&client, "False", "PodsNotReady").await;
}

#[tokio::test]
async fn what_an_endpoint_became_goes_with_it() {
    let Some((plane, client)) = cluster_with(Options { controllers: true, kwok: None }).await else { return };
    let _operator = operator(&plane, "first");
    let new = endpoint(&json!({"ingress": {"host": "vision.example.com"}}));
    endpoints(&client).create(&PostParams::default(), &new).await.unwrap();
    eventually("all children are there", async || all_there(&client).await).await;
    endpoints(&client).delete("vision", &DeleteParams::default()).await.unwrap();
    for (resource, name) in children() {
        let of = api(&client, &resource);
        eventually(&format!("{} {name} goes", resource.kind), async || {
            of.get_opt(name).await.unwrap().is_none()
        })
        .await;
    }
}

async fn create<K>(api: Api<K>, object: Value)
where
    K: Resource + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

#[tokio::test]
async fn the_charts_rights_suffice_and_none_is_unused() {
    let Some((plane, client)) = cluster().await else { return };
    let rules = rights::rules();
    create::<ClusterRole>(Api::all(client.clone()), json!({"metadata": {"name": "berth"}, "rules": rules}))
        .await;
    let binding = json!({"metadata": {"name": "berth"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "berth"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "limited"}]});
    create::<ClusterRoleBinding>(Api::all(client.clone()), binding).await;
    create::<ServiceAccount>(Api::default_namespaced(client.clone()), json!({"metadata": {"name": "own"}}))
        .await;
    let class = json!({"metadata": {"name": "fast"}, "provisioner": "example.com/none"});
    create::<StorageClass>(Api::all(client.clone()), class).await;
    let artifact = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
        "metadata": {"name": "cifar"}, "spec": {"endpoint": "vision"}});
    create::<ModelArtifact>(artifacts(&client), artifact).await;
    let _operator = start(&plane, LIMITED, "limited", &OFTEN);
    let disk = json!({"disk": {"storageClassName": "fast"}});
    let new = endpoint(&json!({"ingress": {"host": "a.example.com"}, "cache": disk}));
    endpoints(&client).create(&PostParams::default(), &new).await.unwrap();
    eventually("all children are there", async || all_there(&client).await).await;
    // What deletes.
    merge(&client, &json!({"spec": {"ingress": null, "server": {"serviceAccountName": "own"}}})).await;
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    eventually("its own service account goes", async || accounts.get_opt("vision").await.unwrap().is_none())
        .await;
    // What tells the same again.
    for _ in 0..2 {
        merge(&client, &json!({"spec": {"cache": {"memory": "2Gi"}}})).await;
        ready_is(&client, "False", "InvalidMemory").await;
        merge(&client, &json!({"spec": {"cache": {"memory": null}}})).await;
        ready_is(&client, "False", "PodsNotReady").await;
    }
    let unused = || rights::unused(&rules, &plane.requests_of(LIMITED));
    let used = until(Duration::from_secs(60), async || unused().is_empty()).await;
    assert!(used, "not used: {:?}", unused());
    assert_eq!(rights::denied(&plane.requests_of(LIMITED)), Vec::<String>::new());
}
