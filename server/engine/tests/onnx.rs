//! The backend tests of the `onnx` package, as `onnx/cases.py` writes them, and other models with what onnxruntime answers, as the scripts beside
//! it write them.
//!
//! `BERTH_ONNX=FILE.gz` runs another file of them, and prints how far each is off, relative to the largest number of an answer;
//! `BERTH_ONNX_CASE=NAME` those whose names begin so, and prints what differs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/onnx_cases.rs"]
mod onnx_cases;

use berth_engine::{Data, EngineError, Model, Prepared, Tensor};
use onnx_cases::{Case, Entry, cases, files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

impl Case {
    /// How far floats are off, relative to the largest of an answer, or what went wrong.
    fn run(&self, dir: &Path) -> Result<f64, String> {
        std::fs::write(dir.join("model.onnx"), self.model()).unwrap();
        let shown = |e: EngineError| e.to_string();
        let model: Model = Prepared::open(dir).map_err(shown)?.load().map_err(shown)?;
        let inputs = self.header.inputs.iter().map(|e| (e.name.clone(), self.tensor(e))).collect();
        let outputs = model.run("serving_default", inputs).map_err(shown)?;
        let mut farthest: f64 = 0.0;
        for entry in &self.header.outputs {
            let found = outputs.iter().find(|(name, _)| *name == entry.name);
            let (_, found) = found.ok_or_else(|| format!("there is no output {:?}", entry.name))?;
            farthest = farthest.max(self.compare(entry, found, &self.tensor(entry))?);
        }
        Ok(farthest)
    }

    fn compare(&self, entry: &Entry, found: &Tensor, wanted: &Tensor) -> Result<f64, String> {
        let (name, atol) = (&entry.name, entry.atol.unwrap_or(self.header.atol));
        if found.shape() != wanted.shape() {
            return Err(format!("{name}: shape {:?} instead of {:?}", found.shape(), wanted.shape()));
        }
        let floats = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let close = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).position(|(a, b)| {
                let near = (a - b).abs() <= atol + self.header.rtol * b.abs();
                !(near || a == b || a.is_nan() && b.is_nan())
            })
        };
        let (differs, off) = match (found.data(), wanted.data()) {
            (Data::F32(a), Data::F32(b)) => (close(&floats(a), &floats(b)), distance(&floats(a), &floats(b))),
            (Data::F64(a), Data::F64(b)) => (close(a, b), distance(a, b)),
            (a, b) if a == b => (None, 0.0),
            _ => (Some(0), f64::INFINITY),
        };
        match differs {
            None => Ok(off),
            Some(at) => {
                Err(format!("{name}[{at}] is {off:.1e} off: {} instead of {}", few(found), few(wanted)))
            }
        }
    }
}

/// The largest difference, relative to the largest number that is wanted.
fn distance(found: &[f64], wanted: &[f64]) -> f64 {
    let largest =
        wanted.iter().filter(|w| w.is_finite()).fold(f64::MIN_POSITIVE, |most, w| most.max(w.abs()));
    let pairs = found.iter().zip(wanted).filter(|(f, w)| f != w && w.is_finite());
    pairs.fold(0.0, |most: f64, (f, w)| most.max((f - w).abs() / largest))
}

fn few(tensor: &Tensor) -> String {
    format!("{:?}", tensor.data()).chars().take(160).collect()
}

/// The reasons of the cases that are known to fail, by name.
fn known() -> BTreeMap<String, String> {
    let list = include_str!("onnx/left_out.txt");
    let lines = list.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let (name, why) = line.split_once(' ').expect("a name and a reason");
            (name.to_owned(), why.to_owned())
        })
        .collect()
}

/// All but those that are listed pass, and those that are listed do not.
#[test]
fn the_backend_tests_pass() {
    let wanted = std::env::var("BERTH_ONNX_CASE").unwrap_or_default();
    let (known, is_other) = (known(), std::env::var_os("BERTH_ONNX").is_some());
    let dir = tempfile::tempdir().unwrap();
    let (mut passed, mut failed) = (0, BTreeMap::new());
    for file in files() {
        for case in cases(&file).iter().filter(|c| c.header.name.starts_with(&wanted)) {
            match case.run(dir.path()) {
                Ok(off) => {
                    passed += 1;
                    if is_other {
                        println!("{}: {off:.1e}", case.header.name);
                    }
                }
                Err(why) => {
                    failed.insert(case.header.name.clone(), why);
                }
            }
        }
    }
    println!("{passed} passed, {} failed, {} of them listed", failed.len(), known.len());
    let listed: BTreeSet<&String> = known.keys().collect();
    let unexpected: Vec<String> =
        failed.iter().filter(|(n, _)| !listed.contains(n)).map(|(n, why)| format!("{n}: {why}")).collect();
    assert!(unexpected.is_empty(), "{} fail:\n{}", unexpected.len(), unexpected.join("\n"));
    if wanted.is_empty() && !is_other {
        let better: Vec<&&String> = listed.iter().filter(|n| !failed.contains_key(**n)).collect();
        assert!(better.is_empty(), "these pass, and are listed as failing: {better:?}");
    }
}
