//! What a pod's admin port tells the operator. Nothing but types: both sides link this, neither the other.
//!
//! | route | asks | answers |
//! | --- | --- | --- |
//! | `GET /summary` | | [`Summary`] |
//! | `POST /models/report` | [`ReportRequest`] | a list of [`ModelReport`], one for each name, in their order |

use serde::{Deserialize, Serialize};

/// Route of the [`Summary`].
pub const SUMMARY_ROUTE: &str = "/summary";
/// Route of the [`ModelReport`]s.
pub const REPORT_ROUTE: &str = "/models/report";
/// Names that one [`ReportRequest`] may hold.
pub const REPORT_MODELS_MAX: usize = 1000;

/// Numbers of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Models in the pod's map: asked for, or named by a ModelArtifact.
    pub known: u64,
    /// Models in memory.
    pub resident: u64,
    /// Models whose last load failed and that are not tried again yet.
    pub failed: u64,
    /// Memory of models.
    pub memory: MemoryUse,
    /// Disk of artifacts.
    pub disk: DiskUse,
}

/// Memory of models, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUse {
    /// What they may use.
    pub budget: u64,
    /// What resident ones use.
    pub resident: u64,
}

/// Disk of artifacts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskUse {
    /// What they may use.
    pub budget: u64,
    /// What they use.
    pub used: u64,
}

/// Asks for models by the names that requests use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportRequest {
    /// At most [`REPORT_MODELS_MAX`].
    pub models: Vec<String>,
}

/// One model on one pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelReport {
    /// The name that requests use.
    pub model: String,
    /// Where it is on its way.
    pub state: ModelState,
    /// Size of the archive in bytes, once the store was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// What its contents are: `sha256:…` or the store's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What it is, such as `TensorFlowSavedModel`, once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Why the last load failed, as one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a model is on its way, as the pod's own states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelState {
    /// The pod has not met it: nobody asked for it, and the store was not asked.
    Unknown,
    /// The store or the disk has it; it is loaded when it is asked for.
    Standby,
    /// Waits for its turn to be brought.
    Queued,
    /// From the store to the disk.
    Downloading,
    /// Waits for memory.
    Reserving,
    /// From the disk to memory.
    Loading,
    /// In memory.
    Resident,
    /// On its way out of memory.
    Draining,
    /// The last load failed.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::{ModelReport, ModelState, ReportRequest, Summary};
    use serde_json::json;

    #[test]
    fn the_words_on_the_wire() {
        let report = ModelReport {
            model: "a.tar.gz".to_owned(),
            state: ModelState::Resident,
            size_bytes: Some(3),
            digest: Some("sha256:00".to_owned()),
            format: Some("TensorFlowSavedModel".to_owned()),
            reason: None,
            message: None,
        };
        let wire = json!({"model": "a.tar.gz", "state": "Resident", "sizeBytes": 3, "digest": "sha256:00",
                          "format": "TensorFlowSavedModel"});
        assert_eq!(serde_json::to_value(&report).unwrap(), wire);
        assert_eq!(serde_json::from_value::<ModelReport>(wire).unwrap(), report);
        let summary = json!({"known": 3, "resident": 2, "failed": 1, "memory": {"budget": 9, "resident": 4},
                             "disk": {"budget": 8, "used": 5}});
        let read: Summary = serde_json::from_value(summary.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), summary);
    }

    #[test]
    fn a_request_with_another_key_is_refused() {
        assert!(serde_json::from_value::<ReportRequest>(json!({"models": [], "model": "a"})).is_err());
    }
}
