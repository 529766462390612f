//! What requests are answered together is what each is answered alone, wherever a model says that they may be run so: every fixture
//! that other tests have, every signature.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/fixtures.rs"]
mod fixtures;
#[path = "batching/freed.rs"]
mod freed;
#[path = "shared/joined.rs"]
mod joined;
#[allow(dead_code, reason = "of the cases only the models and the inputs are read")]
#[path = "shared/onnx_cases.rs"]
mod onnx_cases;
#[path = "batching/tensors.rs"]
mod tensors;
#[path = "mutants/wire.rs"]
mod wire;

use base64::Engine;
use berth_engine::{Model, Signature};
use fixtures::load;
use joined::{Came, Named, check};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tensors::tensor;

/// Fixtures of which every signature can be run together, beside tables and networks: nothing in them looks at other rows.
const TOGETHER: [&str; 30] = [
    "savedmodel activations ",
    "savedmodel classic ",
    "savedmodel colours colours",
    "savedmodel convolutions ",
    "savedmodel crops projections",
    "savedmodel dilated ",
    "savedmodel embedding ",
    "savedmodel functional ",
    "savedmodel kernels ",
    "savedmodel looked ",
    "savedmodel preprocessing ",
    "savedmodel recurrent ",
    "savedmodel scaled ",
    "savedmodel separable ",
    "savedmodel sequence ",
    "savedmodel several ",
    "savedmodel shapes ",
    "savedmodel spectra ",
    "savedmodel vocabulary ",
    "savedmodel volumes ",
    "savedmodel wide ",
    "torch binary/",
    "torch named/",
    "torch network/dynamic",
    "torch network/script",
    "torch network/trace",
    "torch norms/",
    "torch pointwise/",
    "torch pools/",
    "torch scales/",
];
/// Signatures that were run together.
const LEAST: usize = 2400;

/// What came of signatures, by group, fixture and signature.
type All = BTreeMap<String, Came>;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The inputs of a signature, by the names of a fixture.
fn inputs(signature: &Signature, given: &Value, dir: &Path) -> Option<Named> {
    let one = |spec: &berth_engine::TensorSpec| {
        let tensor = tensor(&given[&spec.name], spec, dir)?;
        (spec.accepts(tensor.shape()) && !tensor.shape().is_empty()).then(|| (spec.name.clone(), tensor))
    };
    signature.inputs.iter().map(one).collect()
}

fn note(all: &mut All, name: &str, model: &Model, signature: &Signature, inputs: Option<Named>) {
    let came = check(model, &signature.name, &inputs.unwrap_or_default());
    let key = format!("{name} {}", signature.name);
    match all.get(&key) {
        Some(Came::Differs(_)) => {}
        _ => drop(all.insert(key, came)),
    }
}

/// The directories of a group, and what is asked of them.
fn group(of: &str, variable: &str, more_than: usize) -> Vec<(PathBuf, Value)> {
    let with_cases = |dir: PathBuf| (dir.clone(), json(&dir.join("cases.json")));
    fixtures::directories(of, variable, more_than).into_iter().map(with_cases).collect()
}

fn savedmodels(all: &mut All) {
    for (dir, cases) in group("fixtures", "BERTH_FIXTURES", 24) {
        let model = load(&dir).unwrap();
        for case in cases["cases"].as_array().unwrap() {
            let signature = model.signature(case["signature"].as_str()).unwrap();
            let inputs = inputs(signature, &case["inputs"], &dir);
            note(all, &format!("savedmodel {}", name(&dir)), &model, signature, inputs);
        }
    }
}

/// Every signature takes the same rows.
fn tables(all: &mut All) {
    let groups =
        [("sklearn", "BERTH_SKLEARN"), ("boosters", "BERTH_BOOSTERS"), ("builtins", "BERTH_BUILTINS")];
    for (of, variable) in groups {
        for (dir, cases) in group(of, variable, 50) {
            if !cases["error"].is_null() {
                continue;
            }
            let model = load(&dir.join("model")).unwrap();
            for signature in model.signatures() {
                let first = signature.inputs[0].name.clone();
                let rows = serde_json::json!({ first: cases["rows"] });
                let given = if of == "sklearn" { &cases["inputs"] } else { &rows };
                let inputs = inputs(signature, given, &dir);
                note(all, &format!("{of} {}", name(&dir)), &model, signature, inputs);
            }
        }
    }
}

fn torch(all: &mut All) {
    for (dir, cases) in group("torch", "BERTH_TORCH", 20) {
        for way in dir.read_dir().unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            let model = load(&way).unwrap();
            let signature = model.signature(None).unwrap();
            for case in cases.as_array().unwrap() {
                let inputs = inputs(signature, &case["inputs"], &dir);
                note(all, &format!("torch {}/{}", name(&dir), name(&way)), &model, signature, inputs);
            }
        }
    }
}

fn mxnet(all: &mut All) {
    for (dir, cases) in group("mxnet", "BERTH_MXNET_ZOO", 9) {
        let model = load(&dir.join("model")).unwrap();
        let signature = model.signature(None).unwrap();
        note(
            all,
            &format!("mxnet {}", name(&dir)),
            &model,
            signature,
            inputs(signature, &cases["inputs"], &dir),
        );
    }
    let files = ["operators.json", "recurrent.json", "detection.json"];
    let files = files.map(|file| json(&fixtures::root("mxnet").join(file)));
    for case in files.iter().flat_map(|file| file.as_array().unwrap()) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in case["files"].as_object().unwrap() {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let model = load(dir.path()).unwrap();
        let signature = model.signature(None).unwrap();
        let inputs = inputs(signature, &case["inputs"], dir.path());
        note(all, &format!("mxnet {}", case["name"].as_str().unwrap()), &model, signature, inputs);
    }
}

/// The backend tests of `onnx`, with any number of rows: how many rows they have is taken out of their models.
fn onnx(all: &mut All) {
    let dir = tempfile::tempdir().unwrap();
    for file in onnx_cases::files() {
        for case in onnx_cases::cases(&file) {
            let Some(bytes) = freed::freed(case.model()) else { continue };
            std::fs::write(dir.path().join("model.onnx"), bytes).unwrap();
            let Ok(model) = load(dir.path()) else { continue };
            let signature = model.signature(None).unwrap();
            let given = case.header.inputs.iter().map(|e| (e.name.clone(), case.tensor(e)));
            let given: Named =
                given.filter(|(name, _)| signature.inputs.iter().any(|i| i.name == *name)).collect();
            note(all, &format!("onnx {}", case.header.name), &model, signature, Some(given));
        }
    }
}

/// Whether a signature must be one that can be run together.
fn is_of_rows(name: &str) -> bool {
    // How many neighbours are searched is no row.
    let table = ["sklearn ", "boosters ", "builtins ", "mxnet net-", "mxnet linear-"];
    // All rows of NMF tell together when they are near enough; the variance of a Gaussian process solves for all rows at once.
    let not = ["nmf", "process-"];
    let is_table = table.iter().any(|group| name.starts_with(group))
        && !name.ends_with(" search")
        && !not.iter().any(|part| name.contains(part));
    is_table || TOGETHER.iter().any(|of| name.starts_with(of))
}

#[test]
fn requests_together_are_answered_as_alone() {
    let mut all = All::new();
    savedmodels(&mut all);
    tables(&mut all);
    torch(&mut all);
    mxnet(&mut all);
    onnx(&mut all);
    let (mut wrong, mut together) = (Vec::new(), 0);
    for (name, came) in &all {
        match came {
            Came::Same(answers) => {
                println!("{name}: {answers} answers");
                together += usize::from(*answers > 0);
            }
            Came::Never(why, answers) => {
                println!("{name}: never: {why} ({answers} answers)");
                wrong.extend(is_of_rows(name).then(|| format!("{name}: never: {why}")));
            }
            Came::Differs(how) => wrong.push(format!("{name}: {how}")),
        }
    }
    for of in TOGETHER {
        assert!(all.keys().any(|name| name.starts_with(of)), "there is no {of}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    println!("{together} of {} signatures were run together", all.len());
    assert!(together >= LEAST, "{together} of {} signatures were run together", all.len());
}
