//! The HTTP side: one file for each protocol, all turning into one internal invocation and back.

pub mod admin;
mod body;
mod connection;
mod container;
mod encoding;
pub mod listen;
mod request_id;
pub mod sagemaker;
pub mod tls;

use crate::grpc;
use crate::invoke::App;
use axum::Router;
use body::read_body;
use std::sync::Arc;

/// Every protocol on the one port. gRPC's calls are told apart by their paths.
pub fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .merge(sagemaker::routes())
        .merge(container::routes())
        .with_state(app.clone())
        .layer(axum::middleware::from_fn(encoding::answers))
        .merge(grpc::routes(app))
        .fallback(sagemaker::fallback)
}
