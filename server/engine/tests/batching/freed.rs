//! ONNX models of a fixed number of rows, made such that they take any.

use super::wire::{Field, Value, decode, encode};

/// Numbers of the fields of ONNX's messages.
const GRAPH: u64 = 7;
const INPUT: u64 = 11;
const OUTPUT: u64 = 12;
const TYPE: u64 = 2;
const TENSOR_TYPE: u64 = 1;
const SHAPE: u64 = 2;
const DIM: u64 = 1;
const DIM_PARAM: u64 = 2;

/// The model with the first extent of all inputs and outputs open. None: it is no model.
pub fn freed(model: &[u8]) -> Option<Vec<u8>> {
    let mut fields = decode(model, 0)?;
    for graph in messages(&mut fields, GRAPH) {
        for number in [INPUT, OUTPUT] {
            for value in messages(graph, number) {
                for tensor in messages(value, TYPE).flat_map(|fields| messages(fields, TENSOR_TYPE)) {
                    for shape in messages(tensor, SHAPE) {
                        open(shape);
                    }
                }
            }
        }
    }
    Some(encode(&fields))
}

/// The messages that a field of a message holds.
fn messages(fields: &mut [Field], number: u64) -> impl Iterator<Item = &mut Vec<Field>> {
    fields.iter_mut().filter(move |f| f.number == number).filter_map(|f| match &mut f.value {
        Value::Message(inner) => Some(inner),
        _ => None,
    })
}

/// A shape whose first extent has a name instead of a number.
fn open(shape: &mut [Field]) {
    if let Some(first) = shape.iter_mut().find(|f| f.number == DIM) {
        first.value =
            Value::Message(vec![Field { number: DIM_PARAM, value: Value::Bytes(b"rows".to_vec()) }]);
    }
}
