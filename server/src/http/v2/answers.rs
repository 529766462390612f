//! How the protocol answers: JSON, JSON with binary data behind it, and errors.

use super::HEADER_LENGTH;
use crate::codec::v2::rest;
use crate::error::{Class, InvokeError};
use crate::open_inference::Named;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

/// The status of an error: Triton's.
fn status(class: Class) -> StatusCode {
    match class {
        Class::BadRequest => StatusCode::BAD_REQUEST,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Class::Model | Class::NeverFits | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Class::LoadLimit | Class::NotReady | Class::Unavailable | Class::Dependency => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// An inference's answer.
pub fn inferred(answer: rest::Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    let headers = response.headers_mut();
    if let Some(length) = answer.header {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(HEADER_LENGTH, HeaderValue::from(length));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// Anything else in JSON.
pub fn json(value: &impl Serialize) -> Response {
    // Messages of strings, numbers and lists can always be written.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Says why there is no answer.
pub fn refused(error: &InvokeError, named: Named<'_>) -> Response {
    let class = error.class();
    tracing::info!(reason = error.reason(), model = named.model, %error, "refused");
    let mut response = self::error(status(class), &named.message_of(error));
    if class == Class::Unavailable {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// An error's body.
pub fn error(status: StatusCode, text: &str) -> Response {
    let mut response = json(&json!({ "error": text }));
    *response.status_mut() = status;
    response
}

/// The path is known, and not with this method.
pub fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
