//! The bodies of MXNet Model Server.

use crate::codec::Reply;
use crate::error::{Class, InvokeError, ModelError};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

/// An error as it is answered.
pub struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    /// Of this status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::BAD_REQUEST => "BadRequestException",
            StatusCode::FORBIDDEN => "ForbiddenException",
            StatusCode::NOT_FOUND => "ModelNotFoundException",
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => "RequestTimeoutException",
            StatusCode::CONFLICT => "ConflictStatusException",
            StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLargeException",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableException",
            StatusCode::INSUFFICIENT_STORAGE => "InsufficientStorageException",
            _ => "InternalServerException",
        };
        Self { status, kind, message: message.into() }
    }

    /// A wrong request.
    pub fn bad(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Of a request for a model.
    pub fn of(model: &str, error: &InvokeError) -> Self {
        let status = match error.class() {
            Class::BadRequest => StatusCode::BAD_REQUEST,
            Class::NotFound => StatusCode::NOT_FOUND,
            Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Class::Model | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Class::NeverFits => StatusCode::INSUFFICIENT_STORAGE,
            Class::LoadLimit => StatusCode::REQUEST_TIMEOUT,
            Class::Deadline => StatusCode::GATEWAY_TIMEOUT,
            Class::NotReady | Class::Unavailable | Class::Dependency => StatusCode::SERVICE_UNAVAILABLE,
        };
        let message = match error {
            InvokeError::Model(ModelError::NotFound) => format!("Model not found: {model}"),
            InvokeError::Overloaded(_) => format!("No worker is available to serve request: {model}"),
            _ => error.to_string(),
        };
        Self::new(status, message)
    }

    /// Writes it.
    pub fn into_answer(self) -> Response {
        tracing::info!(status = self.status.as_u16(), error = self.message, "refused");
        let body = json!({ "code": self.status.as_u16(), "type": self.kind, "message": self.message });
        let mut response = answer(self.status, &body);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer in JSON.
pub fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A model's answer.
pub fn reply(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}
