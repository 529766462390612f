//! Request bodies into tensors, tensors into answers. What a body may be depends on the model's signature, so decoding
//! comes after the model is there, on a compute thread.

mod builtin;
mod convert;
mod csv;
mod csv_write;
pub mod examples;
mod json;
mod json_read;
mod json_write;
mod libsvm;
mod npy;
mod recordio;
mod recordio_write;
pub mod serving;
mod sparse;
mod streamed;
pub mod tensor_proto;
pub mod tf_record;
mod types;
pub mod v2;

use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Signature, Tensor, TensorSpec};
use bytes::Bytes;
pub use streamed::{Parts, Streamed};
pub use types::{Accept, ContentType};

/// What the answer's JSON is shaped like: as the request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{"predictions": [one a row]}`
    Rows,
    /// `{"outputs": …}`
    Columns,
    /// Nothing but the values, and by default not in JSON.
    Bare,
    /// Nothing but the values.
    Values,
    /// Rows as SageMaker's built-in algorithms answer them: named values, in a list of this name.
    Records(&'static str),
}

/// A body of a content type, to be answered in one.
#[derive(Debug)]
pub struct Payload {
    /// How the body is written.
    content_type: ContentType,
    /// How the answer is wanted.
    accept: Accept,
    /// What the answer's JSON is to look like, known once the body is read.
    form: Form,
    /// The body.
    body: Bytes,
}

/// An answer's body.
#[derive(Debug)]
pub struct Reply {
    /// How it is written.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Payload {
    /// Of a request.
    pub fn new(content_type: ContentType, accept: Accept, body: Bytes) -> Self {
        Self { content_type, accept, form: Form::Rows, body }
    }
}

impl Exchange for Payload {
    type Answer = Reply;

    fn bytes(&self) -> usize {
        self.body.len()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        self.accept = self.accept.or_preferred(model)?;
        let request = decode(self.content_type, &std::mem::take(&mut self.body), model)?;
        self.form = request.form;
        let Decoded { signature, inputs, .. } = request.told(self.accept, model);
        Ok(Call { signature, inputs })
    }

    fn encode(self, _: &Model, outputs: Vec<(String, Tensor)>) -> Result<Reply, InvokeError> {
        encode(self.accept, self.form, &outputs)
    }
}

/// A request's tensors.
#[derive(Debug)]
pub struct Decoded {
    /// The signature to run.
    pub signature: String,
    /// Tensors by input name.
    pub inputs: Vec<(String, Tensor)>,
    /// What the answer is to look like.
    pub form: Form,
}

/// Reads a body for a model.
pub fn decode(content_type: ContentType, body: &[u8], model: &Model) -> Result<Decoded, InvokeError> {
    let decoded = decoded(content_type, body, model)?;
    let named = body.trim_ascii_start().starts_with(b"{");
    Ok(match (builtin::list(model.format()), decoded.form) {
        (Some(name), Form::Rows) => Decoded { form: Form::Records(name), ..decoded },
        (None, Form::Rows) if is_toolkit(model) && !named => Decoded { form: Form::Values, ..decoded },
        _ => decoded,
    })
}

/// Formats of models whose containers are made with SageMaker's inference toolkit: an array is answered with an array.
fn is_toolkit(model: &Model) -> bool {
    matches!(model.format(), "sklearn" | "pytorch" | "mxnet")
}

impl Decoded {
    /// Asks for all that a model can tell, if the answer is wanted so and the request named no signature.
    #[must_use]
    pub fn told(self, accept: Accept, model: &Model) -> Self {
        let verbose = matches!(accept, Accept::Verbose | Accept::VerboseLines);
        let usual = model.signature(None).is_ok_and(|signature| signature.name == self.signature);
        match model.signature(Some(builtin::VERBOSE)) {
            Ok(signature) if verbose && usual => Self { signature: signature.name.clone(), ..self },
            _ => self,
        }
    }
}

fn decoded(content_type: ContentType, body: &[u8], model: &Model) -> Result<Decoded, InvokeError> {
    let sniffed = match (content_type, &model.preferences().content_type) {
        (ContentType::Unknown, Some(preferred)) => ContentType::parse(Some(preferred))?,
        (ContentType::Unknown, None) if body.starts_with(npy::MAGIC) => ContentType::Npy,
        (ContentType::Unknown, None) => ContentType::Json,
        (known, _) => known,
    };
    match sniffed {
        ContentType::JsonLines => rows(model, |signature| json::lines(body, signature)),
        ContentType::Csv => table(model, |input| csv::read(body, input, is_tabular(model))),
        ContentType::LibSvm => table(model, |input| libsvm::read(body, input)),
        ContentType::RecordIo => {
            let absent = builtin::absent(model.format());
            table(model, |input| recordio::read(body, input, absent))
        }
        ContentType::Npy => rows(model, |signature| npy::read(body, only_input(signature)?)),
        ContentType::Json | ContentType::Unknown => json::read(body, model),
    }
}

/// Formats of models whose containers take tables and answer with nothing but numbers.
fn is_tabular(model: &Model) -> bool {
    matches!(model.format(), "xgboost" | "lightgbm")
}

/// A request in a format of tables.
fn table(
    model: &Model,
    read: impl FnOnce(&TensorSpec) -> Result<Vec<(String, Tensor)>, InvokeError>,
) -> Result<Decoded, InvokeError> {
    let decoded = rows(model, |signature| read(only_input(signature)?))?;
    Ok(if is_tabular(model) { Decoded { form: Form::Bare, ..decoded } } else { decoded })
}

fn rows(
    model: &Model,
    read: impl FnOnce(&Signature) -> Result<Vec<(String, Tensor)>, InvokeError>,
) -> Result<Decoded, InvokeError> {
    let signature = model.signature(None)?;
    Ok(Decoded { signature: signature.name.clone(), inputs: read(signature)?, form: Form::Rows })
}

/// The input of a format that has room for one only.
fn only_input(signature: &Signature) -> Result<&TensorSpec, InvokeError> {
    match signature.inputs.as_slice() {
        [input] => Ok(input),
        inputs => {
            let names: Vec<_> = inputs.iter().map(|i| i.name.as_str()).collect();
            Err(InvokeError::bad(format!(
                "the model has {} inputs ({}); send application/json, which names them",
                inputs.len(),
                names.join(", ")
            )))
        }
    }
}

/// Writes a model's answer.
pub fn encode(accept: Accept, form: Form, outputs: &[(String, Tensor)]) -> Result<Reply, InvokeError> {
    let json = || Ok(Reply { content_type: "application/json", body: json_write::write(form, outputs)? });
    let csv = |body| Ok(Reply { content_type: "text/csv", body });
    match (accept, form) {
        (Accept::Json | Accept::Verbose, _)
        | (Accept::Any, Form::Rows | Form::Columns | Form::Records(_) | Form::Values) => json(),
        (Accept::JsonLines | Accept::VerboseLines, _) => {
            Ok(Reply { content_type: "application/jsonlines", body: json_write::lines(form, outputs)? })
        }
        (Accept::RecordIo, _) => Ok(Reply {
            content_type: "application/x-recordio-protobuf",
            body: recordio_write::write(outputs)?,
        }),
        (Accept::Csv | Accept::Any, Form::Bare) => csv(csv_write::joined(outputs)?),
        (Accept::Csv, _) => csv(csv_write::lines(outputs)?),
        (Accept::Npy, _) => Ok(Reply { content_type: "application/x-npy", body: npy::write(outputs)? }),
    }
}
