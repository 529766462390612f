//! The gRPC protocols: one file for each, on the port of the HTTP ones.

mod inference;
pub(crate) mod status;
mod tensorflow;

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
}

/// Every service's calls.
pub fn routes(app: &Arc<App>) -> Router {
    let routes = Routes::new(inference::service(app));
    let routes = routes.add_service(tensorflow::predictions(app)).add_service(tensorflow::models(app));
    routes.prepare().into_axum_router()
}
