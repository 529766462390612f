//! The one way by which anything is written. It stops once this process may no longer be the leader.

use crate::error::Error;
use crate::leader::Fence;
use crate::metrics::Metrics;
use berth_crds::names::FIELD_MANAGER;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Time of one write. A write that begins just before the fence closes is over before another process can lead:
/// the lease outlasts the fence by 5 s.
const WRITE_TIME: Duration = Duration::from_secs(4);

/// Writes objects.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    fence: Fence,
    metrics: Arc<Metrics>,
}

impl Writer {
    pub(crate) fn new(client: Client, fence: Fence, metrics: Arc<Metrics>) -> Self {
        Self { client, fence, metrics }
    }

    /// Applies an object whole, as its only owner. Force: what we apply is ours, and drift is repaired, not negotiated.
    pub async fn apply(&self, target: Target<'_>, object: &Value) -> Result<DynamicObject, Error> {
        let api = target.api(&self.client);
        let parameters = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
        let doing = target.doing("apply");
        let patch = Patch::Apply(object);
        let write = api.patch(target.name, &parameters, &patch);
        self.write(target.kind(), "apply", doing, write).await
    }

    /// Applies an object's status.
    pub async fn apply_status(&self, target: Target<'_>, object: &Value) -> Result<DynamicObject, Error> {
        let api = target.api(&self.client);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let doing = target.doing("write the status of");
        let patch = Patch::Apply(object);
        let write = api.patch_status(target.name, &parameters, &patch);
        self.write(target.kind(), "status", doing, write).await
    }

    /// Deletes exactly the object that was seen, and no later one of its name.
    pub async fn delete(&self, target: Target<'_>, seen: &DynamicObject) -> Result<(), Error> {
        let api = target.api(&self.client);
        let preconditions = Preconditions { uid: seen.uid(), resource_version: seen.resource_version() };
        let parameters = DeleteParams::background().preconditions(preconditions);
        let delete = async {
            match api.delete(target.name, &parameters).await {
                Err(e) if Error::is_not_found(&e) => Ok(()),
                other => other.map(|_| ()),
            }
        };
        self.write(target.kind(), "delete", target.doing("delete"), delete).await
    }

    /// Runs a write within its time, if this process leads.
    pub(crate) async fn write<T>(
        &self,
        kind: &'static str,
        verb: &'static str,
        doing: String,
        write: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        if !self.fence.is_open() {
            return Err(Error::Fenced { doing });
        }
        self.metrics.wrote(kind, verb);
        match tokio::time::timeout(WRITE_TIME, write).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(Error::api(doing, source)),
            Err(_) => Err(Error::TimedOut { doing, limit: WRITE_TIME }),
        }
    }
}

/// Which object.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its kind.
    pub resource: &'a ApiResource,
    /// Its kind's name, for the metrics.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl Target<'_> {
    /// The API of its kind in its namespace.
    pub fn api(&self, client: &Client) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), self.namespace, self.resource)
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    /// What is done, for an error.
    pub fn doing(&self, verb: &str) -> String {
        format!("{verb} {} {}/{}", self.kind, self.namespace, self.name)
    }
}
