//! What is to be, with every default resolved, or why it cannot be. Pure.

mod template;

use super::observe::{Child, Observed, Presence};
use crate::error::Error;
use berth_crds::conditions::reasons;
use berth_crds::endpoint::{Device, ResourcesSpec};
use berth_crds::{MultiModelEndpoint, MultiModelEndpointSpec, quantity};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

/// Least container memory: the program, its threads and the smallest of models.
const MEMORY_MIN: u64 = 128 << 20;
/// Memory that is not for models: code, connections, request bodies.
const MEMORY_APART: u64 = 48 << 20;
/// Least disk: one artifact.
const DISK_MIN: u64 = 64 << 20;
/// The GPUs of NVIDIA's device plugin.
const GPU: &str = "nvidia.com/gpu";

/// What follows from what was observed.
#[derive(Debug, Clone)]
pub enum Planned {
    /// It can be done.
    Possible(Box<Plan>),
    /// It cannot, for these reasons: at least one.
    Impossible(Vec<Problem>),
}

/// Why it cannot be done, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Of [`reasons`].
    pub reason: &'static str,
    /// What to do.
    pub message: String,
}

/// What is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The endpoint's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// Its spec.
    pub spec: MultiModelEndpointSpec,
    /// Image of the pods.
    pub image: String,
    /// Resources of the container, with the GPU.
    pub resources: ResourcesSpec,
    /// What the pods read: the endpoint with its defaults resolved.
    pub configuration: MultiModelEndpoint,
    /// Laid over the pods.
    pub overlay: Option<PodTemplateSpec>,
}

impl Plan {
    /// The service account of the pods.
    pub fn service_account(&self) -> &str {
        self.spec.server.service_account_name.as_deref().unwrap_or(&self.name)
    }
}

/// Decides. An error is not the spec's fault.
pub fn plan(observed: &Observed, default_image: Option<&str>) -> Result<Planned, Error> {
    let spec = &observed.endpoint.spec;
    let mut problems = taken(observed);
    problems.extend(missing(observed));
    let image = spec.server.image.as_deref().or(default_image);
    if image.is_none() {
        problems.push(problem(
            reasons::IMAGE_MISSING,
            "no image: set spec.server.image, or start the operator with --server-image",
        ));
    }
    let overlay = template::overlay(spec.server.pod_template.as_ref()).unwrap_or_else(|found| {
        problems.push(found);
        None
    });
    let sizes = sizes(spec).unwrap_or_else(|found| {
        problems.push(found);
        Sizes::default()
    });
    let (Some(image), true) = (image, problems.is_empty()) else { return Ok(Planned::Impossible(problems)) };
    Ok(Planned::Possible(Box::new(Plan {
        name: observed.name.clone(),
        namespace: observed.namespace.clone(),
        uid: observed.uid.clone(),
        spec: spec.clone(),
        image: image.to_owned(),
        resources: resources(spec),
        configuration: configuration(observed, sizes),
        overlay,
    })))
}

fn problem(reason: &'static str, message: impl Into<String>) -> Problem {
    Problem { reason, message: message.into() }
}

/// Objects of our children's names that are not ours: applying would take them away from their owner.
fn taken(observed: &Observed) -> Vec<Problem> {
    let wanted = |child: Child| match child {
        Child::Ingress => observed.endpoint.spec.ingress.is_some(),
        Child::ServiceAccount => observed.endpoint.spec.server.service_account_name.is_none(),
        _ => true,
    };
    let foreign =
        observed.children.iter().filter(|(child, object)| wanted(**child) && !observed.owns(object));
    foreign
        .map(|(child, _)| {
            let (kind, name) = (child.kind(), child.name(&observed.name));
            problem(
                reasons::NAME_TAKEN,
                format!("{kind} {name} is there already and belongs to something else: delete it, or give the endpoint another name"),
            )
        })
        .collect()
}

fn missing(observed: &Observed) -> Vec<Problem> {
    let mut problems = Vec::new();
    let spec = &observed.endpoint.spec;
    if observed.storage_class == Presence::Missing {
        let name = spec.cache.disk.storage_class_name.as_deref().unwrap_or_default();
        problems.push(problem(
            reasons::STORAGE_CLASS_NOT_FOUND,
            format!("there is no StorageClass {name}: create it, or create another endpoint with one that `kubectl get storageclass` lists"),
        ));
    }
    if observed.service_account == Presence::Missing {
        let name = spec.server.service_account_name.as_deref().unwrap_or_default();
        problems.push(problem(
            reasons::SERVICE_ACCOUNT_NOT_FOUND,
            format!("there is no ServiceAccount {name} in this namespace: create it, or leave spec.server.serviceAccountName out"),
        ));
    }
    problems
}

/// Bytes for the models of one pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sizes {
    memory: u64,
    disk: u64,
}

fn sizes(spec: &MultiModelEndpointSpec) -> Result<Sizes, Problem> {
    let bytes = |field: &str, quantity: &Quantity| {
        quantity::bytes(quantity).map_err(|e| problem(reasons::INVALID_SPEC, format!("{field}: {e}")))
    };
    let Some(limit) = spec.server.resources.limits.get("memory") else {
        return Err(problem(reasons::INVALID_MEMORY, "spec.server.resources.limits.memory must be set"));
    };
    let limit = bytes("spec.server.resources.limits.memory", limit)?;
    if limit < MEMORY_MIN {
        let message =
            format!("spec.server.resources.limits.memory is {} Mi: a pod needs 128Mi at least", limit >> 20);
        return Err(problem(reasons::INVALID_MEMORY, message));
    }
    let most = limit - MEMORY_APART;
    let memory = match &spec.cache.memory {
        None => (limit / 5 * 4).min(most),
        Some(memory) => bytes("spec.cache.memory", memory)?,
    };
    if memory > most || memory == 0 {
        let message = format!(
            "spec.cache.memory must be between 1 and {} Mi, 48 Mi below the memory limit: lower it, raise \
             spec.server.resources.limits.memory, or leave it out for 80% of the limit",
            most >> 20
        );
        return Err(problem(reasons::INVALID_MEMORY, message));
    }
    let disk = bytes("spec.cache.disk.size", &spec.cache.disk.size)?;
    if disk < DISK_MIN {
        return Err(problem(reasons::INVALID_SPEC, "spec.cache.disk.size must be 64Mi at least"));
    }
    // A file system needs room of its own, and an emptyDir over its limit costs the pod.
    Ok(Sizes { memory, disk: disk / 10 * 9 })
}

fn resources(spec: &MultiModelEndpointSpec) -> ResourcesSpec {
    let mut resources = spec.server.resources.clone();
    if spec.server.device == Device::CUDA {
        resources.limits.entry(GPU.to_owned()).or_insert_with(|| Quantity("1".to_owned()));
    }
    resources
}

/// The endpoint as a pod reads it: its defaults resolved, and only what the pods' work depends on, so that scaling or
/// an Ingress does not restart them.
fn configuration(observed: &Observed, sizes: Sizes) -> MultiModelEndpoint {
    let mut spec = observed.endpoint.spec.clone();
    spec.replicas = 1;
    spec.ingress = None;
    spec.cache.memory = Some(quantity::from_bytes(sizes.memory));
    spec.cache.disk.size = quantity::from_bytes(sizes.disk);
    spec.cache.disk.storage_class_name = None;
    spec.server.image = None;
    spec.server.pod_template = None;
    spec.server.service_account_name = None;
    let mut endpoint = MultiModelEndpoint::new(&observed.name, spec);
    endpoint.metadata = ObjectMeta {
        name: Some(observed.name.clone()),
        namespace: Some(observed.namespace.clone()),
        ..ObjectMeta::default()
    };
    endpoint
}

#[cfg(test)]
pub(crate) mod tests;
