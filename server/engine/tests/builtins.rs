//! SageMaker's built-in algorithms answer as the libraries that made them do: every fixture, every signature, all rows together and
//! each alone. `builtins/make.py` makes them; with `BERTH_BUILTINS` the directory of others, made by its `random`, is read instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/array.rs"]
mod array;
#[path = "shared/fixtures.rs"]
mod fixtures;

use array::Array;
use berth_engine::{Data, Model, Tensor, inspect};
use fixtures::load;
use serde_json::Value;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    fixtures::root("builtins")
}

fn fixtures() -> Vec<(PathBuf, Value)> {
    let cases = |dir: PathBuf| {
        let cases = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        (dir, cases)
    };
    fixtures::directories("builtins", "BERTH_BUILTINS", 50).into_iter().map(cases).collect()
}

fn name(dir: &Path) -> String {
    dir.file_name().unwrap().to_string_lossy().into_owned()
}

/// How an answer differs by more than 1e-5 of its size and 1e-6; names and labels may not differ.
fn differs(got: &Tensor, wanted: &Array) -> Option<String> {
    if got.shape() != wanted.shape {
        return Some(format!("shape {:?}, not {:?}", got.shape(), wanted.shape));
    }
    let got: Vec<f64> = match got.data() {
        Data::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Data::F64(values) => values.clone(),
        Data::I64(values) => values.iter().map(|v| *v as f64).collect(),
        other => return Some(format!("{other:?}")),
    };
    let far = |(n, (got, wanted)): (usize, (&f64, &f64))| {
        let near = (got - wanted).abs() <= 1e-6 + 1e-5 * wanted.abs() || (got.is_nan() && wanted.is_nan());
        (!near).then(|| format!("value {n} is {got}, not {wanted}"))
    };
    got.iter().zip(&wanted.values).enumerate().find_map(far)
}

/// How the answers of a signature differ.
fn wrong(model: &Model, signature: &str, rows: &Array, wanted: &[(String, Array)]) -> Option<String> {
    let spec = model.signature(Some(signature)).unwrap().inputs[0].clone();
    let answers = match model.run(signature, vec![(spec.name, rows.tensor(spec.dtype))]) {
        Ok(answers) => answers,
        Err(error) => return Some(error.to_string()),
    };
    let one = |(output, wanted): &(String, Array)| {
        let got = answers.iter().find(|(name, _)| name == output);
        let Some((_, got)) = got else { return Some(format!("there is no {output}")) };
        differs(got, wanted).map(|what| format!("{output}: {what}"))
    };
    wanted.iter().find_map(one)
}

#[test]
fn every_model_answers_as_its_library_does() {
    let mut all = Vec::new();
    for (dir, cases) in fixtures() {
        let name = name(&dir);
        let model = load(&dir.join("model"));
        if let Some(said) = cases["error"].as_str() {
            let error = model.err().map(|e| e.to_string()).unwrap_or_default();
            all.extend((!error.contains(said)).then(|| format!("{name}: {error:?}")));
            continue;
        }
        let model = match model {
            Ok(model) => model,
            Err(error) => {
                all.push(format!("{name}: {error}"));
                continue;
            }
        };
        let rows = Array::of(&cases["rows"]);
        for (signature, outputs) in cases["signatures"].as_object().unwrap() {
            let wanted = outputs.as_object().unwrap().iter().map(|(name, v)| (name.clone(), Array::of(v)));
            let wanted: Vec<_> = wanted.collect();
            let together = wrong(&model, signature, &rows, &wanted);
            let alone = || {
                (0..rows.shape[0]).find_map(|n| {
                    let wanted: Vec<_> = wanted.iter().map(|(name, v)| (name.clone(), v.row(n))).collect();
                    wrong(&model, signature, &rows.row(n), &wanted)
                        .map(|what| format!("row {n} alone: {what}"))
                })
            };
            all.extend(together.or_else(alone).map(|what| format!("{name}/{signature}: {what}")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn bytes_are_known_before_they_are_taken() {
    for (dir, cases) in fixtures().into_iter().filter(|(_, cases)| cases["error"].is_null()) {
        let dir = dir.join("model");
        let forecast = inspect(&dir).unwrap().resident_bytes;
        let held = load(&dir).unwrap().resident_bytes();
        assert!(forecast >= held && forecast < held * 21 / 20 + 4096, "{dir:?}: {forecast}, {held}");
        let _ = cases;
    }
}

/// A directory with the files of a fixture's model, one of them changed.
fn changed(name: &str, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in root().join(name).join("model").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let file = self::name(&path);
        std::fs::write(dir.path().join(&file), change(&file, std::fs::read(&path).unwrap())).unwrap();
    }
    dir
}

#[test]
fn damaged_files_are_errors_or_other_models() {
    let files = [
        ("knn-flat", "index.faiss"),
        ("knn-codes-narrow", "index.faiss"),
        ("knn-lists-sq4", "index.faiss"),
        ("knn-optimised", "index.faiss"),
        ("knn-named", "index.faiss"),
        ("knn-classifier", "model_algo-1.json"),
        ("knn-classifier", "model_algo-1.labels"),
        ("cat-classes", "model.json"),
        ("cat-lossguide", "model.json"),
        ("rcf-two", "forest.json"),
        ("rcf-plain", "forest.json"),
        ("rcf-open-one-point", "forest.json"),
        ("rcf-open", "forest.json"),
    ];
    for (fixture, file) in files {
        let mut rng = fastrand::Rng::with_seed(7);
        for n in 0..300 {
            let (cut, seed) = (n % 3 == 0, rng.u64(..));
            let dir = changed(fixture, |own, mut bytes| {
                let mut rng = fastrand::Rng::with_seed(seed);
                if own != file {
                } else if cut {
                    bytes.truncate(rng.usize(..bytes.len()));
                } else {
                    // Most of a file is numbers of which any is as good: its head is worth more.
                    let head = if rng.bool() { bytes.len() } else { bytes.len().min(200) };
                    for _ in 0..rng.usize(1..4) {
                        let at = rng.usize(..head);
                        bytes[at] = if bytes[at].is_ascii_digit() { rng.u8(b'0'..=b'9') } else { rng.u8(..) };
                    }
                }
                bytes
            });
            let ran = catch_unwind(|| {
                load(dir.path()).map(|model| {
                    let spec = model.signature(None).unwrap().inputs[0].clone();
                    let width = spec.shape.as_ref().unwrap()[1].unwrap();
                    if width > 1 << 16 {
                        return;
                    }
                    let rows = Array { shape: vec![2, width], values: vec![f64::NAN; 2 * width] };
                    let _ = model.run("serving_default", vec![(spec.name, rows.tensor(spec.dtype))]);
                })
            });
            assert!(ran.is_ok(), "{fixture}, case {n} panics");
        }
    }
}

#[test]
fn a_bare_index_gives_as_many_neighbours_as_are_asked_for() {
    let model = load(&root().join("knn-flat/model")).unwrap();
    let ask = |k: i64| {
        let rows = Tensor::new(vec![2, 8], Data::F32(vec![0.5; 16])).unwrap();
        let k = Tensor::new(vec![], Data::I64(vec![k])).unwrap();
        model.run("search", vec![("features".to_owned(), rows), ("k".to_owned(), k)])
    };
    let found = ask(500).unwrap();
    assert_eq!(found[1].1.shape(), [2, 500]);
    let Data::I64(ids) = found[1].1.data() else { panic!("ids are integers") };
    assert_eq!(ids[..500].iter().filter(|id| **id == -1).count(), 240, "there are 260 vectors");
    for k in [0, -1, 1 << 40] {
        assert!(ask(k).unwrap_err().to_string().contains("neighbours"), "{k}");
    }
}

#[test]
fn what_cannot_be_made_anew_is_told() {
    let error = |from: &str, to: &str| {
        let dir = changed("knn-classifier", |file, bytes| {
            if file.ends_with(".json") {
                String::from_utf8(bytes).unwrap().replace(from, to).into()
            } else {
                bytes
            }
        });
        load(dir.path()).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(error("\"type\": null", "\"type\": \"sign\"").contains("dimension_reduction_type"));
    assert!(error("classifier", "ranker").contains("neither classifier nor regressor"));
    let dir = changed(
        "knn-classifier",
        |file, bytes| if file.ends_with(".labels") { bytes[..80].to_vec() } else { bytes },
    );
    assert!(load(dir.path()).err().unwrap().to_string().contains("20 labels"));
}
