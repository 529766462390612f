//! A form's request on its way through a model, with a watch.

use super::answer::{Ranking, rankings};
use super::picture::{Scale, Target};
use crate::codec::{self, Accept, Form, Payload};
use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Tensor};
use std::time::{Duration, Instant};

/// What is asked.
pub enum Question {
    /// JSON, as every client may send it.
    Json(Payload),
    /// A picture's file.
    Picture {
        /// The file.
        file: Vec<u8>,
        /// The signature; none: the usual one.
        signature: Option<String>,
        /// What the values of a pixel are.
        scale: Scale,
    },
}

/// A question, and when what happened to it.
pub struct Ask {
    question: Question,
    asked: Instant,
    /// The model was there, the request was read.
    steps: Option<(Instant, Instant)>,
}

/// What came back.
pub struct Told {
    /// In JSON.
    pub body: Vec<u8>,
    /// The highest values of each output.
    pub rankings: Vec<Ranking>,
    /// Where the time went.
    pub times: Times,
}

/// Where the time of a request went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Until a thread had the model: loading and other requests.
    pub wait: Duration,
    /// Until the request was read.
    pub read: Duration,
    /// Until the model was done, its turns among other requests included.
    pub compute: Duration,
    /// Until the answer was written.
    pub write: Duration,
}

impl Ask {
    /// The watch starts.
    pub fn new(question: Question) -> Self {
        Self { question, asked: Instant::now(), steps: None }
    }
}

impl Exchange for Ask {
    type Answer = Told;

    fn bytes(&self) -> usize {
        match &self.question {
            Question::Json(payload) => payload.bytes(),
            Question::Picture { file, .. } => file.len(),
        }
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        let got = Instant::now();
        let call = match &mut self.question {
            Question::Json(payload) => payload.decode(model)?,
            Question::Picture { file, signature, scale } => {
                let signature = model.signature(signature.as_deref())?;
                let target = Target::of(signature).ok_or_else(|| {
                    InvokeError::bad(format!("signature {:?} takes no picture; send JSON", signature.name))
                })?;
                let inputs = signature
                    .inputs
                    .iter()
                    .map(|input| Ok((input.name.clone(), target.tensor(file, input, *scale)?)));
                Call {
                    signature: signature.name.clone(),
                    inputs: inputs.collect::<Result<_, InvokeError>>()?,
                }
            }
        };
        self.steps = Some((got, Instant::now()));
        Ok(call)
    }

    fn encode(self, model: &Model, outputs: Vec<(String, Tensor)>) -> Result<Told, InvokeError> {
        let done = Instant::now();
        let (got, read) = self.steps.unwrap_or((done, done));
        let rankings = rankings(&outputs);
        let body = match self.question {
            Question::Json(payload) => payload.encode(model, outputs)?.body,
            Question::Picture { .. } => codec::encode(Accept::Json, Form::Columns, &outputs)?.body,
        };
        let times =
            Times { wait: got - self.asked, read: read - got, compute: done - read, write: done.elapsed() };
        Ok(Told { body, rankings, times })
    }
}
