//! The gRPC protocols: one file for each, on the port of the HTTP ones.

mod inference;
mod status;

use crate::invoke::App;
use axum::Router;
use std::sync::Arc;
use tonic::service::Routes;

/// Messages and services made of `proto/`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    pub mod inference {
        tonic::include_proto!("inference");
    }
}

/// Every service's calls.
pub fn routes(app: &Arc<App>) -> Router {
    Routes::new(inference::service(app)).prepare().into_axum_router()
}
