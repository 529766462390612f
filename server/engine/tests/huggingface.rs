//! The engine's answers are those of transformers: every fixture, asked by texts, by pairs of texts and by tokens.
//! `huggingface/make.py` makes them; with `BERTH_HUGGINGFACE` the directory of others is read instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "huggingface/broken.rs"]
mod broken;
#[path = "shared/fixtures.rs"]
mod fixtures;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_engine::{Batching, Data, Fault, Model, Tensor};
use fixtures::load;
use serde_json::Value;

/// How far an answer may be off: of its largest number, if that is more than one.
const MOST: f64 = 1e-5;

fn numbers(json: &Value) -> (Vec<usize>, Vec<f64>) {
    let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    if let Some(floats) = json["floats"].as_str() {
        let bytes = STANDARD.decode(floats).unwrap();
        return (shape, bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect());
    }
    (shape, json["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect())
}

fn texts(json: &Value) -> Option<Vec<Vec<u8>>> {
    let texts = json["texts"].as_array()?.iter();
    Some(texts.map(|t| t.as_str().unwrap().as_bytes().to_vec()).collect())
}

fn input(name: &str, json: &Value) -> Tensor {
    if let Some(texts) = texts(json) {
        return Tensor::new(vec![texts.len()], Data::String(texts)).unwrap();
    }
    let (shape, values) = numbers(json);
    let data = match name {
        "pixel_values" => Data::F32(values.into_iter().map(|v| v as f32).collect()),
        _ => Data::I64(values.into_iter().map(|v| v as i64).collect()),
    };
    Tensor::new(shape, data).unwrap()
}

/// How far an answer is off.
fn distance(got: &Tensor, wanted: &Value) -> f64 {
    if let Some(wanted) = texts(wanted) {
        assert_eq!(got.data(), &Data::String(wanted));
        return 0.0;
    }
    let (shape, wanted) = numbers(wanted);
    assert_eq!(got.shape(), shape);
    let Data::F32(got) = got.data() else { panic!("answers of {:?}", got.data()) };
    let size = wanted.iter().fold(1.0, |most: f64, v| most.max(v.abs()));
    got.iter().zip(&wanted).fold(0.0, |most: f64, (got, wanted)| {
        let far = (f64::from(*got) - wanted).abs() / size;
        assert!(far.is_finite(), "{got}, not {wanted}");
        most.max(far)
    })
}

fn check(model: &Model, case: &Value) -> f64 {
    let signature = case["signature"].as_str().unwrap();
    let given = case["inputs"].as_object().unwrap().iter();
    let answers = model.run(signature, given.map(|(name, json)| (name.clone(), input(name, json))).collect());
    let answers = answers.unwrap_or_else(|e| panic!("{signature}: {e}"));
    let wanted = case["outputs"].as_object().unwrap();
    let names: Vec<&String> = answers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, wanted.keys().collect::<Vec<_>>(), "{signature}");
    answers.iter().fold(0.0, |most, (name, got)| most.max(distance(got, &wanted[name])))
}

#[test]
fn answers_are_those_of_transformers() {
    let mut wrong = Vec::new();
    for dir in fixtures::directories("huggingface", "BERTH_HUGGINGFACE", 30) {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let cases: Value = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        let model = load(&dir.join("model")).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (n, case) in cases.as_array().unwrap().iter().enumerate() {
            let far = check(&model, case);
            println!("{name} {n} {}: {far:.1e}", case["signature"]);
            if far > MOST {
                wrong.push(format!("{name}, case {n} ({}): {far:.1e} off", case["signature"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fixture(name: &str) -> Model {
    load(&fixtures::root("huggingface").join(name).join("model")).unwrap()
}

#[test]
fn attention_and_normalisations_are_found_in_every_family() {
    for name in [
        "bert-base",
        "distilbert-base",
        "roberta-base",
        "albert-masked",
        "mpnet-base",
        "t5-gated",
        "vit-base",
    ] {
        for listing in fixture(name).listings() {
            let count =
                |op: &str| listing.operations.iter().filter(|step| step.operation.starts_with(op)).count();
            let layers = if name.starts_with("albert") { 8 } else { 2 };
            assert_eq!(count("Attention"), layers, "{name}: {listing:?}");
            assert!(count("LayerNorm") >= 2 * layers, "{name}: {listing:?}");
            assert_eq!(count("Softmax"), 0, "{name}: {listing:?}");
        }
    }
}

#[test]
fn texts_of_which_answers_have_a_fixed_width_may_be_run_together() {
    let together = |name: &str, signature| {
        !matches!(fixture(name).batching(Some(signature)).unwrap(), Batching::Never(_))
    };
    for name in [
        "bert-sequence",
        "distilbert-sequence",
        "roberta-sequence",
        "mpnet-sequence",
        "sentence-mean",
        "sentence-dense",
    ] {
        assert!(
            together(name, "serving_default"),
            "{name}: {:?}",
            fixture(name).batching(Some("serving_default"))
        );
        assert!(together(name, "tokens"), "{name}");
    }
    // They are as wide as the longest text, whoever's it is.
    for name in ["bert-base", "bert-token", "roberta-masked", "bert-question", "t5-plain"] {
        assert!(!together(name, "serving_default"), "{name}");
        assert!(together(name, "tokens"), "{name}: {:?}", fixture(name).batching(Some("tokens")));
    }
    assert!(together("vit-labels", "serving_default"));
}

#[test]
fn a_text_alone_and_among_others_has_one_answer() {
    for name in [
        "bert-sequence",
        "roberta-sequence",
        "albert-sequence",
        "mpnet-sequence",
        "sentence-mean",
        "sentence-dense",
    ] {
        let model = fixture(name);
        let texts: Vec<Vec<u8>> =
            ["a cat", "the dog looked at the cat and ran after words of letters", "", "naïve"]
                .iter()
                .map(|t| t.as_bytes().to_vec())
                .collect();
        let ask = |texts: &[Vec<u8>]| {
            let tensor = Tensor::new(vec![texts.len()], Data::String(texts.to_vec())).unwrap();
            let answers = model.run("serving_default", vec![("text".to_owned(), tensor)]).unwrap();
            let floats = answers
                .into_iter()
                .filter_map(|(_, t)| if let Data::F32(v) = t.data() { Some(v.clone()) } else { None });
            floats.collect::<Vec<_>>()
        };
        let together = ask(&texts);
        for (n, text) in texts.iter().enumerate() {
            for (all, own) in together.iter().zip(ask(std::slice::from_ref(text))) {
                let of = &all[n * own.len()..(n + 1) * own.len()];
                let far = of.iter().zip(&own).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
                assert!(far <= 1e-6, "{name}, text {n}: {far}");
            }
        }
    }
}

#[test]
fn texts_and_tokens_that_cannot_be_taken_are_the_callers() {
    let model = fixture("bert-sequence");
    let text =
        |bytes: Vec<u8>| vec![("text".to_owned(), Tensor::new(vec![1], Data::String(vec![bytes])).unwrap())];
    for (bytes, why) in [(vec![0xff, 0xfe], "not UTF-8"), (vec![b'a'; (1 << 20) + 1], "at most 1048576")] {
        let error = model.run("serving_default", text(bytes)).unwrap_err();
        assert_eq!(error.fault(), Fault::Caller);
        assert!(error.to_string().contains(why), "{error}");
    }
    let ids = |count: usize| Tensor::new(vec![1, count], Data::I64(vec![5; count])).unwrap();
    let tokens =
        |count| ["attention_mask", "input_ids", "token_type_ids"].map(|name| (name.to_owned(), ids(count)));
    // It has 32 places.
    let error = model.run("tokens", tokens(33).to_vec()).unwrap_err();
    assert_eq!(error.fault(), Fault::Caller);
    assert!(error.to_string().contains("position_embeddings"), "{error}");
    // A type that is none.
    assert!(model.run("tokens", tokens(3).to_vec()).is_err());
}
