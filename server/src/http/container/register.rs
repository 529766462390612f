//! Models that the platform brings and takes away.

use super::answers::{Refusal, answer};
use crate::error::{Class, InvokeError, LOAD_LIMIT, ModelError};
use crate::http::read_body;
use crate::invoke::App;
use crate::names::ModelName;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a registration.
const MOST_BODY: u64 = 64 << 10;
/// Models that are registered at a time.
const MOST_MODELS: usize = 10_000;
/// How long a model's last requests are waited for, as the platform waits.
const UNLOAD_TIME: Duration = Duration::from_secs(350);

/// What is to be loaded, from where.
#[derive(Debug, Deserialize)]
pub struct Registration {
    model_name: Option<String>,
    url: Option<String>,
}

/// `POST /models`, in a body or, as MXNet Model Server has it, in the query.
pub async fn register(
    State(app): State<Arc<App>>,
    Query(query): Query<Registration>,
    request: Request,
) -> Response {
    match registered(&app, query, request).await {
        // The words of MXNet Model Server.
        Ok(()) => answer(StatusCode::OK, &json!({ "status": "Workers scaled" })),
        Err(refusal) => refusal.into_answer(),
    }
}

async fn registered(app: &App, query: Registration, request: Request) -> Result<(), Refusal> {
    let root = root(app)?;
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, MOST_BODY).await.map_err(|error| Refusal::of("", &error))?;
    let asked: Registration = if body.is_empty() {
        query
    } else {
        serde_json::from_slice(&body)
            .map_err(|e| Refusal::bad(&format!("the body is no registration: {e}")))?
    };
    let url =
        asked.url.ok_or_else(|| Refusal::bad("url is missing: the directory or archive of the model"))?;
    let name = asked.model_name.ok_or_else(|| Refusal::bad("model_name is missing"))?;
    let model = ModelName::new(&name).map_err(|e| Refusal::bad(&e.to_string()))?;
    let known = app.catalogue.registered();
    if known.len() >= MOST_MODELS && !known.contains_key(&model) {
        let why = format!("{MOST_MODELS} models are registered: unregister some");
        return Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why));
    }
    let path = below(root, &url).await?;
    if !app.catalogue.register(&model, path) {
        return Err(Refusal::new(StatusCode::CONFLICT, format!("Model {name} is already registered.")));
    }
    load(app, &model).await
}

/// Waits for the model; one that does not come is not registered.
async fn load(app: &App, model: &ModelName) -> Result<(), Refusal> {
    let loaded = tokio::select! {
        lease = app.cache.acquire(model, LOAD_LIMIT) => lease.map(drop).map_err(|error| refusal(model, &error)),
        () = app.cache.starved(model) => {
            let why = "no memory is free for the model: unload others and try again";
            Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why))
        }
    };
    if loaded.is_err() {
        app.catalogue.unregister(model);
    }
    loaded
}

fn refusal(model: &ModelName, error: &InvokeError) -> Refusal {
    let status = match (error, error.class()) {
        (InvokeError::NotReady, _) => StatusCode::REQUEST_TIMEOUT,
        (InvokeError::Model(ModelError::DiskBusy), _) => StatusCode::INSUFFICIENT_STORAGE,
        // What is wrong lies in the files that the request names.
        (_, Class::Model) => StatusCode::BAD_REQUEST,
        _ => return Refusal::of(model.as_str(), error),
    };
    Refusal::new(status, error.to_string())
}

/// `DELETE /models/{name}`: answered once the model's memory is free.
pub async fn unregister(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    match unregistered(&app, &name).await {
        Ok(()) => answer(StatusCode::OK, &json!({ "status": format!("Model \"{name}\" unregistered") })),
        Err(refusal) => refusal.into_answer(),
    }
}

async fn unregistered(app: &App, name: &str) -> Result<(), Refusal> {
    root(app)?;
    let model = ModelName::new(name).map_err(|e| Refusal::bad(&e.to_string()))?;
    if !app.catalogue.unregister(&model) {
        return Err(Refusal::of(name, &ModelError::NotFound.into()));
    }
    if app.cache.unload(&model, UNLOAD_TIME).await {
        Ok(())
    } else {
        let why = format!("requests still use {name}; its memory comes back when they end");
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, why))
    }
}

fn root(app: &App) -> Result<&FilePath, Refusal> {
    app.config.container_root.as_deref().ok_or_else(|| {
        let why = "models are not registered here: those under the endpoint's prefix are loaded when they are asked for. \
                   A server that is started with --container-root DIR takes models from there";
        Refusal::new(StatusCode::FORBIDDEN, why)
    })
}

/// The path that a client names, which must lead to something below the root: neither by its parts nor by links elsewhere.
async fn below(root: &FilePath, url: &str) -> Result<PathBuf, Refusal> {
    let outside = || Refusal::bad(&format!("url {url:?} is not below {}", root.display()));
    let path = FilePath::new(url.strip_prefix("file://").unwrap_or(url));
    let relative = if path.is_absolute() { path.strip_prefix(root).map_err(|_| outside())? } else { path };
    let parts_are_names = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let elsewhere =
        relative.as_os_str().is_empty() || url.contains('\0') || relative.to_string_lossy().contains("://");
    if elsewhere || !parts_are_names {
        return Err(outside());
    }
    let (root, path) = (root.to_owned(), root.join(relative));
    let found = tokio::task::spawn_blocking(move || {
        let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
        (path.starts_with(&root) && path != root).then_some(path)
    });
    let found = found.await.ok().flatten();
    found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, format!("Model not found at {url}")))
}

#[cfg(test)]
mod tests {
    use super::below;

    #[tokio::test]
    async fn only_what_lies_below_the_root_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("abc/model")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), root.join("out")).unwrap();
        std::os::unix::fs::symlink(root.join("abc"), root.join("in")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("itself")).unwrap();
        let at = |text: &str| text.replace('R', root.to_str().unwrap());
        for good in ["R/abc/model", "R/abc/model/", "file://R/abc", "abc", "R/in/model"] {
            assert!(below(&root, &at(good)).await.is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "R",
            "R/",
            "/etc/passwd",
            "../outside",
            "R/../outside",
            "R/abc/../../outside",
            "R/out",
            "out",
            "itself",
            "s3://b/x",
            "abc\0",
            "R/none",
            "https://x/y",
            "./abc",
        ] {
            assert!(below(&root, &at(bad)).await.is_err(), "{bad}");
        }
    }
}
