//! Asks the API server for all that the decisions need. The children are asked for one by one, not taken from a watch:
//! a decision made on a cache that lags behind our own writes would write again.

use crate::context::Context;
use crate::error::Error;
use crate::writer::Target;
use berth_crds::MultiModelEndpoint;
use berth_crds::names::{labels, peers_service};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds of children, in the order in which they are applied: what pods need to start comes before pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Child {
    /// What the pods are.
    ServiceAccount,
    /// What they may read.
    Role,
    /// That they may.
    RoleBinding,
    /// Their configuration.
    ConfigMap,
    /// Their names.
    PeersService,
    /// The clients' way to them.
    Service,
    /// How many may be away.
    PodDisruptionBudget,
    /// The pods.
    StatefulSet,
    /// The way from outside.
    Ingress,
}

impl Child {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::ConfigMap,
        Self::PeersService,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::StatefulSet,
        Self::Ingress,
    ];

    /// The kind's name.
    pub fn kind(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::ConfigMap => "ConfigMap",
            Self::PeersService | Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::StatefulSet => "StatefulSet",
            Self::Ingress => "Ingress",
        }
    }

    /// The kind in the API.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::Role => ApiResource::erase::<Role>(&()),
            Self::RoleBinding => ApiResource::erase::<RoleBinding>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::PeersService | Self::Service => ApiResource::erase::<Service>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::Ingress => ApiResource::erase::<Ingress>(&()),
        }
    }

    /// The child's name.
    pub fn name(self, endpoint: &str) -> String {
        if self == Self::PeersService { peers_service(endpoint) } else { endpoint.to_owned() }
    }
}

/// Whether an object that a spec names is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// No object is named, or it cannot be looked for.
    NotAsked,
    /// It is there.
    There,
    /// It is not.
    Missing,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The endpoint.
    pub endpoint: Arc<MultiModelEndpoint>,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// The children that there are, whoever made them.
    pub children: BTreeMap<Child, DynamicObject>,
    /// The pods.
    pub pods: Vec<Pod>,
    /// The StorageClass that the spec names.
    pub storage_class: Presence,
    /// The ServiceAccount that the spec names.
    pub service_account: Presence,
}

impl Observed {
    /// Whether an object is controlled by this endpoint.
    pub fn owns(&self, object: &DynamicObject) -> bool {
        object.owner_references().iter().any(|owner| owner.uid == self.uid && owner.controller == Some(true))
    }
}

/// Asks.
pub async fn observe(endpoint: &Arc<MultiModelEndpoint>, context: &Context) -> Result<Observed, Error> {
    let name = endpoint.name_any();
    let namespace = endpoint.namespace().ok_or(Error::Incomplete { field: "metadata.namespace" })?;
    let uid = endpoint.uid().ok_or(Error::Incomplete { field: "metadata.uid" })?;
    let mut children = BTreeMap::new();
    for child in Child::ALL {
        let (resource, child_name) = (child.resource(), child.name(&name));
        let target =
            Target { resource: &resource, kind: child.kind(), namespace: &namespace, name: &child_name };
        let found = target.api(&context.client).get_opt(&child_name).await;
        if let Some(object) = found.map_err(|e| Error::api(target.doing("get"), e))? {
            children.insert(child, object);
        }
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let ours = ListParams::default().labels(&format!("{}={name}", labels::ENDPOINT)).match_any();
    let listed =
        pods.list(&ours).await.map_err(|e| Error::api(format!("list pods of {namespace}/{name}"), e))?;
    let storage_class = storage_class(endpoint, context).await?;
    let service_account = service_account(endpoint, &namespace, context).await?;
    let (endpoint, pods) = (Arc::clone(endpoint), listed.items);
    Ok(Observed { endpoint, name, namespace, uid, children, pods, storage_class, service_account })
}

/// Classes belong to the cluster: an operator of one namespace cannot look, and learns it from the pods.
async fn storage_class(endpoint: &MultiModelEndpoint, context: &Context) -> Result<Presence, Error> {
    let Some(name) = &endpoint.spec.cache.disk.storage_class_name else { return Ok(Presence::NotAsked) };
    if context.config.namespace.is_some() {
        return Ok(Presence::NotAsked);
    }
    presence(&Api::<StorageClass>::all(context.client.clone()), name).await
}

async fn service_account(
    endpoint: &MultiModelEndpoint,
    namespace: &str,
    context: &Context,
) -> Result<Presence, Error> {
    let Some(name) = &endpoint.spec.server.service_account_name else { return Ok(Presence::NotAsked) };
    presence(&Api::<ServiceAccount>::namespaced(context.client.clone(), namespace), name).await
}

async fn presence<K>(api: &Api<K>, name: &str) -> Result<Presence, Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match api.get_metadata_opt(name).await {
        Ok(Some(_)) => Ok(Presence::There),
        Ok(None) => Ok(Presence::Missing),
        Err(e) => Err(Error::api(format!("get {} {name}", K::kind(&())), e)),
    }
}
