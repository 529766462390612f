//! The model repository extension: on the admin port, and where a flag says so on the port of the invocations.

use super::answers::{json, refused};
use crate::error::InvokeError;
use crate::invoke::App;
use crate::open_inference::{self, Named};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Bytes of a request: there is not much to say in one.
const LARGEST: usize = 64 << 10;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{*place}", post(change))
        .layer(DefaultBodyLimit::max(LARGEST))
}

async fn index(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let ready = read(&body).and_then(|request| match request.get("ready") {
        None => Ok(false),
        Some(Value::Bool(ready)) => Ok(*ready),
        Some(_) => Err(InvokeError::bad("Invalid value for 'ready': expected a boolean")),
    });
    let index = match ready {
        Ok(ready) => open_inference::index(&app, ready).await,
        Err(error) => Err(error),
    };
    match index {
        Ok(index) => json(&index.models),
        Err(error) => refused(&error, Named::newest("")),
    }
}

async fn change(State(app): State<Arc<App>>, Path(place): Path<String>, body: Bytes) -> Response {
    let (model, done) = if let Some(model) = place.strip_suffix("/load") {
        let done = match read(&body) {
            Ok(request) => {
                let parameters = request.get("parameters").and_then(Value::as_object);
                Named::newest(model)
                    .load(&app, parameters.into_iter().flat_map(Map::keys).map(String::as_str))
                    .await
            }
            Err(error) => Err(error),
        };
        (model, done)
    } else if let Some(model) = place.strip_suffix("/unload") {
        (model, Named::newest(model).unload(&app).await)
    } else {
        return super::answers::error(StatusCode::NOT_FOUND, "a model can be asked to load or to unload");
    };
    match done {
        Ok(()) => json(&json!({})),
        Err(error) => refused(&error, Named::newest(model)),
    }
}

/// A request's object; an empty body is an empty one.
fn read(body: &[u8]) -> Result<Map<String, Value>, InvokeError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|e| InvokeError::bad(format!("failed to parse the request JSON: {e}")))
}
