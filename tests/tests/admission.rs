//! A real kube-apiserver takes the definitions and the example, and refuses what cannot work, saying why.

use berth_crds::{ModelArtifact, MultiModelEndpoint, custom_resource_definitions};
use berth_tests::cluster::{self, ControlPlane};
use berth_tests::{eventually, repository};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

/// A client of the shared API server, which knows the definitions.
async fn prepared() -> Option<(&'static ControlPlane, Client)> {
    let cluster = tokio::task::spawn_blocking(cluster::shared).await.expect("the start does not panic")?;
    let client = cluster.client().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in custom_resource_definitions() {
        let name = definition.name_any();
        let params = PatchParams::apply("tests").force();
        definitions.patch(&name, &params, &Patch::Apply(&definition)).await.expect("the definition is taken");
        eventually("the definition is established", || async {
            let conditions = definitions.get(&name).await.ok().and_then(|d| d.status?.conditions);
            conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Established" && c.status == "True"))
        })
        .await;
    }
    Some((cluster, client))
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(berth_crds::GROUP, berth_crds::VERSION, kind);
    Api::namespaced_with(client.clone(), "default", &ApiResource::from_gvk(&kind))
}

/// Asks whether an object would be taken.
async fn verdict(client: &Client, object: &Value) -> Result<DynamicObject, String> {
    let kind = object["kind"].as_str().expect("a kind");
    let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match api(client, kind).create(&params, &object).await {
        Ok(taken) => Ok(taken),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(other) => panic!("no verdict: {other}"),
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "berth.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn endpoint(change: impl Fn(&mut Value)) -> Value {
    let mut spec = json!({"models": {"uri": "s3://models/vision/"}});
    change(&mut spec);
    object("MultiModelEndpoint", "vision", &spec)
}

fn artifact(change: impl Fn(&mut Value)) -> Value {
    let mut spec = json!({"endpoint": "vision"});
    change(&mut spec);
    object("ModelArtifact", "cifar", &spec)
}

#[tokio::test]
async fn the_example_is_taken_and_gets_its_defaults() {
    let Some((_, client)) = prepared().await else { return };
    let text = std::fs::read_to_string(repository("examples/kubernetes/vision.yaml")).expect("the example");
    for document in text.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).expect("YAML");
        verdict(&client, &object).await.expect("the example is taken");
    }
    let least = verdict(&client, &endpoint(|_| ())).await.expect("the least endpoint is taken");
    assert_eq!(least.data["spec"]["replicas"], 1);
    assert_eq!(least.data["spec"]["server"]["resources"]["limits"]["memory"], "4Gi");
    assert_eq!(least.data["spec"]["cache"], json!({"mode": "Enabled", "disk": {"size": "10Gi"}}));
    let least = verdict(&client, &artifact(|_| ())).await.expect("the least artifact is taken");
    assert_eq!(
        least.data["spec"],
        json!({"endpoint": "vision", "preload": false, "pin": false, "minCopies": 1})
    );
}

/// Sets a field, whose path is written with dots.
fn set(path: &str, value: Value) -> impl Fn(&mut Value) {
    move |spec| {
        let mut at = &mut *spec;
        for part in path.split('.') {
            at = &mut at[part];
        }
        *at = value.clone();
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_a_reason() {
    let Some((_, client)) = prepared().await else { return };
    let e = |path: &str, value: Value| endpoint(set(path, value));
    let a = |path: &str, value: Value| artifact(set(path, value));
    let named = |name: &str| object("MultiModelEndpoint", name, &json!({"models": {"uri": "s3://models/"}}));
    let set_both = |spec: &mut Value| {
        spec["preload"] = json!(true);
        spec["minCopies"] = json!(101);
    };
    let digest = "0123456789abcdef".repeat(4);
    let cases = [
        (object("MultiModelEndpoint", "vision", &json!({})), "spec.models: Required value"),
        (named(&"v".repeat(49)), "at most 48 lower-case letters"),
        (named("9lives"), "begin with a letter"),
        (named("a.b"), "at most 48 lower-case letters"),
        (e("models.uri", json!("")), "spec.models.uri"),
        (e("models.uri", json!("models/vision")), "must be s3://bucket/prefix/"),
        (e("models.uri", json!("https://models.example.com/")), "must be s3://bucket/prefix/"),
        (e("models.uri", json!("s3://Upper/case/")), "must be s3://bucket/prefix/"),
        (e("models", json!({"uri": "/models", "s3": {}})), "s3 is for a uri that starts with s3://"),
        (e("models.s3", json!({"endpoint": "minio:9000"})), "must be http://host[:port]"),
        (e("models.s3", json!({"endpoint": "http://user:secret@minio"})), "without credentials"),
        (e("models.s3", json!({"region": "us east"})), "must be a region's name"),
        (e("models.s3", json!({"credentialsSecretRef": {"name": ""}})), "credentialsSecretRef.name"),
        (e("models.s3", json!({"credentialsSecretRef": {}})), "credentialsSecretRef.name: Required value"),
        (e("replicas", json!(-1)), "greater than or equal to 0"),
        (e("replicas", json!(1001)), "less than or equal to 1000"),
        (e("replicas", json!("two")), "must be of type integer"),
        (e("cache", json!({"mode": "Sometimes"})), "supported values: \"Enabled\", \"Disabled\""),
        (e("cache", json!({"memory": "much"})), "spec.cache.memory"),
        (e("cache", json!({"memory": "-1Gi"})), "spec.cache.memory"),
        (e("cache", json!({"disk": {"size": "0"}})), "spec.cache.disk.size"),
        (e("server", json!({"device": "TPU"})), "supported values: \"CPU\", \"CUDA\""),
        (e("server", json!({"resources": {"requests": {"memory": "1Gi"}}})), "limits.memory must be set"),
        (e("server", json!({"image": ""})), "spec.server.image"),
        (e("server", json!({"requestDeadlineSeconds": 0})), "greater than or equal to 1"),
        (e("server", json!({"drainSeconds": 601})), "less than or equal to 600"),
        (e("server", json!({"podTemplate": "nodeSelector"})), "must be of type object"),
        (e("ingress", json!({"tlsSecretName": "tls"})), "tlsSecretName needs host"),
        (e("ingress", json!({"host": "http://models"})), "must be a host name"),
        (object("ModelArtifact", "cifar", &json!({})), "spec.endpoint: Required value"),
        (a("endpoint", json!("")), "spec.endpoint"),
        (a("targetModel", json!("../cifar.tar.gz")), "must be a relative path"),
        (a("targetModel", json!("/cifar.tar.gz")), "must be a relative path"),
        (a("targetModel", json!("a//b.tar.gz")), "must be a relative path"),
        (a("source", json!({})), "needs uri, sha256 or both"),
        (a("source", json!({"uri": "s3://models/prefix/"})), "must be s3://bucket/key of one archive"),
        (a("source", json!({"sha256": digest.to_uppercase()})), "64 lower-case hexadecimal digits"),
        (a("source", json!({"sha256": "abc"})), "spec.source.sha256"),
        (a("minCopies", json!(2)), "minCopies above 1 needs preload: true"),
        (a("targetModel", json!("a\nb")), "must be a relative path"),
        (artifact(set_both), "less than or equal to 100"),
        (a("minCopies", json!(0)), "greater than or equal to 1"),
    ];
    for (object, reason) in cases {
        let told = verdict(&client, &object).await.err().unwrap_or_else(|| panic!("taken: {object}"));
        assert!(told.contains(reason), "{object}\nis refused with: {told}\nnot with: {reason}");
    }
}

#[tokio::test]
async fn what_must_not_change_does_not() {
    let Some((_, client)) = prepared().await else { return };
    let endpoints: Api<MultiModelEndpoint> = Api::namespaced(client.clone(), "default");
    let artifacts: Api<ModelArtifact> = Api::namespaced(client.clone(), "default");
    let (create, merge) = (PostParams::default(), PatchParams::default());
    let disk = json!({"disk": {"size": "5Gi", "storageClassName": "fast"}});
    let mut first = endpoint(set("cache", disk));
    first["metadata"]["name"] = json!("fixed");
    endpoints.create(&create, &serde_json::from_value(first).expect("an endpoint")).await.expect("created");
    let mut second = artifact(set("targetModel", json!("cifar.tar.gz")));
    second["metadata"]["name"] = json!("fixed");
    artifacts.create(&create, &serde_json::from_value(second).expect("an artifact")).await.expect("created");
    let refused = [
        (json!({"cache": {"disk": {"storageClassName": "slow"}}}), "storageClassName cannot change"),
        (json!({"cache": {"disk": {"storageClassName": null}}}), "storageClassName cannot change"),
        (json!({"cache": {"disk": {"size": "6Gi"}}}), "size cannot change"),
    ];
    for (spec, reason) in refused {
        let told = endpoints
            .patch("fixed", &merge, &Patch::Merge(json!({"spec": spec})))
            .await
            .expect_err("refused");
        assert!(told.to_string().contains(reason), "{told}");
    }
    for (spec, reason) in [
        (json!({"endpoint": "other"}), "endpoint cannot change"),
        (json!({"targetModel": "other.tar.gz"}), "targetModel cannot change"),
        (json!({"targetModel": null}), "targetModel cannot change"),
    ] {
        let told = artifacts
            .patch("fixed", &merge, &Patch::Merge(json!({"spec": spec})))
            .await
            .expect_err("refused");
        assert!(told.to_string().contains(reason), "{told}");
    }
    let scaled = json!({"spec": {"replicas": 3}});
    let scaled =
        endpoints.patch_scale("fixed", &merge, &Patch::Merge(scaled)).await.expect("the scale subresource");
    assert_eq!(scaled.spec.and_then(|s| s.replicas), Some(3));
}

/// Pods list the artifacts of their own endpoint only.
#[tokio::test]
async fn artifacts_are_selected_by_endpoint() {
    let Some((cluster, client)) = prepared().await else { return };
    let artifacts: Api<ModelArtifact> = Api::namespaced(client, "default");
    for (name, endpoint) in [("one", "left"), ("two", "right"), ("three", "left")] {
        let spec = json!({"endpoint": endpoint});
        let made = serde_json::from_value(object("ModelArtifact", name, &spec)).expect("an artifact");
        artifacts.create(&PostParams::default(), &made).await.expect("created");
    }
    let wanted = kube::api::ListParams::default().fields("spec.endpoint=left");
    let mut names: Vec<String> =
        artifacts.list(&wanted).await.expect("a list").iter().map(kube::ResourceExt::name_any).collect();
    names.sort();
    assert_eq!(names, ["one", "three"]);
    let noted = cluster.requests();
    assert!(noted.iter().any(|r| r.verb == "create"
        && r.object_ref.as_ref().is_some_and(|o| o.name == "three" || o.resource == "modelartifacts")));
}
