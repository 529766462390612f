//! Answers that are written while they are sent: rows one by one, anything else in pieces.

use super::json_write::Lines;
use super::{Accept, Payload, encode};
use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Tensor};
use bytes::Bytes;

/// A body whose answer is a stream.
#[derive(Debug)]
pub struct Streamed(pub Payload);

/// The answer: parts, each made when it is wanted.
#[derive(Debug)]
pub struct Parts {
    /// How they are written, put together.
    pub content_type: &'static str,
    /// Bytes of a part at most.
    largest: usize,
    /// What is left of what is written.
    rest: Bytes,
    /// Rows that are not written yet.
    rows: Option<(Lines, Vec<(String, Tensor)>)>,
}

impl Exchange for Streamed {
    type Answer = Parts;

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        self.0.decode(model)
    }

    fn encode(self, _: &Model, outputs: Vec<(String, Tensor)>) -> Result<Parts, InvokeError> {
        let (accept, form) = (self.0.accept, self.0.form);
        if matches!(accept, Accept::JsonLines | Accept::VerboseLines) {
            let lines = Lines::new(form, &outputs)?;
            return Ok(Parts::new("application/jsonlines", Bytes::new(), Some((lines, outputs))));
        }
        let reply = encode(accept, form, &outputs)?;
        Ok(Parts::whole(reply.content_type, reply.body))
    }
}

impl Parts {
    fn new(content_type: &'static str, rest: Bytes, rows: Option<(Lines, Vec<(String, Tensor)>)>) -> Self {
        Self { content_type, largest: usize::MAX, rest, rows }
    }

    /// Of a body that is written.
    pub fn whole(content_type: &'static str, body: Vec<u8>) -> Self {
        Self::new(content_type, body.into(), None)
    }

    /// With parts of at most so many bytes.
    #[must_use]
    pub fn of(self, largest: usize) -> Self {
        Self { largest: largest.max(1), ..self }
    }
}

impl Iterator for Parts {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.rest.is_empty()
            && let Some((lines, outputs)) = &mut self.rows
        {
            let mut line = Vec::new();
            if !lines.write(outputs, &mut line) {
                self.rows = None;
            }
            self.rest = line.into();
        }
        let most = self.rest.len().min(self.largest);
        (most > 0).then(|| self.rest.split_to(most))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Lines, Parts};
    use crate::codec::Form;
    use berth_engine::{Data, Tensor};

    #[test]
    fn rows_come_one_by_one_and_bodies_in_pieces() {
        let outputs = vec![("a".to_owned(), Tensor::new(vec![3], Data::I64(vec![7, 88, 9])).unwrap())];
        let lines = Lines::new(Form::Rows, &outputs).unwrap();
        let parts = Parts::new("application/jsonlines", Bytes::new(), Some((lines, outputs))).of(2);
        assert_eq!(parts.collect::<Vec<_>>(), ["7\n", "88", "\n", "9\n"]);
        let parts = Parts::whole("text/csv", b"1,2,3".to_vec()).of(2);
        assert_eq!(parts.collect::<Vec<_>>(), ["1,", "2,", "3"]);
        assert_eq!(Parts::whole("text/csv", Vec::new()).next(), None);
    }
}
