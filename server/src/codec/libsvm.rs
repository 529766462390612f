//! LIBSVM's sparse rows: `label index:value index:value …`, the label left out or not. What a row does not name is missing.

use super::sparse::{dense, width};
use crate::error::InvokeError;
use berth_engine::{Tensor, TensorSpec};

/// Reads rows for the model's one input. Indices count from 0 if the request has an index 0, and from 1 if not.
pub fn read(body: &[u8], spec: &TensorSpec) -> Result<Vec<(String, Tensor)>, InvokeError> {
    let width = width(spec, "text/libsvm")?;
    let rows: Vec<Vec<(usize, f64)>> = body
        .split(|b| *b == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(n, line)| row(line).map_err(|what| InvokeError::bad(format!("line {}: {what}", n + 1))))
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err(InvokeError::bad("the request body holds no line"));
    }
    let first = usize::from(rows.iter().flatten().all(|(index, _)| *index > 0));
    dense(&rows, first, width, spec, f64::NAN)
}

/// The numbers of a row by their indices.
fn row(line: &[u8]) -> Result<Vec<(usize, f64)>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    // What follows is a remark.
    let line = line.split('#').next().unwrap_or("");
    let mut words = line.split_ascii_whitespace().peekable();
    if words.peek().is_some_and(|word| !word.contains(':')) {
        words.next();
    }
    let pair = |word: &str| {
        let (index, value) = word.split_once(':')?;
        Some((index.parse().ok()?, fast_float2::parse(value).ok()?))
    };
    words
        .filter(|word| !word.starts_with("qid:"))
        .map(|word| pair(word).ok_or(format!("{word:?} is not index:value")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read;
    use berth_engine::{DType, Data, TensorSpec};

    fn values(text: &str) -> Result<Vec<f32>, String> {
        let spec = TensorSpec { name: "x".to_owned(), dtype: DType::F32, shape: Some(vec![None, Some(3)]) };
        let read = read(text.as_bytes(), &spec).map_err(|e| e.to_string())?;
        let Data::F32(values) = read[0].1.data() else { return Err("not f32".to_owned()) };
        Ok(values.iter().map(|v| if v.is_nan() { -1.0 } else { *v }).collect())
    }

    #[test]
    fn indices_count_from_where_they_begin() {
        assert_eq!(values("1 1:5 3:7 # one\n\n0 qid:4 2:1e1\n").unwrap(), [5.0, -1.0, 7.0, -1.0, 10.0, -1.0]);
        assert_eq!(values("0:5 2:7\n1:3").unwrap(), [5.0, -1.0, 7.0, -1.0, 3.0, -1.0]);
        assert!(values("1 4:5").unwrap_err().contains("index 4"));
        assert!(values("1 0:1 3:5").unwrap_err().contains("index 3"));
        assert!(values("1 a:5").unwrap_err().contains("line 1"));
        assert!(values("\n").is_err());
    }
}
