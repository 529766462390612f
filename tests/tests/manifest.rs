//! The YAML of a cluster on one machine: what it says, what artifacts do, and what happens when it changes.

use berth_tests::examples::{self, Example};
use berth_tests::s3::{Fault, S3};
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, eventually, repository};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A row under the name that the first version of the model gives its input.
const FIRST: &str = "{\"instances\":[{\"measurements\":[5.0,3.4,1.5,0.25]}]}";
/// The same for the second version.
const SECOND: &str = "{\"instances\":[{\"measurementz\":[5.0,3.4,1.5,0.25]}]}";

/// A manifest in a directory of its own, over an S3 server.
struct World {
    s3: S3,
    iris: Example,
    dir: tempfile::TempDir,
}

impl World {
    /// The prefix `models/` holds the iris model; `other/` holds its second version as `second.tar.gz`.
    async fn new() -> Self {
        let (s3, iris) = (S3::start().await, examples::iris());
        s3.put("models/iris.tar.gz", iris.archive.clone()).await;
        s3.put("other/second.tar.gz", second(&iris)).await;
        Self { s3, iris, dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("endpoint.yaml")
    }

    /// Writes the endpoint and these artifacts, in one step.
    fn write(&self, artifacts: &[Value]) {
        let endpoint = json!({
            "apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint", "metadata": {"name": "berth"},
            "spec": {
                "models": {"uri": "s3://models/", "s3": {"endpoint": self.s3.url(), "region": "eu-test-1"}},
                "cache": {"memory": "512Mi", "disk": {"size": "1Gi"}},
                "server": {"drainSeconds": 0},
            },
        });
        let documents: Vec<String> =
            std::iter::once(&endpoint).chain(artifacts).map(ToString::to_string).collect();
        self.write_text(&documents.join("\n---\n"));
    }

    fn write_text(&self, text: &str) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(&new, self.file()).expect("in its place");
    }

    fn setup(&self) -> Setup {
        Setup::manifest(&self.file(), Some(&self.s3))
    }

    async fn start(&self, artifacts: &[Value]) -> Server {
        self.write(artifacts);
        self.setup().start().await
    }
}

fn second(iris: &Example) -> Vec<u8> {
    archives::with_input_named(&iris.archive, "measurementz")
}

fn artifact(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["endpoint"] = json!("berth");
    json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact", "metadata": {"name": name}, "spec": spec})
}

fn sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|b| format!("{b:02x}")).collect()
}

async fn report(server: &Server, model: &str) -> Value {
    server.post_json("/models/report", &json!({"models": [model]})).await.json()[0].clone()
}

async fn is_ready(server: &Server) -> bool {
    server.get("/readyz").await.status == 200
}

/// How often a changed manifest was taken or refused.
async fn reads(server: &Server, result: &str) -> f64 {
    server.metric(&format!("berth_manifest_reads_total{{result=\"{result}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_readme_serves() {
    let server = Setup::manifest(&repository("examples/kubernetes/local.yaml"), None).start().await;
    let iris = examples::iris();
    for name in ["iris.tar.gz", "flowers"] {
        iris.check(&server.invoke(name, iris.request.clone()).await);
    }
    assert_eq!(server.model("flowers").await["pinned"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_says_everything_and_a_flag_goes_before_it() {
    let world = World::new().await;
    let server = world.start(&[]).await;
    world.iris.check(&server.invoke("iris.tar.gz", world.iris.request.clone()).await);
    let summary = server.get("/summary").await.json();
    assert_eq!(summary["memory"]["budget"], 512 << 20);
    assert_eq!(summary["disk"]["budget"], 1 << 30);
    assert_eq!(
        (&summary["known"], &summary["resident"], &summary["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let url = format!("{}/endpoints/another/invocations", server.url());
    let headers = [("x-amzn-sagemaker-target-model", "iris.tar.gz"), ("content-type", "application/json")];
    let client = berth_tests::http::Client::new();
    let answer = client.send(hyper::Method::POST, &url, &headers, FIRST).await.expect("an answer");
    assert_eq!(answer.reason(), "EndpointNotFound");
    drop(server);
    let server = world.setup().flag("--memory-budget", "100MiB").start().await;
    assert_eq!(server.get("/summary").await.json()["memory"]["budget"], 100 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_models_or_with_a_wrong_manifest_it_says_what_to_do_and_ends() {
    let exit = Setup::bare().try_start().await.err().expect("it does not start");
    assert_eq!(exit.code, Some(2));
    assert!(exit.log.contains("--models") && exit.log.contains("--manifest"), "{}", exit.log);
    let world = World::new().await;
    world.write(&[artifact("a", json!({"preloadd": true}))]);
    let exit = world.setup().try_start().await.err().expect("it does not start");
    assert_eq!(exit.code, Some(2));
    let says = format!("{}, document 2: spec.preloadd", world.file().display());
    assert!(exit.log.contains(&says), "{}", exit.log);
    let exit = world.setup().flag("--kubernetes", "").try_start().await.err();
    assert!(exit.is_some(), "a flag without a value takes none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_gives_a_model_another_name_and_source_and_a_digest_that_is_checked() {
    let world = World::new().await;
    let archive = second(&world.iris);
    let source = json!({"uri": "s3://other/second.tar.gz", "sha256": sha256(&archive)});
    let server = world.start(&[artifact("nice-name", json!({"source": source}))]).await;
    eventually("the store was asked what it has", async || {
        report(&server, "nice-name").await["state"] == "Standby"
    })
    .await;
    assert_eq!(world.s3.gets("other/second.tar.gz"), 0, "and nothing was downloaded for it");
    assert_eq!(server.invoke("nice-name", SECOND).await.status, 200);
    let said = report(&server, "nice-name").await;
    let wanted = json!({
        "model": "nice-name", "state": "Resident", "sizeBytes": archive.len(),
        "digest": format!("sha256:{}", sha256(&archive)), "format": "TensorFlowSavedModel",
    });
    assert_eq!(said, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digest_serves_nothing_and_keeps_nothing_until_it_is_corrected() {
    let world = World::new().await;
    let wrong = json!({"uri": "s3://other/second.tar.gz", "sha256": "0".repeat(64)});
    let server = world.start(&[artifact("m", json!({"source": wrong}))]).await;
    let answer = server.invoke("m", SECOND).await;
    assert_eq!((answer.status.as_u16(), answer.error_type()), (424, "ModelError"), "{}", answer.show());
    assert_eq!(answer.reason(), "DigestMismatch");
    assert_eq!(server.models().await["disk"]["used"], 0);
    let said = report(&server, "m").await;
    assert_eq!((&said["state"], &said["reason"]), (&json!("Failed"), &json!("DigestMismatch")));
    assert!(said["message"].as_str().is_some_and(|m| m.contains(&sha256(&second(&world.iris)))), "{said}");
    assert_eq!(server.get("/summary").await.json()["failed"], 1);
    let right = json!({"uri": "s3://other/second.tar.gz", "sha256": sha256(&second(&world.iris))});
    world.write(&[artifact("m", json!({"source": right}))]);
    // At once, whatever the back-off of the wrong one.
    eventually("it is served", async || server.invoke("m", SECOND).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_archive_at_all_fails_by_its_digest() {
    let world = World::new().await;
    world.s3.put("other/text", b"not an archive".to_vec()).await;
    let source = json!({"uri": "s3://other/text", "sha256": "0".repeat(64)});
    let server = world.start(&[artifact("m", json!({"source": source}))]).await;
    assert_eq!(server.invoke("m", FIRST).await.reason(), "DigestMismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_preloaded_is_there_before_the_server_is_ready() {
    let world = World::new().await;
    world.s3.fault("models/iris.tar.gz", Fault::Hold { after: 100 });
    let server = world.start(&[artifact("iris.tar.gz", json!({"preload": true}))]).await;
    world.s3.held("models/iris.tar.gz").await;
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/livez").await.status, 200);
    world.s3.release("models/iris.tar.gz");
    eventually("ready", async || is_ready(&server).await).await;
    assert_eq!(server.state("iris.tar.gz").await, "Resident");
    assert_eq!(server.metric("berth_model_cache_misses_total").await, 0.0, "nobody asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preload_that_fails_does_not_hold_readiness_up_and_comes_later() {
    let world = World::new().await;
    let late = artifact("late.tar.gz", json!({"preload": true}));
    let server = world.start(std::slice::from_ref(&late)).await;
    eventually("ready all the same", async || is_ready(&server).await).await;
    let said = report(&server, "late.tar.gz").await;
    assert_eq!((&said["state"], &said["reason"]), (&json!("Failed"), &json!("ModelNotFound")));
    world.s3.put("models/late.tar.gz", world.iris.archive.clone()).await;
    eventually("it is loaded without a request", async || server.state("late.tar.gz").await == "Resident")
        .await;
    // And one that waits for ever only delays it.
    world.s3.fault("models/iris.tar.gz", Fault::Hold { after: 100 });
    world.write(&[late, artifact("iris.tar.gz", json!({"preload": true}))]);
    let server = world.setup().flag("--preload-limit", "300ms").start().await;
    eventually("ready after the limit", async || is_ready(&server).await).await;
    world.s3.release("models/iris.tar.gz");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pinned_stays_as_long_as_it_is_listed() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.s3.put(&format!("models/{name}.tar.gz"), world.iris.archive.clone()).await;
    }
    let server = world.start(&[]).await;
    assert_eq!(server.invoke("a.tar.gz", FIRST).await.status, 200);
    let one = server.model("a.tar.gz").await["bytes"].as_u64().expect("bytes");
    drop(server);
    world.write(&[artifact("iris.tar.gz", json!({"pin": true, "preload": true}))]);
    let server = world.setup().flag("--memory-budget", one * 2).start().await;
    eventually("ready", async || is_ready(&server).await).await;
    for name in ["a.tar.gz", "b.tar.gz", "c.tar.gz", "a.tar.gz"] {
        assert_eq!(server.invoke(name, FIRST).await.status, 200);
        assert_eq!(server.state("iris.tar.gz").await, "Resident");
    }
    world.write(&[]);
    eventually("it may go", async || server.model("iris.tar.gz").await["pinned"] == false).await;
    for name in ["b.tar.gz", "c.tar.gz"] {
        assert_eq!(server.invoke(name, FIRST).await.status, 200);
    }
    assert_ne!(server.state("iris.tar.gz").await, "Resident");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_manifest_is_taken_over_and_a_bad_one_leaves_what_was() {
    let world = World::new().await;
    let server = world.start(&[]).await;
    assert_eq!(server.invoke("alias", FIRST).await.reason(), "ModelNotFound");
    let alias = artifact("alias", json!({"source": {"uri": "s3://models/iris.tar.gz"}}));
    world.write(std::slice::from_ref(&alias));
    eventually("the new name is served", async || server.invoke("alias", FIRST).await.status == 200).await;
    world.write(&[alias.clone(), artifact("b", json!({"minCopies": 7}))]);
    eventually("it is refused", async || reads(&server, "refused").await == 1.0).await;
    eventually("the log says why", async || server.log_tail().contains("document 3: spec.minCopies")).await;
    assert_eq!(server.invoke("alias", FIRST).await.status, 200, "the one before stays");
    std::fs::remove_file(world.file()).expect("a file");
    eventually("no file is no manifest", async || reads(&server, "refused").await == 2.0).await;
    assert_eq!(server.invoke("alias", FIRST).await.status, 200, "the one before stays");
    world.write(&[alias, artifact("b", json!({"source": {"uri": "s3://other/second.tar.gz"}}))]);
    eventually("the corrected one counts", async || server.invoke("b", SECOND).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_like_a_mounted_config_map_changes_by_its_link() {
    let world = World::new().await;
    let mounted = world.dir.path().join("mounted");
    let version = |n: usize, artifacts: &[Value]| {
        world.write(artifacts);
        let data = mounted.join(format!("..{n}"));
        std::fs::create_dir_all(&data).expect("a directory");
        std::fs::copy(world.file(), data.join("endpoint.yaml")).expect("a copy");
        std::os::unix::fs::symlink(format!("..{n}"), mounted.join("new")).expect("a link");
        std::fs::rename(mounted.join("new"), mounted.join("..data")).expect("in its place");
    };
    version(1, &[]);
    std::os::unix::fs::symlink("..data/endpoint.yaml", mounted.join("endpoint.yaml")).expect("a link");
    let server = Setup::manifest(&mounted, Some(&world.s3)).start().await;
    assert_eq!(server.invoke("alias", SECOND).await.reason(), "ModelNotFound");
    version(2, &[artifact("alias", json!({"source": {"uri": "s3://other/second.tar.gz"}}))]);
    eventually("the new version counts", async || server.invoke("alias", SECOND).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_takes_over_in_one_step_and_the_old_version_answers_until_then() {
    let world = World::new().await;
    let server = world.start(&[]).await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200);
    world.s3.fault("other/second.tar.gz", Fault::Hold { after: 100 });
    let other = json!({"source": {"uri": "s3://other/second.tar.gz"}});
    world.write(&[artifact("iris.tar.gz", other)]);
    world.s3.held("other/second.tar.gz").await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200, "the old version goes on");
    world.s3.release("other/second.tar.gz");
    eventually("the new version answers", async || {
        let answer = server.invoke("iris.tar.gz", SECOND).await;
        assert!(answer.status == 200 || answer.error_type() == "ValidationError", "{}", answer.show());
        answer.status == 200
    })
    .await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 400, "and the old one no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_that_is_not_there_leaves_the_old_version() {
    let world = World::new().await;
    let server = world.start(&[]).await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200);
    world.write(&[artifact("iris.tar.gz", json!({"source": {"uri": "s3://other/typo.tar.gz"}}))]);
    eventually("it is reported", async || report(&server, "iris.tar.gz").await["reason"] == "ModelNotFound")
        .await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200);
    assert_eq!(report(&server, "iris.tar.gz").await["state"], "Resident");
    world.s3.put("other/typo.tar.gz", second(&world.iris)).await;
    eventually("it is tried again", async || server.invoke("iris.tar.gz", SECOND).await.status == 200).await;
}

/// Sends requests until told to stop, and gives the reasons of those that failed.
fn hammer(
    server: &Arc<Server>,
    model: &'static str,
    stop: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<(usize, Vec<String>)> {
    let (server, stop) = (server.clone(), stop.clone());
    tokio::spawn(async move {
        let (mut sent, mut failed) = (0, Vec::new());
        while !stop.load(Ordering::SeqCst) {
            let answer = server.invoke(model, FIRST).await;
            sent += 1;
            if answer.status != 200 {
                failed.push(answer.reason());
            }
        }
        (sent, failed)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_artifact_under_requests_fails_none_of_them() {
    let world = World::new().await;
    // One falls back to the prefix, the other has nothing there.
    world.s3.put("other/copy.tar.gz", world.iris.archive.clone()).await;
    let source = json!({"source": {"uri": "s3://other/copy.tar.gz"}});
    let server = world.start(&[artifact("iris.tar.gz", source.clone()), artifact("alias", source)]).await;
    let server = Arc::new(server);
    for name in ["iris.tar.gz", "alias"] {
        assert_eq!(server.invoke(name, FIRST).await.status, 200);
    }
    assert_eq!(world.s3.gets("models/iris.tar.gz"), 0);
    let stop = Arc::new(AtomicBool::new(false));
    let falls_back: Vec<_> = (0..3).map(|_| hammer(&server, "iris.tar.gz", &stop)).collect();
    let goes: Vec<_> = (0..3).map(|_| hammer(&server, "alias", &stop)).collect();
    world.write(&[]);
    eventually("the one is downloaded from the prefix", async || {
        world.s3.gets("models/iris.tar.gz") == 1 && server.state("iris.tar.gz").await == "Resident"
    })
    .await;
    eventually("the other is no model any more", async || {
        server.invoke("alias", FIRST).await.reason() == "ModelNotFound"
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    for task in falls_back {
        let (sent, failed) = task.await.expect("a client");
        assert!(sent > 0 && failed.is_empty(), "{failed:?} of {sent}");
    }
    for task in goes {
        let (_, failed) = task.await.expect("a client");
        assert!(failed.iter().all(|reason| reason == "ModelNotFound"), "{failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_restarts_does_not_take_the_prefix_for_another_source() {
    let world = World::new().await;
    let cache = tempfile::tempdir().expect("a temporary directory");
    world.write(&[]);
    let server = world.setup().cache_dir(cache.path()).start().await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200);
    server.terminate();
    assert_eq!(server.exit().await.code, Some(0));
    world.write(&[artifact("iris.tar.gz", json!({"source": {"uri": "s3://other/second.tar.gz"}}))]);
    world.s3.outage(true);
    let server = world.setup().cache_dir(cache.path()).flag("--wait-limit", "30s").start().await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.reason(), "StoreUnavailable");
    world.s3.outage(false);
    eventually("it comes from its source", async || server.invoke("iris.tar.gz", SECOND).await.status == 200)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_bounded_and_in_the_order_that_was_asked() {
    let world = World::new().await;
    let server = world.start(&[]).await;
    assert_eq!(server.invoke("iris.tar.gz", FIRST).await.status, 200);
    let asked = json!({"models": ["nobody.tar.gz", "iris.tar.gz"]});
    let said = server.post_json("/models/report", &asked).await.json();
    assert_eq!(said[0], json!({"model": "nobody.tar.gz", "state": "Unknown"}));
    assert_eq!(said[1]["state"], "Resident");
    assert_eq!(server.get("/summary").await.json()["known"], 1, "asking makes nothing known");
    for (body, status) in [
        (json!({"models": vec!["x"; 1001]}), 400),
        (json!({"models": ["../x"]}), 400),
        (json!({"models": [], "all": true}), 422),
        (json!({"models": ["x".repeat(3 << 20)]}), 413),
    ] {
        assert_eq!(server.post_json("/models/report", &body).await.status.as_u16(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_end_goes_on_serving_until_others_have_noticed() {
    let world = World::new().await;
    world.write(&[]);
    let server = world.setup().flag("--drain-delay", "60s").start().await;
    let answer = server.invoke("iris.tar.gz", FIRST).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, ""));
    let (mut sender, connection) = http2(&server).await;
    assert_eq!(multiplexed(&mut sender).await, 200);
    server.terminate();
    eventually("readiness says so", async || server.get("/readyz").await.status == 503).await;
    let answer = server.invoke("iris.tar.gz", FIRST).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
    // HTTP/2 is told to go away, and a new connection is served all the same.
    tokio::time::timeout(Duration::from_secs(30), connection).await.expect("it ends").expect("in order");
    let (mut sender, _connection) = http2(&server).await;
    assert_eq!(multiplexed(&mut sender).await, 503, "the answer of a server that drains");
    drop(sender);
    // A second signal means now.
    server.terminate();
    assert_eq!(server.exit().await.code, Some(0));
}

type Multiplexed = hyper::client::conn::http2::SendRequest<http_body_util::Empty<bytes::Bytes>>;

async fn http2(server: &Server) -> (Multiplexed, tokio::task::JoinHandle<()>) {
    let stream = tokio::net::TcpStream::connect(server.address()).await.expect("it accepts");
    let (executor, io) = (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.expect("a handshake");
    (sender, tokio::spawn(async move { connection.await.expect("no error") }))
}

/// Asks whether the server is there; the status.
async fn multiplexed(sender: &mut Multiplexed) -> u16 {
    let request =
        hyper::Request::get("http://berth/ping").body(http_body_util::Empty::new()).expect("a request");
    sender.send_request(request).await.expect("an answer").status().as_u16()
}
