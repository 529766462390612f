//! The engine's answers are PyTorch's: every fixture, saved in each way, with every batch that it was asked with.
//! `torch/make.py` makes them; with `BERTH_TORCH` the directory of others, made by its `networks`, is read instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_engine::{Data, EngineError, Model, Prepared, Tensor};
use serde_json::Value;
use std::panic::catch_unwind;
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
    let size = wanted.iter().filter(|v| v.is_finite()).fold(1e-6, |most: f64, v| most.max(v.abs()));
    let mut most: f64 = 0.0;
    for (n, (got, wanted)) in wide(got.data()).iter().zip(&wanted).enumerate() {
        if got == wanted || (got.is_nan() && wanted.is_nan()) {
            continue;
        }
        let far = (got - wanted).abs() / size;
        if !far.is_finite() {
            return Err(format!("value {n} is {got}, not {wanted}"));
        }
        most = most.max(far);
    }
    Ok(most)
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
                        Ok(far) if far <= 1e-5 => most = most.max(far),
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

/// A directory with one file of these bytes.
fn archive(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), bytes).unwrap();
    dir
}

/// A zip archive of these members, none compressed.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let start = out.len() as u32;
        let common = |to: &mut Vec<u8>| {
            to.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            to.extend((data.len() as u32).to_le_bytes());
            to.extend((data.len() as u32).to_le_bytes());
            to.extend((name.len() as u16).to_le_bytes());
        };
        out.extend(b"PK\x03\x04");
        common(&mut out);
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory);
        directory.extend([0; 12]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size, count) = (out.len() as u32, directory.len() as u32, members.len() as u16);
    out.extend(directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A program in text: a module of class `M` without attributes, whose text this is.
fn program(text: &str) -> tempfile::TempDir {
    let data = b"\x80\x02c__torch__\nM\n)\x81}b.";
    let members: [(&str, &[u8]); 4] = [
        ("m/data.pkl", data),
        ("m/code/__torch__.py", text.as_bytes()),
        ("m/constants.pkl", b"\x80\x02)."),
        ("m/version", b"3\n"),
    ];
    archive("model.pt", &zip(&members))
}

/// A program whose `forward` does these lines.
fn forward(lines: &[&str]) -> tempfile::TempDir {
    let head = "class M(Module):\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n";
    program(&lines.iter().fold(head.to_owned(), |text, line| format!("{text}    {line}\n")))
}

fn error(dir: &tempfile::TempDir) -> String {
    load(dir.path()).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn weights_without_a_program_say_how_to_export_one() {
    let pickle = b"\x80\x02}.";
    let saved = zip(&[("m/data.pkl", pickle), ("m/version", b"3\n"), ("m/data/0", b"\0\0\0\0")]);
    let legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    for bytes in [&saved[..], legacy] {
        let text = error(&archive("model.pth", bytes));
        assert!(text.contains("model.pth") && text.contains("torch.export.save"), "{text}");
    }
}

#[test]
fn a_program_is_preferred_to_weights_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("network/export/model.pt2"), dir.path().join("model.pt2")).unwrap();
    std::fs::write(dir.path().join("model.pth"), zip(&[("m/data.pkl", b"\x80\x02}."), ("m/version", b"3")]))
        .unwrap();
    assert_eq!(load(dir.path()).unwrap().format(), "pytorch");
}

#[test]
fn programs_that_do_not_end_are_errors() {
    let cases: [(&[&str], &str); 7] = [
        (&["while True:", "  pass", "return x"], "without an end"),
        (&["for i in range(100000000):", "  pass", "return x"], "turns"),
        (&["return (self).forward(x, )"], "too deep"),
        (&["a = [1]", "for i in range(100):", "  a = torch.mul(a, 1000)", "return x"], "repeated too often"),
        (&["return torch.add(x, y)"], "is wanted"),
        (&["ops.prim.RaiseException(\"no\")", "return x"], "raises an exception: no"),
        (
            &["if torch.gt(torch.sum(x), 0):", "  y = x", "else:", "  y = torch.neg(x)", "return y"],
            "depends on the request",
        ),
    ];
    for (lines, wanted) in cases {
        let text = error(&forward(lines));
        assert!(text.contains(wanted), "{lines:?}: {text}");
    }
}

#[test]
fn text_that_is_no_program_is_an_error() {
    let deep = format!("return {}x{}", "(".repeat(5000), ")".repeat(5000));
    let chained = format!("return {}x", "-".repeat(100_000));
    for line in ["return x x", "return (x", "return \"x", "x = ", "return $", "if x:", &deep, &chained] {
        let text = error(&forward(&[line]));
        assert!(
            text.contains("line 4") || text.contains("line 5"),
            "{}: {text}",
            &line[..line.len().min(20)]
        );
    }
    assert!(error(&program("def forward(x):\n  return x\n")).contains("no class"));
}

#[test]
fn everything_that_is_missing_is_named() {
    let text = error(&forward(&["return torch.fft_rfft2(x)"]));
    assert!(text.contains("aten.fft_rfft2"), "{text}");
    let text = error(&forward(&["return ops.torchvision.nms(x, x, 0.5)"]));
    assert!(text.contains("torchvision.nms"), "{text}");
}

#[test]
fn data_names_no_other_classes() {
    let data = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.";
    let members: [(&str, &[u8]); 3] =
        [("m/data.pkl", data), ("m/code/__torch__.py", b""), ("m/version", b"3\n")];
    let text = error(&archive("model.pt", &zip(&members)));
    assert!(text.contains("os.system"), "{text}");
}

#[test]
fn damaged_archives_never_panic() {
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for name in [
        "network/export/model.pt2",
        "network/script/model.pt",
        "views/dynamic/model.pt2",
        "older/older/model.pt2",
    ] {
        let whole = std::fs::read(root().join(name)).unwrap();
        let file = name.rsplit('/').next().unwrap();
        for n in 0..80 {
            let mut bytes = whole.clone();
            if n % 4 == 0 {
                bytes.truncate(random() % bytes.len());
            } else {
                for _ in 0..1 + random() % 4 {
                    let at = random() % bytes.len();
                    bytes[at] ^= 1 << (random() % 8);
                }
            }
            let dir = archive(file, &bytes);
            let path = dir.path().to_owned();
            assert!(catch_unwind(|| load(&path).map(|_| ())).is_ok(), "{name} panics, change {n}");
        }
    }
}
