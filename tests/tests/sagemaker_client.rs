//! AWS's own Rust client, unmodified, pointed here by endpoint URL: every answer and every error class of the runtime API.

use aws_sdk_sagemakerruntime::operation::invoke_endpoint::{
    InvokeEndpointError as Error, InvokeEndpointOutput,
};
use aws_sdk_sagemakerruntime::primitives::Blob;
use berth_tests::examples::{self, assert_answer, npy, npy_rows, predictions};
use berth_tests::s3::{Fault, S3};
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, eventually, repository};

type Outcome = Result<InvokeEndpointOutput, Error>;

/// One call: what is sent, as what, and what is wanted back.
async fn call(server: &Server, model: Option<&str>, content: &str, accept: &str, body: Vec<u8>) -> Outcome {
    let request = server
        .sagemaker()
        .invoke_endpoint()
        .endpoint_name("berth")
        .set_target_model(model.map(str::to_owned));
    let request = request.content_type(content).accept(accept).body(Blob::new(body));
    request.send().await.map_err(aws_sdk_sagemakerruntime::error::SdkError::into_service_error)
}

async fn call_json(server: &Server, model: &str, body: impl Into<Vec<u8>>) -> Outcome {
    call(server, Some(model), "application/json", "application/json", body.into()).await
}

fn body(outcome: Outcome) -> Vec<u8> {
    outcome.expect("an answer").body.expect("a body").into_inner()
}

async fn examples_server() -> Server {
    Setup::directory(&repository("examples/models")).start().await
}

/// Fails unless the error is a ValidationError that says this.
fn assert_invalid(outcome: Outcome, says: &str) {
    match outcome.expect_err("an error") {
        Error::ValidationError(e) => {
            let message = e.message().unwrap_or("");
            assert!(message.contains(says), "{says:?} is not in {message:?}");
        }
        other => panic!("not a ValidationError: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_in_every_shape_gets_tensorflows_answer() {
    let (server, iris) = (examples_server().await, examples::iris());
    let rows = "[[5.0,3.4,1.5,0.25],[5.9,2.8,4.3,1.3],[6.6,3.0,5.7,2.1]]";
    let named = "{\"signature_name\":\"serving_default\",\"instances\":[{\"measurements\":[5.0,3.4,1.5,0.25]},\
                 {\"measurements\":[5.9,2.8,4.3,1.3]},{\"measurements\":[6.6,3.0,5.7,2.1]}]}";
    for request in [format!("{{\"instances\":{rows}}}"), rows.to_owned(), named.to_owned()] {
        let answer = call_json(&server, iris.name, request).await.expect("an answer");
        assert_eq!(answer.content_type(), Some("application/json"));
        assert_eq!(answer.invoked_production_variant(), Some("AllTraffic"));
        assert_answer(&predictions(&body(Ok(answer))), &iris.answer);
    }
    for request in [format!("{{\"inputs\":{rows}}}"), format!("{{\"inputs\":{{\"measurements\":{rows}}}}}")] {
        let answer = body(call_json(&server, iris.name, request).await);
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        assert_answer(&examples::rows(&answer["outputs"]), &iris.answer);
    }
    let cifar = examples::cifar();
    let answer = body(call_json(&server, cifar.name, cifar.request).await);
    assert_answer(&predictions(&answer), &cifar.answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_commas_and_arrays_get_tensorflows_answer() {
    let (server, iris) = (examples_server().await, examples::iris());
    let rows = [[5.0, 3.4, 1.5, 0.25], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.7, 2.1]].map(|r| r.to_vec());
    let text = |r: &Vec<f64>| r.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = rows.iter().map(|r| format!("[{}]", text(r))).collect();
    let commas: Vec<String> = rows.iter().map(text).collect();
    for (content, request) in [
        ("application/jsonlines", lines.join("\n").into_bytes()),
        ("text/csv", commas.join("\r\n").into_bytes()),
        ("application/x-npy", npy(&rows)),
    ] {
        let answer = body(call(&server, Some(iris.name), content, "application/json", request).await);
        assert_answer(&predictions(&answer), &iris.answer);
    }
    let answer = call(&server, Some(iris.name), "application/x-npy", "application/x-npy", npy(&rows)).await;
    assert_eq!(answer.as_ref().expect("an answer").content_type(), Some("application/x-npy"));
    assert_answer(&npy_rows(&body(answer)), &iris.answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_validation_errors_that_say_what_was_expected() {
    let server = Setup::directory(&repository("examples/models")).flag("--endpoint", "berth").start().await;
    let iris = "iris.tar.gz";
    assert_invalid(call_json(&server, iris, "{\"instances\": [[1,2").await, "JSON");
    assert_invalid(call_json(&server, iris, "{\"instances\": [[1,2]]}").await, "float32[N,4]");
    assert_invalid(call_json(&server, iris, "{\"instances\": [{\"petals\": 1}]}").await, "measurements");
    assert_invalid(call_json(&server, iris, "{\"instances\": [[\"a\",1,1,1]]}").await, "float32");
    assert_invalid(call_json(&server, "none.tar.gz", "[[1]]").await, "none.tar.gz");
    assert_invalid(call_json(&server, "../iris.tar.gz", "[[1]]").await, "not valid");
    assert_invalid(call(&server, None, "application/json", "*/*", b"[]".to_vec()).await, "TargetModel");
    assert_invalid(call(&server, Some(iris), "image/png", "*/*", b"[]".to_vec()).await, "image/png");
    assert_invalid(call(&server, Some(iris), "text/csv", "image/png", b"[]".to_vec()).await, "image/png");
    let elsewhere = server.sagemaker().invoke_endpoint().endpoint_name("elsewhere").target_model(iris);
    let outcome = elsewhere.body(Blob::new("[]")).send().await;
    assert_invalid(
        outcome.map_err(aws_sdk_sagemakerruntime::error::SdkError::into_service_error),
        "elsewhere",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_artifact_is_a_model_error_with_all_its_members() {
    let models = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(models.path().join("broken.tar.gz"), b"no archive at all").expect("a file");
    let server = Setup::directory(models.path()).start().await;
    match call_json(&server, "broken.tar.gz", "[[1]]").await.expect_err("an error") {
        Error::ModelError(e) => {
            assert_eq!(e.original_status_code(), Some(500));
            assert!(e.original_message().is_some_and(|m| m.contains("archive")), "{e:?}");
            assert!(e.message().is_some_and(|m| m.contains("broken.tar.gz")), "{e:?}");
            assert!(e.log_stream_arn().is_some_and(|a| a.starts_with("berth:berth:")), "{e:?}");
        }
        other => panic!("not a ModelError: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_load_is_not_ready_and_goes_on() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put("models/iris.tar.gz", iris.archive.clone()).await;
    s3.fault("models/iris.tar.gz", Fault::Hold { after: 1000 });
    let server = Setup::s3(&s3, "s3://models/").flag("--wait-limit", "300ms").start().await;
    let outcome = call_json(&server, iris.name, iris.request.clone()).await;
    assert!(matches!(outcome, Err(Error::ModelNotReadyException(_))), "{outcome:?}");
    assert_eq!(server.state(iris.name).await, "Downloading");
    s3.held("models/iris.tar.gz").await;
    s3.release("models/iris.tar.gz");
    eventually("the load ends", async || server.state(iris.name).await == "Resident").await;
    let answer = body(call_json(&server, iris.name, iris.request.clone()).await);
    assert_answer(&predictions(&answer), &iris.answer);
    assert_eq!(s3.gets("models/iris.tar.gz"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_service_unavailable_and_says_when_to_come_back() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put("models/iris.tar.gz", iris.archive.clone()).await;
    s3.fault("models/iris.tar.gz", Fault::Hold { after: 0 });
    let server = Setup::s3(&s3, "s3://models/").flag("--max-requests", 1).start().await;
    let refused = async {
        s3.held("models/iris.tar.gz").await;
        let outcome = call_json(&server, iris.name, iris.request.clone()).await;
        let plain = server.invoke(iris.name, iris.request.clone()).await;
        s3.release("models/iris.tar.gz");
        (outcome, plain)
    };
    let (first, (outcome, plain)) =
        tokio::join!(call_json(&server, iris.name, iris.request.clone()), refused);
    assert_answer(&predictions(&body(first)), &iris.answer);
    assert!(matches!(outcome, Err(Error::ServiceUnavailable(_))), "{outcome:?}");
    assert_eq!((plain.status.as_u16(), plain.reason().as_str()), (503, "Overloaded"));
    assert!(plain.header("retry-after").parse::<u32>().is_ok_and(|s| s >= 1), "{}", plain.show());
    assert!(plain.header("x-amz-retry-after").parse::<u32>().is_ok_and(|ms| ms > 0), "{}", plain.show());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_an_internal_dependency_exception() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put("models/iris.tar.gz", iris.archive.clone()).await;
    s3.put("models/denied.tar.gz", iris.archive.clone()).await;
    s3.fault("models/denied.tar.gz", Fault::Deny);
    let server = Setup::s3(&s3, "s3://models/").start().await;
    let outcome = call_json(&server, "denied.tar.gz", iris.request.clone()).await;
    assert!(matches!(outcome, Err(Error::InternalDependencyException(_))), "{outcome:?}");
    s3.outage(true);
    let outcome = call_json(&server, iris.name, iris.request.clone()).await;
    assert!(matches!(outcome, Err(Error::InternalDependencyException(_))), "{outcome:?}");
    // Back again, it serves once the back-off is over.
    s3.outage(false);
    eventually("the store is asked again", async || {
        call_json(&server, iris.name, iris.request.clone()).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_an_internal_failure() {
    let (s3, iris) = (S3::start().await, examples::iris());
    s3.put("models/iris.tar.gz", iris.archive.clone()).await;
    let server = Setup::s3(&s3, "s3://models/").start().await;
    // A file where the directory was stops writes even for root, whom permissions do not.
    let staging = server.cache_dir().join("staging");
    std::fs::remove_dir(&staging).expect("an empty directory");
    std::fs::write(&staging, b"").expect("a file");
    let outcome = call_json(&server, iris.name, iris.request.clone()).await;
    assert!(matches!(outcome, Err(Error::InternalFailure(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_serves_names_with_folders_and_odd_letters() {
    let (s3, iris) = (S3::start().await, examples::iris());
    let names = ["tenant-a/iris.tar.gz", "job-123/output/model.tar.gz", "a b+c%20d.tgz", "plain.tar"];
    for name in names {
        let archive = if name.ends_with(".tar") {
            archives::tar(&archives::files(&iris.archive))
        } else {
            iris.archive.clone()
        };
        s3.put(&format!("models/eu/{name}"), archive).await;
    }
    let server = Setup::s3(&s3, "s3://models/eu").start().await;
    for name in names {
        let answer = body(call_json(&server, name, iris.request.clone()).await);
        assert_answer(&predictions(&answer), &iris.answer);
    }
}
