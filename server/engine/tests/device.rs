//! Plans on candle's tensors: they answer what the engine's own kernels answer, for every fixture that other tests have, and nothing in
//! the middle of a network of convolutions or a transformer runs anywhere else. On the CPU, or on the device that BERTH_DEVICE names
//! (`cuda`, in a build with that feature).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/distance.rs"]
mod distance;
#[path = "shared/fixtures.rs"]
mod fixtures;
#[allow(dead_code, reason = "of the cases only the models and the inputs are read")]
#[path = "shared/onnx_cases.rs"]
mod onnx_cases;
#[path = "batching/tensors.rs"]
mod tensors;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_engine::{Data, Device, EngineError, Model, Place, Prepared, Tensor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

type Named = Vec<(String, Tensor)>;

/// What is compared, relative to the largest number of an answer.
const TOLERANCE: f64 = 1e-4;

/// The device to test.
fn chosen() -> Device {
    std::env::var("BERTH_DEVICE").map_or(Device::CandleCpu, |name| name.parse().unwrap())
}

fn aboard(dir: &Path) -> Result<Model, EngineError> {
    Prepared::open(dir)?.on(chosen())?.load()
}

/// What came of everything that was run.
#[derive(Default)]
struct All {
    wrong: Vec<String>,
    answers: usize,
    /// Operations by where they ran.
    places: [usize; 4],
    /// Those that fell back, by the first word of what they do.
    fallen: BTreeMap<String, usize>,
}

impl All {
    /// Runs a signature in both ways.
    fn compare(&mut self, name: &str, [plain, device]: [&Model; 2], signature: &str, inputs: &Named) {
        // What draws differs from run to run.
        let Ok(wanted) = plain.run(signature, inputs.clone()) else { return };
        if plain.run(signature, inputs.clone()).ok().as_ref() != Some(&wanted) && !is_nan(&wanted) {
            return;
        }
        match device.run(signature, inputs.clone()) {
            Err(error) => self.wrong.push(format!("{name}: {error}")),
            Ok(got) => {
                for ((output, got), (_, wanted)) in got.iter().zip(&wanted) {
                    self.answers += 1;
                    if let Err(why) = near(got, wanted) {
                        self.wrong.push(format!("{name}, {output}: {why}"));
                    }
                }
            }
        }
    }

    fn count(&mut self, device: &Model) {
        for operation in device.listings().iter().flat_map(|l| &l.operations) {
            let place = operation.place.unwrap();
            self.places[place as usize] += 1;
            if place == Place::Fallback {
                let word = operation.operation.split([' ', '(', '{']).next().unwrap_or_default();
                *self.fallen.entry(word.to_owned()).or_default() += 1;
            }
        }
    }

    /// A model, and for each of its signatures inputs to run.
    fn model(&mut self, name: &str, dir: &Path, cases: impl Fn(&Model) -> Vec<(String, Named)>) {
        let Ok(plain) = fixtures::load(dir) else { return };
        match aboard(dir) {
            Err(error) => self.wrong.push(format!("{name}: {error}")),
            Ok(device) => {
                self.count(&device);
                for (signature, inputs) in cases(&plain) {
                    self.compare(&format!("{name} {signature}"), [&plain, &device], &signature, &inputs);
                }
            }
        }
    }
}

fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    Some(match tensor.data() {
        Data::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
        Data::F64(v) => v.clone(),
        Data::I64(v) => v.iter().map(|x| *x as f64).collect(),
        Data::Bool(v) => v.iter().map(|x| f64::from(u8::from(*x))).collect(),
        Data::String(_) => return None,
    })
}

fn is_nan(answer: &Named) -> bool {
    answer.iter().filter_map(|(_, t)| numbers(t)).flatten().any(f64::is_nan)
}

fn near(got: &Tensor, wanted: &Tensor) -> Result<(), String> {
    if got.shape() != wanted.shape() {
        return Err(format!("shape {:?}, not {:?}", got.shape(), wanted.shape()));
    }
    let (Some(got), Some(wanted)) = (numbers(got), numbers(wanted)) else {
        return if got == wanted { Ok(()) } else { Err("other texts".to_owned()) };
    };
    match distance::farthest(&got, &wanted, 1e-3) {
        Ok(far) if far <= TOLERANCE => Ok(()),
        Ok(far) => Err(format!("{far:.1e} apart")),
        Err(why) => Err(why),
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The inputs of a signature, by the names of a fixture.
fn inputs(model: &Model, signature: Option<&str>, given: &Value, dir: &Path) -> Option<(String, Named)> {
    let signature = model.signature(signature).ok()?;
    let one = |spec: &berth_engine::TensorSpec| {
        Some((spec.name.clone(), tensors::tensor(&given[&spec.name], spec, dir)?))
    };
    Some((signature.name.clone(), signature.inputs.iter().map(one).collect::<Option<_>>()?))
}

#[test]
fn savedmodels() {
    let mut all = All::default();
    for dir in fixtures::directories("fixtures", "BERTH_FIXTURES", 24) {
        let cases = json(&dir.join("cases.json"));
        let cases = cases["cases"].as_array().unwrap();
        all.model(&name(&dir), &dir, |model| {
            cases.iter().filter_map(|c| inputs(model, c["signature"].as_str(), &c["inputs"], &dir)).collect()
        });
    }
    finish(&all, 100);
}

#[test]
fn torch() {
    let mut all = All::default();
    for dir in fixtures::directories("torch", "BERTH_TORCH", 20) {
        let cases = json(&dir.join("cases.json"));
        let cases = cases.as_array().unwrap();
        for way in dir.read_dir().unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            all.model(&format!("{}/{}", name(&dir), name(&way)), &way, |model| {
                cases.iter().filter_map(|c| inputs(model, None, &c["inputs"], &dir)).collect()
            });
        }
    }
    finish(&all, 100);
}

#[test]
fn onnx() {
    let mut all = All::default();
    let dir = tempfile::tempdir().unwrap();
    for case in onnx_cases::files().iter().flat_map(|file| onnx_cases::cases(file)) {
        std::fs::write(dir.path().join("model.onnx"), case.model()).unwrap();
        all.model(&case.header.name, dir.path(), |model| {
            let signature = model.signature(None).unwrap();
            let given = case.header.inputs.iter().map(|e| (e.name.clone(), case.tensor(e)));
            let given = given.filter(|(name, _)| signature.inputs.iter().any(|i| i.name == *name));
            vec![(signature.name.clone(), given.collect())]
        });
    }
    finish(&all, 1000);
}

/// A request to a transformer, as its fixture writes it: texts, or numbers in base64.
fn asked(case: &Value) -> Named {
    let one = |(name, json): (&String, &Value)| {
        if let Some(texts) = json["texts"].as_array() {
            let texts: Vec<Vec<u8>> = texts.iter().map(|t| t.as_str().unwrap().as_bytes().to_vec()).collect();
            return (name.clone(), Tensor::new(vec![texts.len()], Data::String(texts)).unwrap());
        }
        let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let data = match json["floats"].as_str() {
            Some(floats) => {
                let bytes = STANDARD.decode(floats).unwrap();
                Data::F32(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
            }
            None => {
                Data::I64(json["values"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect())
            }
        };
        (name.clone(), Tensor::new(shape, data).unwrap())
    };
    case["inputs"].as_object().unwrap().iter().map(one).collect()
}

#[test]
fn transformers() {
    let mut all = All::default();
    for dir in fixtures::directories("huggingface", "BERTH_HUGGINGFACE", 30) {
        let cases = json(&dir.join("cases.json"));
        let signature = |case: &Value| case["signature"].as_str().unwrap().to_owned();
        let asked = |_: &Model| cases.as_array().unwrap().iter().map(|c| (signature(c), asked(c))).collect();
        all.model(&name(&dir), &dir.join("model"), asked);
    }
    finish(&all, 60);
}

#[test]
fn mxnet() {
    let mut all = All::default();
    for dir in fixtures::directories("mxnet", "BERTH_MXNET_ZOO", 9) {
        let cases = json(&dir.join("cases.json"));
        all.model(&name(&dir), &dir.join("model"), |model| {
            inputs(model, None, &cases["inputs"], &dir).into_iter().collect()
        });
    }
    finish(&all, 9);
}

/// All that such a model computes is computed on the device: what is left on the host are texts, shapes and indices.
#[test]
fn networks_and_encoders_run_wholly_on_the_device() {
    let networks = ["densenet", "mobilenet-v1", "mobilenet-v2", "resnet-v1", "resnet-v2"];
    let networks = networks.map(|n| format!("mxnet/net-{n}/model"));
    let encoders = ["bert-base", "distilbert-sequence", "roberta-base", "vit-base"];
    let encoders = encoders.map(|n| format!("huggingface/{n}/model"));
    for path in networks.iter().chain(&encoders) {
        let model = aboard(&fixtures::root("").join(path)).unwrap();
        assert!(model.device_bytes() > 0 && model.device_bytes() < model.resident_bytes());
        for listing in model.listings() {
            assert_eq!(listing.device, Some(chosen().to_string()));
            let elsewhere = [Place::Fallback, Place::DeviceAsking].map(|place| {
                listing.in_place(place).map(|o| format!("{} ({})", o.operation, o.node)).collect::<Vec<_>>()
            });
            assert_eq!(elsewhere, [Vec::<String>::new(), Vec::new()], "{path}");
            assert!(listing.in_place(Place::Device).count() > 10, "{path}");
        }
    }
}

/// What is foretold of the memory is what a load takes.
#[test]
fn the_bytes_on_the_device_are_foretold() {
    for path in ["mxnet/net-resnet-v1/model", "huggingface/bert-base/model"] {
        let prepared = Prepared::open(&fixtures::root("").join(path)).unwrap().on(chosen()).unwrap();
        let (report, most) = (prepared.report().clone(), prepared.resident_bytes());
        let model = prepared.load().unwrap();
        let device = report.device.unwrap();
        assert_eq!((device.name, device.bytes), (chosen().to_string(), model.device_bytes()), "{path}");
        assert!(model.resident_bytes() <= most && most > device.bytes, "{path}");
        // The weights are not on the host too.
        let host = most - device.bytes;
        assert!(host < device.bytes / 2 + (1 << 20), "{path}: {host} beside {}", device.bytes);
    }
}

fn finish(all: &All, least: usize) {
    println!("{} answers; operations: device, asking, host, fallback: {:?}", all.answers, all.places);
    println!("what fell back: {:?}", all.fallen);
    assert!(all.wrong.is_empty(), "{} wrong:\n{}", all.wrong.len(), all.wrong.join("\n"));
    assert!(all.answers >= least, "{} answers", all.answers);
}
