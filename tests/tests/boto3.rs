//! AWS's Python client, unmodified. Installs it from PyPI into `target/` the first time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::server::Setup;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_gets_answers_and_its_own_exceptions() {
    let python = match python() {
        Ok(python) => python,
        Err(why) if std::env::var_os("CI").is_none() => {
            println!("SKIPPED: needs python3 with venv and boto3 from PyPI: {why}");
            return;
        }
        Err(why) => panic!("needs python3 with venv and boto3 from PyPI: {why}"),
    };
    let models = tempfile::tempdir().unwrap();
    for example in [examples::iris(), examples::cifar()] {
        std::fs::write(models.path().join(example.name), example.archive).unwrap();
    }
    std::fs::write(models.path().join("broken.tar.gz"), "no archive").unwrap();
    let server = Setup::directory(models.path()).start().await;
    let mut check = Command::new(python);
    check.arg(repository("tests/python/check_boto3.py")).arg(server.url()).arg(repository(""));
    let checked = tokio::task::spawn_blocking(move || run(&mut check)).await.unwrap();
    println!("{}", String::from_utf8_lossy(&checked.unwrap().stdout));
}
