//! Models of any format, changed byte by byte, number by number, field by field.

use super::change::{self, Random};
use super::wire;
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Directories of fixtures, each of which has a directory `model`.
const GROUPS: [&str; 6] = ["boosters", "builtins", "huggingface", "mxnet", "sklearn", "torch"];
/// Larger files are not changed: reading them takes more than a second by itself.
const LARGEST: usize = 1 << 20;
/// Models of the file of ONNX's cases that are changed.
const CASES: usize = 400;

/// A model: its files by name.
pub type Model = Vec<(String, Vec<u8>)>;

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
    all.extend(onnx());
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

/// Changes one file of a model, and says how.
pub fn alter(model: &mut Model, random: &mut Random) -> String {
    let at = random.below(model.len());
    let (name, bytes) = &mut model[at];
    let fields = wire::decode(bytes, 0).is_some_and(|f| f.len() > 1);
    let is_text = bytes.iter().take(256).all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    let done = match random.below(8) {
        0 => {
            bytes.truncate(random.below(bytes.len()));
            "cut".to_owned()
        }
        1..=5 if name.ends_with(".onnx") && fields => change::anything(bytes, random),
        1..=5 if is_text => number(bytes, random),
        6 => piece(bytes, random),
        _ => word(bytes, random),
    };
    format!("{name}: {done}")
}

/// A number in a text becomes another.
fn number(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|n| bytes[*n].is_ascii_digit() && (*n == 0 || !bytes[n - 1].is_ascii_digit()))
        .collect();
    if starts.is_empty() {
        return word(bytes, random);
    }
    let start = starts[random.below(starts.len())];
    let end = (start..bytes.len()).find(|n| !bytes[*n].is_ascii_digit()).unwrap_or(bytes.len());
    let new = match random.below(6) {
        0 => "-1".to_owned(),
        1 => "NaN".to_owned(),
        2 => "1e400".to_owned(),
        3 => "\"x\"".to_owned(),
        _ => random.number().to_string(),
    };
    bytes.splice(start..end, new.bytes());
    format!("the number at {start} becomes {new}")
}

/// A piece goes, comes twice, or is written over another.
fn piece(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let from = random.below(bytes.len());
    let length = (1 + random.below(64)).min(bytes.len() - from);
    let part = bytes[from..from + length].to_vec();
    let how = random.below(3);
    match how {
        0 => drop(bytes.drain(from..from + length)),
        1 => drop(bytes.splice(from..from, part)),
        _ => {
            let to = random.below(bytes.len() - length + 1);
            bytes[to..to + length].copy_from_slice(&part);
        }
    }
    format!("piece {how} of {length} at {from}")
}

/// A few bits flip, or a word becomes a number that has broken readers before.
fn word(bytes: &mut [u8], random: &mut Random) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let at = random.below(bytes.len());
    let wide = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
    if random.below(2) == 0 {
        bytes[at] ^= 1 << random.below(8);
        return format!("a bit at {at}");
    }
    let new = random.number();
    bytes[at..at + wide].copy_from_slice(&new.to_le_bytes()[..wide]);
    format!("{wide} bytes at {at} become {new}")
}
