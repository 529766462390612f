//! The guard that a request holds while it uses a model: as long as it lives the model stays in memory.

use super::entry::CopyId;
use super::event::Event;
use super::shell::Inner;
use crate::loader::LoadedModel;
use crate::names::ModelName;
use std::sync::Arc;

/// A resident model that cannot go away.
pub struct Lease {
    inner: Arc<Inner>,
    name: ModelName,
    copy: CopyId,
    model: Option<Arc<LoadedModel>>,
}

impl Lease {
    pub(super) fn new(inner: Arc<Inner>, name: ModelName, copy: CopyId, model: Arc<LoadedModel>) -> Self {
        model.touch();
        Self { inner, name, copy, model: Some(model) }
    }

    /// The model's name.
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// The copy of the model that it keeps.
    pub fn copy(&self) -> CopyId {
        self.copy
    }

    /// The model. None only while the guard is dropped.
    pub fn model(&self) -> Option<&LoadedModel> {
        self.model.as_deref()
    }

    /// The number of the version that it is of.
    pub fn number(&self) -> u64 {
        self.model().map_or(0, LoadedModel::number)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The reference goes before the lease is reported back: whoever unloads then holds the last one.
        self.model = None;
        self.inner.apply(&self.name, Event::Released(self.copy));
    }
}
