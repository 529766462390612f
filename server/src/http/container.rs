//! SageMaker's container contract in multi-model mode, with the bodies of MXNet Model Server: what the platform's agent says to the
//! container, and what people send to such containers locally.
//!
//! With a container root the platform says what is loaded: a model is there once `POST /models` is answered, and gone once `DELETE` is.
//! Without one these calls are refused, and the others answer for the endpoint's own models, which are loaded on demand.

mod answers;
mod operations;
mod register;

pub use operations::OPERATIONS;

use super::receive;
use crate::codec::{Accept, ContentType, Payload, Reply};
use crate::error::InvokeError;
use crate::http::sagemaker::{header, target};
use crate::invoke::App;
use crate::names::ModelName;
use answers::{Refusal, answer, reply};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Models on a page.
const PAGE: usize = 100;
/// Models that pages reach to.
const MOST_LISTED: usize = 100_000;

/// The protocol's routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ping", get(ping))
        .route("/invocations", post(invocations))
        .route("/models", get(list).post(register::register))
        .route("/models/{name}", get(describe).delete(register::unregister))
        .route("/models/{name}/invoke", post(invoke))
        .route("/predictions/{name}", post(invoke))
}

async fn ping(State(app): State<Arc<App>>) -> StatusCode {
    if app.is_draining() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn invoke(State(app): State<Arc<App>>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let predicted = app.admit(predict(&app, &name, &parts, body)).await;
    predicted.map_or_else(|error| Refusal::of(&name, &error).into_answer(), reply)
}

async fn invocations(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(name) = target(&parts.headers) else {
        let why = "which model? name it in the header X-Amzn-SageMaker-Target-Model, or post to /models/<name>/invoke";
        return Refusal::bad(why).into_answer();
    };
    let predicted = app.admit(predict(&app, &name, &parts, body)).await;
    predicted.map_or_else(|error| Refusal::of(&name, &error).into_answer(), reply)
}

async fn predict(app: &App, name: &str, parts: &Parts, body: Body) -> Result<Reply, InvokeError> {
    let model = find(app, name).await?;
    let payload = payload(app, &model, &parts.headers, body).await?;
    app.invoke(&model, payload).await
}

async fn payload(
    app: &App,
    model: &ModelName,
    headers: &HeaderMap,
    body: Body,
) -> Result<Payload, InvokeError> {
    let content_type = ContentType::parse(header(headers, &CONTENT_TYPE)?)?;
    let accept = Accept::parse(header(headers, &ACCEPT)?)?;
    let body = receive(app, Some(model), headers, body).await?;
    Ok(Payload::new(content_type, accept, body))
}

/// Where the platform says what is loaded, nothing else is.
async fn find(app: &App, name: &str) -> Result<ModelName, InvokeError> {
    if app.config.container_root.is_none() {
        return app.named(name).await;
    }
    let model = ModelName::new(name).map_err(|e| InvokeError::bad(e.to_string()))?;
    let registered = app.catalogue.registered().contains_key(&model);
    if registered { Ok(model) } else { Err(crate::error::ModelError::NotFound.into()) }
}

/// Which page.
#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<String>,
    next_page_token: Option<String>,
}

async fn list(State(app): State<Arc<App>>, Query(page): Query<Page>) -> Response {
    let count = |name: &str, text: Option<&String>, usual: usize| match text.map(|t| t.parse::<usize>()) {
        None => Ok(usual),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(Refusal::bad(&format!("{name} must be a number"))),
    };
    let limit = count("limit", page.limit.as_ref(), PAGE);
    let from = count("next_page_token", page.next_page_token.as_ref(), 0);
    let (limit, from) = match (limit, from) {
        (Ok(0), _) => return Refusal::bad("limit must be at least 1").into_answer(),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal.into_answer(),
        (Ok(limit), Ok(from)) => (limit.min(PAGE), from),
    };
    if from > MOST_LISTED {
        return Refusal::bad("next_page_token is none of ours").into_answer();
    }
    let models = match models(&app, from + limit + 1).await {
        Ok(models) => models,
        Err(error) => return Refusal::of("", &error).into_answer(),
    };
    let more = models.len() > from + limit;
    let shown = models.into_iter().skip(from).take(limit);
    let shown: Vec<_> = shown.map(|(name, url)| json!({ "modelName": name, "modelUrl": url })).collect();
    let mut body = json!({ "models": shown });
    if more {
        body["nextPageToken"] = json!((from + limit).to_string());
    }
    answer(StatusCode::OK, &body)
}

/// Names and places, by name, at most `most`.
async fn models(app: &App, most: usize) -> Result<Vec<(String, String)>, InvokeError> {
    let place =
        |name: &ModelName, origin: &crate::catalogue::Origin| (name.to_string(), url(app, name, origin));
    if app.config.container_root.is_some() {
        return Ok(app.catalogue.registered().iter().map(|(name, origin)| place(name, origin)).collect());
    }
    let listings = app.cache.listings();
    let stored = app.cache.loader().stores().list(most).await.map_err(crate::error::ModelError::Store)?;
    let stored = stored.iter().filter_map(|name| ModelName::new(name).ok());
    let stored = stored.filter(|name| !listings.contains_key(name));
    let mut all: Vec<_> = stored.map(|name| place(&name, &Default::default())).collect();
    all.extend(listings.iter().map(|(name, listing)| place(name, &listing.origin)));
    all.sort();
    Ok(all)
}

fn url(app: &App, name: &ModelName, origin: &crate::catalogue::Origin) -> String {
    match &origin.place {
        crate::catalogue::Place::Prefix => {
            let prefix = app.config.models.to_string();
            format!("{}/{name}", prefix.trim_end_matches('/'))
        }
        elsewhere => elsewhere.to_string(),
    }
}

async fn describe(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    match described(&app, &name).await {
        Ok(body) => answer(StatusCode::OK, &body),
        Err(error) => Refusal::of(&name, &error).into_answer(),
    }
}

async fn described(app: &App, name: &str) -> Result<Value, InvokeError> {
    let model = find(app, name).await?;
    let listing = app.cache.listings().get(&model).cloned();
    let origin = listing.map(|listing| listing.origin).unwrap_or_default();
    if app.cache.model(&model).is_none() && app.cache.loader().look(&model, &origin).await?.is_none() {
        return Err(crate::error::ModelError::NotFound.into());
    }
    let view = app.cache.model(&model);
    Ok(json!({
        "modelName": model.as_str(),
        "modelUrl": url(app, &model, &origin),
        "status": view.as_ref().map_or(crate::cache::ModelState::Standby, |v| v.state),
        "bytes": view.as_ref().map_or(0, |v| v.bytes),
    }))
}
