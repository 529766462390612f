//! What the operator is told of a model, and the page.

use super::core::Core;
use super::entry::{Entry, ModelState};
use crate::catalogue::About;
use crate::names::ModelName;
use berth_crds::report::{ModelReport, ModelState as Reported};

impl<H: Clone, P> Core<H, P> {
    /// Number of models in the map.
    pub fn known(&self) -> usize {
        self.models.len()
    }

    /// Their names, in no order.
    pub fn names(&self) -> Vec<ModelName> {
        self.models.keys().cloned().collect()
    }

    /// What is known of a model's artifact.
    pub fn known_about(&self, model: &ModelName) -> Option<About> {
        self.models.get(model)?.about.clone()
    }

    /// One model, whether it is known or not.
    pub fn report(&self, model: &ModelName) -> ModelReport {
        let unknown = ModelReport {
            model: model.as_str().to_owned(),
            state: Reported::Unknown,
            size_bytes: None,
            digest: None,
            format: None,
            reason: None,
            message: None,
        };
        let Some(entry) = self.models.get(model) else { return unknown };
        let (about, error) = (entry.about.as_ref(), entry.error());
        ModelReport {
            state: entry.reported(),
            size_bytes: about.and_then(|a| a.bytes),
            digest: about.map(|a| a.digest.clone()),
            format: about.and_then(|a| a.format).map(format_name),
            reason: error.map(|e| e.reason().to_owned()),
            message: error.map(ToString::to_string),
            ..unknown
        }
    }
}

impl<H, P> Entry<H, P> {
    fn reported(&self) -> Reported {
        match self.state() {
            // Not an attempt that is remembered against requests, and yet the model is not there.
            ModelState::Standby if self.last_error.is_some() => Reported::Failed,
            ModelState::Standby if self.about.is_none() => Reported::Unknown,
            ModelState::Standby => Reported::Standby,
            ModelState::Queued => Reported::Queued,
            ModelState::Downloading => Reported::Downloading,
            ModelState::Reserving => Reported::Reserving,
            ModelState::Loading => Reported::Loading,
            ModelState::Resident => Reported::Resident,
            ModelState::Draining => Reported::Draining,
            ModelState::Failed => Reported::Failed,
        }
    }
}

/// The engine's name of a format, as the Kubernetes API writes such names.
fn format_name(engine: &str) -> String {
    match engine {
        "tensorflow-savedmodel" => "TensorFlowSavedModel".to_owned(),
        other => other.to_owned(),
    }
}
