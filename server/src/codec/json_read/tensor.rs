//! Tensors: arrays in arrays.

use super::super::convert::Builder;
use super::{Cursor, DEEPEST};
use crate::error::InvokeError;
use base64::Engine as _;

impl Cursor<'_> {
    /// A tensor: a scalar, or arrays in arrays of one shape. Values are appended to `out`; their shape comes back.
    pub fn tensor(&mut self, out: &mut Builder) -> Result<Vec<usize>, InvokeError> {
        let mut shape: Vec<Option<usize>> = Vec::new();
        let first = out.len();
        self.nested(out, first, &mut shape, 0)?;
        Ok(shape.into_iter().map(Option::unwrap_or_default).collect())
    }

    fn nested(
        &mut self,
        out: &mut Builder,
        first: usize,
        shape: &mut Vec<Option<usize>>,
        depth: usize,
    ) -> Result<(), InvokeError> {
        if self.peek() != Some(b'[') {
            // A leaf: it must be at the depth of every other leaf.
            if shape.len() != depth {
                return Err(self.ragged());
            }
            return self.leaf(out);
        }
        if depth >= DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        if shape.len() == depth {
            if out.len() > first || shape.last().is_some_and(Option::is_some) {
                return Err(self.ragged());
            }
            shape.push(None);
        }
        let count = self.array(|cursor| cursor.nested(out, first, shape, depth + 1))?;
        match &mut shape[depth] {
            extent @ None => *extent = Some(count),
            Some(extent) if *extent == count => {}
            Some(_) => return Err(self.ragged()),
        }
        Ok(())
    }

    fn ragged(&self) -> InvokeError {
        InvokeError::bad(format!(
            "the array that ends near byte {} has another length or depth than those before it: a tensor needs rows of one \
             shape",
            self.at
        ))
    }

    fn leaf(&mut self, out: &mut Builder) -> Result<(), InvokeError> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                if out.is_string() { out.push_bytes(text) } else { special(&text, out) }
            }
            Some(b'{') => {
                let mut bytes = None;
                self.object(|cursor, key| {
                    if key != "b64" {
                        return Err(InvokeError::bad(format!(
                            "expected a value or {{\"b64\": …}}, found an object with the key {key:?}"
                        )));
                    }
                    let text = cursor.string()?;
                    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
                    bytes = Some(decoded.map_err(|_| InvokeError::bad("a \"b64\" value is not base64"))?);
                    Ok(())
                })?;
                out.push_bytes(bytes.unwrap_or_default())
            }
            _ => out.push_text(self.token()?),
        }
    }
}

/// Some clients quote the numbers that JSON has no words for.
fn special(text: &[u8], out: &mut Builder) -> Result<(), InvokeError> {
    match text {
        b"NaN" | b"Infinity" | b"-Infinity" => out.push_text(text),
        other => out.push_bytes(other.to_vec()),
    }
}
