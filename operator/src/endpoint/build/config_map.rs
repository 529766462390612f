//! What the pods read: the endpoint with its defaults resolved.

use super::super::plan::Plan;
use super::metadata;
use crate::error::Error;
use berth_crds::names::pod;
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;

/// The file's text.
pub(super) fn text(plan: &Plan) -> Result<String, Error> {
    serde_saphyr::to_string(&plan.configuration).map_err(|e| Error::Unwritable {
        what: format!("{} of {}/{}", pod::CONFIG_KEY, plan.namespace, plan.name),
        message: e.to_string(),
    })
}

/// The file in its ConfigMap.
pub(super) fn config_map(plan: &Plan, text: String) -> ConfigMap {
    ConfigMap {
        metadata: metadata(plan, &plan.name, "server"),
        data: Some(BTreeMap::from([(pod::CONFIG_KEY.to_owned(), text)])),
        ..ConfigMap::default()
    }
}
