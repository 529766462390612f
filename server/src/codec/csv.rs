//! Comma-separated values: one instance a line.

use super::convert::{Builder, shape_rows};
use crate::error::InvokeError;
use berth_engine::{Tensor, TensorSpec};

/// Reads rows of one width for the model's one input. With `holes`, a field without anything in it is a number that is missing.
pub fn read(body: &[u8], spec: &TensorSpec, holes: bool) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let mut values = Builder::new(spec.dtype);
    let (mut rows, mut width) = (0, None);
    for (number, line) in body.split(|b| *b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let before = values.len();
        for field in line.split(|b| *b == b',') {
            let field = unquoted(field.trim_ascii());
            let field = if holes && field.is_empty() { b"NaN" } else { field };
            if values.is_string() { values.push_bytes(field.to_vec()) } else { values.push_text(field) }
                .map_err(|e| InvokeError::bad(format!("line {}: {e}", number + 1)))?;
        }
        let fields = values.len() - before;
        if *width.get_or_insert(fields) != fields {
            return Err(InvokeError::bad(format!(
                "line {} has {fields} values and the lines before it {}",
                number + 1,
                width.unwrap_or(0)
            )));
        }
        rows += 1;
    }
    let Some(width) = width else { return Err(InvokeError::bad("the request body holds no line")) };
    let tensor = Tensor::new(shape_rows(rows, width, spec), values.finish())?;
    Ok(vec![(spec.name.clone(), tensor)])
}

fn unquoted(field: &[u8]) -> &[u8] {
    match field {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use berth_engine::{DType, Data, TensorSpec};

    fn spec(shape: Vec<Option<usize>>) -> TensorSpec {
        TensorSpec { name: "x".to_owned(), dtype: DType::F32, shape: Some(shape) }
    }

    #[test]
    fn flat_rows_take_the_inputs_shape() {
        let read =
            |text: &str, shape| read(text.as_bytes(), &spec(shape), false).map(|v| v[0].1.shape().to_vec());
        assert_eq!(read("1,2,3,4\n5, 6,7,8\r\n\n", vec![None, Some(2), Some(2)]).unwrap(), [2, 2, 2]);
        assert_eq!(read("1\n2", vec![None]).unwrap(), [2]);
        assert!(read("1,2\n3", vec![None, Some(2)]).is_err());
        assert!(read("1,x", vec![None, Some(2)]).is_err());
        assert!(read("\n", vec![None, Some(2)]).is_err());
    }

    #[test]
    fn fields_may_be_missing() {
        let spec = spec(vec![None, Some(3)]);
        assert!(read(b"1,,3", &spec, false).is_err());
        let read = read(b"1,,3\n,,\n", &spec, true).unwrap();
        let Data::F32(values) = read[0].1.data() else { panic!("not f32") };
        assert_eq!(
            values.iter().map(|v| v.is_nan()).collect::<Vec<_>>(),
            [false, true, false, true, true, true]
        );
    }
}
