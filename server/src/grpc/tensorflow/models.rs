//! `ModelService`.

use super::super::proto::tensorflow::serving::model_service_server::ModelService;
use super::super::proto::tensorflow::serving::{
    GetModelStatusRequest, GetModelStatusResponse, ReloadConfigRequest, ReloadConfigResponse,
};
use super::super::status;
use crate::invoke::App;
use crate::tensorflow::{Target, status as versions};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub struct Models {
    app: Arc<App>,
}

impl Models {
    pub fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone() }
    }
}

#[tonic::async_trait]
impl ModelService for Models {
    async fn get_model_status(
        &self,
        request: Request<GetModelStatusRequest>,
    ) -> Result<Response<GetModelStatusResponse>, Status> {
        let target = Target::of(request.get_ref().model_spec.as_ref()).map_err(|error| status::of(&error))?;
        match versions::of(&self.app, &target).await {
            Ok(model_version_status) => Ok(Response::new(GetModelStatusResponse { model_version_status })),
            Err(error) => Err(status::worded(&error, versions::message(&target, &error))),
        }
    }

    async fn handle_reload_config_request(
        &self,
        _: Request<ReloadConfigRequest>,
    ) -> Result<Response<ReloadConfigResponse>, Status> {
        Err(Status::unimplemented(
            "this server has no list of models to reload: every model under the endpoint's prefix is served when it is asked for; add or \
             remove archives there",
        ))
    }
}
