//! The admin port: probes, metrics, what the operator asks, the list of models, unload and pin.

use crate::invoke::{App, Phase};
use crate::names::ModelName;
use crate::units::show_bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use berth_crds::report::{
    DiskUse, MemoryUse, REPORT_MODELS_MAX, REPORT_ROUTE, ReportRequest, SUMMARY_ROUTE, Summary,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long an unload waits for the requests that use the model.
const UNLOAD_TIME: Duration = Duration::from_secs(65);

/// Bytes of a request for reports: as many names as it may hold, each of the longest, with quotes.
const LARGEST_REPORT_REQUEST: usize = REPORT_MODELS_MAX * (2 * 1024 + 4) + 64;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/models", get(models))
        .route(SUMMARY_ROUTE, get(summary))
        .route(REPORT_ROUTE, post(report).layer(DefaultBodyLimit::max(LARGEST_REPORT_REQUEST)))
        .route("/unload", post(unload))
        .route("/pin", post(pin))
        .route("/unpin", post(unpin))
        .merge(super::v2::repository::routes())
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.phase() {
        Phase::Starting => {
            let held = app.cache.held();
            let text = format!("starting: {} of the models to hold are on their way\n", held.coming);
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Phase::Serving => "ok\n".into_response(),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response(),
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

async fn summary(State(app): State<Arc<App>>) -> Json<Summary> {
    let (usage, disk) = (app.cache.usage(), app.cache.loader().disk().usage());
    Json(Summary {
        known: usage.models_known as u64,
        resident: usage.models_resident as u64,
        failed: usage.models_failed as u64,
        memory: MemoryUse { budget: usage.budget, resident: usage.resident },
        disk: DiskUse { budget: disk.budget, used: disk.used },
    })
}

async fn report(
    State(app): State<Arc<App>>,
    request: Result<Json<ReportRequest>, JsonRejection>,
) -> Response {
    let models = match request {
        Ok(Json(request)) => request.models,
        Err(e) => return refuse(e.status(), &e.body_text()),
    };
    if models.len() > REPORT_MODELS_MAX {
        let why = format!("{} names; at most {REPORT_MODELS_MAX} at a time", models.len());
        return refuse(StatusCode::BAD_REQUEST, &why);
    }
    match models.iter().map(|name| ModelName::new(name)).collect::<Result<Vec<_>, _>>() {
        Ok(names) => Json(app.cache.report(&names)).into_response(),
        Err(e) => refuse(StatusCode::BAD_REQUEST, &e.to_string()),
    }
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
