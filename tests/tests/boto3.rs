//! AWS's Python client, unmodified. Installs it from PyPI into `target/` the first time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::archives::pack_directory;
use berth_tests::server::{Server, Setup};
use berth_tests::{examples, repository};
use std::process::{Command, Output};

const VERSION: &str = "boto3==1.43.11";

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A Python that has boto3: made once.
fn python() -> Result<std::path::PathBuf, String> {
    let venv = repository("target/python-venv");
    let python = venv.join("bin/python");
    if run(Command::new(&python).args(["-c", "import boto3"])).is_err() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", VERSION]))?;
    }
    Ok(python)
}

/// Runs a script of `tests/python` against a server; without Python it says so.
async fn check(script: &str, server: &Server) {
    let python = match python() {
        Ok(python) => python,
        Err(why) if std::env::var_os("CI").is_none() => {
            println!("SKIPPED: needs python3 with venv and boto3 from PyPI: {why}");
            return;
        }
        Err(why) => panic!("needs python3 with venv and boto3 from PyPI: {why}"),
    };
    let mut check = Command::new(python);
    check.arg(repository("tests/python").join(script)).arg(server.url()).arg(repository(""));
    let checked = tokio::task::spawn_blocking(move || run(&mut check)).await.unwrap();
    println!("{}", String::from_utf8_lossy(&checked.unwrap().stdout));
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
