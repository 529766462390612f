//! Answers as comma-separated values.

use super::json_write::{flat, nested, row_count};
use crate::error::InvokeError;
use berth_engine::{Data, Tensor};

/// One line for each row; rows of several outputs stand behind each other in it.
pub fn lines(outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let rows = row_count(outputs)?;
    let mut at = vec![0; outputs.len()];
    let mut out = Vec::new();
    for _ in 0..rows {
        for (n, ((_, tensor), at)) in outputs.iter().zip(at.iter_mut()).enumerate() {
            let width: usize = tensor.shape()[1..].iter().product();
            for value in 0..width {
                if n + value > 0 {
                    out.push(b',');
                }
                field(&mut out, tensor.data(), *at + value);
            }
            *at += width;
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// All rows of the only output in one line, as the XGBoost container joins them: a row of several numbers keeps its brackets.
pub fn joined(outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let [(_, tensor)] = outputs else {
        return Err(InvokeError::bad(
            "the model has several outputs; accept application/json, which names them",
        ));
    };
    let rows = row_count(outputs)?;
    let (mut out, mut at) = (Vec::new(), 0);
    for row in 0..rows {
        if row > 0 {
            out.push(b',');
        }
        nested(&mut out, &tensor.shape()[1..], tensor.data(), &mut at);
    }
    Ok(out)
}

/// Text with a comma, a quotation mark or a line's end in it is put into quotation marks.
fn field(out: &mut Vec<u8>, data: &Data, at: usize) {
    let Data::String(texts) = data else { return flat(out, data, at) };
    let text = &texts[at];
    if text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        out.extend(text.iter().flat_map(|b| if *b == b'"' { vec![b'"'; 2] } else { vec![*b] }));
        out.push(b'"');
    } else {
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::{joined, lines};
    use berth_engine::{Data, Tensor};

    fn outputs(all: Vec<(&str, Vec<usize>, Data)>) -> Vec<(String, Tensor)> {
        all.into_iter().map(|(n, s, d)| (n.to_owned(), Tensor::new(s, d).unwrap())).collect()
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rows_are_lines_or_one_line() {
        let flat = || ("a", vec![2], Data::F32(vec![0.5, f32::NAN]));
        let wide = || ("b", vec![2, 2], Data::I64(vec![1, 2, 3, 4]));
        assert_eq!(text(joined(&outputs(vec![flat()])).unwrap()), "0.5,NaN");
        assert_eq!(text(joined(&outputs(vec![wide()])).unwrap()), "[1, 2],[3, 4]");
        assert!(joined(&outputs(vec![flat(), wide()])).is_err());
        assert_eq!(text(lines(&outputs(vec![flat(), wide()])).unwrap()), "0.5,1,2\nNaN,3,4\n");
        let words = Data::String(vec![b"a,b".to_vec(), b"say \"x\"".to_vec()]);
        assert_eq!(
            text(lines(&outputs(vec![("w", vec![2], words)])).unwrap()),
            "\"a,b\"\n\"say \"\"x\"\"\"\n"
        );
    }
}
