//! The Open Inference Protocol's service.

use super::proto::inference::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use super::proto::inference::{
    ServerLiveRequest, ServerLiveResponse, ServerReadyRequest, ServerReadyResponse,
};
use crate::invoke::{App, Phase};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub struct Inference {
    app: Arc<App>,
}

/// The service.
pub fn service(app: &Arc<App>) -> GrpcInferenceServiceServer<Inference> {
    let largest = usize::try_from(app.config.max_body).unwrap_or(usize::MAX);
    GrpcInferenceServiceServer::new(Inference { app: app.clone() })
        .max_decoding_message_size(largest)
        .max_encoding_message_size(usize::MAX)
}

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    async fn server_live(
        &self,
        _: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: self.app.phase() == Phase::Serving }))
    }
}
