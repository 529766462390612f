//! Berth on a real node: installed by helm, pods that run from its image, reached through a Service and an Ingress controller, while pods
//! are replaced and killed and while the API server is away.

#[path = "node/installed.rs"]
mod installed;
#[path = "node/load.rs"]
mod load;

use aws_sdk_sagemakerruntime::config::{Config, Credentials, Region, retry::RetryConfig};
use aws_sdk_sagemakerruntime::primitives::Blob;
use berth_crds::{ModelArtifact, MultiModelEndpoint};
use berth_tests::eventually;
use berth_tests::examples::{self, Example, assert_answer, predictions};
use installed::{Installed, one_at_a_time, text};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams};
use load::Load;
use serde_json::json;
use std::time::Duration;

/// What the examples' Ingress is reached by.
const HOST: &str = "vision.example.com";

/// AWS's own client, which asks once.
fn sagemaker(url: &str) -> aws_sdk_sagemakerruntime::Client {
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("any", "any", None, None, "berth-tests"))
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_sagemakerruntime::Client::from_conf(config)
}

/// Asks through a client, and compares with TensorFlow's answer.
async fn check(client: &aws_sdk_sagemakerruntime::Client, example: &Example, host: Option<&'static str>) {
    let request = client
        .invoke_endpoint()
        .endpoint_name("vision")
        .target_model(example.name)
        .content_type("application/json")
        .body(Blob::new(example.request.clone()))
        .customize();
    let request = match host {
        Some(host) => request.mutate_request(move |request| {
            request.headers_mut().insert("host", host);
        }),
        None => request,
    };
    let answer = request.send().await.unwrap_or_else(|e| panic!("{}: {e:?}", example.name));
    assert_answer(&predictions(answer.body().expect("a body").as_ref()), &example.answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_endpoint_answers_through_its_service_and_its_ingress() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("default").await;
    world.kubectl(&["apply", "-f", &text(&berth_tests::repository("examples/kubernetes/vision.yaml"))]);
    world.kubectl(&["wait", "--for=condition=Ready", "mme/vision", "--timeout=3m"]);
    let (iris, cifar) = (examples::iris(), examples::cifar());
    for example in [&iris, &cifar] {
        world.s3.put(&format!("models/vision/{}", example.name), example.archive.clone()).await;
    }
    let service = sagemaker(&world.service("vision").await);
    let ingress = sagemaker(&format!("http://{}", berth.node.ingress()));
    for example in [&iris, &cifar] {
        check(&service, example, None).await;
        check(&ingress, example, Some(HOST)).await;
    }
    // The artifact, which was not there when it was to be loaded, is found and told of.
    let artifacts: Api<ModelArtifact> = world.api();
    eventually("the artifact is loaded", || async {
        let status = artifacts.get("cifar").await.expect("the artifact").status.unwrap_or_default();
        status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
            && status.size_bytes.is_some()
            && !status.resident_on.is_empty()
    })
    .await;
    let endpoints: Api<MultiModelEndpoint> = world.api();
    eventually("the endpoint counts its models", || async {
        let status = endpoints.get("vision").await.expect("the endpoint").status.unwrap_or_default();
        status.models.is_some_and(|models| models.known >= 2 && models.resident >= 2)
    })
    .await;
    berth.helm(&["test", "berth", "--namespace", "berth-system", "--timeout", "2m"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_fails_no_request() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("rolling").await;
    let models = world.serve(3, 4).await;
    let before = world.pods().await;
    let load = Load::start(&world.service("vision").await, &models);
    let another = json!({"spec": {"cache": {"memory": "300Mi"}}});
    world.patch::<MultiModelEndpoint>("vision", &another).await;
    world
        .until("every pod is another", Duration::from_secs(400), async |world| {
            let now = world.pods().await;
            now.len() == 3
                && now.iter().all(installed::is_ready)
                && now.iter().all(|pod| before.iter().all(|old| old.metadata.uid != pod.metadata.uid))
        })
        .await;
    let told = load.end().await;
    eprintln!("rolling update of 3 pods: {told}");
    assert_eq!(told.failures, Vec::<String>::new(), "{told}");
    assert!(told.answers > 100, "{told}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_killed_takes_only_its_own_requests_with_it() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("killed").await;
    let models = world.serve(3, 4).await;
    let load = Load::start(&world.service("vision").await, &models);
    load.answered(100).await;
    let in_flight = load.in_flight();
    world.kill_server("vision-1").await;
    load.answered(600).await;
    let told = load.end().await;
    eprintln!("kill -9 of one of 3 pods, about {in_flight} requests in flight: {told}");
    // Those that are in flight to a pod that dies break; a connection that it had open may meet one more.
    assert!(told.failures.len() <= Load::CONNECTIONS, "{told}");
    world
        .until("the container is started again", Duration::from_secs(120), async |world| {
            let pods = world.pods().await;
            pods.len() == 3 && pods.iter().all(installed::is_ready)
        })
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_operator_and_api_server_requests_and_cold_models_go_on() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("outage").await;
    let models = world.serve(2, 30).await;
    let url = world.service("vision").await;
    let outage: u64 = std::env::var("BERTH_OUTAGE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20);
    berth.stop_operator().await;
    berth.node.control_plane().pause();
    // Every model is cold at first: their loads fall into the outage.
    let load = Load::start(&url, &models);
    load.lasts(Duration::from_secs(outage)).await;
    let told = load.end().await;
    berth.node.control_plane().resume();
    berth.start_operator().await;
    eprintln!("API server and operator away for {outage} s: {told}");
    assert_eq!(told.failures, Vec::<String>::new(), "{told}");
    assert_eq!(told.models, models.len(), "{told}");
    // What was asked for meanwhile is caught up with.
    world.patch::<MultiModelEndpoint>("vision", &json!({"spec": {"replicas": 1}})).await;
    world.until("it is scaled", Duration::from_secs(200), async |world| world.pods().await.len() == 1).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_told_in_words() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("broken").await;
    world.kubectl(&["delete", "secret", "s3"]);
    world.endpoint(&json!({"replicas": 1})).await;
    let endpoints: Api<MultiModelEndpoint> = world.api();
    let reason = async || {
        let status = endpoints.get("vision").await.expect("the endpoint").status?;
        status.conditions.into_iter().find(|c| c.type_ == "Ready").map(|c| (c.reason, c.message))
    };
    world
        .until("the missing Secret is told of", Duration::from_secs(120), async |_| {
            reason()
                .await
                .is_some_and(|(reason, message)| reason == "SecretNotFound" && message.contains("s3"))
        })
        .await;
    world.kubectl(&["create", "secret", "generic", "s3", "--from-literal=AWS_ACCESS_KEY_ID=test"]);
    world
        .until("the missing key is told of", Duration::from_secs(120), async |_| {
            reason().await.is_some_and(|(reason, _)| reason == "SecretIncomplete")
        })
        .await;
    let events: Api<Event> = world.api();
    let all = events.list(&ListParams::default()).await.expect("events");
    let told = |reason: &str| all.items.iter().any(|e| e.reason.as_deref() == Some(reason));
    assert!(told("SecretNotFound") && told("SecretIncomplete"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_keeps_the_pods_and_an_uninstall_keeps_what_is_the_users() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("kept").await;
    let models = world.serve(1, 1).await;
    let before = world.pods().await;
    let load = Load::start(&world.service("vision").await, &models);
    let previous = berth.previous_chart();
    for chart in [previous.as_path(), &berth_tests::repository("charts/berth")] {
        berth.install(chart).await;
    }
    berth.helm(&["uninstall", "berth", "--namespace", "berth-system", "--wait"]);
    let endpoints: Api<MultiModelEndpoint> = world.api();
    assert!(endpoints.get_opt("vision").await.expect("an answer").is_some(), "the user's object is kept");
    load.answered(50).await;
    let told = load.end().await;
    assert_eq!(told.failures, Vec::<String>::new(), "{told}");
    berth.install(&berth_tests::repository("charts/berth")).await;
    let after = world.pods().await;
    assert_eq!(before[0].metadata.uid, after[0].metadata.uid, "the same pod all along");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_that_is_deleted_fails_no_request() {
    let _alone = one_at_a_time().await;
    let Some(berth) = Installed::get().await else { return };
    let world = berth.world("listed").await;
    let models = world.serve(1, 2).await;
    let artifact = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
        "metadata": {"name": "other"}, "spec": {"endpoint": "vision", "targetModel": "m0", "pin": true}});
    world.apply::<ModelArtifact>("other", &artifact).await;
    let load = Load::start(&world.service("vision").await, &models);
    load.answered(50).await;
    let artifacts: Api<ModelArtifact> = world.api();
    artifacts.delete("other", &DeleteParams::default()).await.expect("it is deleted");
    load.answered(150).await;
    let told = load.end().await;
    assert_eq!(told.failures, Vec::<String>::new(), "{told}");
    world.end().await;
}
