//! A plan as Kubernetes objects, one file for each. Pure.

mod access;
mod config_map;
mod disruption;
mod ingress;
mod pod;
mod service;
mod stateful_set;

use super::plan::Plan;
use crate::difference;
use crate::error::Error;
use berth_crds::names::labels;
use berth_crds::{GROUP, VERSION};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use std::collections::BTreeMap;

pub use pod::stop_seconds;

/// The objects of an endpoint before they are applied.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// None where the spec names one of its own.
    pub service_account: Option<ServiceAccount>,
    /// What the pods may read.
    pub role: Role,
    /// That they may.
    pub role_binding: RoleBinding,
    /// Their configuration.
    pub config_map: ConfigMap,
    /// Their names.
    pub peers_service: Service,
    /// The clients' way to them.
    pub service: Service,
    /// How many may be away.
    pub disruption_budget: PodDisruptionBudget,
    /// The pods.
    pub stateful_set: StatefulSet,
    /// None where the spec has none.
    pub ingress: Option<Ingress>,
}

/// Builds all of them.
pub fn build(plan: &Plan) -> Result<Prepared, Error> {
    let configuration = config_map::text(plan)?;
    let digest = difference::digest(&configuration);
    Ok(Prepared {
        service_account: access::service_account(plan),
        role: access::role(plan),
        role_binding: access::role_binding(plan),
        config_map: config_map::config_map(plan, configuration),
        peers_service: service::peers(plan),
        service: service::clients(plan),
        disruption_budget: disruption::budget(plan),
        stateful_set: stateful_set::stateful_set(plan, &digest),
        ingress: ingress::ingress(plan),
    })
}

/// The labels by which the pods are found. They never change: a StatefulSet's selector cannot.
pub fn selector(endpoint: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(labels::ENDPOINT.to_owned(), endpoint.to_owned())])
}

/// The labels of every child.
fn common_labels(plan: &Plan, component: &str) -> BTreeMap<String, String> {
    let mut all = selector(&plan.name);
    for (key, value) in [
        (labels::NAME, labels::NAME_VALUE),
        (labels::INSTANCE, plan.name.as_str()),
        (labels::COMPONENT, component),
        (labels::MANAGED_BY, labels::MANAGED_BY_VALUE),
    ] {
        all.insert(key.to_owned(), value.to_owned());
    }
    all
}

/// Name, labels and owner of a child. The owner is the controller, so that the child goes with it; it does not block
/// the owner's deletion, which would need one more permission.
fn metadata(plan: &Plan, name: &str, component: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(plan.namespace.clone()),
        labels: Some(common_labels(plan, component)),
        owner_references: Some(vec![OwnerReference {
            api_version: format!("{GROUP}/{VERSION}"),
            kind: "MultiModelEndpoint".to_owned(),
            name: plan.name.clone(),
            uid: plan.uid.clone(),
            controller: Some(true),
            block_owner_deletion: None,
        }]),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests;
