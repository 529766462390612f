//! SageMaker's RecordIO: records one after the other, each a protobuf message of named tensors.
//!
//! A record is a magic number, a length, both of 32 bits and little-endian, the message, and zeros up to a multiple of four bytes. The
//! features of an instance are its tensor `values`, dense or by keys.

use super::sparse::{dense, width};
use crate::error::InvokeError;
use berth_engine::{Tensor, TensorSpec};
use prost::Message;
use std::collections::BTreeMap;

pub const MAGIC: u32 = 0xced7_230a;
/// The name of an instance's features.
const FEATURES: &str = "values";
/// The upper bits say which part of a record that was split this is.
const PARTS: u32 = 7 << 29;

/// One instance, or its answer.
#[derive(Clone, PartialEq, Message)]
pub struct Record {
    #[prost(btree_map = "string, message", tag = "1")]
    pub features: BTreeMap<String, Value>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub label: BTreeMap<String, Value>,
}

/// A tensor of one type.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    #[prost(message, optional, tag = "2")]
    pub float32: Option<Floats>,
    #[prost(message, optional, tag = "3")]
    pub float64: Option<Doubles>,
    #[prost(message, optional, tag = "7")]
    pub int32: Option<Integers>,
}

/// Numbers, by keys if there are some.
#[derive(Clone, PartialEq, Message)]
pub struct Floats {
    #[prost(float, repeated, tag = "1")]
    pub values: Vec<f32>,
    #[prost(uint64, repeated, tag = "2")]
    pub keys: Vec<u64>,
}

/// As [`Floats`].
#[derive(Clone, PartialEq, Message)]
pub struct Doubles {
    #[prost(double, repeated, tag = "1")]
    pub values: Vec<f64>,
    #[prost(uint64, repeated, tag = "2")]
    pub keys: Vec<u64>,
}

/// As [`Floats`].
#[derive(Clone, PartialEq, Message)]
pub struct Integers {
    #[prost(int32, repeated, tag = "1")]
    pub values: Vec<i32>,
    #[prost(uint64, repeated, tag = "2")]
    pub keys: Vec<u64>,
}

/// Reads records for the model's one input; `absent` is what a sparse row does not name.
pub fn read(body: &[u8], spec: &TensorSpec, absent: f64) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let width = width(spec, "application/x-recordio-protobuf")?;
    let (mut rest, mut rows) = (body, Vec::new());
    while !rest.is_empty() {
        let wrong = |what: &str| InvokeError::bad(format!("record {}: {what}", rows.len()));
        let (message, after) = split(rest).map_err(wrong)?;
        let record = Record::decode(message).map_err(|e| wrong(&format!("it is no protobuf record: {e}")))?;
        rows.push(row(&record, width).map_err(|what| wrong(&what))?);
        rest = after;
    }
    if rows.is_empty() {
        return Err(InvokeError::bad("the request body holds no record"));
    }
    dense(&rows, 0, width, spec, absent)
}

/// The first record's message, and what follows it.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let (head, rest) = bytes.split_first_chunk::<8>().ok_or("it ends in its head")?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if word(0) != MAGIC {
        return Err("it does not begin with RecordIO's magic number");
    }
    if word(4) & PARTS != 0 {
        return Err("it is split into parts, which is not supported");
    }
    let length = word(4) as usize;
    let message = rest.get(..length).ok_or("it is longer than the request")?;
    Ok((message, rest.get(length.next_multiple_of(4)..).unwrap_or(&[])))
}

/// An instance's numbers by their places.
fn row(record: &Record, width: usize) -> Result<Vec<(usize, f64)>, String> {
    let value = record.features.get(FEATURES).ok_or_else(|| format!("it has no tensor {FEATURES:?}"))?;
    let (values, keys): (Vec<f64>, &[u64]) = match value {
        Value { float32: Some(t), .. } => (t.values.iter().map(|v| f64::from(*v)).collect(), &t.keys),
        Value { float64: Some(t), .. } => (t.values.clone(), &t.keys),
        Value { int32: Some(t), .. } => (t.values.iter().map(|v| f64::from(*v)).collect(), &t.keys),
        _ => return Err(format!("its tensor {FEATURES:?} is not of float32, float64 or int32")),
    };
    if keys.is_empty() && values.len() == width {
        return Ok(values.into_iter().enumerate().collect());
    }
    if keys.len() != values.len() {
        return Err(format!(
            "{} numbers with {} keys, but rows have {width} numbers",
            values.len(),
            keys.len()
        ));
    }
    let places = keys.iter().map(|key| usize::try_from(*key).unwrap_or(usize::MAX));
    Ok(places.zip(values).collect())
}

#[cfg(test)]
mod tests {
    use super::{Doubles, Floats, MAGIC, Message, Record, Value, read};
    use berth_engine::{DType, Data, TensorSpec};

    fn record(value: Value) -> Vec<u8> {
        let features = [("values".to_owned(), value)].into();
        let message = Record { features, ..Record::default() }.encode_to_vec();
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend((message.len() as u32).to_le_bytes());
        bytes.extend(&message);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn values(body: &[u8]) -> Result<Vec<f32>, String> {
        let spec = TensorSpec { name: "x".to_owned(), dtype: DType::F32, shape: Some(vec![None, Some(3)]) };
        let read = read(body, &spec, f64::NAN).map_err(|e| e.to_string())?;
        let Data::F32(values) = read[0].1.data() else { return Err("not f32".to_owned()) };
        Ok(values.iter().map(|v| if v.is_nan() { -1.0 } else { *v }).collect())
    }

    #[test]
    fn dense_and_sparse_records() {
        let dense = Floats { values: vec![1.0, 2.0, 3.0], keys: vec![] };
        let sparse = Doubles { values: vec![5.0], keys: vec![1] };
        let mut body = record(Value { float32: Some(dense), ..Value::default() });
        body.extend(record(Value { float64: Some(sparse), ..Value::default() }));
        assert_eq!(values(&body).unwrap(), [1.0, 2.0, 3.0, -1.0, 5.0, -1.0]);
        // A record is whole without the zeros behind it.
        let whole = |begin: usize| {
            begin + 8 + u32::from_le_bytes(body[begin + 4..begin + 8].try_into().unwrap()) as usize
        };
        let second = whole(0).next_multiple_of(4);
        for end in 1..body.len() {
            let is_whole = (whole(0)..=second).contains(&end) || end >= whole(second);
            assert_eq!(values(&body[..end]).is_ok(), is_whole, "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        let of = |values: Vec<f32>, keys: Vec<u64>| {
            record(Value { float32: Some(Floats { values, keys }), ..Value::default() })
        };
        assert!(values(&of(vec![1.0], vec![3])).unwrap_err().contains("index 3"));
        assert!(values(&of(vec![1.0, 2.0], vec![])).unwrap_err().contains("rows have 3 numbers"));
        assert!(values(&of(vec![1.0, 2.0], vec![1])).unwrap_err().contains("1 keys"));
        assert!(values(&record(Value::default())).unwrap_err().contains("float32"));
        assert!(values(b"").unwrap_err().contains("no record"));
        assert!(values(b"12345678").unwrap_err().contains("magic"));
        let long = [&MAGIC.to_le_bytes()[..], &[0xff, 0xff, 0xff, 0x1f]].concat();
        assert!(values(&long).unwrap_err().contains("longer than the request"));
    }
}
