//! `ModelArtifact`: names one model that needs more than lying under the prefix.

#![allow(clippy::duplicated_attributes, reason = "each printer column has a type and a path of its own")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// One model of an endpoint, explicitly: another name or source, a digest it must have, loaded before it is asked for,
/// or never evicted. Models that need none of this need no object.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[kube(
    group = "berth.dev",
    version = "v1alpha1",
    kind = "ModelArtifact",
    namespaced,
    status = "ModelArtifactStatus",
    derive = "PartialEq",
    shortname = "ma",
    category = "berth",
    doc = "One model of an endpoint that needs more than lying under the endpoint's prefix.",
    selectable = ".spec.endpoint",
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".spec.endpoint"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Loaded",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Loaded\")].status"
    ),
    printcolumn(name = "Size", type_ = "integer", json_path = ".status.sizeBytes"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Format", type_ = "string", json_path = ".status.format", priority = 1),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("has(self.targetModel) == has(oldSelf.targetModel) && \
                            (!has(self.targetModel) || self.targetModel == oldSelf.targetModel)")
        .message("targetModel cannot change: requests use it. Create another ModelArtifact"),
    validation = Rule::new("self.minCopies == 1 || self.preload")
        .message("minCopies above 1 needs preload: true; without it copies are made as requests call for them"),
)]
#[serde(rename_all = "camelCase")]
pub struct ModelArtifactSpec {
    /// The MultiModelEndpoint that serves it, in the same namespace. It cannot change.
    #[schemars(length(min = 1, max = 48))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("endpoint cannot change: create another ModelArtifact"))]
    pub endpoint: String,

    /// The name that requests use, at most 1024 characters: a relative path such as `tenant-a/cifar.tar.gz`. Default:
    /// `metadata.name`. It cannot change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^[^[:cntrl:]]+$') && \
                                     !self.split('/').exists(part, part == '' || part == '.' || part == '..')")
        .message("must be a relative path without empty, '.' or '..' parts, such as tenant-a/cifar.tar.gz"))]
    pub target_model: Option<String>,

    /// Where the artifact is and what it must be. Default: `targetModel` below the endpoint's `models.uri`, any digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSpec>,

    /// Load it before it is asked for, on `minCopies` pods. Default false.
    #[serde(default)]
    pub preload: bool,

    /// Never choose it for eviction. Default false.
    #[serde(default)]
    pub pin: bool,

    /// Pods that keep a copy in memory, 1 to 100, when `preload` is true. Default 1. More copies are made as requests
    /// call for them.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub min_copies: i32,
}

fn one() -> i32 {
    1
}

/// Where an artifact is, and what it must be.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[x_kube(validation = Rule::new("has(self.uri) || has(self.sha256)")
    .message("needs uri, sha256 or both; leave source out for the endpoint's own prefix"))]
#[serde(rename_all = "camelCase")]
pub struct SourceSpec {
    /// `s3://bucket/key` of the archive, read with the endpoint's own S3 settings, or the absolute path of a file that
    /// the endpoint's `podTemplate` mounts. Default: below the endpoint's `models.uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.*[^/]$') || self.matches('^/.*[^/]$')")
        .message("must be s3://bucket/key of one archive, or the absolute path of one"))]
    pub uri: Option<String>,

    /// The SHA-256 digest that the archive must have, as 64 lower-case hexadecimal digits. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{64}$')")
        .message("must be 64 lower-case hexadecimal digits, as sha256sum prints them"))]
    pub sha256: Option<String>,
}

/// What the operator observed.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ModelArtifactStatus {
    /// The `metadata.generation` that this status is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Size of the archive in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// What the archive's contents are, as `sha256:…` or the store's own entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What it is, such as `TensorFlowSavedModel`; known once it was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Pods that have it in memory, at most 100 names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub resident_on: Vec<String>,
    /// `Ready` is the summary; `ArtifactAvailable` and `Loaded` say more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

impl ModelArtifact {
    /// The name that requests use.
    pub fn target_model(&self) -> &str {
        self.spec.target_model.as_deref().or(self.metadata.name.as_deref()).unwrap_or_default()
    }
}
