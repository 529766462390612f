//! TensorFlow Serving's response JSON.

use super::Form;
use crate::error::InvokeError;
use base64::Engine as _;
use berth_engine::{Data, Tensor};

/// Writes outputs; one is bare, several are named.
pub fn write(form: Form, outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let values: usize = outputs.iter().map(|(_, t)| t.data().len()).sum();
    let mut out = Vec::with_capacity(values.saturating_mul(12).saturating_add(64));
    match form {
        Form::Columns => columns(&mut out, outputs),
        Form::Rows => rows(&mut out, "predictions", outputs.len() > 1, outputs)?,
        Form::Records(name) => rows(&mut out, name, true, outputs)?,
        Form::Bare | Form::Values => bare(&mut out, outputs),
    }
    Ok(out)
}

fn columns(out: &mut Vec<u8>, outputs: &[(String, Tensor)]) {
    out.extend_from_slice(b"{\"outputs\": ");
    if let [(name, tensor)] = outputs {
        values(out, name, tensor.shape(), tensor.data(), &mut 0);
    } else {
        list(out, b'{', b'}', outputs, |out, (name, tensor)| {
            string(out, name);
            out.extend_from_slice(b": ");
            values(out, name, tensor.shape(), tensor.data(), &mut 0);
        });
    }
    out.push(b'}');
}

fn bare(out: &mut Vec<u8>, outputs: &[(String, Tensor)]) {
    if let [(_, tensor)] = outputs {
        nested(out, tensor.shape(), tensor.data(), &mut 0);
    } else {
        columns(out, outputs);
    }
}

/// How many rows the outputs have, if that is one number.
pub fn row_count(outputs: &[(String, Tensor)]) -> Result<usize, InvokeError> {
    let count = outputs.first().and_then(|(_, t)| t.shape().first().copied()).unwrap_or(0);
    if let Some((name, tensor)) = outputs.iter().find(|(_, t)| t.shape().first() != Some(&count)) {
        return Err(InvokeError::bad(format!(
            "output {name:?} has shape {:?}, which has no row for each instance; send the request as {{\"inputs\": …}}",
            tensor.shape()
        )));
    }
    Ok(count)
}

/// All rows in a list of some name; the values of each with the outputs' names, or without.
fn rows(out: &mut Vec<u8>, name: &str, named: bool, outputs: &[(String, Tensor)]) -> Result<(), InvokeError> {
    let count = row_count(outputs)?;
    let mut at = vec![0; outputs.len()];
    out.push(b'{');
    string(out, name);
    out.extend_from_slice(b": ");
    list(out, b'[', b']', 0..count, |out, _| row(out, named, outputs, &mut at));
    out.push(b'}');
    Ok(())
}

/// The next row.
fn row(out: &mut Vec<u8>, named: bool, outputs: &[(String, Tensor)], at: &mut [usize]) {
    if !named && let ([(name, tensor)], [at]) = (outputs, &mut *at) {
        return values(out, name, &tensor.shape()[1..], tensor.data(), at);
    }
    list(out, b'{', b'}', outputs.iter().zip(at.iter_mut()), |out, ((name, tensor), at)| {
        string(out, name);
        out.extend_from_slice(b": ");
        values(out, name, &tensor.shape()[1..], tensor.data(), at);
    });
}

/// One row a line.
pub fn lines(form: Form, outputs: &[(String, Tensor)]) -> Result<Vec<u8>, InvokeError> {
    let (mut out, mut lines) = (Vec::new(), Lines::new(form, outputs)?);
    while lines.write(outputs, &mut out) {}
    Ok(out)
}

/// Where the writing of rows is, line by line.
#[derive(Debug)]
pub struct Lines {
    named: bool,
    /// The next value of each output.
    at: Vec<usize>,
    left: usize,
}

impl Lines {
    /// Before the first.
    pub fn new(form: Form, outputs: &[(String, Tensor)]) -> Result<Self, InvokeError> {
        let named = outputs.len() > 1 || matches!(form, Form::Records(_));
        Ok(Self { named, at: vec![0; outputs.len()], left: row_count(outputs)? })
    }

    /// Writes the next row; false: there is none.
    pub fn write(&mut self, outputs: &[(String, Tensor)], out: &mut Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        row(out, self.named, outputs, &mut self.at);
        out.push(b'\n');
        true
    }
}

pub fn list<T>(
    out: &mut Vec<u8>,
    open: u8,
    close: u8,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(open);
    for (n, value) in items.into_iter().enumerate() {
        if n > 0 {
            out.extend_from_slice(b", ");
        }
        item(out, value);
    }
    out.push(close);
}

/// How the names of outputs end whose strings are bytes and no text.
const BYTES: &str = "_bytes";

/// Values of an output from `at` on, in the brackets of `shape`.
fn values(out: &mut Vec<u8>, name: &str, shape: &[usize], data: &Data, at: &mut usize) {
    match data {
        Data::String(v) if name.ends_with(BYTES) => nested_by(out, shape, at, &|out, at| b64(out, &v[at])),
        _ => nested(out, shape, data, at),
    }
}

/// Values from `at` on, in the brackets of `shape`.
pub fn nested(out: &mut Vec<u8>, shape: &[usize], data: &Data, at: &mut usize) {
    nested_by(out, shape, at, &|out, at| flat(out, data, at));
}

fn nested_by(out: &mut Vec<u8>, shape: &[usize], at: &mut usize, write: &impl Fn(&mut Vec<u8>, usize)) {
    match shape {
        [] => {
            write(out, *at);
            *at += 1;
        }
        [extent, rest @ ..] => list(out, b'[', b']', 0..*extent, |out, _| nested_by(out, rest, at, write)),
    }
}

/// One value.
pub fn flat(out: &mut Vec<u8>, data: &Data, at: usize) {
    match data {
        Data::F32(v) => number(out, v[at]),
        Data::F64(v) => {
            float(out, v[at].is_nan(), v[at].is_infinite(), v[at] < 0.0, |b| b.format_finite(v[at]));
        }
        Data::I64(v) => out.extend_from_slice(itoa::Buffer::new().format(v[at]).as_bytes()),
        Data::Bool(v) => out.extend_from_slice(if v[at] { b"true" } else { b"false" }),
        Data::String(v) => bytes(out, &v[at]),
    }
}

/// A number as JSON has none for some of them.
pub fn number(out: &mut Vec<u8>, x: f32) {
    float(out, x.is_nan(), x.is_infinite(), x < 0.0, |b| b.format_finite(x));
}

fn float(
    out: &mut Vec<u8>,
    nan: bool,
    infinite: bool,
    negative: bool,
    format: impl FnOnce(&mut ryu::Buffer) -> &str,
) {
    match (nan, infinite, negative) {
        (true, ..) => out.extend_from_slice(b"NaN"),
        (_, true, true) => out.extend_from_slice(b"-Infinity"),
        (_, true, false) => out.extend_from_slice(b"Infinity"),
        _ => out.extend_from_slice(format(&mut ryu::Buffer::new()).as_bytes()),
    }
}

/// Text as a string; bytes that are none as `{"b64": …}`.
fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(text) => string(out, text),
        Err(_) => b64(out, value),
    }
}

fn b64(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(b"{\"b64\": \"");
    out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(value).as_bytes());
    out.extend_from_slice(b"\"}");
}

/// Text, quoted.
pub fn string(out: &mut Vec<u8>, text: &str) {
    // Writing a string into a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::{Form, lines, write};
    use berth_engine::{Data, Tensor};

    fn text(form: Form, outputs: &[(&str, Vec<usize>, Data)]) -> String {
        let outputs: Vec<_> = outputs
            .iter()
            .map(|(n, s, d)| ((*n).to_owned(), Tensor::new(s.clone(), d.clone()).unwrap()))
            .collect();
        String::from_utf8(write(form, &outputs).unwrap()).unwrap()
    }

    #[test]
    fn one_output_is_bare_and_several_are_named() {
        let a = || ("a", vec![2, 2], Data::F32(vec![1.0, 0.1, f32::NAN, f32::NEG_INFINITY]));
        let b = || ("b", vec![2], Data::I64(vec![7, 8]));
        assert_eq!(text(Form::Rows, &[a()]), r#"{"predictions": [[1.0, 0.1], [NaN, -Infinity]]}"#);
        assert_eq!(
            text(Form::Rows, &[a(), b()]),
            r#"{"predictions": [{"a": [1.0, 0.1], "b": 7}, {"a": [NaN, -Infinity], "b": 8}]}"#
        );
        assert_eq!(text(Form::Columns, &[b()]), r#"{"outputs": [7, 8]}"#);
        assert_eq!(text(Form::Records("scores"), &[b()]), r#"{"scores": [{"b": 7}, {"b": 8}]}"#);
        let outputs = [("b".to_owned(), Tensor::new(vec![2], Data::I64(vec![7, 8])).unwrap())];
        assert_eq!(lines(Form::Records("scores"), &outputs).unwrap(), b"{\"b\": 7}\n{\"b\": 8}\n");
        assert_eq!(lines(Form::Rows, &outputs).unwrap(), b"7\n8\n");
        let s = ("s", vec![1], Data::String(vec![vec![0xff]]));
        assert_eq!(text(Form::Columns, &[b(), s]), r#"{"outputs": {"b": [7, 8], "s": [{"b64": "/w=="}]}}"#);
        let s = ("s_bytes", vec![1, 1], Data::String(vec![b"hi".to_vec()]));
        assert_eq!(text(Form::Rows, &[s]), r#"{"predictions": [[{"b64": "aGk="}]]}"#);
    }
}
