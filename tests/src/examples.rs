//! The models in `examples/`, their requests and TensorFlow's answers.

use crate::repository;
use serde_json::Value;

/// Most that a probability may differ from TensorFlow's, relative to its size; below a thousandth, absolute in thousandths of it.
pub const EXACT: f64 = 1e-5;

/// A model, a request and TensorFlow's answer.
#[derive(Debug, Clone)]
pub struct Example {
    /// Name of the archive, and of the target model.
    pub name: &'static str,
    /// The archive.
    pub archive: Vec<u8>,
    /// A request in JSON.
    pub request: Vec<u8>,
    /// The answer to it, a row for each instance.
    pub answer: Vec<Vec<f64>>,
}

/// A file in the repository.
pub fn file(path: &str) -> Vec<u8> {
    std::fs::read(repository(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&file(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The iris classifier: four numbers in, three probabilities out.
pub fn iris() -> Example {
    Example {
        name: "iris.tar.gz",
        archive: file("examples/models/iris.tar.gz"),
        request: file("examples/requests/iris/request.json"),
        answer: rows(&json("examples/requests/iris/expected.json")["predictions"]),
    }
}

/// The picture classifier, with the first picture.
pub fn cifar() -> Example {
    let (request, answer) = pictures().swap_remove(0);
    let archive = file("examples/models/cifar.tar.gz");
    Example { name: "cifar.tar.gz", archive, request, answer: vec![answer] }
}

/// The request for each picture, and the probabilities that TensorFlow gives.
pub fn pictures() -> Vec<(Vec<u8>, Vec<f64>)> {
    let expected = json("examples/requests/cifar/expected.json");
    let pictures = expected["pictures"].as_array().expect("a list of pictures");
    let request =
        |p: &Value| file(&format!("examples/requests/cifar/{}", p["request"].as_str().expect("a file")));
    pictures.iter().map(|p| (request(p), row(&p["probabilities"]))).collect()
}

/// Rows of numbers.
pub fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap_or_else(|| panic!("not rows: {value}")).iter().map(row).collect()
}

fn row(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap_or_else(|| panic!("not a row: {value}"));
    numbers.iter().map(|n| n.as_f64().unwrap_or_else(|| panic!("not a number: {n}"))).collect()
}

/// The predictions of an answer in JSON.
pub fn predictions(body: &[u8]) -> Vec<Vec<f64>> {
    let value: Value = serde_json::from_slice(body)
        .unwrap_or_else(|e| panic!("not JSON ({e}): {}", String::from_utf8_lossy(body)));
    rows(&value["predictions"])
}

/// The `float32` values of an `.npy` of rows.
pub fn npy_rows(body: &[u8]) -> Vec<Vec<f64>> {
    let header = usize::from(u16::from_le_bytes([body[8], body[9]]));
    let text = std::str::from_utf8(&body[10..10 + header]).expect("a header of text");
    assert!(text.contains("'<f4'") && text.contains("'fortran_order': False"), "{text}");
    let shape = text.split_once("'shape': (").and_then(|(_, t)| t.split_once(')')).expect("a shape").0;
    let width: usize = shape.split(',').nth(1).and_then(|n| n.trim().parse().ok()).expect("two dimensions");
    let values = body[10 + header..].as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b)));
    values.collect::<Vec<_>>().chunks(width).map(<[f64]>::to_vec).collect()
}

/// An `.npy` of `float32` rows.
pub fn npy(rows: &[Vec<f64>]) -> Vec<u8> {
    let shape = format!("({}, {})", rows.len(), rows.first().map_or(0, Vec::len));
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
    let mut out = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    out.extend(rows.iter().flatten().flat_map(|x| (*x as f32).to_le_bytes()));
    out
}

/// How far two answers are apart at most; infinitely if their shapes differ.
pub fn distance(got: &[Vec<f64>], wanted: &[Vec<f64>]) -> f64 {
    let same_shape = got.len() == wanted.len() && got.iter().zip(wanted).all(|(g, w)| g.len() == w.len());
    if !same_shape {
        return f64::INFINITY;
    }
    let pairs = got.iter().flatten().zip(wanted.iter().flatten());
    pairs.map(|(g, w)| (g - w).abs() / w.abs().max(1e-3)).fold(0.0, f64::max)
}

/// Fails unless the answer is TensorFlow's.
pub fn assert_answer(got: &[Vec<f64>], wanted: &[Vec<f64>]) {
    let distance = distance(got, wanted);
    assert!(distance <= EXACT, "{distance} apart:\n got    {got:?}\n wanted {wanted:?}");
}

impl Example {
    /// Fails unless this is the right answer to [`Example::request`].
    pub fn check(&self, answer: &crate::http::Answer) {
        assert_eq!(answer.status, 200, "{}: {}", self.name, answer.show());
        assert_answer(&predictions(&answer.body), &self.answer);
    }
}
