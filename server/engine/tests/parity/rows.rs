//! Rows from Python: each is loaded and run, and what came of it noted.

use crate::joined::{Came, Named, check};
use crate::values;
use berth_engine::Prepared;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGES: [&str; 3] = ["tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6"];
/// Keras 2. It asks for the package `tensorflow`, which `tensorflow-cpu` is under another name.
const KERAS_2: [&str; 2] = ["--no-deps", "tf_keras==2.21.0"];

/// What became of one row.
pub struct Outcome {
    pub name: String,
    pub way: String,
    pub cases: usize,
    /// The worst error, or why there is none.
    pub result: Result<f64, String>,
    /// Why requests may not be run together.
    pub alone: Option<String>,
    tolerance: f64,
}

impl Outcome {
    pub fn passes(&self) -> bool {
        self.result.as_ref().is_ok_and(|worst| *worst <= self.tolerance)
    }

    /// A gap that the table of layers shows; a random network proves nothing about it.
    pub fn lacks_operations(&self) -> bool {
        self.result.as_ref().is_err_and(|why| why.contains("operations that are not supported"))
    }

    pub fn verdict(&self) -> String {
        match &self.result {
            Ok(worst) if self.passes() => format!("{worst:.0e}"),
            Ok(worst) => format!("WRONG by {worst:.0e}, allowed {:.0e}", self.tolerance),
            Err(why) => why.clone(),
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(text)
}

/// A Python that has TensorFlow and both Keras: made once.
pub fn python() -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("BERTH_PARITY_PYTHON") {
        return Ok(python.into());
    }
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/parity-venv");
    let (python, mark) = (venv.join("bin/python"), venv.join("complete"));
    if !mark.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let install = ["-m", "pip", "install", "--quiet"];
        run(Command::new(&python).args(install).args(PACKAGES))?;
        run(Command::new(&python).args(install).args(KERAS_2))?;
        std::fs::write(mark, "").map_err(|e| e.to_string())?;
    }
    Ok(python)
}

/// Every row of a part of `main.py` but those that are done, each shown to `seen` as it comes.
pub fn all(python: &Path, arguments: &[&str], done: &[String], seen: impl Fn(&Outcome)) -> Vec<Outcome> {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/main.py");
    let mut child = Command::new(python)
        .arg("-B")
        .arg(main)
        .args(arguments)
        .env("BERTH_PARITY_DONE", done.join("\n"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(if std::env::var_os("BERTH_PARITY_TRACE").is_some() {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .spawn()
        .unwrap();
    let mut acknowledge = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut outcomes = Vec::new();
    for line in lines {
        let line = line.unwrap();
        let row: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let outcome = outcome(&row);
        seen(&outcome);
        outcomes.push(outcome);
        acknowledge.write_all(b"\n").unwrap();
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "main.py {arguments:?}: {status}; BERTH_PARITY_TRACE=1 shows why");
    outcomes
}

fn outcome(row: &Value) -> Outcome {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let cases = row["cases"].as_array().map_or(0, Vec::len);
    let mut alone = None;
    let result = match row["error"].as_str() {
        Some(why) => Err(format!("not made: {why}")),
        // A panic is this row's result, and the others still run.
        None => std::panic::catch_unwind(|| worst(row)).unwrap_or_else(|_| Err("PANIC".to_owned())),
    };
    let result = result.map(|(worst, why)| {
        alone = why;
        worst
    });
    Outcome {
        name: text("row"),
        way: text("way"),
        cases,
        result,
        alone,
        tolerance: row["tolerance"].as_f64().unwrap(),
    }
}

/// The worst error over all cases and outputs, and why requests may not be run together, if so.
fn worst(row: &Value) -> Result<(f64, Option<String>), String> {
    let dir = Path::new(row["dir"].as_str().unwrap());
    let load = || Prepared::open(dir).and_then(Prepared::load).map_err(|e| e.to_string());
    if let Some(why) = row["refused"].as_str() {
        return match load() {
            Err(said) if said.contains(why) => Ok((0.0, None)),
            Err(said) => Err(format!("refused for another reason: {said}")),
            Ok(_) => Err("is not refused".to_owned()),
        };
    }
    let mut model = load()?;
    let fresh = row["fresh"].as_bool().unwrap_or_default();
    let (mut worst, mut alone) = (0f64, None);
    for case in row["cases"].as_array().unwrap() {
        let name = case["signature"].as_str().unwrap();
        let inputs = case["inputs"].as_object().unwrap();
        let inputs: Named =
            inputs.iter().map(|(name, value)| (name.clone(), values::tensor(value))).collect();
        if fresh {
            model = load()?;
        }
        match if fresh { Came::Same(0) } else { check(&model, name, &inputs) } {
            Came::Same(_) => {}
            Came::Never(why, _) => alone = Some(why),
            Came::Differs(how) => return Err(format!("{name}, requests together: {how}")),
        }
        let outputs = model.run(name, inputs).map_err(|e| format!("{name}: {e}"))?;
        let wanted = case["outputs"].as_object().unwrap();
        if wanted.len() != outputs.len() {
            return Err(format!("{name}: {} outputs, TensorFlow has {}", outputs.len(), wanted.len()));
        }
        for (output, got) in &outputs {
            let Some(wanted) = wanted.get(output) else { return Err(format!("{name}: no output {output}")) };
            let error =
                values::error(got, &values::tensor(wanted)).map_err(|e| format!("{name}/{output}: {e}"))?;
            worst = worst.max(error);
        }
    }
    Ok((worst, alone))
}
