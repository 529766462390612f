//! A full-size VGG16, built from the recipe in `tests/fixtures/vgg16`: no TensorFlow and no large file is needed.

use crate::{archives, repository};
use base64::Engine as _;
use serde_json::Value;
use std::sync::OnceLock;

const FIXTURE: &str = "tests/fixtures/vgg16";

fn file(name: &str) -> Vec<u8> {
    let path = repository(FIXTURE).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// splitmix64, the top 24 bits of each number as a `float32` in [-scale, scale).
fn stream(seed: u64, count: usize, scale: f32) -> impl Iterator<Item = f32> {
    let mut state = seed;
    (0..count).map(move |_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let k = (z ^ (z >> 31)) >> 40;
        (k as f32 * (-23f32).exp2() - 1.0) * scale
    })
}

fn number(value: &Value) -> usize {
    value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_else(|| panic!("not a number: {value}"))
}

fn variables() -> Vec<u8> {
    let recipe = json("recipe.json");
    let mut data = Vec::with_capacity(number(&recipe["size"]));
    for segment in recipe["segments"].as_array().expect("a list of segments") {
        assert_eq!(number(&segment["offset"]), data.len(), "segments leave no gaps");
        if let Some(text) = segment["base64"].as_str() {
            data.extend(base64::engine::general_purpose::STANDARD.decode(text).expect("base64"));
        } else {
            let seed = segment["seed"].as_u64().expect("a seed");
            let scale = segment["scale"].as_f64().expect("a scale") as f32;
            data.extend(stream(seed, number(&segment["count"]), scale).flat_map(f32::to_le_bytes));
        }
    }
    assert_eq!(data.len(), number(&recipe["size"]), "the recipe gives the whole file");
    data
}

/// The files of the SavedModel.
pub fn model() -> Vec<(String, Vec<u8>)> {
    let name = json("recipe.json")["file"].as_str().expect("a file").to_owned();
    vec![
        ("1/saved_model.pb".to_owned(), file("saved_model.pb")),
        ("1/variables/variables.index".to_owned(), file("variables.index")),
        (format!("1/variables/{name}"), variables()),
    ]
}

/// The model as a `.tar.gz`; made once in a process.
pub fn archive() -> &'static [u8] {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| archives::pack(&model()))
}

/// A request for each batch of pictures, and TensorFlow's answer.
pub fn requests() -> Vec<(Vec<u8>, Vec<Vec<f64>>)> {
    let expected = json("expected.json");
    let (side, grid) = (number(&expected["side"]), number(&expected["grid"]));
    let pictures: Vec<Value> = expected["pictures"].as_array().expect("a list of pictures").clone();
    let request = |batch: &Value| {
        let chosen = batch["pictures"].as_array().expect("a list of numbers");
        let shown: Vec<String> = chosen.iter().map(|n| picture(&pictures[number(n)], side, grid)).collect();
        let body = format!("{{\"instances\":[{}]}}", shown.join(","));
        (body.into_bytes(), crate::examples::rows(&batch["predictions"]))
    };
    expected["batches"].as_array().expect("a list of batches").iter().map(request).collect()
}

/// A picture of flat squares, as JSON. The shortest text of a `float32` gives it back to the last bit.
fn picture(recipe: &Value, side: usize, grid: usize) -> String {
    let number = |name: &str| recipe[name].as_f64().expect("a number") as f32;
    let seed = recipe["seed"].as_u64().expect("a seed");
    let squares: Vec<f32> =
        stream(seed, grid * grid * 3, number("scale")).map(|x| x + number("shift")).collect();
    let cell = side / grid;
    let pixel = |y: usize, x: usize| {
        let at = ((y / cell) * grid + x / cell) * 3;
        format!("[{},{},{}]", squares[at], squares[at + 1], squares[at + 2])
    };
    let row = |y| format!("[{}]", (0..side).map(|x| pixel(y, x)).collect::<Vec<_>>().join(","));
    format!("[{}]", (0..side).map(row).collect::<Vec<_>>().join(","))
}
