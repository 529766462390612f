//! A model in memory.

use super::Statistics;
use crate::disk::DiskEntry;
use crate::store::Version;
use crate::tensorflow::Definitions;
use berth_engine::{Chosen, Model, Numbering};
use std::sync::Arc;

/// A model in memory, with what is needed to keep its artifact on disk in use and up to date.
pub struct LoadedModel {
    pub(super) engine: Model,
    pub(super) version: Version,
    pub(super) chosen: Chosen,
    pub(super) definitions: Definitions,
    pub(super) disk: Option<Arc<DiskEntry>>,
    pub(super) statistics: Statistics,
}

impl LoadedModel {
    /// The runnable model.
    pub fn engine(&self) -> &Model {
        &self.engine
    }

    /// The version that was loaded.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The number of this version.
    pub fn number(&self) -> u64 {
        self.chosen.number
    }

    /// The artifact's versions.
    pub fn numbering(&self) -> &Numbering {
        &self.chosen.numbering
    }

    /// What the SavedModel says of its signatures; empty for other formats.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// What it did so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        self.engine.resident_bytes()
    }

    /// Notes a use of the artifact on disk: what is in memory is the last to be wanted again.
    pub fn touch(&self) {
        if let Some(entry) = &self.disk {
            entry.touch();
        }
    }

    /// Writes the last use down.
    pub fn persist_use(&self) {
        if let Some(entry) = &self.disk {
            entry.persist_use();
        }
    }
}
