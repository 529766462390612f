//! Requests that wait for a thread: those that are alike run together, those that nobody waits for do not run.

use berth_tests::busy::{ROUNDS, TABLE, WAITING, beside_a_busy_one, flowers, occupy, server};
use berth_tests::eventually;
use berth_tests::examples::{self, distance, iris, predictions};
use berth_tests::http::Answer;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

const RUNS: &str = "berth_batch_rows_count";

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
        let answers = beside_a_busy_one(&server, iris().name, &requests).await;
        for (answer, alone) in answers.iter().zip(&alone) {
            assert_eq!(answer.status, 200, "{}", answer.show());
            let apart = distance(&predictions(&answer.body), alone);
            assert!(apart < examples::EXACT, "{apart} from what it is alone");
        }
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
    for answer in beside_a_busy_one(&server, iris().name, &flowers(20)).await {
        assert_eq!(answer.status, 200, "{}", answer.show());
    }
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
        let answers = beside_a_busy_one(&server, TABLE, &bodies).await;
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
