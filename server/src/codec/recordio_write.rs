//! Answers as SageMaker's RecordIO: a record for each row, its outputs as labels of `float32`.

use super::json_write::row_count;
use super::recordio::{Floats, MAGIC, Record, Value};
use crate::error::InvokeError;
use berth_engine::{Data, Tensor};
use prost::Message;

/// A length has 29 bits.
const LONGEST: usize = 1 << 29;

/// Writes a record for each row.
pub fn write(outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let rows = row_count(outputs)?;
    let mut out = Vec::new();
    for row in 0..rows {
        let label = outputs.iter().map(|(name, tensor)| Ok((name.clone(), value(tensor, row)?)));
        let record = Record { label: label.collect::<Result<_, InvokeError>>()?, ..Record::default() };
        let message = record.encode_to_vec();
        if message.len() >= LONGEST {
            return Err(InvokeError::bad(
                "a row of the answer is too long for a record; accept application/json",
            ));
        }
        out.extend(MAGIC.to_le_bytes());
        out.extend((message.len() as u32).to_le_bytes());
        out.extend(&message);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    Ok(out)
}

fn value(tensor: &Tensor, row: usize) -> Result<Value, InvokeError> {
    let width: usize = tensor.shape()[1..].iter().product();
    let part = row * width..(row + 1) * width;
    let values = match tensor.data() {
        Data::F32(v) => v[part].to_vec(),
        Data::F64(v) => v[part].iter().map(|x| *x as f32).collect(),
        Data::I64(v) => v[part].iter().map(|x| *x as f32).collect(),
        Data::Bool(v) => v[part].iter().map(|x| f32::from(u8::from(*x))).collect(),
        Data::String(_) => return Err(InvokeError::bad("texts are in no record; accept application/json")),
    };
    Ok(Value { float32: Some(Floats { values, keys: Vec::new() }), ..Value::default() })
}

#[cfg(test)]
mod tests {
    use super::super::recordio::Record;
    use super::write;
    use berth_engine::{Data, Tensor};
    use prost::Message;

    #[test]
    fn each_row_is_a_record_of_labels() {
        let score = Tensor::new(vec![2, 2], Data::F32(vec![0.1, 0.9, 0.5, 0.25])).unwrap();
        let label = Tensor::new(vec![2], Data::F32(vec![1.0, 0.0])).unwrap();
        let bytes = write(&[("predicted_label".to_owned(), label), ("score".to_owned(), score)]).unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let first = Record::decode(&bytes[8..8 + length]).unwrap();
        let values = |name: &str| first.label[name].float32.as_ref().unwrap().values.clone();
        assert_eq!(values("score"), [0.1, 0.9]);
        assert_eq!(values("predicted_label"), [1.0]);
        assert!(first.features.is_empty());
    }
}
