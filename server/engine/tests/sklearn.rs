//! The engine's answers are scikit-learn's: every fixture, every method, all rows together and each alone.
//! `sklearn/make.py` makes them; with `BERTH_SKLEARN` the directory of others, made by its `random`, is read instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/fixtures.rs"]
mod fixtures;

use berth_engine::{DType, Data, Model, Tensor, inspect};
use fixtures::load;
use serde_json::Value;
use std::panic::catch_unwind;
use std::path::PathBuf;

fn root() -> PathBuf {
    fixtures::root("sklearn")
}

fn fixtures() -> Vec<PathBuf> {
    fixtures::directories("sklearn", "BERTH_SKLEARN", 370)
}

struct Array {
    shape: Vec<usize>,
    kind: String,
    values: Vec<Value>,
}

impl Array {
    fn of(json: &Value) -> Self {
        let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let kind = json["kind"].as_str().unwrap().to_owned();
        Self { shape, kind, values: json["values"].as_array().unwrap().clone() }
    }

    fn row(&self, n: usize) -> Self {
        let width: usize = self.shape[1..].iter().product();
        let shape = [&[1], &self.shape[1..]].concat();
        Self { shape, kind: self.kind.clone(), values: self.values[n * width..(n + 1) * width].to_vec() }
    }

    fn tensor(&self, dtype: DType) -> Tensor {
        let float = |v: &Value| v.as_f64().or_else(|| v.as_bool().map(f64::from)).unwrap_or(f64::NAN);
        let data = match dtype {
            DType::String => Data::String(
                self.values.iter().map(|v| v.as_str().unwrap_or("").as_bytes().to_vec()).collect(),
            ),
            DType::F32 => Data::F32(self.values.iter().map(|v| float(v) as f32).collect()),
            _ => Data::F64(self.values.iter().map(float).collect()),
        };
        Tensor::new(self.shape.clone(), data).unwrap()
    }
}

/// How an answer differs: numbers by more than 1e-5 of their size and 1e-6, everything else at all.
fn unlike(got: &Tensor, wanted: &Array) -> Option<String> {
    if got.shape() != wanted.shape {
        return Some(format!("shape {:?}, not {:?}", got.shape(), wanted.shape));
    }
    let numbers: Vec<f64> = match got.data() {
        Data::F64(values) => values.clone(),
        Data::I64(values) => values.iter().map(|v| *v as f64).collect(),
        Data::Bool(values) => values.iter().map(|v| f64::from(u8::from(*v))).collect(),
        Data::String(texts) => {
            let differ = |(n, (got, wanted)): (usize, (&Vec<u8>, &Value))| {
                let got = String::from_utf8_lossy(got);
                (Some(&*got) != wanted.as_str()).then(|| format!("value {n} is {got:?}, not {wanted}"))
            };
            return texts.iter().zip(&wanted.values).enumerate().find_map(differ);
        }
        Data::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
    };
    let is_exact = wanted.kind == "int";
    let far = |(n, (got, wanted)): (usize, (&f64, &Value))| {
        let wanted = wanted.as_f64().or_else(|| wanted.as_bool().map(f64::from)).unwrap_or(f64::NAN);
        let (share, least) = if is_exact { (0.0, 0.0) } else { (1e-5, 1e-6) };
        let near = (got - wanted).abs() <= least + share * wanted.abs() || (got.is_nan() && wanted.is_nan());
        (!near).then(|| format!("value {n} is {got}, not {wanted}"))
    };
    numbers.iter().zip(&wanted.values).enumerate().find_map(far)
}

fn differs(model: &Model, method: &str, inputs: &[(String, Array)], wanted: &[Array]) -> Option<String> {
    let signature = match model.signature(Some(method)) {
        Ok(signature) => signature,
        Err(error) => return Some(error.to_string()),
    };
    let dtype = |name: &str| signature.inputs.iter().find(|i| i.name == name).map_or(DType::F64, |i| i.dtype);
    let inputs = inputs.iter().map(|(name, rows)| (name.clone(), rows.tensor(dtype(name)))).collect();
    let answer = match model.run(method, inputs) {
        Ok(answer) => answer,
        Err(error) => return Some(error.to_string()),
    };
    if answer.len() != wanted.len() {
        return Some(format!("{} answers, not {}", answer.len(), wanted.len()));
    }
    answer.iter().zip(wanted).find_map(|((_, got), wanted)| unlike(got, wanted))
}

#[test]
fn every_estimator_answers_as_scikit_learn_does() {
    let mut wrong = Vec::new();
    for dir in fixtures() {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let model = match load(&dir.join("model")) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let cases: Value = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        let inputs: Vec<(String, Array)> =
            cases["inputs"].as_object().unwrap().iter().map(|(n, v)| (n.clone(), Array::of(v))).collect();
        for (method, wanted) in cases["outputs"].as_object().unwrap() {
            let wanted: Vec<Array> = wanted.as_array().unwrap().iter().map(Array::of).collect();
            let all = differs(&model, method, &inputs, &wanted);
            let row = |n: usize| {
                let one: Vec<_> = inputs.iter().map(|(name, rows)| (name.clone(), rows.row(n))).collect();
                differs(&model, method, &one, &wanted.iter().map(|w| w.row(n)).collect::<Vec<_>>())
            };
            let each = if cases["together"] == true { 0 } else { inputs[0].1.shape[0] };
            let alone = || (0..each).find_map(row);
            wrong.extend(all.or_else(alone).map(|what| format!("{name}/{method}: {what}")));
        }
        let default = model.signature(None).unwrap();
        let asks = ["predict", "transform"].iter().find_map(|method| model.signature(Some(method)).ok());
        assert!(asks.is_none_or(|s| s.outputs == default.outputs), "{name}");
    }
    assert!(wrong.is_empty(), "{} of\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn bytes_are_known_before_they_are_taken() {
    for name in ["forest", "tfidf", "svc-classes", "one-hot-words"] {
        let dir = root().join(name).join("model");
        let forecast = inspect(&dir).unwrap().resident_bytes;
        let held = load(&dir).unwrap().resident_bytes();
        assert!(forecast >= held && forecast < held * 21 / 20 + 8192, "{name}: {forecast}, {held}");
    }
}

fn file(name: &str) -> (String, Vec<u8>) {
    let dir = root().join(name).join("model");
    let path = dir.read_dir().unwrap().next().unwrap().unwrap().path();
    (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
}

/// Rows of zeros for a model's default signature.
fn ask(model: &Model) {
    let signature = model.signature(None).unwrap();
    let inputs = signature.inputs.iter().map(|input| {
        let shape: Vec<usize> = input.shape.as_ref().unwrap().iter().map(|d| d.unwrap_or(2)).collect();
        let count = shape.iter().product::<usize>().min(1 << 16);
        let data = match input.dtype {
            DType::String => Data::String(vec![b"cat".to_vec(); count]),
            _ => Data::F64(vec![0.5; count]),
        };
        Some((input.name.clone(), Tensor::new(shape, data).ok()?))
    });
    if let Some(inputs) = inputs.collect::<Option<Vec<_>>>() {
        let _ = model.run("serving_default", inputs);
    }
}

#[test]
fn damaged_files_are_errors_or_other_models() {
    for name in [
        "forest",
        "tfidf",
        "svc-classes",
        "hist-categories",
        "table",
        "knn",
        "mlp-classes",
        "standard",
        "gaussian-nb",
        "splines",
        "nmf",
        "birch",
        "outliers",
        "process-two",
        "factors",
        "kernel-pca-rbf",
    ] {
        let (file_name, whole) = file(name);
        let mut rng = fastrand::Rng::with_seed(5);
        for n in 0..120 {
            let mut bytes = whole.clone();
            if n % 3 == 0 {
                bytes.truncate(rng.usize(..bytes.len()));
            } else {
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(..bytes.len());
                    bytes[at] = if n % 2 == 0 { bytes[at] ^ 1 << rng.u8(..8) } else { rng.u8(..) };
                }
            }
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(&file_name), &bytes).unwrap();
            let loaded = catch_unwind(|| load(dir.path()).map(|model| ask(&model)));
            assert!(loaded.is_ok(), "{name}, case {n} panics");
        }
    }
}

#[test]
fn sizes_that_a_file_does_not_hold_are_errors() {
    let wide = [&b"J"[..], &i32::MAX.to_le_bytes()].concat();
    for (name, attribute, said) in [
        ("splines-holes", &b"degree"[..], "degree"),
        ("nmf-itakura", b"max_iter", "rounds"),
        ("outliers-manhattan", b"n_neighbors_", "neighbours"),
    ] {
        let (file_name, whole) = file(name);
        let at = whole.windows(attribute.len()).position(|bytes| bytes == attribute).unwrap();
        let at = at + whole[at..].iter().position(|byte| *byte == b'K').unwrap();
        // Frames have lengths of their own: within one a number of one byte is the largest.
        let number = if whole[1] < 4 { &wide[..] } else { b"K\xff" };
        let bytes = [&whole[..at], number, &whole[at + 2..]].concat();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(&file_name), &bytes).unwrap();
        let error = load(dir.path()).err().unwrap().to_string();
        assert!(error.contains(said), "{name}: {error}");
    }
}
