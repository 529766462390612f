//! Python clients, unmodified, from PyPI: environments that are made once, and scripts of `tests/python` that are run in them.

use crate::repository;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The interpreter of an environment below `target/python` that holds these packages (`name==version`). Made the first time;
/// tests that want it at once wait for the one that makes it. None: there is no Python, or no PyPI, which is said; in CI it is
/// a failure. Blocks for minutes at worst.
pub fn python(environment: &str, packages: &[&str]) -> Option<PathBuf> {
    match make(environment, packages) {
        Ok(python) => Some(python),
        Err(why) if std::env::var_os("CI").is_none() => {
            println!("SKIPPED: needs python3 with venv and {packages:?} from PyPI: {why}");
            None
        }
        Err(why) => panic!("needs python3 with venv and {packages:?} from PyPI: {why}"),
    }
}

/// Runs a script of `tests/python` and gives what it prints; its failure is the test's.
pub async fn run(python: &Path, script: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg(repository("tests/python").join(script)).args(arguments);
    // No settings of the machine's own, in particular no AWS profile.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|n| n.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }
    let done = tokio::task::spawn_blocking(move || output(&mut command)).await.expect("a thread");
    let printed = done.unwrap_or_else(|why| panic!("{script}:\n{why}")).stdout;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    println!("{printed}");
    printed
}

fn make(environment: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let root = repository("target/python");
    std::fs::create_dir_all(&root).map_err(|e| e.to_string())?;
    let lock = File::create(root.join(format!("{environment}.lock"))).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    let (venv, wanted) = (root.join(environment), packages.join("\n"));
    let (python, holds) = (venv.join("bin/python"), venv.join("packages"));
    // Written last: an environment without it is not whole.
    if std::fs::read_to_string(&holds).is_ok_and(|held| held == wanted) {
        return Ok(python);
    }
    output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    output(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    std::fs::write(&holds, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

fn output(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}
