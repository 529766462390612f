//! The gRPC protocols: one file for each, on the port of the HTTP ones.
//!
//! Which model a call is for is in its message, so a call is refused before that only where every one would be.

mod health;
mod inference;
mod operations;
mod reflection;
pub(crate) mod status;
mod tensorflow;

pub use operations::OPERATIONS;

use crate::invoke::App;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
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
    let routes = reflection::add(routes).prepare().into_axum_router();
    routes.layer(from_fn_with_state(app.clone(), unless_full))
}

/// Calls that run a model, with one message.
const INFERENCES: [&str; 5] = [
    "/inference.GRPCInferenceService/ModelInfer",
    "/tensorflow.serving.PredictionService/Predict",
    "/tensorflow.serving.PredictionService/Classify",
    "/tensorflow.serving.PredictionService/Regress",
    "/tensorflow.serving.PredictionService/MultiInference",
];

/// Refuses calls before their messages come, while all are refused.
async fn unless_full(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !INFERENCES.contains(&path) {
        return next.run(request).await;
    }
    match app.look_at_all() {
        Ok(()) => next.run(request).await,
        Err(error) => {
            tracing::info!(reason = error.reason(), call = path, %error, "refused");
            status::of(&error).into_http()
        }
    }
}
