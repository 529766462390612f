//! What headers say of bodies: how a request's is written, and how the answer's is wanted.

use crate::error::InvokeError;
use berth_engine::Model;

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
