//! The HTTP side: one file for each protocol, all turning into one internal invocation and back.

pub mod admin;
mod body;
mod connection;
mod container;
mod encoding;
pub mod listen;
pub mod openapi;
mod page;
mod request_id;
pub mod sagemaker;
mod tensorflow;
pub mod tls;
mod v2;

use crate::deadline;
use crate::grpc;
use crate::invoke::App;
use axum::Router;
use body::{read_body, receive, receive_named};
use openapi::Protocol;
use std::sync::Arc;

/// Every protocol on the one port. gRPC's calls are told apart by their paths.
pub fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .merge(sagemaker::routes())
        .merge(tensorflow::routes())
        .merge(v2::routes(app))
        .merge(container::routes())
        .with_state(app.clone())
        .merge(page::routes(app))
        .layer(axum::middleware::from_fn(encoding::answers))
        .merge(grpc::routes(app))
        .fallback(sagemaker::fallback)
        .layer(axum::middleware::from_fn(deadline::layer))
}

/// What every protocol documents, as far as it is open.
pub fn protocols(app: &App) -> Vec<&'static Protocol> {
    let repository = app.config.repository_api.then_some(&v2::REPOSITORY);
    let mut all =
        vec![&sagemaker::OPERATIONS, &container::OPERATIONS, &tensorflow::OPERATIONS, &v2::OPERATIONS];
    all.extend(repository);
    all.extend([&grpc::OPERATIONS, &page::OPERATIONS]);
    all
}
