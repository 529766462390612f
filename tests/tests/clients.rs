//! The clients of SageMaker's users, from PyPI, unmodified: boto3 in each retry mode, the AWS CLI, the SageMaker SDK's predictor, and
//! the endpoints of its version 3.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::examples;
use berth_tests::python::{self, python};
use berth_tests::server::Setup;
use tempfile::TempDir;

const PACKAGES: [&str; 3] = ["boto3==1.43.11", "awscli", "sagemaker<3"];
/// The part of version 3 that calls endpoints. The others train models and bring a gigabyte for it.
const VERSION_3: [&str; 1] = ["sagemaker-core==2.27.0"];

/// Names that keys have: all of them are the iris model.
const NAMES: [&str; 8] = [
    "iris.tar.gz",
    "tenant-a/iris.tar.gz",
    "a b c.tar.gz",
    "model+v=1&x,(2).tar.gz",
    "100%25.tar.gz",
    "modèle/ü.tar.gz",
    "~.tar.gz",
    "deep/er/and/deeper/still/iris.tar.gz",
];

/// The iris model by each name, and one that is broken.
fn models() -> TempDir {
    let models = tempfile::tempdir().unwrap();
    for name in NAMES {
        let file = models.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, examples::iris().archive).unwrap();
    }
    std::fs::write(models.path().join("broken.tar.gz"), "no archive").unwrap();
    models
}

/// How many calls a script says that it made.
fn calls(said: &str) -> Option<u32> {
    said.lines().rev().find_map(|line| line.strip_suffix(" calls")).and_then(|n| n.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_gets_answers_and_its_own_errors() {
    let made = tokio::task::spawn_blocking(|| python("sagemaker", &PACKAGES)).await;
    let Some(python) = made.unwrap() else { return };
    let models = models();
    std::fs::write(models.path().join("cifar.tar.gz"), examples::cifar().archive).unwrap();
    let server = Setup::directory(models.path()).start().await;
    // One request at a time: those beside it are refused.
    let busy = Setup::directory(models.path()).flag("--max-requests", 1).start().await;
    // Nobody waits for a model: the first request comes too early.
    let hasty = Setup::directory(models.path()).flag("--wait-limit", "1ms").start().await;
    let (script, names) = ("check_sagemaker.py", NAMES.join("\n"));
    let said = python::run(&python, script, &[&server.url(), &busy.url(), &hasty.url(), &names]).await;
    let calls = calls(&said);
    assert!(calls >= Some(100), "{calls:?} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_3_of_the_sdk_gets_answers_and_its_own_errors() {
    let made = tokio::task::spawn_blocking(|| python("sagemaker-v3", &VERSION_3)).await;
    let Some(python) = made.unwrap() else { return };
    let models = models();
    let server = Setup::directory(models.path()).start().await;
    let said = python::run(&python, "check_sagemaker_v3.py", &[&server.url(), &NAMES.join("\n")]).await;
    let calls = calls(&said);
    assert!(calls >= Some(40), "{calls:?} calls");
}
