//! TensorFlow Serving's REST API.

mod answer;
mod operations;
mod path;

pub use operations::OPERATIONS;

use super::receive_named;
use crate::cache::Lease;
use crate::codec::serving;
use crate::error::{Class, InvokeError};
use crate::invoke::App;
use crate::tensorflow::examples::{Examples, Method};
use crate::tensorflow::{Target, metadata, status};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use path::Ask;
use serde_json::json;
use std::sync::Arc;

/// Everything below `/v1/`, which the protocol spells in any case; paths are taken apart as they come, because a model's name is
/// decoded after it was found.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/{*path}", any(answer)).route("/V1/{*path}", any(answer))
}

/// TensorFlow Serving's statuses.
fn code(class: Class) -> StatusCode {
    match class {
        // A model that fails on a request, or is wrong itself, is a precondition that does not hold.
        Class::BadRequest | Class::Model => StatusCode::BAD_REQUEST,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::NeverFits => StatusCode::TOO_MANY_REQUESTS,
        Class::LoadLimit | Class::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Class::NotReady | Class::Unavailable | Class::Dependency => StatusCode::SERVICE_UNAVAILABLE,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match path::parse(&parts.method, parts.uri.path()) {
        Err(error) => failure(None, &error, &error.to_string()),
        Ok(Ask::Status(target)) => match status::of(&app, &target).await {
            Ok(versions) => success(answer::versions(&versions)),
            Err(error) => failure(Some(&target), &error, &status::message(&target, &error)),
        },
        Ok(Ask::Metadata(target)) => match app.admit(describe(&app, &target)).await {
            Ok(body) => success(body),
            Err(error) => failure(Some(&target), &error, &target.message(&error)),
        },
        Ok(Ask::Predict(target)) => {
            finish(&target, app.admit(predict(&app, &target, &parts.headers, body)).await)
        }
        Ok(Ask::Infer(method, target)) => {
            finish(&target, app.admit(infer(&app, method, &target, &parts.headers, body)).await)
        }
    }
}

fn finish(target: &Target, done: Result<Vec<u8>, InvokeError>) -> Response {
    match done {
        Ok(body) => success(body),
        Err(error) => failure(Some(target), &error, &target.message(&error)),
    }
}

async fn predict(
    app: &App,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, InvokeError> {
    let (lease, body) = received(app, target, headers, body).await?;
    app.run(lease, serving::Predict::new(body)).await
}

async fn infer(
    app: &App,
    method: Method,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, InvokeError> {
    let (lease, body) = received(app, target, headers, body).await?;
    let (_, inferred) = app.run(lease, Examples::json(method, body)).await?;
    Ok(serving::results(&inferred))
}

async fn received(
    app: &App,
    target: &Target,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Lease, Bytes), InvokeError> {
    let Target { name, version } = target;
    let (model, body) = receive_named(app, name, version, headers, body).await?;
    Ok((app.acquire_version(&model, version).await?, body))
}

async fn describe(app: &App, target: &Target) -> Result<Vec<u8>, InvokeError> {
    let lease = target.acquire(app).await?;
    let signatures = lease.model().map(metadata::signatures).unwrap_or_default();
    Ok(answer::metadata(&target.name, lease.number(), &signatures))
}

fn success(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn failure(target: Option<&Target>, error: &InvokeError, message: &str) -> Response {
    let class = error.class();
    let model = target.map_or("", |target| target.name.as_str());
    tracing::info!(reason = error.reason(), model, %error, "refused");
    let mut response = success(json!({ "error": message }).to_string().into_bytes());
    *response.status_mut() = code(class);
    if class == Class::Unavailable {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
