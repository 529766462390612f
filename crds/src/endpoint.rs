//! `MultiModelEndpoint`: one address, one set of pods, many models.

#![allow(clippy::duplicated_attributes, reason = "each printer column has a type and a path of its own")]

mod status;

use crate::quantity;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use status::{ModelCounts, MultiModelEndpointStatus};

/// One address behind which a set of pods serves many models. Every archive under `models.uri` is a model that
/// requests can name; nothing has to be created for it.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "berth.dev",
    version = "v1alpha1",
    kind = "MultiModelEndpoint",
    namespaced,
    status = "MultiModelEndpointStatus",
    derive = "PartialEq",
    shortname = "mme",
    category = "berth",
    doc = "One address behind which a set of pods serves many models from object storage.",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,46}[a-z0-9])?$')")
        .message("metadata.name must be at most 48 lower-case letters, digits and '-', and begin with a letter: \
                  Services and pods are named after it"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Models", type_ = "integer", json_path = ".status.models.known"),
    printcolumn(name = "Resident", type_ = "integer", json_path = ".status.models.resident"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.models.uri", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct MultiModelEndpointSpec {
    /// Number of pods, from 0 to 1000. Default 1. `kubectl scale`, HPA and KEDA change it.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,

    /// Where the models are.
    pub models: ModelsSpec,

    /// How much of them each pod keeps. Default: in memory 80% of the container's memory limit, on disk 10Gi of an
    /// emptyDir.
    #[serde(default)]
    pub cache: CacheSpec,

    /// The pods. Default: the operator's own image, on the CPU, with 1 core and 4Gi.
    #[serde(default)]
    pub server: ServerSpec,

    /// An Ingress for the endpoint. Default: none, the endpoint is reached inside the cluster by its Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,
}

fn one() -> i32 {
    1
}

/// Where the models of an endpoint are.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(validation = Rule::new("!has(self.s3) || self.uri.startsWith('s3://')")
    .message("s3 is for a uri that starts with s3://; remove it, or write s3://bucket/prefix/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelsSpec {
    /// `s3://bucket/prefix/`, or an absolute directory that `server.podTemplate` mounts. Every archive below it
    /// (`.tar.gz`, `.tgz`, `.tar`) is a model named by its path below it. At most 1024 characters.
    #[schemars(length(min = 2, max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$') || self.matches('^/[^/]')")
        .message("must be s3://bucket/prefix/ (bucket: 3 to 63 lower-case letters, digits, '.', '-') or an absolute \
                  directory like /models"))]
    pub uri: String,

    /// How the store is reached. Default: AWS, with the credentials that the pod's service account gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Spec>,
}

/// How an S3 store is reached.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct S3Spec {
    /// Address of a store that is not AWS, such as `http://minio:9000`. Buckets are addressed path-style there.
    /// Default: AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+/?$')")
        .message("must be http://host[:port] or https://host[:port], without credentials or a path"))]
    pub endpoint: Option<String>,

    /// The bucket's region. Default us-east-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9-]+$')")
        .message("must be a region's name, such as us-east-1"))]
    pub region: Option<String>,

    /// A Secret in the endpoint's namespace with the keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for
    /// temporary credentials, AWS_SESSION_TOKEN. Only the pods read its values. Default: what the service account
    /// gives (web identity, pod identity, instance profile).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
}

/// Names a Secret in the endpoint's namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// How much of the models each pod keeps.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct CacheSpec {
    /// Whether a model stays in memory after it answered. Default Enabled.
    #[serde(default)]
    pub mode: CacheMode,

    /// Memory that the models of one pod may use together, in bytes (`6Gi`). Default: 80% of the container's memory
    /// limit. It must be below that limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantity::schema")]
    pub memory: Option<Quantity>,

    /// Disk that the artifacts of one pod may use. Default 10Gi of an emptyDir.
    #[serde(default)]
    pub disk: DiskSpec,
}

/// Whether models stay in memory.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheMode {
    /// A model stays until others need the room.
    #[default]
    Enabled,
    /// A model is loaded for a request and dropped after the answer. For models that are seldom asked for.
    Disabled,
}

/// Disk for artifacts.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[x_kube(
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && \
                            (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)")
        .message("storageClassName cannot change: the volumes of a StatefulSet are fixed. Create another endpoint"),
    validation = Rule::new("!has(self.storageClassName) || self.size == oldSelf.size")
        .message("size cannot change while storageClassName is set: the volumes of a StatefulSet are fixed. Create another endpoint"),
)]
#[serde(rename_all = "camelCase")]
pub struct DiskSpec {
    /// Size in bytes (`50Gi`), for each pod. Default 10Gi.
    #[serde(default = "default_disk")]
    #[schemars(schema_with = "quantity::schema")]
    pub size: Quantity,

    /// A StorageClass, for a volume of its own for each pod, which survives the pod. Default: none, an emptyDir,
    /// which is gone with the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

fn default_disk() -> Quantity {
    Quantity("10Gi".to_owned())
}

impl Default for DiskSpec {
    fn default() -> Self {
        Self { size: default_disk(), storage_class_name: None }
    }
}

/// The pods of an endpoint.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServerSpec {
    /// The server's image, best pinned by digest (`name@sha256:…`). Default: the operator's `--server-image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image: Option<String>,

    /// What predicts. Default CPU.
    #[serde(default)]
    pub device: Device,

    /// CPU and memory of the container. Default: requests of 1 CPU and 4Gi, a memory limit of 4Gi. With device CUDA,
    /// one `nvidia.com/gpu` is added unless another number is given.
    #[serde(default)]
    pub resources: ResourcesSpec,

    /// A service account that exists, for pods that get their storage credentials by it. Default: the operator makes
    /// one, named like the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,

    /// Seconds that a request may wait for its model and its turn, 1 to 3600. Default 60, as SageMaker has it. A pod
    /// that stops gives the requests in progress this long.
    #[serde(default = "default_deadline")]
    #[schemars(range(min = 1, max = 3600))]
    pub request_deadline_seconds: i32,

    /// Seconds that a pod goes on taking requests after it was told to stop, 0 to 600, until Services and Ingress
    /// controllers have noticed. Default 10.
    #[serde(default = "default_drain")]
    #[schemars(range(min = 0, max = 600))]
    pub drain_seconds: i32,

    /// Laid over the pod template that the operator builds (`metadata` and `spec` of a PodTemplateSpec): node
    /// selectors, tolerations, affinity, volumes, sidecars, more environment. Lists merge by name; the serving container
    /// is named `server`. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub pod_template: Option<serde_json::Value>,
}

fn default_deadline() -> i32 {
    60
}

fn default_drain() -> i32 {
    10
}

fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            image: None,
            device: Device::default(),
            resources: ResourcesSpec::default(),
            service_account_name: None,
            request_deadline_seconds: default_deadline(),
            drain_seconds: default_drain(),
            pod_template: None,
        }
    }
}

/// What predicts.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor.
    #[default]
    CPU,
    /// An NVIDIA GPU.
    CUDA,
}

/// CPU and memory of the container.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[x_kube(validation = Rule::new("has(self.limits) && 'memory' in self.limits")
    .message("limits.memory must be set: the models' memory budget follows from it, and a pod without it can take its node down"))]
#[serde(rename_all = "camelCase")]
pub struct ResourcesSpec {
    /// What the scheduler sets aside (`cpu`, `memory`, `nvidia.com/gpu`, …). Default: the limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantity::map_schema")]
    pub requests: BTreeMap<String, Quantity>,

    /// What the container may use at most. `memory` must be given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantity::map_schema")]
    pub limits: BTreeMap<String, Quantity>,
}

impl Default for ResourcesSpec {
    fn default() -> Self {
        let memory = || ("memory".to_owned(), Quantity("4Gi".to_owned()));
        Self {
            requests: BTreeMap::from([("cpu".to_owned(), Quantity("1".to_owned())), memory()]),
            limits: BTreeMap::from([memory()]),
        }
    }
}

/// An Ingress for the endpoint.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(validation = Rule::new("!has(self.tlsSecretName) || has(self.host)")
    .message("tlsSecretName needs host: a certificate is for a name"))]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// The IngressClass. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,

    /// The host name. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')")
        .message("must be a host name, such as models.example.com"))]
    pub host: Option<String>,

    /// A Secret with the certificate of `host`. Default: no TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,

    /// Annotations of the Ingress, for the controller's own settings. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
