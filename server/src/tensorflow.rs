//! TensorFlow Serving's ways to ask, as far as they are the same over HTTP and gRPC: which version of which model, examples to be
//! classified, the state of versions, signatures; and the requests that an archive brings to warm its model up.

mod definitions;
pub mod examples;
pub mod metadata;
pub mod predict;
pub mod status;
mod target;
pub mod warm_up;

pub use definitions::Definitions;
pub use target::Target;

use crate::error::InvokeError;
use berth_engine::{Model, Signature};

/// The signature that is meant where a request names none; empty names none too.
pub fn signature<'m>(
    model: &'m Model,
    name: &str,
    unknown: impl FnOnce(&str) -> String,
) -> Result<&'m Signature, InvokeError> {
    let wanted = Some(name).filter(|name| !name.is_empty());
    model.signature(wanted).map_err(|error| {
        let known: Vec<&str> = model.signatures().iter().map(|s| s.name.as_str()).collect();
        match model.signatures() {
            [] => error.into(),
            _ => InvokeError::bad(format!(
                "{}; the model's signatures are: {}",
                unknown(wanted.unwrap_or(DEFAULT_SIGNATURE)),
                known.join(", ")
            )),
        }
    })
}

/// What TensorFlow calls the signature that is meant where none is named.
const DEFAULT_SIGNATURE: &str = "serving_default";
