//! The gRPC protocols: one file for each, on the port of the HTTP ones.

mod health;
mod inference;
mod operations;
mod reflection;
pub(crate) mod status;
mod tensorflow;

pub use operations::OPERATIONS;

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
    pub mod tensorflow {
        tonic::include_proto!("tensorflow");
        pub mod error {
            tonic::include_proto!("tensorflow.error");
        }
        pub mod serving {
            tonic::include_proto!("tensorflow.serving");
        }
    }
    pub mod health {
        tonic::include_proto!("grpc.health.v1");
    }

    /// All of them, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/protocols.bin"));
}

/// Every service's calls.
pub fn routes(app: &Arc<App>) -> Router {
    let routes = Routes::new(inference::service(app)).add_service(health::service(app));
    let routes = routes.add_service(tensorflow::predictions(app)).add_service(tensorflow::models(app));
    reflection::add(routes).prepare().into_axum_router()
}
