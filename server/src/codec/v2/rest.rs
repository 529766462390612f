//! The protocol's requests and answers over HTTP.

use super::{Request, inputs, json, json_write, outputs};
use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Tensor};
use bytes::Bytes;

/// A request's body, to be answered in the same way.
#[derive(Debug)]
pub struct Infer {
    request: Request,
    body: Bytes,
    /// Bytes of JSON before the binary data.
    header: usize,
    /// Outputs that say nothing of it come as binary data.
    binary: bool,
    /// What was run, once it is known.
    signature: String,
}

/// An answer's body.
#[derive(Debug)]
pub struct Answer {
    /// JSON, then binary data.
    pub body: Vec<u8>,
    /// Bytes of JSON, if binary data follow it.
    pub header: Option<usize>,
}

impl Infer {
    /// A request for a model; `header` is what the client says of the length of its JSON.
    pub fn new(model: &str, header: Option<usize>, body: Bytes) -> Result<Self, InvokeError> {
        let length = header.unwrap_or(body.len());
        if length > body.len() {
            return Err(InvokeError::bad(format!(
                "inference header size should be in range (0, {}), got: {length}",
                body.len()
            )));
        }
        let request = Request { model: model.to_owned(), ..Request::default() };
        // Without any JSON the body is the one input, and the answer is binary too.
        let binary = header == Some(0);
        Ok(Self { request, body, header: length, binary, signature: String::new() })
    }

    /// To be answered by the version of this number.
    #[must_use]
    pub fn by_version(mut self, number: u64) -> Self {
        self.request.version = number;
        self
    }
}

impl Exchange for Infer {
    type Answer = Answer;

    fn bytes(&self) -> usize {
        self.body.len()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        let mut text = std::mem::take(&mut self.body);
        if self.binary {
            let input = inputs::bare(text, &self.request, model)?;
            self.request.inputs.push(input);
        } else {
            let binary = text.split_off(self.header);
            self.binary = json::read(&text, binary, &mut self.request)?.binary;
        }
        let call = inputs::call(&mut self.request, model)?;
        self.signature.clone_from(&call.signature);
        Ok(call)
    }

    fn encode(self, model: &Model, outputs: Vec<(String, Tensor)>) -> Result<Answer, InvokeError> {
        let outputs = outputs::select(&self.request.wanted, &self.signature, model, outputs)?;
        let (body, length) = json_write::write(&self.request, &outputs, self.binary);
        let header = (length < body.len()).then_some(length);
        Ok(Answer { body, header })
    }
}
