//! Values written into a text, as TensorFlow prints them.

use super::super::{Outcome, Value, fail};
use super::MOST_BYTES;
use crate::EngineError;
use crate::graph::Template;
use crate::value::Contents;

/// A text in which each placeholder is replaced by a value.
pub fn template(how: &Template, inputs: &[&Value]) -> Outcome {
    let mut parts = how.parts.iter();
    let mut out = parts.next().cloned().unwrap_or_default();
    if how.parts.len() != inputs.len() + 1 {
        return Err(fail("a text has as many placeholders as there are values"));
    }
    for (value, part) in inputs.iter().zip(parts) {
        write(&mut out, value, value.dims(), 0, how.ends)?;
        out.extend(part);
    }
    Value::text(vec![out], &[])
}

/// The first and last few along each axis.
fn write(
    out: &mut Vec<u8>,
    value: &Value,
    dims: &[usize],
    at: usize,
    ends: Option<usize>,
) -> Result<(), EngineError> {
    if out.len() > MOST_BYTES {
        return Err(fail(format!("a text of more than {MOST_BYTES} bytes")));
    }
    let Some((count, rest)) = dims.split_first() else {
        out.extend(element(value, at)?);
        return Ok(());
    };
    // Arrays of arrays are lines apart, and as deep as they lie within others.
    let depth = value.rank() - dims.len() + 1;
    let between = match rest.len() {
        0 => b" ".to_vec(),
        n => [vec![b'\n'; n], vec![b' '; depth]].concat(),
    };
    let size: usize = rest.iter().product();
    out.push(b'[');
    let ends = ends.unwrap_or(*count);
    for n in 0..*count {
        let skipped = n >= ends && n < count.saturating_sub(ends);
        if skipped && n > ends {
            continue;
        }
        if n > 0 {
            out.extend(&between);
        }
        if skipped {
            out.extend(b"...");
        } else {
            write(out, value, rest, at + n * size, Some(ends))?;
        }
    }
    out.push(b']');
    Ok(())
}

fn element(value: &Value, at: usize) -> Result<Vec<u8>, EngineError> {
    let text = match value.contents() {
        Contents::F32(m) => m.get(at).map(|x| short(f64::from(*x), 6, |t| t.parse() == Ok(*x))),
        Contents::F64(m) => m.get(at).map(|x| short(*x, 15, |t| t.parse() == Ok(*x))),
        Contents::I64(m) => m.get(at).map(ToString::to_string),
        Contents::Bool(m) => m.get(at).map(|b| u8::from(*b != 0).to_string()),
        Contents::Text(t) => return t.get(at).map(|t| [b"\"", &t[..], b"\""].concat()).ok_or_else(unfit),
        Contents::List(_) => None,
    };
    text.map(String::into_bytes).ok_or_else(unfit)
}

fn unfit() -> EngineError {
    fail("a value that cannot be written")
}

/// With so many digits, or two more where these do not tell the number from all others.
fn short(x: f64, digits: usize, tells: impl Fn(&str) -> bool) -> String {
    let text = super::numbers::general(x, digits);
    if tells(&text) || !x.is_finite() { text } else { super::numbers::general(x, digits + 2) }
}
