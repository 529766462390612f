//! Directories of which something is missing, and files that are damaged: each is a typed error that says what.

use super::fixtures::{load, root};
use berth_engine::{EngineError, Fault};
use std::fs;
use std::path::Path;

/// A copy of a fixture's model.
fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in root("huggingface").join(name).join("model").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    dir
}

fn error(dir: &Path) -> String {
    let Err(error) = load(dir) else { panic!("it was loaded") };
    assert_eq!(error.fault(), Fault::Model, "{error}");
    error.to_string()
}

/// What a directory says after one of its files became another.
fn after(name: &str, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let dir = copy(name);
    let bytes = fs::read(dir.path().join(file)).unwrap();
    fs::write(dir.path().join(file), change(bytes)).unwrap();
    error(dir.path())
}

/// The same for the header of the weights.
fn after_header(change: impl FnOnce(String) -> String) -> String {
    after("bert-sequence", "model.safetensors", |bytes| with_header(&bytes, change))
}

fn with_header(bytes: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(*bytes.first_chunk::<8>().unwrap()) as usize;
    let header = change(String::from_utf8(bytes[8..8 + length].to_vec()).unwrap());
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}

fn assert_says(error: &str, what: &str) {
    assert!(error.contains(what), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let without = |name: &str, file: &str| {
        let dir = copy(name);
        fs::remove_file(dir.path().join(file)).unwrap();
        error(dir.path())
    };
    assert_says(&without("bert-base", "config.json"), "put the model's config.json");
    assert_says(
        &without("bert-parts", "model-00002-of-00002.safetensors"),
        "model-00002-of-00002.safetensors is missing",
    );
    let dir = copy("bert-base");
    fs::rename(dir.path().join("model.safetensors"), dir.path().join("pytorch_model.bin")).unwrap();
    assert_says(&error(dir.path()), "safe_serialization=True");
    let tensor = |name: &'static str| after_header(move |h| h.replace(name, "other"));
    assert_says(&tensor("bert.pooler.dense.weight"), "\"bert.pooler.dense.weight\" is missing");
    assert_says(
        &tensor("bert.encoder.layer.1.output.LayerNorm.bias"),
        "\"bert.encoder.layer.1.output.LayerNorm.bias\" is missing",
    );
}

#[test]
fn a_model_that_is_not_read_is_told_from_those_that_are() {
    let told = |from: &'static str, to: &'static str| {
        after("bert-sequence", "config.json", move |bytes| {
            String::from_utf8(bytes).unwrap().replace(from, to).into_bytes()
        })
    };
    assert_says(
        &told("\"bert\"", "\"gpt2\""),
        "read are bert, roberta, xlm-roberta, camembert, distilbert, electra",
    );
    assert_says(&told("BertForSequenceClassification", "BertForPreTraining"), "ForTokenClassification");
    assert_says(&told("\"gelu\"", "\"swoosh\""), "\"swoosh\"");
    assert_says(
        &told("\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
        "cannot be shared by 3 heads",
    );
    assert_says(
        &told("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 99999"),
        "num_hidden_layers is 99999",
    );
    assert_says(&told("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), "layer.2");
    assert_says(&told("1e-12", "-1"), "layer_norm_eps");
}

#[test]
fn damaged_weights_are_told() {
    assert_says(&after("bert-sequence", "model.safetensors", |b| b[..b.len() - 1].to_vec()), "cut short");
    assert_says(&after("bert-sequence", "model.safetensors", |b| [b, vec![0]].concat()), "cut short");
    for length in [0, 7, 8, 100] {
        after("bert-sequence", "model.safetensors", |b| b[..length].to_vec());
    }
    for length in [0, u64::MAX, 1 << 40, 100_000_001] {
        after("bert-sequence", "model.safetensors", |b| [&length.to_le_bytes()[..], &b[8..]].concat());
    }
    assert_says(&after_header(|h| h.replace("F16", "F32")), "does not have");
    assert_says(&after_header(|h| h.replace("F16", "I16")), "not of floats");
    assert_says(&after_header(|h| h.replace("F16", "F8_E4M3")), "save it as float32");
    assert_says(&after_header(|h| h.replace("[16,16]", "[8,32]")), "takes 32 numbers");
    assert_says(&after_header(|h| h.replace("[16,16]", "[16,17]")), "does not have");
    assert_says(&after_header(|h| h.replace("bert.pooler.dense.bias", "classifier.bias")), "twice");
    assert_says(&after_header(|h| h.replace("\"data_offsets\":[0,", "\"data_offsets\":[2,")), "gaps");
    assert_says(&after_header(|h| h.replace("[16,16]", "[18446744073709551615,16]")), "does not have");
    assert_says(&after_header(|h| h.replace("[16,16]", "[-1,16]")), "its header");
    assert_says(&after_header(|h| h.replace(':', "")), "its header");
}

#[test]
fn a_damaged_index_is_told() {
    let index = |from: &'static str, to: &'static str| {
        let change = move |bytes| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes();
        after("bert-parts", "model.safetensors.index.json", change)
    };
    assert_says(&index("model-00001-of", "../model-00001-of"), "is not the name of a file");
    assert_says(&index("pooler.dense.bias", "pooler.other"), "\"pooler.other\" is not in");
    assert_says(&index("weight_map", "map"), "weight_map");
}

#[test]
fn a_damaged_tokenizer_is_told() {
    let json = |change: &dyn Fn(&mut serde_json::Value)| {
        after("bert-sequence", "tokenizer.json", |bytes| {
            let mut json = serde_json::from_slice(&bytes).unwrap();
            change(&mut json);
            serde_json::to_vec(&json).unwrap()
        })
    };
    assert_says(&after("bert-sequence", "tokenizer.json", |b| b[..b.len() / 2].to_vec()), "tokenizer.json");
    assert_says(&json(&|j| j["model"]["type"] = "Other".into()), "tokenizer.json");
    assert_says(&json(&|j| j["model"] = serde_json::Value::Null), "tokenizer.json");
    assert_says(&json(&|j| j["model"]["max_input_chars_per_word"] = 5000.into()), "at most 1000");
    // More tokens around a text than it may have.
    let long: Vec<_> =
        (0..40).map(|_| serde_json::json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}})).collect();
    assert_says(&json(&|j| j["post_processor"]["single"] = long.clone().into()), "adds 40 tokens");
    let deep = "[".repeat(100_000);
    after("bert-sequence", "tokenizer.json", |_| deep.clone().into_bytes());
}

/// Every byte of the first kilobytes becomes another, and every file is cut: an error or a model, and nothing else.
#[test]
fn any_damage_ends_with_an_error_or_a_model() {
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        let dir = copy("distilbert-token");
        let path = dir.path().join(file);
        let bytes = fs::read(&path).unwrap();
        let end = bytes.len().min(4096);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..120 {
            let mut changed = bytes.clone();
            match random.u8(..4) {
                0 => changed.truncate(random.usize(..bytes.len())),
                1 => changed[random.usize(..end)] = random.u8(..),
                2 => changed[random.usize(..end)] ^= 1 << random.u8(..8),
                _ => {
                    let at = random.usize(..end);
                    changed.drain(at..(at + random.usize(..16)).min(bytes.len()));
                }
            }
            fs::write(&path, &changed).unwrap();
            match load(dir.path()) {
                Ok(_) | Err(EngineError::BrokenArtifact(_) | EngineError::UnknownFormat(_)) => {}
                Err(other) => panic!("{file}: {other:?}"),
            }
        }
    }
}
