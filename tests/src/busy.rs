//! A server with one predicting thread, and what keeps it busy.

use crate::examples::iris;
use crate::http::Answer;
use crate::server::{Server, Setup};
use crate::{archives, eventually, onnx};
use serde_json::json;
use std::sync::Arc;
use tokio::task::{JoinHandle, JoinSet};

/// A model that answers a number with a row of its table; there are four.
pub const TABLE: &str = "table.tar.gz";
const BEGUN: &str = "berth_compute_wait_seconds_count";
/// The metric of the requests that wait for the thread.
pub const WAITING: &str = "berth_compute_queue_length";
/// What happens while the only thread is busy may come too late for it; then it is tried again.
pub const ROUNDS: usize = 30;

/// A server with one predicting thread.
pub async fn server(flags: &[(&str, &str)]) -> (Arc<Server>, tempfile::TempDir) {
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
pub async fn occupy(server: &Arc<Server>) -> JoinHandle<Answer> {
    occupy_with(server, 60_000).await
}

/// The same with so many rows: the more, the longer.
pub async fn occupy_with(server: &Arc<Server>, rows: usize) -> JoinHandle<Answer> {
    let begun = server.metric(BEGUN).await;
    let rows = vec!["[5.1,3.5,1.4,0.2]"; rows].join(",");
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

/// The same while the thread is busy. What keeps it busy is answered too.
pub async fn beside_a_busy_one(server: &Arc<Server>, model: &'static str, bodies: &[String]) -> Vec<Answer> {
    let busy = occupy(server).await;
    let answers = together(server, model, bodies).await;
    let kept = busy.await.expect("an answer");
    assert_eq!(kept.status, 200, "{}", kept.show());
    answers
}

/// Flowers of which no two are alike.
pub fn flowers(count: usize) -> Vec<String> {
    let flower = |n: usize| {
        let x = n as f64 / 10.0;
        json!({ "instances": [[4.5 + x, 2.0 + x / 2.0, 1.0 + x, 0.1 + x / 3.0]] }).to_string()
    };
    (0..count).map(flower).collect()
}
