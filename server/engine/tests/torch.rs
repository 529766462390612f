//! The engine's answers are PyTorch's: every fixture, saved in each way, with every batch that it was asked with.
//! `torch/make.py` makes them; with `BERTH_TORCH` the directory of others, which `torch/compare.py` makes, is read instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "torch/broken.rs"]
mod broken;
#[path = "shared/distance.rs"]
mod distance;

use berth_engine::{Data, EngineError, Model, Prepared, Tensor};
use distance::farthest;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torch")
}

fn fixtures() -> Vec<PathBuf> {
    let other = std::env::var_os("BERTH_TORCH").map(PathBuf::from);
    let entries = other.clone().unwrap_or_else(root).read_dir().unwrap();
    let mut dirs: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.join("cases.json").exists()).collect();
    dirs.sort();
    assert!(other.is_some() || dirs.len() > 20, "fixtures are missing: {}", dirs.len());
    dirs
}

/// The ways in which a fixture was saved.
fn ways(dir: &Path) -> Vec<PathBuf> {
    let entries = dir.read_dir().unwrap().map(|e| e.unwrap().path());
    let mut ways: Vec<PathBuf> = entries.filter(|p| p.is_dir()).collect();
    ways.sort();
    ways
}

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap_or_else(|| match json.as_str().unwrap() {
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        _ => f64::NAN,
    })
}

fn array(json: &Value) -> (Vec<usize>, Vec<f64>) {
    let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    (shape, json["values"].as_array().unwrap().iter().map(number).collect())
}

fn tensor(json: &Value) -> Tensor {
    let (shape, values) = array(json);
    let data = match json["dtype"].as_str().unwrap() {
        "float64" => Data::F64(values),
        "float32" | "float16" | "bfloat16" => Data::F32(values.into_iter().map(|v| v as f32).collect()),
        "bool" => Data::Bool(values.into_iter().map(|v| v != 0.0).collect()),
        _ => Data::I64(values.into_iter().map(|v| v as i64).collect()),
    };
    Tensor::new(shape, data).unwrap()
}

fn wide(data: &Data) -> Vec<f64> {
    match data {
        Data::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Data::F64(values) => values.clone(),
        Data::I64(values) => values.iter().map(|v| *v as f64).collect(),
        Data::Bool(values) => values.iter().map(|v| f64::from(u8::from(*v))).collect(),
        Data::String(_) => Vec::new(),
    }
}

fn load(dir: &Path) -> Result<Model, EngineError> {
    Prepared::open(dir).and_then(Prepared::load)
}

/// How far an answer is from the one that is wanted, relative to the largest number of that.
fn distance(got: &Tensor, wanted: &Value) -> Result<f64, String> {
    let (shape, wanted) = array(wanted);
    if got.shape() != shape {
        return Err(format!("shape {:?}, not {shape:?}", got.shape()));
    }
    farthest(&wide(got.data()), &wanted, 1e-6)
}

/// How far answers may be off. Networks of a hundred layers make more of what is rounded: torch's own answers are up to 7e-6 from those
/// that it computes in 64 bits, and convolutions by Winograd's way round more often.
fn most_allowed() -> f64 {
    if std::env::var_os("BERTH_TORCH").is_some() { 1e-4 } else { 1e-5 }
}

/// What is wrong with a model's answers, and how far the farthest is off.
fn check(model: &Model, cases: &Value) -> (Vec<String>, f64) {
    let (mut wrong, mut most): (Vec<String>, f64) = (Vec::new(), 0.0);
    let signature = model.signature(None).unwrap().clone();
    for (number, case) in cases.as_array().unwrap().iter().enumerate() {
        let fits = signature.inputs.iter().all(|spec| {
            let given = &case["inputs"][&spec.name];
            !given.is_null() && spec.accepts(&array(given).0)
        });
        // What was exported for one batch takes no other.
        if !fits && number > 0 {
            continue;
        }
        let inputs =
            case["inputs"].as_object().unwrap().iter().map(|(name, json)| (name.clone(), tensor(json)));
        let inputs = inputs.filter(|(name, _)| signature.inputs.iter().any(|i| i.name == *name)).collect();
        match model.run(&signature.name, inputs) {
            Ok(answers) => {
                let wanted = case["outputs"].as_array().unwrap();
                if wanted.len() != answers.len() {
                    wrong.push(format!("case {number}: {} answers, not {}", answers.len(), wanted.len()));
                }
                for (n, ((name, got), wanted)) in answers.iter().zip(wanted).enumerate() {
                    match distance(got, wanted) {
                        Ok(far) if far <= most_allowed() => most = most.max(far),
                        Ok(far) => wrong.push(format!("case {number}, answer {n} ({name}): {far:.1e} off")),
                        Err(what) => wrong.push(format!("case {number}, answer {n} ({name}): {what}")),
                    }
                }
            }
            Err(error) => wrong.push(format!("case {number}: {error}")),
        }
    }
    (wrong, most)
}

#[test]
fn every_program_answers_as_pytorch_does() {
    let mut wrong = Vec::new();
    for dir in fixtures() {
        let cases: Value = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        for way in ways(&dir) {
            let name = way.strip_prefix(dir.parent().unwrap()).unwrap().display().to_string();
            match load(&way) {
                Ok(model) => {
                    let (errors, most) = check(&model, &cases);
                    println!("{name}: {most:.1e}{}", if errors.is_empty() { "" } else { " and errors" });
                    wrong.extend(errors.into_iter().map(|e| format!("{name}: {e}")));
                }
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
