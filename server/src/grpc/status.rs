//! What gRPC calls an error: one table for every service.

use crate::error::{Class, InvokeError};
use tonic::{Code, Status};

/// The status of an error.
pub fn of(error: &InvokeError) -> Status {
    worded(error, error.to_string())
}

/// The same in a protocol's own words.
pub fn worded(error: &InvokeError, message: String) -> Status {
    Status::new(code(error.class()), message)
}

/// The code of a class.
pub fn code(class: Class) -> Code {
    match class {
        Class::BadRequest | Class::TooLarge => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::Model => Code::FailedPrecondition,
        Class::NeverFits => Code::ResourceExhausted,
        Class::LoadLimit | Class::Deadline => Code::DeadlineExceeded,
        Class::NotReady | Class::Unavailable | Class::Dependency => Code::Unavailable,
        Class::Internal => Code::Internal,
    }
}
