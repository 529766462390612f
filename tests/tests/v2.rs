//! The Open Inference Protocol by its clients, unmodified, and what no client sends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_server::grpc::proto::health::{HealthCheckRequest, HealthCheckResponse};
use berth_server::grpc::proto::inference::model_infer_request::InferInputTensor;
use berth_server::grpc::proto::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, RepositoryIndexRequest,
    RepositoryIndexResponse,
};
use berth_tests::archives::{pack, packed_models};
use berth_tests::cluster::tools::GRPCURL;
use berth_tests::cluster::unless_missing;
use berth_tests::grpc::{self, Refused};
use berth_tests::http::Answer;
use berth_tests::python::{self, python};
use berth_tests::repository;
use berth_tests::server::{Server, Setup};
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const CLIENTS: [&str; 3] = ["tritonclient[grpc,http]==2.73.0", "kserve==0.21.0", "ml_dtypes==0.5.4"];
/// Calls that each script makes at least.
const CALLS: [usize; 2] = [220, 60];

/// A directory of the models that the tests use.
fn models() -> tempfile::TempDir {
    let models = packed_models(&["tests/recorded/models", "tests/fixtures/v2"]);
    let dense = models.path().join("dense.tar.gz");
    std::fs::create_dir(models.path().join("tenant-a")).unwrap();
    for name in ["modèle ü.tar.gz", "tenant-a/dense.tar.gz"] {
        std::fs::copy(&dense, models.path().join(name)).unwrap();
    }
    std::fs::write(models.path().join("broken.tar.gz"), "no archive").unwrap();
    models
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_get_right_answers() {
    let made = tokio::task::spawn_blocking(|| python("v2", &CLIENTS)).await;
    let Some(python) = made.unwrap() else { return };
    let models = models();
    let server = Setup::directory(models.path()).environment("BERTH_REPOSITORY_API", "true").start().await;
    let (url, admin) = (server.url(), server.admin_url());
    for (script, least) in ["check_v2.py", "check_kserve.py"].into_iter().zip(CALLS) {
        let printed = python::run(&python, script, &[&url, &admin]).await;
        let calls: usize = printed.trim().strip_suffix(" calls").unwrap().parse().unwrap();
        assert!(calls >= least, "{calls} calls only");
    }
    assert!(server.is_alive().await);
}

async fn get(server: &Server, path: &str) -> Answer {
    server.send(Method::GET, path, &[], "").await.unwrap()
}

async fn post(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> Answer {
    server.send(Method::POST, path, headers, body).await.unwrap()
}

/// Fails unless this is an error of the protocol.
fn assert_error(answer: &Answer, status: u16, text: &str) {
    let told = answer.json();
    let told = told["error"].as_str().unwrap_or_else(|| panic!("no error: {}", answer.show()));
    assert!(answer.status == status && told.contains(text), "{} for {status} {text}", answer.show());
}

#[tokio::test]
async fn what_no_client_sends_is_refused() {
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    let row = json!({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]});
    let row = row.to_string();
    let infer = "/v2/models/dense/infer";
    let length = "inference-header-content-length";
    for (header, text) in [
        ("-1", "Unable to parse"),
        ("x", "Unable to parse"),
        ("99999999999999999999", "Unable to parse"),
        ("1000", "inference header size should be in range (0, "),
        ("10", "Unable to parse 'inputs'"),
    ] {
        assert_error(&post(&server, infer, &[(length, header)], row.clone()).await, 400, text);
    }
    let raw: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    for (cut, text) in [(&raw[..15], "Expected 16, got 15"), (&raw[..12], "Expected 16, got 12")] {
        assert_error(&post(&server, infer, &[(length, "0")], cut.to_vec()).await, 400, text);
    }
    let pair = post(&server, "/v2/models/pair/infer", &[(length, "0")], raw.clone()).await;
    assert_error(&pair, 400, "Raw request must only have 1 input");
    let bare = post(&server, infer, &[(length, "0")], raw).await;
    assert_eq!(bare.status, 200, "{}", bare.show());
    assert_error(&get(&server, "/v2/models/dense/infer").await, 405, "Method Not Allowed");
    assert_error(&post(&server, "/v2/models/dense/ready", &[], "").await, 405, "Method Not Allowed");
    assert_error(&post(&server, "/v2/health/live", &[], "").await, 405, "Method Not Allowed");
    assert_error(&get(&server, "/v2/models/%ff/ready").await, 400, "names no model");
    assert_error(&get(&server, "/v2/nothing").await, 404, "there is nothing at");
    assert_error(
        &post(&server, "/v2/models/dense/versions/x/infer", &[], row.clone()).await,
        404,
        "version x is not found",
    );
    assert!(server.is_alive().await);
}

/// Models are listed, loaded and unloaded by administrators, unless a flag says otherwise.
#[tokio::test]
async fn the_repository_is_on_the_admin_port() {
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    for path in ["/v2/repository/index", "/v2/repository/models/dense/load"] {
        assert_error(&post(&server, path, &[], "").await, 404, "--repository-api");
    }
    let index = |answer: Answer| -> Vec<Value> { answer.json().as_array().unwrap().clone() };
    let ready = json!({"ready": true});
    assert!(index(server.post_json("/v2/repository/index", &ready).await).is_empty());
    assert_eq!(server.post("/v2/repository/models/tenant-a/dense/load").await.status, 200);
    let loaded = index(server.post_json("/v2/repository/index", &ready).await);
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    assert_eq!((&loaded[0]["name"], &loaded[0]["state"]), (&json!("tenant-a/dense.tar.gz"), &json!("READY")));
    assert_eq!(server.post("/v2/repository/models/tenant-a/dense/unload").await.status, 200);
    assert!(index(server.post_json("/v2/repository/index", &ready).await).is_empty());
    let all = index(server.post("/v2/repository/index").await);
    assert!(all.iter().any(|m| m["name"] == "broken.tar.gz" && m["state"] == "UNAVAILABLE"), "{all:?}");
    assert_error(
        &server.post_json("/v2/repository/index", &json!({"ready": 1})).await,
        400,
        "expected a boolean",
    );
    assert_error(&server.post("/v2/repository/models/none/load").await, 404, "unknown model: 'none'");
}

/// Whoever waits for a model to be ready must not wait for ever: it is loaded on demand.
#[tokio::test]
async fn readiness_loads_nothing() {
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    assert_eq!(get(&server, "/v2/models/dense/ready").await.status, 200);
    assert_eq!(server.state("dense.tar.gz").await, "");
    assert_error(&get(&server, "/v2/models/none/ready").await, 400, "not ready");
    // Nobody knows that it is broken until it was tried.
    assert_eq!(get(&server, "/v2/models/broken/ready").await.status, 200);
    assert_error(&get(&server, "/v2/models/broken").await, 500, "failed to load 'broken'");
    assert_error(&get(&server, "/v2/models/broken/ready").await, 400, "not ready");
}

/// A request with values in typed fields.
fn typed(model: &str, floats: Vec<f32>) -> ModelInferRequest {
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, 4],
        contents: Some(InferTensorContents { fp32_contents: floats, ..InferTensorContents::default() }),
        ..InferInputTensor::default()
    };
    ModelInferRequest { model_name: model.to_owned(), inputs: vec![input], ..ModelInferRequest::default() }
}

#[tokio::test]
async fn grpc_answers_as_it_was_asked() {
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    let infer = "inference.GRPCInferenceService/ModelInfer";
    let row = vec![1.0, 2.0, 3.0, 4.0];
    let answer: ModelInferResponse =
        grpc::call(server.address(), infer, &typed("dense", row.clone())).await.unwrap();
    let values = answer.outputs[0].contents.as_ref().unwrap();
    assert_eq!((&values.fp32_contents[..], answer.raw_output_contents.len()), (&[9.0, 12.5, 1.5][..], 0));
    let mut raw = typed("dense", vec![]);
    raw.inputs[0].contents = None;
    raw.raw_input_contents = vec![row.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into()];
    let answer: ModelInferResponse = grpc::call(server.address(), infer, &raw).await.unwrap();
    assert_eq!((answer.raw_output_contents[0].len(), &answer.outputs[0].contents), (12, &None));
    let refused = grpc::call::<ModelInferResponse>(server.address(), infer, &typed("dense", vec![1.0])).await;
    assert_eq!(refused.unwrap_err().code, 3);
    let refused = grpc::call::<ModelInferResponse>(server.address(), infer, &typed("none", row)).await;
    let Refused { code, message } = refused.unwrap_err();
    assert_eq!((code, message.as_str()), (5, "Request for unknown model: 'none' is not found"));
    let index = "inference.GRPCInferenceService/RepositoryIndex";
    let refused =
        grpc::call::<RepositoryIndexResponse>(server.address(), index, &RepositoryIndexRequest::default())
            .await;
    assert_eq!(refused.unwrap_err().code, 7);
}

#[tokio::test]
async fn health_is_that_of_the_server() {
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    for (service, wanted) in [
        ("", Ok(1)),
        ("inference.GRPCInferenceService", Ok(1)),
        ("grpc.health.v1.Health", Ok(1)),
        ("inference.Nothing", Err(5)),
    ] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer =
            grpc::call::<HealthCheckResponse>(server.address(), "grpc.health.v1.Health/Check", &request)
                .await;
        assert_eq!(answer.map(|a| a.status).map_err(|e| e.code), wanted, "{service}");
    }
}

/// An archive of two versions: the highest answers, the other by its number.
#[tokio::test]
async fn versions_answer_by_their_numbers() {
    let models = tempfile::tempdir().unwrap();
    let version = |model: &str, number: u64| {
        let file = repository("tests/recorded/models").join(model).join("model.onnx");
        (format!("{number}/model.onnx"), std::fs::read(file).unwrap())
    };
    let archive = pack(&[version("dense", 2), version("same_FP32", 5)]);
    std::fs::write(models.path().join("two.tar.gz"), archive).unwrap();
    let server = Setup::directory(models.path()).start().await;
    let metadata = get(&server, "/v2/models/two").await.json();
    assert_eq!(
        (&metadata["versions"], &metadata["inputs"][0]["shape"]),
        (&json!(["2", "5"]), &json!([-1, 3]))
    );
    let metadata = get(&server, "/v2/models/two/versions/2").await.json();
    assert_eq!((&metadata["versions"], &metadata["inputs"][0]["shape"]), (&json!(["2"]), &json!([-1, 4])));
    for (path, width, number) in [("two", 3, "5"), ("two/versions/5", 3, "5"), ("two/versions/2", 4, "2")] {
        let data = vec![1; width];
        let row = json!({"inputs": [{"name": "x", "shape": [1, width], "datatype": "FP32", "data": data}]});
        let answer = post(&server, &format!("/v2/models/{path}/infer"), &[], row.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["model_version"]),
            (200, &json!(number)),
            "{path}"
        );
        let statistics = get(&server, &format!("/v2/models/{path}/stats")).await.json();
        assert_eq!(statistics["model_stats"][0]["version"], number, "{path}");
        assert_eq!(get(&server, &format!("/v2/models/{path}/ready")).await.status, 200, "{path}");
    }
    assert_error(&get(&server, "/v2/models/two/versions/3").await, 404, "'two' version 3 is not found");
    assert_error(&get(&server, "/v2/models/two/versions/3/ready").await, 400, "not ready");
    let index = server.post("/v2/repository/index").await.json();
    let listed = |n: usize| (&index[n]["version"], &index[n]["state"]);
    assert_eq!((listed(0), listed(1)), ((&json!("5"), &json!("READY")), (&json!("2"), &json!("READY"))));
    assert_eq!(server.post("/v2/repository/models/two/unload").await.status, 200);
    let ready = server.post_json("/v2/repository/index", &json!({"ready": true})).await.json();
    assert_eq!(ready, json!([]));
}

/// What grpcurl prints of a call, with nothing but the server's address to know the services by.
async fn grpcurl(program: &Path, server: &Server, arguments: &[&str]) -> String {
    let (data, call) = arguments.split_at(arguments.len() - 1);
    let mut command = Command::new(program);
    command.arg("-plaintext").args(data).arg(server.address().to_string()).args(call);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcurl_learns_the_services() {
    let built = tokio::task::spawn_blocking(|| GRPCURL.path()).await.unwrap();
    let Some(program) = unless_missing(built) else { return };
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    let services = grpcurl(&program, &server, &["list"]).await;
    for service in ["grpc.health.v1.Health", "inference.GRPCInferenceService"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let request = json!({"model_name": "dense", "inputs": [
        {"name": "x", "datatype": "FP32", "shape": [1, 4], "contents": {"fp32_contents": [1, 2, 3, 4]}}]});
    let call = ["-d", &request.to_string(), "inference.GRPCInferenceService/ModelInfer"];
    let answer: Value = serde_json::from_str(&grpcurl(&program, &server, &call).await).unwrap();
    assert_eq!(answer["outputs"][0]["contents"]["fp32Contents"], json!([9, 12.5, 1.5]));
    let health = grpcurl(&program, &server, &["grpc.health.v1.Health/Check"]).await;
    assert!(health.contains("SERVING"), "{health}");
}
