//! Which changes trigger which objects, and what becomes of a reconcile's result.

use crate::artifact;
use crate::context::Context;
use crate::endpoint;
use crate::error::{Error, chain};
use berth_crds::names::labels;
use berth_crds::{ModelArtifact, MultiModelEndpoint};
use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::Api;
use kube::runtime::controller::{Action, Config as ControllerConfig, Controller, Error as ControllerError};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, predicates, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes of one object in a row are one reconcile.
const DEBOUNCE: Duration = Duration::from_millis(300);
const ENDPOINT: &str = "MultiModelEndpoint";
const ARTIFACT: &str = "ModelArtifact";

/// Both controllers before they run: their stores are part of the context.
pub struct Controllers {
    endpoints: Controller<MultiModelEndpoint>,
    artifacts: Controller<ModelArtifact>,
}

/// The API of a kind in what this process watches.
pub fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

impl Controllers {
    /// Declares the watches.
    pub fn new(
        client: &Client,
        namespace: Option<&str>,
        changed: mpsc::Receiver<ObjectRef<ModelArtifact>>,
    ) -> Self {
        let artifacts = Controller::new(api(client, namespace), watcher::Config::default());
        let store = artifacts.store();
        let ours = || watcher::Config::default().labels(&managed());
        let endpoints = Controller::new(api(client, namespace), watcher::Config::default())
            .owns(api::<ServiceAccount>(client, namespace), ours())
            .owns(api::<Role>(client, namespace), ours())
            .owns(api::<RoleBinding>(client, namespace), ours())
            .owns(api::<ConfigMap>(client, namespace), ours())
            .owns(api::<Service>(client, namespace), ours())
            .owns(api::<PodDisruptionBudget>(client, namespace), ours())
            .owns(api::<StatefulSet>(client, namespace), ours())
            .owns(api::<Ingress>(client, namespace), ours())
            .watches(
                api::<Pod>(client, namespace),
                watcher::Config::default().labels(labels::ENDPOINT),
                |pod| {
                    let name = pod.labels().get(labels::ENDPOINT)?.clone();
                    Some(ObjectRef::new(&name).within(pod.metadata.namespace.as_deref()?))
                },
            )
            // Only specs: the statuses of artifacts are our own writes.
            .watches_stream(specs(api::<ModelArtifact>(client, namespace)), |artifact| {
                Some(ObjectRef::new(&artifact.spec.endpoint).within(artifact.metadata.namespace.as_deref()?))
            });
        let artifacts = artifacts
            .watches(
                api::<MultiModelEndpoint>(client, namespace),
                watcher::Config::default(),
                move |endpoint| of_endpoint(&store, &endpoint),
            )
            .reconcile_on(changed);
        Self { endpoints, artifacts }
    }

    /// The endpoints as the watch has them.
    pub fn endpoints(&self) -> Store<MultiModelEndpoint> {
        self.endpoints.store()
    }

    /// The artifacts as the watch has them.
    pub fn artifacts(&self) -> Store<ModelArtifact> {
        self.artifacts.store()
    }

    /// Reconciles until it is dropped.
    pub async fn run(self, context: Arc<Context>) {
        let config = ControllerConfig::default().debounce(DEBOUNCE).concurrency(context.config.concurrency);
        let endpoints = self.endpoints.with_config(config.clone()).run(
            |object, context| measured(ENDPOINT, object, context, endpoint::reconcile),
            |object, error, context| again(ENDPOINT, &*object, error, &context),
            Arc::clone(&context),
        );
        let artifacts = self.artifacts.with_config(config).run(
            |object, context| measured(ARTIFACT, object, context, artifact::reconcile),
            |object, error, context| again(ARTIFACT, &*object, error, &context),
            Arc::clone(&context),
        );
        futures::join!(drain(ENDPOINT, endpoints, &context), drain(ARTIFACT, artifacts, &context));
    }
}

/// What is ours, so that the watches of children do not hold all objects of the cluster.
fn managed() -> String {
    format!("{}={}", labels::MANAGED_BY, labels::MANAGED_BY_VALUE)
}

/// Changes of specs.
fn specs<K>(api: Api<K>) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(api, watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .predicate_filter(predicates::generation, kube::runtime::PredicateConfig::default())
}

/// The artifacts that an endpoint's change is for.
fn of_endpoint(store: &Store<ModelArtifact>, endpoint: &MultiModelEndpoint) -> Vec<ObjectRef<ModelArtifact>> {
    let (name, namespace) = (endpoint.name_any(), endpoint.namespace());
    let of =
        store.state_filter(|artifact| artifact.spec.endpoint == name && artifact.namespace() == namespace);
    of.iter().map(|artifact| ObjectRef::from_obj(&**artifact)).collect()
}

fn object_key<K: Resource<DynamicType = ()>>(kind: &str, object: &K) -> String {
    format!("{kind} {}", endpoint::key(object.namespace().as_deref(), &object.name_any()))
}

/// A reconcile with its time taken; one that went well ends the object's back-off.
async fn measured<K, F>(
    kind: &'static str,
    object: Arc<K>,
    context: Arc<Context>,
    reconcile: impl FnOnce(Arc<K>, Arc<Context>) -> F,
) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()>,
    F: Future<Output = Result<Action, Error>>,
{
    let key = object_key(kind, &*object);
    // What is going is left to the garbage collector: a child applied now would be an orphan for a while.
    if object.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let begin = Instant::now();
    let result = reconcile(object, Arc::clone(&context)).await;
    context.metrics.reconciled(kind, begin.elapsed());
    if result.is_ok() {
        context.backoff.succeeded(&key);
    }
    result
}

/// The one place where a failed reconcile is counted, logged and put off.
fn again<K: Resource<DynamicType = ()>>(
    kind: &'static str,
    object: &K,
    error: &Error,
    context: &Context,
) -> Action {
    let key = object_key(kind, object);
    let delay = context.backoff.failed(&key, error);
    context.metrics.failed(kind, error.reason());
    tracing::warn!(object = %key, reason = error.reason(), error = %chain(error), ?delay, "Could not reconcile");
    Action::requeue(delay)
}

/// Runs a controller's stream. Failed reconciles were told of already; what is left are watches that broke (they begin
/// again by themselves) and objects that are gone, which are forgotten.
async fn drain<K>(
    kind: &'static str,
    results: impl Stream<Item = Result<(ObjectRef<K>, Action), ControllerError<Error, watcher::Error>>>,
    context: &Context,
) where
    K: Resource<DynamicType = ()>,
{
    let mut results = pin!(results);
    while let Some(result) = results.next().await {
        match result {
            Err(ControllerError::ObjectNotFound(object)) => {
                let key = endpoint::key(object.namespace.as_deref(), &object.name);
                context.backoff.succeeded(&format!("{kind} {key}"));
                context.paced.forget(&format!("{kind} {key}"));
                if kind == ENDPOINT {
                    context.surveys.forget(&key);
                }
            }
            Err(ControllerError::QueueError(error)) => {
                tracing::warn!(kind, error = %chain(&error), "A watch broke; it begins again");
            }
            Err(ControllerError::RunnerError(error)) => {
                tracing::error!(kind, error = %chain(&error), "Controller failed");
            }
            Err(ControllerError::ReconcilerFailed(..)) | Ok(_) => {}
        }
    }
}
