//! The engine's answers are XGBoost's and LightGBM's: every fixture, every signature, all rows together and each alone.
//! `boosters/make.py` makes them; with `BERTH_BOOSTERS` the directory of others, made by its `random`, is read instead.

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
use std::path::PathBuf;

fn root() -> PathBuf {
    fixtures::root("boosters")
}

fn fixtures() -> Vec<PathBuf> {
    fixtures::directories("boosters", "BERTH_BOOSTERS", 70)
}

/// How an answer differs by more than 1e-5 of its size and 1e-6.
fn differs(model: &Model, signature: &str, rows: &Array, wanted: &Array) -> Option<String> {
    let dtype = model.signature(Some(signature)).unwrap().inputs[0].dtype;
    let answer = model.run(signature, vec![("features".to_owned(), rows.tensor(dtype))]);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Some(error.to_string()),
    };
    let got = &answer[0].1;
    if got.shape() != wanted.shape {
        return Some(format!("shape {:?}, not {:?}", got.shape(), wanted.shape));
    }
    let got: Vec<f64> = match got.data() {
        Data::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
        Data::F64(values) => values.clone(),
        other => return Some(format!("{other:?}")),
    };
    let far = |(n, (got, wanted)): (usize, (&f64, &f64))| {
        let near = (got - wanted).abs() <= 1e-6 + 1e-5 * wanted.abs();
        (!near).then(|| format!("value {n} is {got}, not {wanted}"))
    };
    got.iter().zip(&wanted.values).enumerate().find_map(far)
}

#[test]
fn every_booster_answers_as_its_library_does() {
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
        let rows = Array::of(&cases["rows"]);
        for (signature, wanted) in cases["outputs"].as_object().unwrap() {
            let wanted = Array::of(wanted);
            let all = differs(&model, signature, &rows, &wanted);
            let alone =
                || (0..rows.shape[0]).find_map(|n| differs(&model, signature, &rows.row(n), &wanted.row(n)));
            wrong.extend(all.or_else(alone).map(|what| format!("{name}/{signature}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_are_known_before_they_are_taken() {
    for name in ["xgb-softprob", "lgb-classes"] {
        let dir = root().join(name).join("model");
        let forecast = inspect(&dir).unwrap().resident_bytes;
        let held = load(&dir).unwrap().resident_bytes();
        assert!(forecast >= held && forecast < held * 21 / 20 + 4096, "{name}: {forecast}, {held}");
    }
}

/// A directory with files of these contents.
fn archive(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn file(name: &str) -> Vec<u8> {
    let dir = root().join(name).join("model");
    let path = dir.read_dir().unwrap().next().unwrap().unwrap().path();
    std::fs::read(path).unwrap()
}

#[test]
fn what_a_directory_holds_is_told_by_its_contents() {
    let booster = file("xgb-squarederror");
    let error = |files: &[(&str, &[u8])]| load(archive(files).path()).err().unwrap().to_string();
    let several = error(&[("a", &booster), ("b.txt", &file("lgb-l1"))]);
    assert!(several.contains("a (XGBoost), b.txt (LightGBM)"), "{several}");
    let nothing = error(&[("model.bin", b"hello"), (".hidden", &booster)]);
    assert!(nothing.contains("model.bin") && nothing.contains("saved_model.pb"), "{nothing}");
    // What is no model beside one is left alone; one wrapping directory is looked into.
    let dir = archive(&[]);
    std::fs::create_dir(dir.path().join("export")).unwrap();
    std::fs::write(dir.path().join("export/model.bst"), &booster).unwrap();
    std::fs::write(dir.path().join("export/README"), "of a booster").unwrap();
    assert!(load(dir.path()).is_ok());
    let other = error(&[("a", &booster), ("b", &file("xgb-softprob"))]);
    assert!(other.contains("cannot answer together"), "{other}");
}

#[test]
fn wrong_rows_are_told_what_was_expected() {
    let model = load(&root().join("xgb-squarederror/model")).unwrap();
    let rows = Tensor::new(vec![1, 5], Data::F32(vec![0.0; 5])).unwrap();
    let error = model.run("serving_default", vec![("features".to_owned(), rows)]).unwrap_err();
    assert!(error.to_string().contains("float32[N,6]"), "{error}");
    let none = Tensor::new(vec![0, 6], Data::F32(vec![])).unwrap();
    let answer = model.run("serving_default", vec![("features".to_owned(), none)]).unwrap();
    assert_eq!(answer[0].1.shape(), [0]);
}

#[test]
fn damaged_files_are_errors_or_other_models() {
    for name in
        ["xgb-softprob", "xgb-category-json", "xgb-category-ubj", "old-dart", "old-linear", "lgb-category"]
    {
        let whole = file(name);
        let mut rng = fastrand::Rng::with_seed(5);
        for n in 0..300 {
            let mut bytes = whole.clone();
            if n % 3 == 0 {
                bytes.truncate(rng.usize(..bytes.len()));
            } else {
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(..bytes.len());
                    // Digits of texts change into other digits: numbers that are wrong are worth more than syntax that is.
                    bytes[at] = if bytes[at].is_ascii_digit() { rng.u8(b'0'..=b'9') } else { rng.u8(..) };
                }
            }
            let dir = archive(&[("m", &bytes)]);
            let loaded = catch_unwind(|| {
                load(dir.path()).map(|model| {
                    let spec = model.signatures()[0].inputs[0].clone();
                    let width = spec.shape.as_ref().unwrap()[1].unwrap();
                    if width > 1 << 16 {
                        return;
                    }
                    let rows = Array { shape: vec![2, width], values: vec![f64::NAN; 2 * width] };
                    let _ = model.run("serving_default", vec![(spec.name, rows.tensor(spec.dtype))]);
                })
            });
            assert!(loaded.is_ok(), "{name}, case {n} panics");
        }
    }
}
