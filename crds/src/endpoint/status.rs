//! What the operator says of an endpoint.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator observed.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct MultiModelEndpointStatus {
    /// The `metadata.generation` that this status is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods that there are.
    #[serde(default)]
    pub replicas: i32,
    /// Pods that are ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Selects the pods, for HPA and KEDA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Where requests go: the Ingress where there is one, or else the Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Numbers of models; none before a pod was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelCounts>,
    /// `Ready` is the summary; `Available`, `Progressing` and `SpecValid` say more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Numbers of models, written at most every 30 seconds.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ModelCounts {
    /// Models that the pods have met: asked for, or named by a ModelArtifact. The largest number of any pod.
    pub known: i64,
    /// Copies in memory, over all pods.
    pub resident: i64,
    /// Models that could not be loaded and are not tried again yet, over all pods.
    pub failed: i64,
}
