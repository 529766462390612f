//! What is told of an artifact and of the models of an endpoint.

use super::{artifacts, cluster, create, endpoint, endpoints, marked, operator, settled};
use axum::routing::{get, post};
use axum::{Json, Router};
use berth_crds::ModelArtifact;
use berth_tests::eventually;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn an_artifact_tells_what_keeps_it() {
    let Some((plane, client)) = cluster().await else { return };
    let _operator = operator(&plane, "first");
    let artifact: ModelArtifact = serde_json::from_value(json!({"apiVersion": "berth.dev/v1alpha1",
        "kind": "ModelArtifact", "metadata": {"name": "cifar"}, "spec": {"endpoint": "vision"}}))
    .unwrap();
    artifacts(&client).create(&PostParams::default(), &artifact).await.unwrap();
    let reason = async || {
        let status = artifacts(&client).get("cifar").await.unwrap().status?;
        status.conditions.into_iter().find(|c| c.type_ == "Ready").map(|c| c.reason)
    };
    eventually("no endpoint", async || reason().await.as_deref() == Some("EndpointNotFound")).await;
    endpoints(&client).create(&PostParams::default(), &endpoint(&json!({}))).await.unwrap();
    eventually("no pod", async || reason().await.as_deref() == Some("EndpointNotReady")).await;
    endpoints(&client).delete("vision", &DeleteParams::default()).await.unwrap();
    eventually("no endpoint again", async || reason().await.as_deref() == Some("EndpointNotFound")).await;
}

/// A pod's admin port, whose one model is loaded when the flag says so.
async fn admin_port(loaded: Arc<AtomicBool>) -> u16 {
    let numbers = json!({"known": 7, "resident": 1, "failed": 0, "memory": {"budget": 9, "resident": 3},
        "disk": {"budget": 9, "used": 3}});
    let report = move |Json(asked): Json<Value>| {
        let state = if loaded.load(Ordering::SeqCst) { "Resident" } else { "Loading" };
        let of = |model: &Value| json!({"model": model, "state": state, "sizeBytes": 42, "format": "Onnx"});
        let reports: Vec<Value> = asked["models"].as_array().unwrap().iter().map(of).collect();
        async move { Json(reports) }
    };
    let routes = Router::new()
        .route("/summary", get(async move || Json(numbers.clone())))
        .route("/models/report", post(report));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    port
}

#[tokio::test]
async fn what_the_pods_say_becomes_the_statuses() {
    let Some((plane, client)) = cluster().await else { return };
    let loaded = Arc::new(AtomicBool::new(false));
    let port = admin_port(Arc::clone(&loaded)).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod = json!({"metadata": {"name": "vision-0", "labels": {"berth.dev/endpoint": "vision"}},
        "spec": {"containers": [{"name": "server", "image": "i", "ports": [{"name": "admin", "containerPort": port}]}]}});
    create(pods.clone(), pod).await;
    let up = json!({"status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("vision-0", &PatchParams::default(), &Patch::Merge(&up)).await.unwrap();
    let _operator = settled(&plane, &client).await;
    let artifact = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
        "metadata": {"name": "cifar"}, "spec": {"endpoint": "vision", "preload": true}});
    create(artifacts(&client), artifact).await;
    let status = async || artifacts(&client).get("cifar").await.unwrap().status.unwrap_or_default();
    let is = async |kind: &str, wanted: &str| {
        status().await.conditions.iter().any(|c| c.type_ == kind && c.status == wanted)
    };
    eventually("it is on its way", async || {
        is("ArtifactAvailable", "True").await && is("Ready", "False").await
    })
    .await;
    loaded.store(true, Ordering::SeqCst);
    eventually("it is loaded", async || is("Loaded", "True").await && is("Ready", "True").await).await;
    let known = status().await;
    assert_eq!((known.size_bytes, known.format.as_deref()), (Some(42), Some("Onnx")));
    assert_eq!(known.resident_on, ["vision-0"]);
    let counts = endpoints(&client).get("vision").await.unwrap().status.unwrap().models.unwrap();
    assert_eq!((counts.known, counts.resident, counts.failed), (7, 1, 0));
    // The pods are asked every second, and nothing changes any more.
    let before = marked(&client, &plane, "a").await;
    assert_eq!(before, marked(&client, &plane, "b").await);
}
