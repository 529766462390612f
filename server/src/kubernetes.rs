//! What a pod learns from the Kubernetes API: the artifacts of its endpoint and its peers. It only reads.
//!
//! Serving never waits for it: with the API server away at the start the pod serves what its manifest says, later what it
//! last knew, and goes on asking with growing pauses.

mod artifacts;
mod peers;

use crate::catalogue::{Catalogue, Side};
use berth_crds::{ModelArtifact, names};
use futures_util::{StreamExt as _, pin_mut};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::{self, Lookup};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::watch;

/// Who and where this pod is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its endpoint.
    pub endpoint: String,
    /// Its name.
    pub pod_name: String,
    /// Its namespace; none: that of the client's configuration.
    pub namespace: Option<String>,
}

/// No way to the API is known.
#[derive(Debug, thiserror::Error)]
#[error(
    "--kubernetes: no way to the Kubernetes API is configured ({0}); it needs a pod with a service account token, or \
     KUBECONFIG"
)]
pub struct NoCluster(String);

/// The API, not asked yet.
pub struct Cluster {
    client: Client,
    settings: Settings,
    heard: watch::Sender<Heard>,
}

/// What has been heard so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Heard {
    artifacts: bool,
    peers: bool,
}

/// Tells when the API has answered once.
pub struct FirstAnswer(watch::Receiver<Heard>);

impl FirstAnswer {
    /// Waits for it; for ever, if the API stays away.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|heard| heard.artifacts && heard.peers).await;
    }
}

impl Cluster {
    /// Reads the configuration that a pod has mounted, or `KUBECONFIG`.
    pub async fn configured(settings: Settings) -> Result<Self, NoCluster> {
        let client = Client::try_default().await.map_err(|e| NoCluster(e.to_string()))?;
        Ok(Self { client, settings, heard: watch::Sender::default() })
    }

    /// Tells when the API has answered once.
    pub fn first_answer(&self) -> FirstAnswer {
        FirstAnswer(self.heard.subscribe())
    }

    /// Watches for as long as the server runs.
    pub async fn watch(self, catalogue: Catalogue) {
        let namespace = self.settings.namespace.as_deref().unwrap_or(self.client.default_namespace());
        let artifacts: Api<ModelArtifact> = Api::namespaced(self.client.clone(), namespace);
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), namespace);
        let endpoint = self.settings.endpoint.as_str();
        let of_endpoint = watcher::Config::default().fields(&format!("spec.endpoint={endpoint}"));
        let service = names::peers_service(endpoint);
        let of_service = watcher::Config::default().labels(&format!("kubernetes.io/service-name={service}"));
        let list = |objects: Vec<Arc<ModelArtifact>>| {
            catalogue.list(Side::Cluster, artifacts::artifacts(&objects, endpoint));
            self.heard.send_modify(|heard| heard.artifacts = true);
        };
        let meet = |slices: Vec<Arc<EndpointSlice>>| {
            catalogue.set_peers(peers::ready(&slices));
            self.heard.send_modify(|heard| heard.peers = true);
        };
        tokio::join!(follow(artifacts, of_endpoint, list), follow(slices, of_service, meet));
    }
}

/// Reports the whole of what there is, whenever it changes. While it is listed anew the last is kept.
async fn follow<K>(api: Api<K>, config: watcher::Config, mut changed: impl FnMut(Vec<Arc<K>>))
where
    K: Resource + Lookup + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    <K as Resource>::DynamicType: Default,
    <K as Lookup>::DynamicType: Eq + Hash + Clone + Default,
{
    let (store, writer) = reflector::store();
    let stream =
        watcher(api, config).default_backoff().modify(|object| object.meta_mut().managed_fields = None);
    let stream = reflector::reflector(writer, stream);
    pin_mut!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => {}
            Ok(_) => changed(store.state()),
            Err(error) => {
                tracing::warn!(%error, "the Kubernetes API does not answer; going on with what is known");
            }
        }
    }
}
