//! The Open Inference Protocol's service.

mod stream;

use super::proto::inference::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use super::proto::inference::*;
use super::status;
use crate::codec::v2::message;
use crate::error::InvokeError;
use crate::invoke::{App, Phase};
use crate::open_inference::{self, Named};
use std::collections::HashMap;
use std::sync::Arc;
use tonic::codec::CompressionEncoding::{Deflate, Gzip};
use tonic::{Request, Response, Status, Streaming};

type Answer<T> = Result<Response<T>, Status>;

pub struct Inference {
    app: Arc<App>,
}

/// The service. Compressed requests are taken; answers are not compressed, which would cost more than it saves.
pub fn service(app: &Arc<App>) -> GrpcInferenceServiceServer<Inference> {
    let largest = usize::try_from(app.config.max_body).unwrap_or(usize::MAX);
    GrpcInferenceServiceServer::new(Inference { app: app.clone() })
        .max_decoding_message_size(largest)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
}

/// Answers one inference.
async fn infer(app: &App, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
    let (model, version) = (request.model_name.clone(), request.model_version.clone());
    let named = Named { model: &model, version: &version };
    app.admit(named.infer(app, |version| message::Infer::new(request, version)))
        .await
        .map_err(|error| refused(&error, named))
}

/// Says why there is no answer.
fn refused(error: &InvokeError, named: Named<'_>) -> Status {
    tracing::info!(reason = error.reason(), model = named.model, %error, "refused");
    Status::new(status::of(error).code(), named.message_of(error))
}

impl Inference {
    /// The repository's calls are for administrators.
    fn repository(&self) -> Result<&App, Status> {
        if self.app.config.repository_api {
            return Ok(&self.app);
        }
        Err(Status::permission_denied(
            "the model repository API is on the admin port; the flag --repository-api brings it here too",
        ))
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    type ModelStreamInferStream = stream::Answers;

    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Answer<ServerLiveResponse> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Answer<ServerReadyResponse> {
        Ok(Response::new(ServerReadyResponse { ready: self.app.phase() == Phase::Serving }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Answer<ModelReadyResponse> {
        let ModelReadyRequest { name, version } = request.get_ref();
        let named = Named { model: name, version };
        let ready = named.is_ready(&self.app).await;
        let ready = ready.map_err(|error| refused(&error, named))?;
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(&self, _: Request<ServerMetadataRequest>) -> Answer<ServerMetadataResponse> {
        Ok(Response::new(open_inference::server()))
    }

    async fn model_metadata(&self, request: Request<ModelMetadataRequest>) -> Answer<ModelMetadataResponse> {
        let ModelMetadataRequest { name, version } = request.get_ref();
        let named = Named { model: name, version };
        let metadata = named.metadata(&self.app).await;
        metadata.map(Response::new).map_err(|error| refused(&error, named))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Answer<ModelInferResponse> {
        infer(&self.app, request.into_inner()).await.map(Response::new)
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Answer<Self::ModelStreamInferStream> {
        Ok(Response::new(stream::answer(&self.app, request)))
    }

    async fn model_config(&self, request: Request<ModelConfigRequest>) -> Answer<ModelConfigResponse> {
        let ModelConfigRequest { name, version } = request.get_ref();
        let named = Named { model: name, version };
        let config = named.config(&self.app).await;
        let config = config.map_err(|error| refused(&error, named))?;
        Ok(Response::new(ModelConfigResponse { config: Some(config) }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Answer<ModelStatisticsResponse> {
        let ModelStatisticsRequest { name, version } = request.get_ref();
        let named = Named { model: name, version };
        let statistics = named.statistics(&self.app).await;
        statistics.map(Response::new).map_err(|error| refused(&error, named))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Answer<RepositoryIndexResponse> {
        let index = open_inference::index(self.repository()?, request.get_ref().ready).await;
        index.map(Response::new).map_err(|error| refused(&error, Named::newest("")))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Answer<RepositoryModelLoadResponse> {
        let RepositoryModelLoadRequest { model_name, parameters, .. } = request.get_ref();
        let named = Named::newest(model_name);
        let loaded = named.load(self.repository()?, parameters.keys().map(String::as_str)).await;
        loaded.map_err(|error| refused(&error, named))?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Answer<RepositoryModelUnloadResponse> {
        let named = Named::newest(&request.get_ref().model_name);
        let unloaded = named.unload(self.repository()?).await;
        unloaded.map_err(|error| refused(&error, named))?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }

    async fn system_shared_memory_status(
        &self,
        _: Request<SystemSharedMemoryStatusRequest>,
    ) -> Answer<SystemSharedMemoryStatusResponse> {
        Ok(Response::new(SystemSharedMemoryStatusResponse { regions: HashMap::new() }))
    }

    async fn system_shared_memory_register(
        &self,
        _: Request<SystemSharedMemoryRegisterRequest>,
    ) -> Answer<SystemSharedMemoryRegisterResponse> {
        Err(Status::unimplemented(open_inference::NO_SHARED_MEMORY))
    }

    async fn system_shared_memory_unregister(
        &self,
        _: Request<SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<SystemSharedMemoryUnregisterResponse> {
        Ok(Response::new(SystemSharedMemoryUnregisterResponse {}))
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<CudaSharedMemoryStatusRequest>,
    ) -> Answer<CudaSharedMemoryStatusResponse> {
        Ok(Response::new(CudaSharedMemoryStatusResponse { regions: HashMap::new() }))
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<CudaSharedMemoryRegisterRequest>,
    ) -> Answer<CudaSharedMemoryRegisterResponse> {
        Err(Status::unimplemented(open_inference::NO_SHARED_MEMORY))
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<CudaSharedMemoryUnregisterResponse> {
        Ok(Response::new(CudaSharedMemoryUnregisterResponse {}))
    }

    async fn trace_setting(&self, _: Request<TraceSettingRequest>) -> Answer<TraceSettingResponse> {
        Err(Status::unimplemented(open_inference::NO_TRACING))
    }

    async fn log_settings(&self, _: Request<LogSettingsRequest>) -> Answer<LogSettingsResponse> {
        Err(Status::unimplemented(open_inference::NO_LOG_SETTINGS))
    }
}
