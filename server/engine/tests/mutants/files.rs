//! The models of other tests.

use super::alter::Model;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Directories of fixtures, each of which has a directory `model`.
const GROUPS: [&str; 6] = ["boosters", "builtins", "huggingface", "mxnet", "sklearn", "torch"];
/// Larger files are not changed: reading them takes more than a second by itself.
const LARGEST: usize = 1 << 20;
/// Models of the file of ONNX's cases that are changed.
const CASES: usize = 400;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// All models, in an order that is the same everywhere.
pub fn models() -> Vec<(String, Model)> {
    let mut all = Vec::new();
    for group in GROUPS {
        let Ok(entries) = tests().join(group).read_dir() else { continue };
        let mut names: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
        names.sort();
        for fixture in names {
            let model = files(&fixture.join("model"));
            if !model.is_empty() && model.iter().all(|(_, bytes)| bytes.len() <= LARGEST) {
                all.push((format!("{group}/{}", fixture.file_name().unwrap().display()), model));
            }
        }
    }
    all.extend(mxnet());
    all.extend(onnx());
    all
}

/// Layers and operators of MXNet, which lie in files of many.
fn mxnet() -> Vec<(String, Model)> {
    let mut all = Vec::new();
    for name in ["detection.json", "recurrent.json"] {
        let text = std::fs::read(tests().join("mxnet").join(name)).unwrap();
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        for case in cases {
            let bytes = |text: &serde_json::Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
            let files = case["files"].as_object().unwrap().iter();
            let files = files.map(|(name, text)| (name.clone(), bytes(text))).collect();
            all.push((case["name"].as_str().unwrap().to_owned(), files));
        }
    }
    all
}

fn files(dir: &Path) -> Model {
    let Ok(entries) = dir.read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    found.sort();
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

/// The first models of each file of cases.
fn onnx() -> Vec<(String, Model)> {
    let mut names: Vec<PathBuf> = match tests().join("onnx/cases").read_dir() {
        Ok(entries) => entries.map(|e| e.unwrap().path()).collect(),
        Err(_) => return Vec::new(),
    };
    names.sort();
    let mut all = Vec::new();
    for file in names {
        let mut bytes = Vec::new();
        GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_end(&mut bytes).unwrap();
        let mut rest = &bytes[..];
        for _ in 0..CASES {
            let Some((length, after)) = rest.split_first_chunk::<4>() else { break };
            let (header, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            let header: serde_json::Value = serde_json::from_slice(header).unwrap();
            let size = |key: &str| header[key].as_u64().unwrap() as usize;
            let model = after[..size("model")].to_vec();
            let name = header["name"].as_str().unwrap().to_owned();
            all.push((name, vec![("model.onnx".to_owned(), model)]));
            rest = &after[size("bytes")..];
        }
    }
    all
}
