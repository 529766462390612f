//! TensorFlow Serving's services.

mod models;
mod predictions;

use super::proto::tensorflow::serving::model_service_server::ModelServiceServer;
use super::proto::tensorflow::serving::prediction_service_server::PredictionServiceServer;
use super::status;
use crate::error::InvokeError;
use crate::invoke::App;
use crate::tensorflow::Target;
use models::Models;
use predictions::Predictions;
use std::sync::Arc;
use tonic::Status;

/// The service that predicts.
pub fn predictions(app: &Arc<App>) -> PredictionServiceServer<Predictions> {
    let largest = usize::try_from(app.config.max_body).unwrap_or(usize::MAX);
    PredictionServiceServer::new(Predictions::new(app))
        .max_decoding_message_size(largest)
        .max_encoding_message_size(usize::MAX)
}

/// The service that tells of models.
pub fn models(app: &Arc<App>) -> ModelServiceServer<Models> {
    ModelServiceServer::new(Models::new(app))
}

/// What a call's error is to its client.
fn refused(method: &str, target: Option<&Target>, error: &InvokeError) -> Status {
    let model = target.map_or("", |target| target.name.as_str());
    let message = target.map_or_else(|| error.to_string(), |target| target.message(error));
    tracing::info!(method, reason = error.reason(), model, %error, "refused");
    status::worded(error, message)
}
