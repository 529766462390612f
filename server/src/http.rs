//! The HTTP side: one file for each protocol, all turning into one internal invocation and back.

pub mod admin;
pub mod listen;
pub mod openapi;
mod page;
mod request_id;
pub mod sagemaker;
mod tensorflow;
mod v2;

use crate::deadline;
use crate::error::InvokeError;
use crate::grpc;
use crate::invoke::App;
use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use openapi::Protocol;
use std::sync::Arc;
use std::time::Duration;

/// A body that does not arrive within this is given up.
const BODY_TIME: Duration = Duration::from_secs(60);

/// Every protocol on the one port. gRPC's calls are told apart by their paths.
pub fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .merge(sagemaker::routes())
        .merge(tensorflow::routes())
        .merge(v2::routes(app))
        .with_state(app.clone())
        .merge(page::routes(app))
        .merge(grpc::routes(app))
        .fallback(sagemaker::fallback)
        .layer(axum::middleware::from_fn(deadline::layer))
}

/// What every protocol documents.
pub fn protocols() -> [&'static Protocol; 5] {
    [&sagemaker::OPERATIONS, &tensorflow::OPERATIONS, &v2::OPERATIONS, &grpc::OPERATIONS, &page::OPERATIONS]
}

/// Reads a body of at most `limit` bytes.
async fn read_body(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, InvokeError> {
    let declared =
        headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limit) {
        return Err(InvokeError::TooLarge(limit));
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match tokio::time::timeout(BODY_TIME, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(InvokeError::TooLarge(limit)),
        Ok(Err(_)) => Err(InvokeError::bad("the request body broke off")),
        Err(_elapsed) => Err(InvokeError::bad("the request body did not arrive within 60 s")),
    }
}
