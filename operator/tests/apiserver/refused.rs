//! Manifests that the API server refuses, each with what it must say.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

/// Sets a field by its path, or removes it.
fn with(mut manifest: Value, changes: &[(&str, Value)]) -> Value {
    for (path, value) in changes {
        let mut at = &mut manifest;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() && value.is_null() {
                at.as_object_mut().unwrap().remove(part);
                break;
            }
            if !at[part].is_object() && parts.peek().is_some() {
                at[part] = json!({});
            }
            at = &mut at[part];
        }
        if !value.is_null() {
            *at = value.clone();
        }
    }
    manifest
}

fn endpoint(changes: &[(&str, Value)]) -> Value {
    let base = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint",
        "metadata": {"name": "vision"}, "spec": {"models": {"uri": "s3://models/vision/"}}});
    with(base, changes)
}

fn artifact(changes: &[(&str, Value)]) -> Value {
    let base = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
        "metadata": {"name": "cifar"}, "spec": {"endpoint": "vision"}});
    with(base, changes)
}

fn table() -> Vec<(Value, &'static str)> {
    let e = |path: &str, value: Value| endpoint(&[(path, value)]);
    let a = |path: &str, value: Value| artifact(&[(path, value)]);
    vec![
        (e("metadata.name", json!("3d")), "begin with a letter"),
        (e("metadata.name", json!("a.b")), "lower-case letters"),
        (e("metadata.name", json!("a".repeat(49))), "at most 48"),
        (e("spec.replicas", json!(-1)), "greater than or equal to 0"),
        (e("spec.replicas", json!(1001)), "less than or equal to 1000"),
        (e("spec.replicas", json!("two")), "must be of type integer"),
        (e("spec.models", Value::Null), "Required value"),
        (e("spec.models.uri", json!("gs://models/x")), "must be s3://bucket/prefix/"),
        (e("spec.models.uri", json!("s3://B/x")), "must be s3://bucket/prefix/"),
        (e("spec.models.uri", json!("models")), "absolute directory"),
        (
            endpoint(&[("spec.models.uri", json!("/models")), ("spec.models.s3.region", json!("a"))]),
            "s3 is for a uri",
        ),
        (e("spec.models.s3.endpoint", json!("minio:9000")), "must be http://host"),
        (e("spec.models.s3.endpoint", json!("http://key:secret@minio")), "without credentials"),
        (e("spec.models.s3.region", json!("US East")), "a region's name"),
        (e("spec.models.s3.credentialsSecretRef", json!({})), "Required value"),
        (e("spec.cache.mode", json!("Sometimes")), "supported values"),
        (e("spec.cache.memory", json!("6 GB")), "should match"),
        (e("spec.cache.memory", json!(-1)), "greater than or equal to 0"),
        (e("spec.cache.disk.size", json!("big")), "should match"),
        (e("spec.server.device", json!("TPU")), "supported values"),
        (e("spec.server.resources", json!({"limits": {"cpu": 2}})), "limits.memory must be set"),
        (e("spec.server.requestDeadlineSeconds", json!(0)), "greater than or equal to 1"),
        (e("spec.server.drainSeconds", json!(601)), "less than or equal to 600"),
        (e("spec.server.podTemplate", json!("x")), "must be of type object"),
        (e("spec.ingress.tlsSecretName", json!("tls")), "needs host"),
        (e("spec.ingress.host", json!("http://x")), "must be a host name"),
        (e("spec.unknown", json!(1)), "unknown field"),
        (a("spec.endpoint", Value::Null), "Required value"),
        (a("spec.targetModel", json!("/etc/passwd")), "relative path"),
        (a("spec.targetModel", json!("a/../b")), "relative path"),
        (a("spec.targetModel", json!("a\nb")), "relative path"),
        (a("spec.source", json!({})), "needs uri, sha256 or both"),
        (a("spec.source.uri", json!("s3://bucket")), "must be s3://bucket/key"),
        (a("spec.source.sha256", json!("A".repeat(64))), "64 lower-case"),
        (a("spec.minCopies", json!(2)), "needs preload"),
        (
            artifact(&[("spec.minCopies", json!(101)), ("spec.preload", json!(true))]),
            "less than or equal to 100",
        ),
    ]
}

/// Rules of what must not change: before, after, what is said.
fn transitions() -> Vec<(Value, Value, &'static str)> {
    let disk = |size: &str, class: &str| {
        endpoint(&[("spec.cache.disk", json!({"size": size, "storageClassName": class}))])
    };
    let target = |name: &str| artifact(&[("spec.targetModel", json!(name))]);
    vec![
        (disk("5Gi", "a"), disk("5Gi", "b"), "storageClassName cannot change"),
        (disk("5Gi", "a"), disk("6Gi", "a"), "size cannot change"),
        (disk("5Gi", "a"), endpoint(&[]), "storageClassName cannot change"),
        (target("a"), target("b"), "targetModel cannot change"),
        (target("a"), artifact(&[]), "targetModel cannot change"),
        (artifact(&[]), artifact(&[("spec.endpoint", json!("other"))]), "endpoint cannot change"),
    ]
}

fn api(client: &Client, manifest: &Value) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("berth.dev", "v1alpha1", manifest["kind"].as_str().unwrap());
    Api::default_namespaced_with(client.clone(), &ApiResource::from_gvk(&kind))
}

async fn apply(client: &Client, manifest: &Value) -> Result<DynamicObject, kube::Error> {
    let name = manifest["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("test").force().validation_strict();
    api(client, manifest).patch(name, &parameters, &Patch::Apply(manifest)).await
}

/// Created, not applied: applying reports another error where a type is wrong.
async fn create(client: &Client, manifest: &Value) -> Result<DynamicObject, kube::Error> {
    let plural = format!("{}s", manifest["kind"].as_str().unwrap().to_lowercase());
    let path = format!("/apis/berth.dev/v1alpha1/namespaces/default/{plural}?fieldValidation=Strict");
    let request = http::Request::post(path).header("content-type", "application/json");
    client.request(request.body(manifest.to_string().into_bytes()).unwrap()).await
}

fn says(result: Result<DynamicObject, kube::Error>, words: &str, what: &Value) {
    let refused = result.err().unwrap_or_else(|| panic!("taken: {what}")).to_string();
    assert!(refused.to_lowercase().contains(&words.to_lowercase()), "{what}: {refused}");
}

/// All of them.
pub async fn check(client: &Client) {
    let table = table();
    assert!(table.len() >= 30);
    for (manifest, words) in table {
        says(create(client, &manifest).await, words, &manifest);
    }
    for (before, after, words) in transitions() {
        let name = before["metadata"]["name"].as_str().unwrap();
        apply(client, &before).await.unwrap();
        says(apply(client, &after).await, words, &after);
        api(client, &before).delete(name, &kube::api::DeleteParams::default()).await.unwrap();
    }
    // And what keeps the rules is taken, with its defaults.
    let taken = apply(client, &endpoint(&[])).await.unwrap();
    assert_eq!(taken.data["spec"]["cache"]["disk"]["size"], "10Gi");
    assert_eq!(taken.data["spec"]["replicas"], 1);
    apply(client, &artifact(&[("spec.targetModel", json!("tenant-a/x.tar.gz"))])).await.unwrap();
}
