//! The Kubernetes API of Berth (group `berth.dev`, version `v1alpha1`).
//!
//! ```text
//! MultiModelEndpoint ──becomes──► StatefulSet of pods ──serves──► every archive under spec.models.uri
//!        ▲                                                                ▲
//!        └──spec.endpoint── ModelArtifact (optional) ──names one of──────┘
//! ```
//!
//! The types here are what users write, what the operator reconciles and what a pod reads from its mounted
//! `endpoint.yaml`. The `*.yaml` files beside `src` are printed from them and never edited.

pub mod artifact;
pub mod conditions;
pub mod endpoint;
pub mod names;
pub mod quantity;
pub mod report;

mod print;

pub use artifact::{ModelArtifact, ModelArtifactSpec, ModelArtifactStatus};
pub use endpoint::{MultiModelEndpoint, MultiModelEndpointSpec, MultiModelEndpointStatus};
pub use print::{PrintError, custom_resource_definitions, yaml};

/// The API group.
pub const GROUP: &str = "berth.dev";
/// The API version.
pub const VERSION: &str = "v1alpha1";
