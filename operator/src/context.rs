//! What every reconcile has at hand.

use crate::backoff::Backoff;
use crate::cli::Config;
use crate::metrics::Metrics;
use crate::paced::Paced;
use crate::survey::Surveys;
use crate::writer::Writer;
use berth_crds::{ModelArtifact, MultiModelEndpoint};
use kube::runtime::events::Recorder;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, ResourceExt};
use std::sync::Arc;

/// What every reconcile has at hand.
pub struct Context {
    pub(crate) client: Client,
    pub(crate) writer: Writer,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Config,
    pub(crate) backoff: Backoff,
    pub(crate) paced: Paced,
    pub(crate) surveys: Surveys,
    pub(crate) endpoints: Store<MultiModelEndpoint>,
    pub(crate) artifacts: Store<ModelArtifact>,
}

impl Context {
    /// The artifacts of an endpoint.
    pub(crate) fn artifacts_of(&self, endpoint: &str, namespace: Option<&str>) -> Vec<Arc<ModelArtifact>> {
        self.artifacts.state_filter(|artifact| {
            artifact.spec.endpoint == endpoint && artifact.namespace().as_deref() == namespace
        })
    }

    /// An endpoint as the watch has it.
    pub(crate) fn endpoint(&self, name: &str, namespace: &str) -> Option<Arc<MultiModelEndpoint>> {
        self.endpoints.get(&ObjectRef::new(name).within(namespace))
    }
}
