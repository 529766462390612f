//! The versions that one archive holds: each is a model of its own in memory, and all come from where the archive comes from.

use super::core::Core;
use super::entry::{Entry, ModelState};
use crate::catalogue::Origin;
use crate::error::ModelError;
use crate::names::ModelName;
use berth_engine::Numbering;
use std::sync::Arc;

impl<H: Clone, P> Core<H, P> {
    /// Where a model's artifact is to come from: its owner says that of the archive.
    pub(super) fn origin(&self, model: &ModelName) -> Arc<Origin> {
        let listed = match model.version() {
            None => self.models.get(model),
            Some(_) => self.models.get(&model.artifact()),
        };
        listed.map(Entry::origin).unwrap_or_default()
    }

    /// Every model in the map that comes out of this archive.
    pub fn family(&self, model: &ModelName) -> Vec<ModelName> {
        let same = self.models.keys().filter(|name| name.as_str() == model.as_str());
        same.cloned().collect()
    }

    /// What was asked of archives has changed: the next request for one of their versions has the store asked anew.
    pub fn doubt_versions(&mut self) {
        for (_, entry) in self.models.iter_mut().filter(|(name, _)| name.version().is_some()) {
            entry.checked_at = None;
        }
    }

    /// Where a model is on its way, and why it is not there; none: nothing is known of it.
    pub fn standing(&self, model: &ModelName) -> Option<(ModelState, Option<ModelError>)> {
        self.models.get(model).map(|entry| (entry.state(), entry.error().cloned()))
    }

    /// The versions that an archive holds, as far as it was looked into.
    pub fn numbering(&self, model: &ModelName) -> Option<Arc<Numbering>> {
        let entry = self.models.get(&model.artifact())?;
        entry.about.as_ref().and_then(|about| about.numbering.clone())
    }
}
