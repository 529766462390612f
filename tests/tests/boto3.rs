//! AWS's Python client, unmodified. From PyPI.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::archives::pack_directory;
use berth_tests::python::{self, python};
use berth_tests::server::{Server, Setup};
use berth_tests::{examples, repository};

/// Runs a script of `tests/python` against a server.
async fn check(script: &str, server: &Server) {
    let made = tokio::task::spawn_blocking(|| python("boto3", &["boto3==1.43.11"])).await;
    let Some(python) = made.unwrap() else { return };
    let root = repository("");
    python::run(&python, script, &[&server.url(), root.to_str().unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_gets_answers_and_its_own_exceptions() {
    let models = tempfile::tempdir().unwrap();
    for example in [examples::iris(), examples::cifar()] {
        std::fs::write(models.path().join(example.name), example.archive).unwrap();
    }
    std::fs::write(models.path().join("broken.tar.gz"), "no archive").unwrap();
    let server = Setup::directory(models.path()).start().await;
    check("check_boto3.py", &server).await;
}

/// Fixtures of the engine's, whose tables the script sends in each content type.
const TABLES: [&str; 11] = [
    "sklearn/forest-regression",
    "sklearn/linear",
    "sklearn/svr-rbf",
    "mxnet/net-mlp",
    "boosters/xgb-logistic",
    "boosters/lgb-regression",
    "builtins/knn-classifier",
    "builtins/knn-regressor",
    "builtins/rcf-plain",
    "mxnet/linear-binary",
    "mxnet/linear-regressor",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_sends_tables_in_each_content_type() {
    let models = tempfile::tempdir().unwrap();
    for name in TABLES {
        let dir = repository("server/engine/tests").join(name).join("model");
        std::fs::write(
            models.path().join(format!("{}.tar.gz", name.replace('/', "-"))),
            pack_directory(&dir),
        )
        .unwrap();
    }
    let server = Setup::directory(models.path()).start().await;
    check("check_tables.py", &server).await;
}
