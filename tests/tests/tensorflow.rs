//! TensorFlow Serving's REST and gRPC: what its clients send and get, answers by TensorFlow, errors in its words.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "tensorflow/json.rs"]
mod json;
#[path = "tensorflow/models.rs"]
mod models;

use berth_tests::server::{Server, Setup};
use berth_tests::{examples, python, repository};
use hyper::Method;
use serde_json::{Value, json};

/// What the biggest request of these tests needs.
const MAX_BODY: &str = "24MiB";

async fn start(models: &tempfile::TempDir) -> Server {
    models::write(models.path());
    Setup::directory(models.path()).flag("--max-body", MAX_BODY).start().await
}

/// A recorded request: under its HTTP method the path, what it `sends`, and the `status` and `body` to come, which may be the
/// `answer` of TensorFlow with some name, an `error` of these words, or one that `says` this among other things.
async fn check(server: &Server, answers: &Value, case: &Value) -> Result<(), String> {
    let methods = ["GET", "POST", "DELETE"];
    let found = methods.iter().find_map(|method| Some((*method, case[*method].as_str()?)));
    let (method, path) = found.ok_or("it has no method")?;
    let sends = case["sends"].as_str().unwrap_or_default().to_owned();
    let answer = server.send(method.parse::<Method>().unwrap(), path, &[], sends).await?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let got = json::lenient(&body)?;
    let error = got["error"].as_str().filter(|_| got.as_object().is_some_and(|o| o.len() == 1));
    let as_wanted = match (&case["answer"], &case["body"], &case["error"], &case["says"]) {
        (Value::String(name), ..) => json::same(&got, &answers[name]),
        (_, _, Value::String(text), _) => error == Some(text),
        (_, _, _, Value::String(text)) => error.is_some_and(|error| error.contains(text)),
        (_, wanted, ..) => json::same(&got, wanted),
    };
    let is_json = answer.header("content-type") == "application/json";
    if answer.status.as_u16() == case["status"] && as_wanted && is_json {
        return Ok(());
    }
    Err(format!("{case}\n    got {} {body:.300}", answer.status))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_requests_get_their_status_and_their_answer() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let read = |name: &str| json::lenient(&String::from_utf8(models::fixture(name)).unwrap()).unwrap();
    let (answers, cases) = (read("answers.json"), read("requests.json"));
    let cases = cases.as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(why) = check(&server, &answers, case).await {
            wrong.push(why);
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 125, "requests are missing");
    println!("{} REST requests answered as recorded", cases.len());
    assert!(server.is_alive().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_example_is_answered_bit_by_bit_as_over_sagemakers_protocol() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let iris = examples::iris();
    let answer =
        server.send(Method::POST, "/v1/models/iris:predict", &[], iris.request.clone()).await.unwrap();
    iris.check(&answer);
    let other = server.invoke("iris.tar.gz", iris.request).await;
    assert_eq!(answer.body, other.body);
}

/// `[[1, 1, …]]` of about so many bytes, and how many ones there are.
fn ones(bytes: usize) -> (String, usize) {
    let many = bytes / 4;
    let ones = vec!["1.0"; many].join(",");
    (format!("{{\"signature_name\": \"large\", \"inputs\": [[{ones}]]}}"), many)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_read_and_larger_ones_refused() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    for bytes in [6_000_000, 20_000_000] {
        let (body, many) = ones(bytes);
        let answer = server.send(Method::POST, "/v1/models/full:predict", &[], body).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({ "outputs": [many as f64] })),
            "{bytes}"
        );
    }
    let deep = format!("{{\"instances\": {}", "[".repeat(100_000));
    let answer = server.send(Method::POST, "/v1/models/full:predict", &[], deep).await.unwrap();
    assert_eq!(answer.status, 400, "{}", answer.show());
    assert!(answer.json()["error"].as_str().unwrap().contains("too deep"), "{}", answer.show());
    let (body, _) = ones(26 << 20);
    let answer = server.send(Method::POST, "/v1/models/full:predict", &[], body).await.unwrap();
    assert_eq!(answer.status, 413, "{}", answer.show());
    let error = answer.json();
    assert!(error["error"].as_str().unwrap().contains("larger than the limit"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_loads_nothing_and_a_loaded_version_is_told() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let states = async |path: &str| server.send(Method::GET, path, &[], "").await.unwrap().json();
    let available = |number: &str| json!({ "version": number, "state": "AVAILABLE", "status": { "error_code": "OK", "error_message": "" } });
    let before = states("/v1/models/versions").await;
    assert_eq!(before, json!({ "model_version_status": [available("1")] }), "nobody has looked into it");
    assert_eq!(states("/v1/models/versions/versions/7").await["model_version_status"][0]["state"], "UNKNOWN");
    assert_eq!(server.metric("berth_models_resident").await, 0.0);
    let asked = server.send(Method::POST, "/v1/models/versions:predict", &[], r#"{"instances": [1]}"#).await;
    assert_eq!(asked.unwrap().json(), json!({ "predictions": [5.0] }));
    let after = states("/v1/models/versions").await;
    let all = json!({ "model_version_status": [available("10"), available("2"), available("1")] });
    assert_eq!(after, all, "the highest first");
    assert_eq!(
        server.metric("berth_models_resident").await,
        1.0,
        "the others are loaded when they are asked for"
    );
    let asked = server.send(Method::POST, "/v1/models/broken:predict", &[], r#"{"instances": [1]}"#).await;
    assert_eq!(asked.unwrap().status, 400);
    let of_label = server.send(Method::GET, "/v1/models/labelled/labels/stable", &[], "").await.unwrap();
    assert_eq!(of_label.status, 400, "nobody knows its labels yet: {}", of_label.show());
    let asked =
        server.send(Method::POST, "/v1/models/labelled/labels/stable:predict", &[], r#"{"instances": [1]}"#);
    assert_eq!(asked.await.unwrap().json(), json!({ "predictions": [2.0] }));
    let of_label = states("/v1/models/labelled/labels/stable").await;
    assert_eq!(of_label, json!({ "model_version_status": [available("1")] }));
    let failed = states("/v1/models/broken").await["model_version_status"][0].clone();
    assert_eq!(
        (&failed["state"], &failed["status"]["error_code"]),
        (&json!("END"), &json!("FAILED_PRECONDITION"))
    );
    assert!(!failed["status"]["error_message"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_models_of_their_own_in_memory() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let predict = async |version: &str| {
        let path = format!("/v1/models/versions{version}:predict");
        server.send(Method::POST, &path, &[], r#"{"instances": [1]}"#).await.unwrap().json()
    };
    assert_eq!(predict("/versions/10").await, json!({ "predictions": [5.0] }));
    assert_eq!(
        server.metric("berth_models_resident").await,
        1.0,
        "the served version by its number is no other"
    );
    assert_eq!(predict("/versions/1").await, json!({ "predictions": [2.0] }));
    assert_eq!(server.metric("berth_models_resident").await, 2.0);
    assert_eq!(predict("").await, json!({ "predictions": [5.0] }));
    assert_eq!(server.metric("berth_models_on_disk").await, 1.0, "one archive");
    let listed = server.models().await["models"].as_array().unwrap().clone();
    let old = listed.iter().find(|m| m["version"] == 1).unwrap();
    assert_eq!((&old["name"], &old["state"]), (&json!("versions.tar.gz"), &json!("Resident")));
    server.post("/unload?model=versions.tar.gz").await;
    assert_eq!(server.metric("berth_models_resident").await, 0.0, "with all its versions");
    // A version that cannot be loaded takes none of the others with it.
    let path = |version: &str| format!("/v1/models/canary{version}:predict");
    let body = r#"{"instances": [1]}"#;
    let served = server.send(Method::POST, &path(""), &[], body).await.unwrap();
    assert_eq!(served.status, 400, "{}", served.show());
    let before = server.send(Method::POST, &path("/versions/1"), &[], body).await.unwrap();
    assert_eq!(before.json(), json!({ "predictions": [2.0] }));
    let none = server.send(Method::POST, &path("/versions/5"), &[], body).await.unwrap();
    assert_eq!(none.status, 404, "{}", none.show());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warm_up_requests_are_run_at_load_and_broken_ones_stop_nothing() {
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let cases = [
        ("versions", 10.0, "\"requests\":3"),
        ("full", 6.0, "\"requests\":6"),
        ("cold", 10.0, "not warmed up"),
        ("eager", 10.0, "more than 1000 requests"),
    ];
    for (model, wanted, logged) in cases {
        let path = format!("/v1/models/{model}:predict");
        let answer = server.send(Method::POST, &path, &[], r#"{"instances": [2]}"#).await.unwrap();
        assert_eq!(answer.json(), json!({ "predictions": [wanted] }), "{model}");
        let what = format!("{model}: the log says {logged}");
        berth_tests::eventually(&what, async || server.log_tail().contains(logged)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tensorflows_own_grpc_client_is_content() {
    let Some(python) = python::python("tensorflow-serving", &["tensorflow-serving-api==2.21.0"]) else {
        return;
    };
    let models = tempfile::tempdir().unwrap();
    let server = start(&models).await;
    let address = server.address().to_string();
    let answers = repository("tests/fixtures/tensorflow/answers.json");
    let printed = python::run(&python, "check_tensorflow.py", &[&address, answers.to_str().unwrap()]).await;
    assert!(printed.contains("calls, all as recorded"), "{printed}");
    assert!(server.is_alive().await);
}
