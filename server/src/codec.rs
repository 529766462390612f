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
pub mod v2;

use crate::error::InvokeError;
use crate::invoke::{Call, Exchange};
use berth_engine::{Model, Signature, Tensor, TensorSpec};
use bytes::Bytes;
pub use streamed::{Parts, Streamed};

/// How a request's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `{"instances": …}`, `{"inputs": …}` or a bare array.
    Json,
    /// One instance a line.
    JsonLines,
    /// One instance a line, values between commas.
    Csv,
    /// One instance a line, values with their indices.
    LibSvm,
    /// SageMaker's protobuf records, one instance each.
    RecordIo,
    /// One NumPy array.
    Npy,
    /// Not said: told by the first bytes.
    Unknown,
}

/// How an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Whatever fits the request.
    Any,
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
    /// One NumPy array.
    Npy,
    /// One row a line, as JSON.
    JsonLines,
    /// SageMaker's protobuf records.
    RecordIo,
    /// JSON, with all that a built-in algorithm found.
    Verbose,
    /// One row a line, as JSON, with all that a built-in algorithm found.
    VerboseLines,
}

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

impl ContentType {
    /// Reads a `Content-Type` header.
    pub fn parse(header: Option<&str>) -> Result<Self, InvokeError> {
        match media_type(header.unwrap_or("")).as_str() {
            "application/json" | "text/json" => Ok(Self::Json),
            "application/jsonlines" | "application/x-jsonlines" | "application/x-ndjson" => {
                Ok(Self::JsonLines)
            }
            "text/csv" => Ok(Self::Csv),
            "text/libsvm" | "text/x-libsvm" => Ok(Self::LibSvm),
            "application/x-recordio-protobuf" => Ok(Self::RecordIo),
            "application/x-npy" => Ok(Self::Npy),
            // What clients send when nobody told them.
            "" | "application/octet-stream" | "binary/octet-stream" | "application/x-www-form-urlencoded" => {
                Ok(Self::Unknown)
            }
            other => Err(InvokeError::bad(format!(
                "content type {other:?} is not supported; send application/json, application/jsonlines, text/csv, \
                 text/libsvm, application/x-recordio-protobuf or application/x-npy"
            ))),
        }
    }
}

impl Accept {
    /// What a model's owner prefers where the request does not say.
    pub fn or_preferred(self, model: &Model) -> Result<Self, InvokeError> {
        match (self, &model.preferences().accept) {
            (Self::Any, Some(preferred)) => Self::parse(Some(preferred)),
            (said, _) => Ok(said),
        }
    }

    /// Reads an `Accept` header: the first type in it that can be given.
    pub fn parse(header: Option<&str>) -> Result<Self, InvokeError> {
        let header = header.unwrap_or("").trim();
        if header.is_empty() {
            return Ok(Self::Any);
        }
        header
            .split(',')
            .find_map(|item| match media_type(item).as_str() {
                "application/json" if is_verbose(item) => Some(Self::Verbose),
                "application/json" | "application/*" => Some(Self::Json),
                "application/jsonlines" if is_verbose(item) => Some(Self::VerboseLines),
                "application/jsonlines" | "application/x-jsonlines" => Some(Self::JsonLines),
                "application/x-recordio-protobuf" => Some(Self::RecordIo),
                "text/csv" | "text/*" => Some(Self::Csv),
                "*/*" | "" => Some(Self::Any),
                "application/x-npy" => Some(Self::Npy),
                _ => None,
            })
            .ok_or_else(|| {
                InvokeError::bad(format!(
                    "cannot answer with {header:?}; accept application/json, application/jsonlines, text/csv, \
                     application/x-recordio-protobuf or application/x-npy"
                ))
            })
    }
}

/// Whether a type has the parameter by which the built-in algorithms tell more.
fn is_verbose(item: &str) -> bool {
    item.split(';').skip(1).any(|parameter| parameter.trim().eq_ignore_ascii_case("verbose=true"))
}

fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
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

#[cfg(test)]
mod tests {
    use super::{Accept, ContentType};

    #[test]
    fn types_are_read_with_their_parameters() {
        assert_eq!(ContentType::parse(Some("Application/JSON; charset=utf-8")).unwrap(), ContentType::Json);
        assert_eq!(ContentType::parse(None).unwrap(), ContentType::Unknown);
        assert!(ContentType::parse(Some("image/png")).is_err());
        assert_eq!(Accept::parse(Some("text/html, application/x-npy;q=0.5, */*")).unwrap(), Accept::Npy);
        assert_eq!(Accept::parse(Some("*/*")).unwrap(), Accept::Any);
        assert_eq!(Accept::parse(Some("text/csv")).unwrap(), Accept::Csv);
        let verbose = Accept::parse(Some("application/json; verbose=true"));
        assert_eq!(verbose.unwrap(), Accept::Verbose);
        assert_eq!(Accept::parse(Some("application/jsonlines")).unwrap(), Accept::JsonLines);
        assert!(Accept::parse(Some("image/png")).is_err());
    }
}
