//! The engine's answers are TensorFlow's: every fixture, every signature, two batch sizes. `fixtures/make.py` and
//! `fixtures/make_operations.py` make them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_engine::{DType, Data, Prepared, Tensor, TensorSpec, inspect};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut dirs: Vec<PathBuf> = root
        .read_dir()
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("cases.json").exists())
        .collect();
    dirs.sort();
    assert!(dirs.len() >= 24, "fixtures are missing: {dirs:?}");
    dirs
}

fn tensor(case: &Value, spec: &TensorSpec) -> Tensor {
    let shape = case["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let values = case["values"].as_array().unwrap();
    let data = match spec.dtype {
        DType::F32 | DType::F16 | DType::BF16 => {
            Data::F32(values.iter().map(|v| v.as_f64().unwrap() as f32).collect())
        }
        DType::F64 => Data::F64(values.iter().map(|v| v.as_f64().unwrap()).collect()),
        DType::Bool => Data::Bool(values.iter().map(|v| v.as_bool().unwrap()).collect()),
        DType::String => {
            Data::String(values.iter().map(|v| v.as_str().unwrap().as_bytes().to_vec()).collect())
        }
        _ => Data::I64(values.iter().map(|v| v.as_i64().unwrap()).collect()),
    };
    Tensor::new(shape, data).unwrap()
}

/// The largest difference beyond 1e-5 relative and 1e-6 absolute.
fn differs(got: &Tensor, wanted: &Tensor) -> Option<String> {
    if got.shape() != wanted.shape() {
        return Some(format!("shape {:?}, TensorFlow has {:?}", got.shape(), wanted.shape()));
    }
    match (got.data(), wanted.data()) {
        (Data::F32(got), Data::F32(wanted)) => {
            let worst = got
                .iter()
                .zip(wanted)
                .map(|(g, w)| ((g - w).abs() - 1e-6 - 1e-5 * w.abs(), g, w))
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            (worst.0 > 0.0 || worst.0.is_nan()).then(|| format!("{} and TensorFlow {}", worst.1, worst.2))
        }
        (Data::F64(got), Data::F64(wanted)) => {
            let worst = got
                .iter()
                .zip(wanted)
                .map(|(g, w)| ((g - w).abs() - 1e-12 - 1e-11 * w.abs(), g, w))
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            (worst.0 > 0.0 || worst.0.is_nan()).then(|| format!("{} and TensorFlow {}", worst.1, worst.2))
        }
        (got, wanted) => (got != wanted).then(|| format!("{got:?}, TensorFlow has {wanted:?}")),
    }
}

#[test]
fn every_fixture_answers_as_tensorflow_does() {
    let mut wrong = Vec::new();
    for dir in fixtures() {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let model = match Prepared::open(&dir).and_then(Prepared::load) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let cases: Value = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        for case in cases["cases"].as_array().unwrap() {
            let signature = model.signature(case["signature"].as_str()).unwrap();
            let inputs =
                signature.inputs.iter().map(|s| (s.name.clone(), tensor(&case["inputs"][&s.name], s)));
            match model.run(&signature.name, inputs.collect()) {
                Err(error) => wrong.push(format!("{name}/{}: {error}", signature.name)),
                Ok(outputs) => {
                    for (spec, (output, got)) in signature.outputs.iter().zip(&outputs) {
                        let wanted = tensor(&case["outputs"][output], spec);
                        let text =
                            differs(got, &wanted).map(|d| format!("{name}/{}/{output}: {d}", signature.name));
                        wrong.extend(text);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn weights_with_the_same_bytes_are_held_once() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kept");
    let model = Prepared::open(&dir).and_then(Prepared::load).unwrap();
    let one = 100 * 100 * 4;
    let bytes = inspect(&dir).unwrap().resident_bytes;
    assert!(bytes < one * 5 / 2, "{bytes}");
    assert!(model.resident_bytes() > one, "{}", model.resident_bytes());
}

#[test]
fn missing_operations_are_listed_all_at_once() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/unsupported");
    let report = inspect(&dir).unwrap();
    let ops: Vec<&str> = report.unsupported.iter().map(|u| u.op.as_str()).collect();
    assert!(ops.contains(&"ReadFile") && ops.contains(&"MatchingFiles"), "{ops:?}");
    let error = Prepared::open(&dir).err().unwrap().to_string();
    assert!(ops.iter().all(|op| error.contains(op)), "{error}");
}

#[test]
fn wrong_inputs_are_told_what_was_expected() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/functional");
    let model = Prepared::open(&dir).and_then(Prepared::load).unwrap();
    let input = |name: &str, shape: &[usize], data: Data| {
        (name.to_owned(), Tensor::new(shape.to_vec(), data).unwrap())
    };
    let row = |name: &str| input(name, &[1, 8], Data::F32(vec![0.0; 8]));
    let cases = [
        (vec![row("a")], "input \"b\" is missing"),
        (vec![row("a"), row("b"), row("c")], "no input \"c\""),
        (vec![row("a"), row("a")], "twice"),
        (
            vec![row("a"), input("b", &[1, 7], Data::F32(vec![0.0; 7]))],
            "must be float32[N,8], got shape [1, 7]",
        ),
        (vec![row("a"), input("b", &[1, 8], Data::I64(vec![0; 8]))], "must be float32[N,8]"),
    ];
    for (inputs, wanted) in cases {
        let error = model.run("serving_default", inputs).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} does not say {wanted}");
        assert_eq!(error.fault(), berth_engine::Fault::Caller);
    }
    assert!(model.signature(Some("other")).unwrap_err().to_string().contains("serving_default"));
}
