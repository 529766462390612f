//! Requests beyond what the server can do: refused at once, before their bodies, and in a way that their clients can read. And streams,
//! which end with their deadlines.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_server::grpc::proto::inference::{ModelInferRequest, ModelInferResponse, ModelStreamInferResponse};
use berth_server::grpc::proto::tensorflow::serving::{PredictRequest, PredictResponse};
use berth_tests::busy::{ROUNDS, WAITING, beside_a_busy_one, flowers, occupy, occupy_with, server};
use berth_tests::eventually;
use berth_tests::examples::iris;
use berth_tests::grpc;
use berth_tests::http::Answer;
use berth_tests::raw::{Exchange, Step, exchange};
use berth_tests::s3::{Fault, S3};
use berth_tests::server::{Server, Setup};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Most that an answer may take that waits for nothing.
const BOUND: Duration = Duration::from_secs(10);
/// Where invocations of one model go, as each protocol has it.
const PATHS: [&str; 5] = [
    "/endpoints/berth/invocations",
    "/endpoints/berth/invocations-response-stream",
    "/models/iris/invoke",
    "/v1/models/iris:predict",
    "/v2/models/iris/infer",
];
const EXPECT: &str = "expect: 100-continue\r\n";

#[tokio::test]
async fn too_many_requests_are_refused_at_once() {
    let (server, _models) = server(&[("--compute-queue", "4"), ("--model-queue", "3")]).await;
    for _ in 0..ROUNDS {
        let busy = occupy(&server).await;
        let begun = Instant::now();
        let mut refused = Vec::new();
        let mut requests = JoinSet::new();
        for body in flowers(10) {
            let server = server.clone();
            requests.spawn(async move { server.invoke(iris().name, body).await });
        }
        while let Some(answer) = requests.join_next().await {
            let answer = answer.expect("an answer");
            match answer.status.as_u16() {
                200 => {}
                503 => refused.push((answer, busy.is_finished(), begun.elapsed())),
                _ => panic!("{}", answer.show()),
            }
        }
        assert_eq!(busy.await.expect("an answer").status, 200);
        for (answer, _, _) in &refused {
            assert_eq!(
                (answer.error_type(), answer.reason().as_str()),
                ("ServiceUnavailable", "ModelOverloaded")
            );
            assert_eq!(answer.header("retry-after"), "1");
        }
        if refused.len() == 7
            && refused.iter().all(|(_, late, after)| !late && *after < Duration::from_secs(1))
        {
            let counted = server.metric(r#"berth_compute_refusals_total{reason="ModelQueueFull"}"#).await;
            assert!(counted >= 7.0, "{counted}");
            iris().check(&server.invoke(iris().name, iris().request).await);
            return;
        }
    }
    panic!("requests beyond the queue were never refused while the thread was busy");
}

/// The server knows what its models cost: whoever would wait for longer than is allowed is told so.
#[tokio::test]
async fn a_wait_that_would_be_too_long_is_refused() {
    let (server, _models) = server(&[("--max-queue-wait", "1ms")]).await;
    for _ in 0..ROUNDS {
        let answers = beside_a_busy_one(&server, iris().name, &flowers(200)).await;
        let refused: Vec<&Answer> = answers.iter().filter(|a| a.status != 200).collect();
        for answer in &refused {
            assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (503, "WaitTooLong"));
            assert_eq!(answer.header("retry-after"), "1");
        }
        if !refused.is_empty() {
            return;
        }
    }
    panic!("two hundred requests never waited for a millisecond");
}

/// The line and headers of a request whose body is to come.
fn head(path: &str, model: &str, length: usize, more: &str) -> Vec<u8> {
    let line = format!("POST {path} HTTP/1.1\r\nhost: x\r\nx-amzn-sagemaker-target-model: {model}\r\n");
    format!("{line}content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n").into_bytes()
}

/// How a request goes whose body never comes: until it is asked for, or the server ends the connection.
async fn without_body(server: &Server, head: Vec<u8>) -> Exchange {
    exchange(server.address(), vec![Step::Send(head, 1)], BOUND, |went| went.statuses() == [100]).await
}

/// Fails unless a connection ended with one answer that says so.
fn assert_closed(went: &Exchange, status: u16) {
    let told = String::from_utf8_lossy(&went.received).to_ascii_lowercase();
    assert_eq!(went.statuses(), [status], "{told}");
    assert!(went.closed && told.contains("connection: close"), "{told}");
    assert_eq!(told.contains("retry-after: 1"), status == 503, "{told}");
}

/// While the queue is full nobody sends a body in vain, over any protocol.
#[tokio::test]
async fn whoever_would_be_refused_is_told_before_the_body() {
    let (server, _models) = server(&[("--compute-queue", "1")]).await;
    // Each of them asks for the body, and waits for it, while there is room.
    for path in PATHS {
        let went = without_body(&server, head(path, iris().name, 1000, EXPECT)).await;
        assert_eq!(went.statuses(), [100], "{path}");
    }
    for _ in 0..ROUNDS {
        let busy = occupy_with(&server, 500_000).await;
        let waits = tokio::spawn({
            let server = server.clone();
            async move { server.invoke(iris().name, iris().request).await }
        });
        let came = || async { busy.is_finished() || server.metric(WAITING).await >= 1.0 };
        eventually("a request waits", came).await;
        let mut told = Vec::new();
        for path in PATHS {
            for more in [EXPECT, ""] {
                told.push(without_body(&server, head(path, iris().name, 1 << 20, more)).await);
            }
        }
        // If it were read, the one would be of no model that there is, the other of none at all.
        let request = ModelInferRequest { model_name: "none".to_owned(), ..ModelInferRequest::default() };
        let infer = "inference.GRPCInferenceService/ModelInfer";
        let inferred = grpc::call::<ModelInferResponse>(server.address(), infer, &request).await;
        let predict = "tensorflow.serving.PredictionService/Predict";
        let predicted =
            grpc::call::<PredictResponse>(server.address(), predict, &PredictRequest::default()).await;
        let in_time = !busy.is_finished();
        assert_eq!(busy.await.unwrap().status, 200);
        waits.await.unwrap();
        if in_time {
            told.iter().for_each(|went| assert_closed(went, 503));
            assert_eq!((inferred.unwrap_err().code, predicted.unwrap_err().code), (14, 14));
            iris().check(&server.invoke(iris().name, iris().request).await);
            return;
        }
    }
    panic!("the thread was never busy for long enough");
}

/// What comes until a text does.
async fn said(stream: &mut TcpStream, text: &str) -> String {
    let mut came = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&came).contains(text) {
            assert_ne!(stream.read_buf(&mut came).await.unwrap(), 0, "the connection ended");
        }
    };
    let in_time = tokio::time::timeout(BOUND, reading).await;
    let came = String::from_utf8_lossy(&came).into_owned();
    assert!(in_time.is_ok(), "no {text:?} in {came:?}");
    came
}

/// A model that failed is not tried again for a while, and no body is read for it. What is small is thrown away, so that the connection
/// can be used again; what is large ends it, and the client reads why.
#[tokio::test]
async fn bodies_for_a_model_that_failed_are_not_waited_for() {
    const BROKEN: &str = "broken.tar.gz";
    let models = tempfile::tempdir().unwrap();
    std::fs::write(models.path().join(BROKEN), "no archive").unwrap();
    let server = Setup::directory(models.path()).start().await;
    let path = "/endpoints/berth/invocations";
    for (length, more) in [(1000, EXPECT), (1 << 20, EXPECT), (1 << 20, "")] {
        let mut told = Vec::new();
        // A second later it is tried again, after the body.
        for _ in 0..ROUNDS {
            assert_eq!(server.invoke(BROKEN, "[]").await.status, 424);
            let went = without_body(&server, head(path, BROKEN, length, more)).await;
            told = went.statuses();
            if told == [424] {
                assert_closed(&went, 424);
                break;
            }
        }
        assert_eq!(told, [424], "{length} {more:?}");
    }
    // A model that is not there is looked for anew each time.
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&head("/models/none/invoke", "", 1000, "")).await.unwrap();
        let answer = said(&mut stream, "\"}").await;
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("connection: close"), "{answer}");
        stream.write_all(&[b' '; 1000]).await.unwrap();
    }
    stream.write_all(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    said(&mut stream, "HTTP/1.1 200").await;
    for _ in 0..5 {
        let answer = server.invoke(BROKEN, vec![b' '; 20 << 20]).await;
        assert_eq!(answer.status, 424, "{}", answer.show());
    }
}

/// A request is taken however large it is where none waits; behind it those that fit.
#[tokio::test]
async fn the_bytes_that_wait_are_bounded() {
    let (server, _models) = server(&[("--queue-bytes", "1KiB")]).await;
    for _ in 0..ROUNDS {
        // What keeps the thread busy is a megabyte, and was taken all the same.
        let answers = beside_a_busy_one(&server, iris().name, &flowers(40)).await;
        let refused: Vec<&Answer> = answers.iter().filter(|a| a.status != 200).collect();
        for answer in &refused {
            assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (503, "Overloaded"));
            assert!(answer.header("retry-after") == "1" && answer.show().contains("--queue-bytes"));
        }
        if !refused.is_empty() && refused.len() < answers.len() {
            let counted = async |reason: &str| {
                server.metric(&format!("berth_compute_refusals_total{{reason=\"{reason}\"}}")).await
            };
            assert!(
                counted("QueueBytesFull").await + counted("ModelQueueBytesFull").await
                    >= refused.len() as f64
            );
            assert_eq!(server.metric("berth_compute_queue_bytes").await, 0.0);
            return;
        }
    }
    panic!("forty requests at once never were too many bytes");
}

/// A stream's deadline is that of each of its requests, and ends it.
#[tokio::test]
async fn a_deadline_reaches_the_requests_of_a_stream() {
    let key = "models/iris.tar.gz";
    let s3 = S3::start().await;
    s3.put(key, iris().archive).await;
    s3.fault(key, Fault::Hold { after: 100 });
    let server = Setup::s3(&s3, "s3://models/").start().await;
    let request = ModelInferRequest { model_name: "iris".to_owned(), ..ModelInferRequest::default() };
    let stream = async |headers: &[(&str, &str)], open: bool| {
        let method = "inference.GRPCInferenceService/ModelStreamInfer";
        let begun = Instant::now();
        let answered = grpc::streamed(server.address(), method, headers, &request, open).await;
        let (answers, code): (Vec<ModelStreamInferResponse>, u32) = answered;
        // Without a deadline a request waits for its model for a minute.
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        (answers.into_iter().map(|a| a.error_message).collect::<Vec<_>>(), code)
    };
    for (header, open, code) in [
        (("grpc-timeout", "300m"), false, 0),
        (("x-request-timeout-ms", "300"), false, 0),
        (("grpc-timeout", "300m"), true, 4),
    ] {
        let (told, ended) = stream(&[header], open).await;
        assert!(told.len() == 1 && told[0].contains("deadline passed"), "{told:?}");
        assert_eq!(ended, code, "{header:?}");
    }
    assert_eq!(stream(&[("grpc-timeout", "300m"), ("triton_grpc_error", "true")], false).await, (vec![], 4));
    s3.release(key);
    let (told, code) = stream(&[("grpc-timeout", "9S")], false).await;
    assert!(code == 0 && told.len() == 1 && !told[0].contains("deadline") && !told[0].is_empty(), "{told:?}");
}
