//! SageMaker's container contract: what its platform says to a container in multi-model mode, and what such containers answer to people.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::http::Answer;
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, examples, repository};
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;

/// A directory as the platform leaves it: each model unpacked below a name that says nothing.
fn platform(models: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, archive) in models {
        unpack(archive, &root.path().join(name).join("model"));
    }
    root
}

fn unpack(archive: &[u8], to: &Path) {
    for (path, data) in archives::files(archive) {
        let file = to.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, data).unwrap();
    }
}

fn started(root: &Path) -> Setup {
    Setup::bare().environment("SAGEMAKER_MULTI_MODEL", "true").flag("--container-root", root.display())
}

async fn register(server: &Server, name: &str, url: &str) -> Answer {
    let body = json!({ "model_name": name, "url": url }).to_string();
    let headers = [("content-type", "application/json")];
    server.send(Method::POST, "/models", &headers, body).await.unwrap()
}

async fn call(server: &Server, method: Method, path: &str) -> Answer {
    server.send(method, path, &[], "").await.unwrap()
}

async fn invoke(server: &Server, path: &str, body: &[u8]) -> Answer {
    let headers = [("content-type", "application/json"), ("x-amzn-sagemaker-target-model", "iris.tar.gz")];
    server.send(Method::POST, path, &headers, body.to_vec()).await.unwrap()
}

/// Fails unless this is the error, in the words of MXNet Model Server.
fn assert_refused(answer: &Answer, status: u16, kind: &str, says: &str) {
    let body = answer.json();
    let message = body["message"].as_str().unwrap_or("");
    assert_eq!(
        (answer.status.as_u16(), &body["code"], &body["type"]),
        (status, &json!(status), &json!(kind)),
        "{}",
        answer.show()
    );
    assert!(message.contains(says), "{says:?} is not in {message:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_loads_invokes_and_unloads() {
    let iris = examples::iris();
    let root = platform(&[("a1b2", iris.archive.clone())]);
    let server = started(root.path()).start().await;
    let url = format!("{}/a1b2/model", root.path().display());
    assert_eq!(call(&server, Method::GET, "/ping").await.status, 200);
    assert_refused(
        &invoke(&server, "/models/a1b2/invoke", &iris.request).await,
        404,
        "ModelNotFoundException",
        "a1b2",
    );
    assert_eq!(register(&server, "a1b2", &url).await.status, 200);
    assert_eq!(server.state("a1b2").await, "Resident", "loaded when it is answered");
    assert_refused(
        &register(&server, "a1b2", &url).await,
        409,
        "ConflictStatusException",
        "Model a1b2 is already registered.",
    );
    iris.check(&invoke(&server, "/models/a1b2/invoke", &iris.request).await);
    iris.check(&invoke(&server, "/predictions/a1b2", &iris.request).await);
    let described = call(&server, Method::GET, "/models/a1b2").await.json();
    assert_eq!((&described["modelName"], &described["modelUrl"]), (&json!("a1b2"), &json!(url)));
    let wrong = invoke(&server, "/models/a1b2/invoke", b"{\"instances\": [[1,2]]}").await;
    assert_refused(&wrong, 400, "BadRequestException", "float32[N,4]");

    let deleted = call(&server, Method::DELETE, "/models/a1b2").await;
    assert_eq!(deleted.json(), json!({ "status": "Model \"a1b2\" unregistered" }));
    let memory = &server.models().await["memory"];
    assert_eq!(
        (&memory["resident"], &memory["unloading"]),
        (&json!(0), &json!(0)),
        "free when it is answered"
    );
    assert_refused(
        &call(&server, Method::DELETE, "/models/a1b2").await,
        404,
        "ModelNotFoundException",
        "a1b2",
    );
    assert_refused(
        &invoke(&server, "/models/a1b2/invoke", &iris.request).await,
        404,
        "ModelNotFoundException",
        "a1b2",
    );
    assert_eq!(register(&server, "a1b2", &url).await.status, 200, "and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_is_refused() {
    let root = platform(&[("broken", archives::pack(&[("x".to_owned(), vec![7])]))]);
    let server = started(root.path()).start().await;
    let broken = format!("{}/broken/model", root.path().display());
    assert_refused(&register(&server, "broken", &broken).await, 400, "BadRequestException", "");
    assert_refused(
        &call(&server, Method::GET, "/models/broken").await,
        404,
        "ModelNotFoundException",
        "broken",
    );
    for (url, status) in
        [("/etc", 400), ("../outside", 400), ("none/model", 404), ("", 400), ("s3://b/x", 400)]
    {
        let answer = register(&server, "b", url).await;
        assert_eq!(answer.status, status, "{url}: {}", answer.show());
    }
    for body in [
        "",
        "no JSON",
        "{}",
        "{\"model_name\": \"b\"}",
        "{\"model_name\": \"../b\", \"url\": \"a1b2/model\"}",
    ] {
        let answer = server.send(Method::POST, "/models", &[], body).await.unwrap();
        assert_refused(&answer, 400, "BadRequestException", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_that_is_unpacked_loads_and_many_at_once_load_once() {
    let root = tempfile::tempdir().unwrap();
    let model = repository("server/engine/tests/boosters/xgb-logistic/model");
    unpack(&archives::pack_directory(&model), &root.path().join("x/model"));
    std::fs::write(root.path().join("iris.tar.gz"), examples::iris().archive).unwrap();
    let server = started(root.path()).start().await;
    let outcomes = async |name: &str, url: &str| {
        let all = futures_of(8, async || register(&server, name, url).await.status.as_u16()).await;
        (all.iter().filter(|s| **s == 200).count(), all.iter().filter(|s| **s == 409).count())
    };
    assert_eq!(outcomes("x", "x/model").await, (1, 7));
    assert_eq!(outcomes("packed", "iris.tar.gz").await, (1, 7));
    let headers = [("content-type", "text/csv")];
    let answer = server.send(Method::POST, "/models/x/invoke", &headers, "1,2,3,4,5,6").await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/csv"),
        "{}",
        answer.show()
    );
    let iris = examples::iris();
    iris.check(&invoke(&server, "/models/packed/invoke", &iris.request).await);
}

/// The same, so many times at once.
async fn futures_of<T>(count: usize, one: impl AsyncFn() -> T) -> Vec<T> {
    let one = &one;
    futures_util::future::join_all((0..count).map(|_| one())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_told_until_the_platform_makes_room() {
    let iris = examples::iris();
    let root = platform(&[("a", iris.archive.clone()), ("b", iris.archive.clone())]);
    let bytes = {
        let server = started(root.path()).start().await;
        register(&server, "a", "a/model").await;
        server.model("a").await["bytes"].as_u64().unwrap()
    };
    let server = started(root.path()).flag("--memory-budget", bytes * 3 / 2).start().await;
    assert_eq!(register(&server, "a", "a/model").await.status, 200);
    assert_refused(&register(&server, "b", "b/model").await, 507, "InsufficientStorageException", "memory");
    iris.check(&invoke(&server, "/models/a/invoke", &iris.request).await);
    assert_eq!(call(&server, Method::DELETE, "/models/a").await.status, 200);
    assert_eq!(register(&server, "b", "b/model").await.status, 200);
    let small = started(root.path()).flag("--memory-budget", bytes / 2).start().await;
    assert_refused(&register(&small, "a", "a/model").await, 507, "InsufficientStorageException", "never");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_in_pages() {
    let root = platform(&[("m", examples::iris().archive)]);
    let server = started(root.path()).start().await;
    let mut names: Vec<_> = (0..205).map(|n| format!("m{n}")).collect();
    for name in &names {
        assert_eq!(register(&server, name, "m/model").await.status, 200);
    }
    names.sort();
    let page = async |query: &str| call(&server, Method::GET, &format!("/models{query}")).await.json();
    let shown = |page: &Value| -> Vec<String> {
        page["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["modelName"].as_str().unwrap().to_owned())
            .collect()
    };
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let page = page(&query).await;
        all.extend(shown(&page));
        let Some(token) = page["nextPageToken"].as_str() else { break };
        query = format!("?next_page_token={token}");
    }
    assert_eq!(all, names);
    assert_eq!(shown(&page("?limit=3&next_page_token=7").await), names[7..10]);
    assert_eq!(page("?limit=1000").await["nextPageToken"], "100");
    assert_eq!(page("?next_page_token=205").await, json!({ "models": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_its_own_answers_in_the_same_words() {
    let server = Setup::directory(&repository("examples/models")).start().await;
    let iris = examples::iris();
    for path in ["/models/iris.tar.gz/invoke", "/models/iris/invoke", "/predictions/iris", "/invocations"] {
        iris.check(&invoke(&server, path, &iris.request).await);
    }
    let list = call(&server, Method::GET, "/models?limit=1").await.json();
    assert_eq!(
        (&list["models"][0]["modelName"], &list["nextPageToken"]),
        (&json!("cifar.tar.gz"), &json!("1"))
    );
    let described = call(&server, Method::GET, "/models/cifar").await.json();
    assert_eq!((&described["modelName"], &described["status"]), (&json!("cifar.tar.gz"), &json!("Standby")));
    assert!(described["modelUrl"].as_str().unwrap().ends_with("examples/models/cifar.tar.gz"), "{described}");
    assert_refused(&call(&server, Method::GET, "/models/none").await, 404, "ModelNotFoundException", "none");
    assert_refused(&register(&server, "x", "/etc").await, 403, "ForbiddenException", "--container-root");
    assert_refused(
        &call(&server, Method::DELETE, "/models/iris").await,
        403,
        "ForbiddenException",
        "--container-root",
    );
    let large = invoke(&server, "/models/iris/invoke", &vec![b' '; 26 << 20]).await;
    assert_refused(&large, 413, "RequestEntityTooLargeException", "larger");
}
