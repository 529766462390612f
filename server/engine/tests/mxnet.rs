//! The engine's answers are MXNet's: every operator, small networks, linear learners. `mxnet/make.py` makes the fixtures; with
//! `BERTH_MXNET_ZOO` the directory of others, made by its `zoo`, is read too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/distance.rs"]
mod distance;

use base64::Engine;
use berth_engine::{DType, Data, EngineError, Model, Prepared, Tensor, inspect};
use serde_json::Value;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// How far an answer may be off, relative to the largest number of its answer.
const MOST: f64 = 1e-5;
/// How far one of the zoo may be besides, by how far MXNet's own answer is from what it computes in 64 bits: convolutions by Winograd's
/// way round so much more.
const TIMES: f64 = 5.0;

/// Operators by their families.
const FILES: [&str; 3] = ["operators.json", "recurrent.json", "detection.json"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mxnet")
}

struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Array {
    fn of(json: &Value, dir: &Path) -> Self {
        let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let values = match json["file"].as_str() {
            Some(file) => {
                let bytes = std::fs::read(dir.join(file)).unwrap();
                bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
            }
            None => {
                let values = json["values"].as_array().unwrap();
                values.iter().map(|v| v.as_f64().map_or(f32::NAN, |v| v as f32)).collect()
            }
        };
        Self { shape, values }
    }
}

/// Arrays by name.
fn arrays(json: &Value, dir: &Path) -> Vec<(String, Array)> {
    json.as_object().unwrap().iter().map(|(name, array)| (name.clone(), Array::of(array, dir))).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

fn load(dir: &Path) -> Result<Model, EngineError> {
    Prepared::open(dir).and_then(Prepared::load)
}

/// How far the farthest number of a model's answers is off, relative to the largest of its answer; what is wrong beyond that.
fn farthest(model: &Model, cases: &Value, dir: &Path) -> Result<f64, String> {
    let inputs = arrays(&cases["inputs"], dir);
    let inputs =
        inputs.into_iter().map(|(name, a)| (name, Tensor::new(a.shape, Data::F32(a.values)).unwrap()));
    let answers = model.run("serving_default", inputs.collect()).map_err(|error| error.to_string())?;
    let mut most = 0f64;
    for (name, wanted) in arrays(&cases["outputs"], dir) {
        let Some((_, got)) = answers.iter().find(|(own, _)| *own == name) else {
            let names: Vec<_> = answers.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there is no output {name}, but {}", names.join(", ")));
        };
        if got.shape() != wanted.shape {
            return Err(format!("{name}: shape {:?}, not {:?}", got.shape(), wanted.shape));
        }
        let Data::F32(got) = got.data() else { return Err(format!("{name}: not of float32")) };
        let (got, wanted) = (wide(got), wide(&wanted.values));
        let far = distance::farthest(&got, &wanted, f64::from(f32::MIN_POSITIVE));
        most = most.max(far.map_err(|what| format!("{name}: {what}"))?);
    }
    Ok(most)
}

/// How far MXNet's own answer is from what it computes in 64 bits.
fn rounding(cases: &Value) -> f64 {
    cases["rounding"].as_f64().unwrap_or_default()
}

/// What is wrong with a model's answers, which may be so far off; how far they are is printed.
fn check(name: &str, cases: &Value, model: &Path, dir: &Path, allowed: f64) -> Option<String> {
    let found = load(model).map_err(|error| error.to_string());
    match found.and_then(|model| farthest(&model, cases, dir)) {
        Ok(most) => {
            println!("{name}: {most:.1e} off; MXNet from its own answer in 64 bits {:.1e}", rounding(cases));
            (most > allowed).then(|| format!("{name}: {most:.2e} off"))
        }
        Err(what) => Some(format!("{name}: {what}")),
    }
}

/// A directory with an operator's files.
fn unpacked(case: &Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in case["files"].as_object().unwrap() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn operators() -> Vec<Value> {
    let of = |name: &str| -> Vec<Value> {
        serde_json::from_slice(&std::fs::read(root().join(name)).unwrap()).unwrap()
    };
    FILES.into_iter().flat_map(of).collect()
}

#[test]
fn every_operator_answers_as_mxnet_does() {
    let cases = operators();
    assert!(cases.len() > 140, "operators are missing: {}", cases.len());
    let wrong = cases.iter().filter_map(|case| {
        let dir = unpacked(case);
        check(case["name"].as_str().unwrap(), case, dir.path(), dir.path(), MOST)
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn directories(of: &Path) -> Vec<(String, PathBuf, Value)> {
    let entries = of.read_dir().unwrap().map(|e| e.unwrap().path());
    let mut dirs: Vec<PathBuf> = entries.filter(|dir| dir.join("cases.json").exists()).collect();
    dirs.sort();
    let case = |dir: PathBuf| {
        let cases = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        (dir.file_name().unwrap().to_string_lossy().into_owned(), dir, cases)
    };
    dirs.into_iter().map(case).collect()
}

#[test]
fn networks_and_linear_learners_answer_as_mxnet_does() {
    let all = directories(&root());
    assert!(all.len() >= 10, "networks are missing: {}", all.len());
    let zoo = std::env::var_os("BERTH_MXNET_ZOO").map(|zoo| directories(Path::new(&zoo))).unwrap_or_default();
    let all = all.iter().map(|one| (one, MOST));
    let zoo = zoo.iter().map(|one| (one, MOST.max(TIMES * rounding(&one.2))));
    let wrong = all
        .chain(zoo)
        .filter_map(|((name, dir, cases), allowed)| check(name, cases, &dir.join("model"), dir, allowed));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_are_known_before_they_are_taken() {
    for (name, dir, _) in directories(&root()) {
        let dir = dir.join("model");
        let forecast = inspect(&dir).unwrap().resident_bytes;
        let held = load(&dir).unwrap().resident_bytes();
        assert!(forecast >= held, "{name}: {forecast}, {held}");
    }
}

/// An operator's files, one of them changed.
fn changed(case: &Value, ending: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let dir = unpacked(case);
    for entry in dir.path().read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(ending) {
            std::fs::write(&path, change(std::fs::read(&path).unwrap())).unwrap();
        }
    }
    dir
}

#[test]
fn what_is_missing_or_not_supported_is_told() {
    let operators = operators();
    let named = |name: &str| operators.iter().find(|case| case["name"] == name).unwrap();
    let replaced = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes()
    };
    let error = |dir: tempfile::TempDir| load(dir.path()).err().unwrap().to_string();
    let unknown =
        error(changed(named("op-lrn"), "symbol.json", replaced("\"op\": \"LRN\"", "\"op\": \"Magic\"")));
    assert!(unknown.contains("Magic"), "{unknown}");
    let kind = error(changed(named("op-activation-relu"), "symbol.json", replaced("relu", "wave")));
    assert!(kind.contains("Activation"), "{kind}");
    let dir = unpacked(named("op-conv"));
    std::fs::remove_file(dir.path().join("model-0000.params")).unwrap();
    assert!(error(dir).contains("-0000.params is missing"));
    let turned = error(changed(named("op-transpose"), "symbol.json", replaced("[[0, 0, 0]]", "[[7, 0, 0]]")));
    assert!(turned.contains("reads what comes after it") || turned.contains("no end"), "{turned}");
}

/// Attributes that nobody would write, and what of them is told, when the model is loaded or when it is run.
#[test]
fn hostile_attributes_are_errors_that_name_the_node() {
    let operators = operators();
    for (case, from, to, told) in [
        ("rnn-lstm", r#""state_size": "6""#, r#""state_size": "7""#, "are not the weights of 2 layers"),
        ("rnn-lstm", r#""state_size": "6""#, r#""state_size": "1073741824""#, "are not the weights"),
        ("rnn-lstm", r#""state_size": "6""#, r#""state_size": "-6""#, "state_size"),
        ("rnn-lstm", r#""num_layers": "2""#, r#""num_layers": "1000000""#, "1000000 layers"),
        ("rnn-lstm", r#""mode": "lstm""#, r#""mode": "lstm2""#, "mode"),
        ("rnn-gru", r#""projection_size": "None""#, r#""projection_size": "3""#, "only an LSTM"),
        (
            "rnn-limited",
            r#""lstm_state_clip_max": "0.3""#,
            r#""lstm_state_clip_max": "-9""#,
            "states between",
        ),
        ("op-sequence-mask-first", r#""axis": "1""#, r#""axis": "7""#, "axis 7"),
        ("op-priors", "(0.3, 0.2)", "(0.3,)", "steps"),
        ("op-priors", "(0.4,)", "(a,)", "sizes"),
        ("op-detection-4", "(0.2, 0.1, 0.1, 0.3)", "(0.2, 0.1)", "variances"),
        ("op-box-nms-one", r#""coord_start": "2""#, r#""coord_start": "1000000""#, "lack a box"),
        ("op-box-nms-one", r#""score_index": "1""#, r#""score_index": "-1""#, "score_index"),
        ("op-box-nms", r#""in_format": "center""#, r#""in_format": "left""#, "_contrib_box_nms"),
        ("op-roi-pooling", "(2, 3)", "(0, 3)", "pooled_size"),
        ("op-roi-align", "(2, 3)", "(1073741824, 1073741824)", ""),
        ("op-adaptive-uneven", "(3, 5)", "(3, 100000)", "parts"),
        ("op-resize-modes", "to_even_down", "sideways", "_contrib_BilinearResize2D"),
        ("op-upsampling-several", r#""scale": "4""#, r#""scale": "1000000000""#, ""),
        ("op-topk-ways", r#""k": "2""#, r#""k": "77""#, ""),
    ] {
        let files = operators.iter().find(|one| one["name"] == case).unwrap();
        let dir = changed(files, "symbol.json", |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{case}: {from}");
            text.replace(from, to).into_bytes()
        });
        let found = load(dir.path()).and_then(|model| {
            let inputs = arrays(&files["inputs"], dir.path()).into_iter();
            let inputs = inputs.map(|(name, a)| Ok((name, Tensor::new(a.shape, Data::F32(a.values))?)));
            model.run("serving_default", inputs.collect::<Result<_, EngineError>>()?)
        });
        let error = found.err().unwrap_or_else(|| panic!("{case}: {to} is taken")).to_string();
        assert!(error.contains(told), "{case}: {to}: {error}");
    }
}

#[test]
fn damaged_files_are_errors_or_other_models() {
    let operators = operators();
    for case in operators.iter().step_by(9) {
        let name = &case["name"];
        let mut rng = fastrand::Rng::with_seed(11);
        for n in 0..60 {
            let (seed, ending) = (rng.u64(..), [".json", ".params"][n % 2]);
            let dir = changed(case, ending, |mut bytes| {
                let mut rng = fastrand::Rng::with_seed(seed);
                if n % 5 == 0 {
                    bytes.truncate(rng.usize(..bytes.len().max(1)));
                    return bytes;
                }
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(..bytes.len().max(1));
                    let Some(byte) = bytes.get_mut(at) else { break };
                    *byte = if byte.is_ascii_digit() { rng.u8(b'0'..=b'9') } else { rng.u8(..) };
                }
                bytes
            });
            let ran = catch_unwind(|| {
                load(dir.path()).map(|model| {
                    let spec = model.signature(None).unwrap().inputs.clone();
                    let zeros = |dtype: DType, shape: Vec<usize>| {
                        let count = shape.iter().product();
                        (dtype == DType::F32)
                            .then(|| Tensor::new(shape, Data::F32(vec![0.5; count])).unwrap())
                    };
                    let inputs: Option<Vec<_>> = spec
                        .iter()
                        .map(|input| {
                            let shape: Vec<usize> =
                                input.shape.clone()?.iter().map(|d| d.unwrap_or(2)).collect();
                            let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
                            let tensor =
                                if count < 1 << 16 { zeros(input.dtype, shape)? } else { return None };
                            Some((input.name.clone(), tensor))
                        })
                        .collect();
                    if let Some(inputs) = inputs {
                        let _ = model.run("serving_default", inputs);
                    }
                })
            });
            assert!(ran.is_ok(), "{name}, case {n} panics");
        }
    }
}
