//! The Open Inference Protocol, version 2, over HTTP, with the binary tensor data extension.

mod answers;
mod operations;
mod place;
pub mod repository;
mod unsupported;

pub use operations::{OPERATIONS, REPOSITORY};

use super::receive_named;
use crate::codec::v2::rest;
use crate::error::InvokeError;
use crate::invoke::{App, Phase};
use crate::open_inference::{self, Named};
use answers::{inferred, json, refused};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use axum::routing::{any, get};
use place::{Place, Question};
use serde_json::json;
use std::sync::Arc;

/// Bytes of JSON before the binary data of a body.
const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The path of a request, with its escapes read.
type PathText = Result<Path<String>, PathRejection>;

/// The protocol's routes. Names of models may have slashes in them, so what is asked of one is told by the path's end.
pub fn routes(app: &App) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/v2", get(server))
        .route("/v2/", get(server))
        .route("/v2/health/live", get(async || answers::json(&json!({ "live": true }))))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/stats", get(statistics))
        .route("/v2/models/{*place}", get(ask).post(infer))
        .route("/v2/{*rest}", any(nothing));
    let routes = if app.config.repository_api { routes.merge(repository::routes()) } else { routes };
    routes.merge(unsupported::routes()).method_not_allowed_fallback(async || answers::method_not_allowed())
}

async fn server() -> Response {
    json(&open_inference::server())
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let ready = app.phase() == Phase::Serving;
    let mut response = json(&json!({ "ready": ready }));
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

async fn statistics(State(app): State<Arc<App>>) -> Response {
    let all = Named::newest("");
    answered(all.statistics(&app).await, all)
}

async fn ask(State(app): State<Arc<App>>, path: PathText) -> Response {
    let Some(place) = path.as_ref().ok().and_then(|Path(path)| Place::parse(path)) else {
        return no_name();
    };
    let named = place.named;
    match place.question {
        Question::Metadata => answered(named.metadata(&app).await, named),
        Question::Config => answered(named.config(&app).await, named),
        Question::Statistics => answered(named.statistics(&app).await, named),
        Question::Ready => match named.is_ready(&app).await {
            Ok(true) => json(&json!({ "name": named.model, "ready": true })),
            Ok(false) => answers::error(StatusCode::BAD_REQUEST, "Model version not ready"),
            Err(error) => refused(&error, named),
        },
        Question::Infer => answers::method_not_allowed(),
    }
}

async fn infer(State(app): State<Arc<App>>, path: PathText, request: Request) -> Response {
    let Some(place) = path.as_ref().ok().and_then(|Path(path)| Place::parse(path)) else {
        return no_name();
    };
    if place.question != Question::Infer {
        return answers::method_not_allowed();
    }
    let (parts, body) = request.into_parts();
    match app.admit(run(&app, place.named, &parts.headers, body)).await {
        Ok(answer) => inferred(answer),
        Err(error) => refused(&error, place.named),
    }
}

async fn run(
    app: &App,
    named: Named<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<rest::Answer, InvokeError> {
    let header = header_length(headers)?;
    let wanted = named.wanted()?;
    let (model, body) = receive_named(app, named.model, &wanted, headers, body).await?;
    let request = rest::Infer::new(named.model, header, body)?;
    let lease = app.acquire_version(&model, &wanted).await?;
    let request = request.by_version(lease.number());
    app.run(lease, request).await
}

fn header_length(headers: &HeaderMap) -> Result<Option<usize>, InvokeError> {
    let Some(value) = headers.get(HEADER_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| {
        let text = String::from_utf8_lossy(value.as_bytes());
        InvokeError::bad(format!("Unable to parse Inference-Header-Content-Length, got: {text:.40}"))
    })
}

fn answered<T: serde::Serialize>(answer: Result<T, InvokeError>, named: Named<'_>) -> Response {
    match answer {
        Ok(answer) => json(&answer),
        Err(error) => refused(&error, named),
    }
}

fn no_name() -> Response {
    refused(&InvokeError::bad("the path names no model, or its escapes are no UTF-8"), Named::newest(""))
}

async fn nothing(request: Request) -> Response {
    let path = request.uri().path();
    let why = if path.starts_with("/v2/repository/") {
        "the model repository API is on the admin port; the flag --repository-api brings it here too"
            .to_owned()
    } else {
        format!("there is nothing at {path}")
    };
    answers::error(StatusCode::NOT_FOUND, &why)
}
