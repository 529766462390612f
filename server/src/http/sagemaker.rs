//! The SageMaker runtime's `InvokeEndpoint`, in one answer or as a stream, as AWS's clients speak it.

mod operations;
mod stream;

pub use operations::OPERATIONS;

use super::{receive, request_id};
use crate::cli::is_endpoint_name;
use crate::codec::{Accept, ContentType, Payload, Reply};
use crate::error::{Class, InvokeError};
use crate::invoke::App;
use crate::names::ModelName;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::json;
use std::sync::Arc;

const TARGET_MODEL: &str = "x-amzn-sagemaker-target-model";
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("x-amz-retry-after");
/// SageMaker's name for the only variant.
const ONLY_VARIANT: HeaderValue = HeaderValue::from_static("AllTraffic");

/// The protocol's routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/endpoints/{endpoint}/invocations", post(invoke_endpoint))
        .route("/endpoints/{endpoint}/invocations-response-stream", post(stream::invoke_endpoint))
}

/// What the runtime API calls an error: its code and status.
fn code(class: Class) -> (&'static str, StatusCode) {
    match class {
        Class::BadRequest | Class::NotFound => ("ValidationError", StatusCode::BAD_REQUEST),
        Class::TooLarge => ("ValidationError", StatusCode::PAYLOAD_TOO_LARGE),
        Class::Model | Class::NeverFits | Class::LoadLimit | Class::Deadline => {
            ("ModelError", StatusCode::FAILED_DEPENDENCY)
        }
        Class::NotReady => ("ModelNotReadyException", StatusCode::TOO_MANY_REQUESTS),
        Class::Internal => ("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR),
        Class::Unavailable => ("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE),
        Class::Dependency => {
            let status = StatusCode::from_u16(530).unwrap_or(StatusCode::BAD_GATEWAY);
            ("InternalDependencyException", status)
        }
    }
}

/// The status that a container would have answered, for `ModelError`.
fn original_status(class: Class) -> u16 {
    match class {
        Class::NeverFits => 507,
        Class::LoadLimit | Class::Deadline => 504,
        _ => 500,
    }
}

async fn invoke_endpoint(
    State(app): State<Arc<App>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    let id = request_id::new();
    let (parts, body) = request.into_parts();
    let mut response = match app.admit(invoke(&app, &endpoint, &parts.headers, body)).await {
        Ok(reply) => success(reply),
        Err(error) => failure(&error, &endpoint, &parts.headers, &id),
    };
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn invoke(app: &App, endpoint: &str, headers: &HeaderMap, body: Body) -> Result<Reply, InvokeError> {
    let (model, payload) = read(app, endpoint, headers, &ACCEPT, body).await?;
    app.invoke(&model, payload).await
}

/// Reads a request, whose wish for an answer's type is in the header `accept`.
async fn read(
    app: &App,
    endpoint: &str,
    headers: &HeaderMap,
    accept: &HeaderName,
    body: Body,
) -> Result<(ModelName, Payload), InvokeError> {
    check_endpoint(app, endpoint)?;
    let model = target_model(headers)?;
    let content_type = ContentType::parse(header(headers, &CONTENT_TYPE)?)?;
    let accept = Accept::parse(header(headers, accept)?)?;
    let body = receive(app, Some(&model), headers, body).await?;
    Ok((model, Payload::new(content_type, accept, body)))
}

fn check_endpoint(app: &App, endpoint: &str) -> Result<(), InvokeError> {
    match &app.config.endpoint {
        _ if !is_endpoint_name(endpoint) => Err(InvokeError::bad(
            "the endpoint's name has 1 to 63 letters, digits and hyphens, and no hyphen at its ends",
        )),
        Some(own) if own != endpoint => Err(InvokeError::UnknownEndpoint(endpoint.to_owned(), own.clone())),
        _ => Ok(()),
    }
}

/// What the header says: in UTF-8, or, as Python's clients write it, in Latin-1.
pub fn target(headers: &HeaderMap) -> Option<String> {
    let bytes = headers.get(TARGET_MODEL)?.as_bytes();
    let latin = || bytes.iter().map(|byte| char::from(*byte)).collect();
    Some(std::str::from_utf8(bytes).map_or_else(|_| latin(), str::to_owned))
}

fn target_model(headers: &HeaderMap) -> Result<ModelName, InvokeError> {
    let Some(name) = target(headers) else {
        return Err(InvokeError::bad(
            "the request names no model; set TargetModel (header X-Amzn-SageMaker-Target-Model) to an archive's key \
             under the endpoint's prefix, like cifar.tar.gz",
        ));
    };
    ModelName::new(&name).map_err(|e| InvokeError::bad(e.to_string()))
}

/// A header's text.
pub fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, InvokeError> {
    headers
        .get(name)
        .map(|v| v.to_str().map_err(|_| InvokeError::bad(format!("the header {name} is not ASCII"))))
        .transpose()
}

fn success(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response.headers_mut().insert(VARIANT, ONLY_VARIANT);
    response
}

/// Clients read the error's class from the header, its text from the body.
fn failure(error: &InvokeError, endpoint: &str, headers: &HeaderMap, id: &HeaderValue) -> Response {
    let class = error.class();
    let (code, status) = code(class);
    let model = target(headers);
    tracing::info!(
        code,
        reason = error.reason(),
        model = model.as_deref().unwrap_or(""),
        request = id.to_str().unwrap_or(""),
        %error,
        "refused"
    );
    let mut body = json!({ "Message": message(error, model.as_deref()), "Reason": error.reason() });
    if code == "ModelError" {
        body["OriginalStatusCode"] = json!(original_status(class));
        body["OriginalMessage"] = json!(error.to_string());
        body["LogStreamArn"] = json!(format!("berth:{endpoint}:{}", id.to_str().unwrap_or("")));
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.insert(ERROR_TYPE, HeaderValue::from_static(code));
    if class == Class::Unavailable {
        // Spread out, so that those refused together do not come back together.
        let ms = fastrand::u32(500..1500);
        answer.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        answer.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
    }
    response
}

fn message(error: &InvokeError, model: Option<&str>) -> String {
    match (error, model) {
        (InvokeError::Model(e), Some(model)) => format!("Target model {model:?}: {e}"),
        (InvokeError::Run(e), Some(model)) => {
            format!("Received server error (500) from model {model:?} with message {:?}", e.to_string())
        }
        _ => error.to_string(),
    }
}

/// Paths and methods that no protocol knows.
pub async fn fallback(request: Request) -> Response {
    let error = InvokeError::bad(format!(
        "there is nothing at {} {}; invocations go to POST /endpoints/<endpoint>/invocations",
        request.method(),
        request.uri().path()
    ));
    let id = request_id::new();
    let mut response = failure(&error, "", &HeaderMap::new(), &id);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
