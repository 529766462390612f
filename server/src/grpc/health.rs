//! gRPC's health checking: every service is as ready as the server.

use super::proto::DESCRIPTORS;
use super::proto::health::health_check_response::ServingStatus;
use super::proto::health::health_server::{Health, HealthServer};
use super::proto::health::{HealthCheckRequest, HealthCheckResponse};
use crate::invoke::{App, Phase};
use futures_util::stream::{self, Stream};
use prost::Message as _;
use std::pin::Pin;
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub struct Checks {
    app: Arc<App>,
    /// What may be asked for; the server itself has no name.
    services: Vec<String>,
}

/// The service.
pub fn service(app: &Arc<App>) -> HealthServer<Checks> {
    HealthServer::new(Checks { app: app.clone(), services: services() })
}

/// Names of all services that are described.
fn services() -> Vec<String> {
    let described = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let names = described
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(|service| format!("{}.{}", file.package(), service.name())));
    names.chain([String::new()]).collect()
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

fn status(phase: Phase) -> ServingStatus {
    if phase == Phase::Serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}

#[tonic::async_trait]
impl Health for Checks {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.services.contains(&request.get_ref().service) {
            return Err(Status::not_found("unknown service"));
        }
        Ok(Response::new(answer(status(self.app.phase()))))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !self.services.contains(&request.get_ref().service) {
            // No service comes later: the one answer is the last.
            let unknown = stream::iter([Ok(answer(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(Box::pin(unknown)));
        }
        let mut phases = self.app.phases();
        phases.mark_changed();
        // The stream ends with the drain: it must not keep the server from stopping.
        let statuses = stream::unfold(Some(phases), |phases| async move {
            let mut phases = phases?;
            phases.changed().await.ok()?;
            let phase = *phases.borrow_and_update();
            let rest = (phase != Phase::Draining).then_some(phases);
            Some((Ok(answer(status(phase))), rest))
        });
        Ok(Response::new(Box::pin(statuses)))
    }
}
