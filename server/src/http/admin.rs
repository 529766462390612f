//! The admin port: probes, metrics, the list of models, unload and pin.

use crate::invoke::App;
use crate::names::ModelName;
use crate::units::show_bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long an unload waits for the requests that use the model.
const UNLOAD_TIME: Duration = Duration::from_secs(65);

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/models", get(models))
        .route("/unload", post(unload))
        .route("/pin", post(pin))
        .route("/unpin", post(unpin))
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text(&app.cache, &app.compute) {
        Ok(text) => {
            let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, format)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let (usage, disk) = (app.cache.usage(), app.cache.loader().disk().usage());
    Json(json!({
        "memory": {
            "budget": usage.budget,
            "resident": usage.resident,
            "reserved": usage.reserved,
            "unloading": usage.unloading,
        },
        "disk": { "budget": disk.budget, "used": disk.used, "models": disk.entries },
        "models": app.cache.models(),
    }))
}

/// Which model; `all=true` for every one.
#[derive(Debug, Deserialize)]
struct Which {
    model: Option<String>,
    #[serde(default)]
    all: bool,
}

async fn unload(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    let before = app.cache.usage().resident;
    let done = if which.all {
        app.cache.unload_all(UNLOAD_TIME).await
    } else {
        match named(&app, &which) {
            Ok(model) => app.cache.unload(&model, UNLOAD_TIME).await,
            Err((status, why)) => return refuse(status, &why),
        }
    };
    let usage = app.cache.usage();
    let freed = show_bytes(before.saturating_sub(usage.resident));
    if done {
        Json(json!({ "unloaded": true, "freed": freed, "resident": usage.resident })).into_response()
    } else {
        let why = "requests still use the model; it goes when they end";
        (StatusCode::ACCEPTED, Json(json!({ "unloaded": false, "message": why }))).into_response()
    }
}

async fn pin(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    set_pin(&app, &which, true)
}

async fn unpin(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    set_pin(&app, &which, false)
}

fn set_pin(app: &App, which: &Which, pinned: bool) -> Response {
    let model = which.model.as_deref().map(ModelName::new);
    match model {
        Some(Ok(model)) => {
            app.cache.pin(&model, pinned);
            Json(app.cache.model(&model)).into_response()
        }
        Some(Err(e)) => refuse(StatusCode::BAD_REQUEST, &e.to_string()),
        None => refuse(StatusCode::BAD_REQUEST, "which model? add ?model=NAME"),
    }
}

fn named(app: &App, which: &Which) -> Result<ModelName, (StatusCode, String)> {
    let Some(name) = &which.model else {
        return Err((StatusCode::BAD_REQUEST, "which model? add ?model=NAME, or ?all=true".to_owned()));
    };
    let model = ModelName::new(name).map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))?;
    if app.cache.model(&model).is_some() {
        Ok(model)
    } else {
        let why = "this model has not been asked for since the server started";
        Err((StatusCode::NOT_FOUND, why.to_owned()))
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
