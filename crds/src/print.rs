//! The CustomResourceDefinitions, as the cluster gets them.

use crate::{ModelArtifact, MultiModelEndpoint};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// A definition that cannot be printed.
#[derive(Debug, thiserror::Error)]
#[error("could not print the definition of {name}")]
pub struct PrintError {
    name: String,
    #[source]
    source: serde_saphyr::ser::Error,
}

/// Both definitions, in the order to apply them.
pub fn custom_resource_definitions() -> [CustomResourceDefinition; 2] {
    [MultiModelEndpoint::crd(), ModelArtifact::crd()]
}

/// A definition as YAML.
pub fn yaml(definition: &CustomResourceDefinition) -> Result<String, PrintError> {
    serde_saphyr::to_string(definition)
        .map_err(|source| PrintError { name: definition.metadata.name.clone().unwrap_or_default(), source })
}
