//! Requests that wait for a thread: those that are alike run together, those that nobody waits for do not run, those that are too many are
//! refused at once.

use berth_tests::examples::{self, distance, iris, predictions};
use berth_tests::http::Answer;
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, eventually, onnx};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::task::{JoinHandle, JoinSet};

const TABLE: &str = "table.tar.gz";
const RUNS: &str = "berth_batch_rows_count";
const BEGUN: &str = "berth_compute_wait_seconds_count";
const WAITING: &str = "berth_compute_queue_length";
/// What happens while the only thread is busy may come too late for it; then it is tried again.
const ROUNDS: usize = 30;

/// A server with one predicting thread.
async fn server(flags: &[(&str, &str)]) -> (Arc<Server>, tempfile::TempDir) {
    let models = tempfile::tempdir().expect("a temporary directory");
    let write =
        |name: &str, archive: &[u8]| std::fs::write(models.path().join(name), archive).expect("written");
    write(iris().name, &iris().archive);
    write(TABLE, &archives::pack(&[("model.onnx".to_owned(), onnx::table(4))]));
    let setup = Setup::directory(models.path()).flag("--compute-threads", 1);
    let server = flags.iter().fold(setup, |setup, (flag, value)| setup.flag(flag, value)).start().await;
    // Both are in memory, and their first runs are over.
    iris().check(&server.invoke(iris().name, iris().request).await);
    assert_eq!(server.invoke(TABLE, r#"{"instances": [0]}"#).await.status, 200);
    (Arc::new(server), models)
}

/// A request that keeps a thread busy for a while; it is at it when this returns.
async fn occupy(server: &Arc<Server>) -> JoinHandle<Answer> {
    let begun = server.metric(BEGUN).await;
    let rows = vec!["[5.1,3.5,1.4,0.2]"; 60_000].join(",");
    let (busy, body) = (server.clone(), format!("{{\"instances\":[{rows}]}}"));
    let request = tokio::spawn(async move { busy.invoke(iris().name, body).await });
    eventually("the thread is busy", || async { server.metric(BEGUN).await > begun }).await;
    request
}

/// Sends requests at the same time; the answers in their order.
async fn together(server: &Arc<Server>, model: &'static str, bodies: &[String]) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for (n, body) in bodies.iter().cloned().enumerate() {
        let server = server.clone();
        requests.spawn(async move { (n, server.invoke(model, body).await) });
    }
    let mut answers = requests.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Flowers of which no two are alike.
fn flowers(count: usize) -> Vec<String> {
    let flower = |n: usize| {
        let x = n as f64 / 10.0;
        json!({ "instances": [[4.5 + x, 2.0 + x / 2.0, 1.0 + x, 0.1 + x / 3.0]] }).to_string()
    };
    (0..count).map(flower).collect()
}

#[tokio::test]
async fn requests_that_wait_run_together_and_each_gets_its_own_answer() {
    let (server, _models) = server(&[]).await;
    let requests = flowers(40);
    let mut alone = Vec::new();
    for request in &requests {
        alone.push(predictions(&server.invoke(iris().name, request.clone()).await.body));
    }
    for _ in 0..ROUNDS {
        let before = server.metric(RUNS).await;
        let busy = occupy(&server).await;
        for (answer, alone) in together(&server, iris().name, &requests).await.iter().zip(&alone) {
            assert_eq!(answer.status, 200, "{}", answer.show());
            let apart = distance(&predictions(&answer.body), alone);
            assert!(apart < examples::EXACT, "{apart} from what it is alone");
        }
        assert_eq!(busy.await.expect("an answer").status, 200);
        if server.metric(RUNS).await - before < 30.0 {
            return;
        }
    }
    panic!("forty requests at once never ran together");
}

#[tokio::test]
async fn what_is_not_to_run_together_does_not() {
    let (server, _models) = server(&[("--batching", "off")]).await;
    let before = server.metric(RUNS).await;
    let busy = occupy(&server).await;
    for answer in together(&server, iris().name, &flowers(20)).await {
        assert_eq!(answer.status, 200, "{}", answer.show());
    }
    assert_eq!(busy.await.expect("an answer").status, 200);
    assert_eq!(server.metric(RUNS).await - before, 21.0);
}

/// A row that makes the run fail fails its own request; so does one that does not fit, and one that is no JSON.
#[tokio::test]
async fn a_bad_request_among_good_ones_fails_alone() {
    let (server, _models) = server(&[]).await;
    let bodies: Vec<String> = (0..20)
        .map(|n| match n {
            7 => r#"{"instances": [9]}"#.to_owned(),
            8 => r#"{"instances": [[1, 2]]}"#.to_owned(),
            9 => r#"{"instances": [1"#.to_owned(),
            n => json!({ "instances": [n % 4] }).to_string(),
        })
        .collect();
    let mut joined = false;
    for _ in 0..ROUNDS {
        let before = server.metric(RUNS).await;
        let busy = occupy(&server).await;
        let answers = together(&server, TABLE, &bodies).await;
        for (n, answer) in answers.iter().enumerate() {
            match n {
                7 => assert_eq!(
                    (answer.status.as_u16(), answer.error_type()),
                    (424, "ModelError"),
                    "{}",
                    answer.show()
                ),
                8 | 9 => assert_eq!(answer.status, 400, "{}", answer.show()),
                _ => {
                    let row = (n % 4) as f64 * 10.0;
                    assert_eq!(answer.status, 200, "{}", answer.show());
                    assert_eq!(predictions(&answer.body), [[row, row + 1.0]]);
                }
            }
        }
        assert_eq!(busy.await.expect("an answer").status, 200);
        joined |= server.metric(RUNS).await - before < 12.0;
        if joined {
            break;
        }
    }
    assert!(joined, "twenty requests at once never ran together");
}

#[tokio::test]
async fn a_request_whose_client_went_away_is_not_run() {
    let (server, _models) = server(&[]).await;
    for _ in 0..ROUNDS {
        let before = server.metric(RUNS).await;
        let busy = occupy(&server).await;
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.expect("the server accepts");
        let body = String::from_utf8(iris().request).expect("text");
        let head = format!(
            "POST /endpoints/berth/invocations HTTP/1.1\r\nHost: x\r\nX-Amzn-SageMaker-Target-Model: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            iris().name,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
        let came = || async { busy.is_finished() || server.metric(WAITING).await == 1.0 };
        eventually("the request waits", came).await;
        drop(stream);
        eventually("nobody waits", || async { server.metric(WAITING).await == 0.0 }).await;
        assert_eq!(busy.await.expect("an answer").status, 200);
        if server.metric(RUNS).await - before == 1.0 {
            return;
        }
    }
    panic!("a request is always run, though its client went away");
}

#[tokio::test]
async fn a_deadline_is_answered_when_it_passes_and_its_work_is_not_done() {
    let (server, _models) = server(&[]).await;
    let model = iris();
    let with = |timeout: &'static str| {
        let (server, request) = (server.clone(), model.request.clone());
        let headers = [("content-type", "application/json"), ("x-request-timeout-ms", timeout)];
        async move { server.invoke_as(iris().name, &headers, request).await }
    };
    model.check(&with("20000").await);
    assert_eq!(with("soon").await.status, 400);
    let passed = |answer: &Answer| {
        assert_eq!((answer.status.as_u16(), answer.error_type()), (424, "ModelError"), "{}", answer.show());
        assert_eq!(
            (answer.reason().as_str(), &answer.json()["OriginalStatusCode"]),
            ("DeadlineExceeded", &json!(504))
        );
    };
    passed(&with("0").await);
    for _ in 0..ROUNDS {
        let before = server.metric(RUNS).await;
        let busy = occupy(&server).await;
        let answer = with("20").await;
        // A thread that was free early answers in time; one that is expected to be busy is not waited for.
        let in_time = !busy.is_finished() && answer.status != 200 && answer.status != 503;
        assert_eq!(busy.await.expect("an answer").status, 200);
        if in_time {
            passed(&answer);
            assert_eq!(server.metric(RUNS).await - before, 1.0, "a request is run after its deadline");
            return;
        }
    }
    panic!("no answer came at its deadline while the thread was busy");
}

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
        let busy = occupy(&server).await;
        let answers = together(&server, iris().name, &flowers(200)).await;
        assert_eq!(busy.await.expect("an answer").status, 200);
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
