//! Extensions that clients ask for and this server does not have: shared memory, traces, settings of logs.

use super::answers::{error, json};
use crate::invoke::App;
use crate::open_inference::{NO_LOG_SETTINGS, NO_SHARED_MEMORY, NO_TRACING};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get};
use serde_json::json;
use std::sync::Arc;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/systemsharedmemory/{*what}", get(no_regions).post(change))
        .route("/v2/cudasharedmemory/{*what}", get(no_regions).post(change))
        .route("/v2/logging", any(async || error(StatusCode::NOT_IMPLEMENTED, NO_LOG_SETTINGS)))
        .route("/v2/trace/setting", any(async || error(StatusCode::NOT_IMPLEMENTED, NO_TRACING)))
}

/// There are no regions.
async fn no_regions() -> Response {
    json(&json!([]))
}

/// None can be added; there is none to be removed.
async fn change(Path(what): Path<String>) -> Response {
    if what.ends_with("unregister") {
        return json(&json!({}));
    }
    error(StatusCode::NOT_IMPLEMENTED, NO_SHARED_MEMORY)
}
