//! The backend tests of the `onnx` package, as `onnx/cases.py` writes them.

use berth_engine::{Data, Tensor};
use flate2::read::GzDecoder;
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
pub struct Header {
    pub name: String,
    pub rtol: f64,
    pub atol: f64,
    pub inputs: Vec<Entry>,
    pub outputs: Vec<Entry>,
    pub model: usize,
    pub bytes: usize,
}

#[derive(Deserialize)]
pub struct Entry {
    pub name: String,
    pub dtype: String,
    pub shape: Vec<usize>,
    #[serde(default)]
    pub from: usize,
    #[serde(default)]
    pub to: usize,
    #[serde(default)]
    pub text: Vec<String>,
    /// How far floats may be off, whatever the case says.
    #[serde(default)]
    pub atol: Option<f64>,
}

pub struct Case {
    pub header: Header,
    pub body: Vec<u8>,
}

impl Case {
    /// The model's file.
    pub fn model(&self) -> &[u8] {
        &self.body[..self.header.model]
    }

    pub fn tensor(&self, entry: &Entry) -> Tensor {
        let data = &self.body[self.header.model..];
        let bytes = data.get(entry.from..entry.to).unwrap();
        fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks::<N>().0.iter().map(|c| read(*c)).collect()
        }
        let ints = |v: Vec<i64>| Data::I64(v);
        let data = match entry.dtype.as_str() {
            "float32" | "float16" | "bfloat16" => Data::F32(each(bytes, f32::from_le_bytes)),
            "float64" => Data::F64(each(bytes, f64::from_le_bytes)),
            "int64" => ints(each(bytes, i64::from_le_bytes)),
            "uint64" => ints(each(bytes, |b| u64::from_le_bytes(b).cast_signed())),
            "int32" => ints(each(bytes, |b| i64::from(i32::from_le_bytes(b)))),
            "uint32" => ints(each(bytes, |b| i64::from(u32::from_le_bytes(b)))),
            "int16" => ints(each(bytes, |b| i64::from(i16::from_le_bytes(b)))),
            "uint16" => ints(each(bytes, |b| i64::from(u16::from_le_bytes(b)))),
            "int8" => ints(each(bytes, |b| i64::from(i8::from_le_bytes(b)))),
            "uint8" => ints(each(bytes, |b: [u8; 1]| i64::from(b[0]))),
            "bool" => Data::Bool(bytes.iter().map(|b| *b != 0).collect()),
            "string" => Data::String(entry.text.iter().map(|t| t.clone().into_bytes()).collect()),
            other => panic!("a case of type {other}"),
        };
        Tensor::new(entry.shape.clone(), data).unwrap()
    }
}

pub fn cases(file: &Path) -> Vec<Case> {
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_end(&mut bytes).unwrap();
    let (mut rest, mut all) = (&bytes[..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (header, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        let header: Header = serde_json::from_slice(header).unwrap();
        let (body, after) = after.split_at(header.bytes);
        all.push(Case { body: body.to_vec(), header });
        rest = after;
    }
    all
}

pub fn files() -> Vec<PathBuf> {
    if let Some(file) = std::env::var_os("BERTH_ONNX") {
        return vec![file.into()];
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/cases");
    let mut files: Vec<PathBuf> = dir.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}
