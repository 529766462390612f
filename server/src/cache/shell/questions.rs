//! What others ask of the cache. Nothing here changes what is in memory.

use super::ModelCache;
use crate::cache::core::Counters;
use crate::cache::entry::{CopyId, ModelState};
use crate::cache::event::Event;
use crate::cache::listings::Held;
use crate::cache::view::ModelView;
use crate::catalogue::{About, Listing, Origin};
use crate::error::{ModelError, StoreError};
use crate::loader::LoadedModel;
use crate::names::ModelName;
use berth_crds::report::{ModelReport, ModelState as Reported};
use berth_engine::Numbering;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes and numbers of models, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Bytes that models may use.
    pub budget: u64,
    /// Bytes of resident models.
    pub resident: u64,
    /// Bytes set aside for loads.
    pub reserved: u64,
    /// Bytes not yet given back.
    pub unloading: u64,
    /// Models in the map.
    pub models_known: usize,
    /// Resident models.
    pub models_resident: usize,
    /// Failed models.
    pub models_failed: usize,
    /// What was counted so far.
    pub counters: Counters,
}

impl ModelCache {
    /// What is asked of single models.
    pub fn listings(&self) -> HashMap<ModelName, Listing> {
        self.inner.lock().core.listings()
    }

    /// How far the models are that this pod is to hold.
    pub fn held(&self) -> Held {
        self.inner.lock().core.held()
    }

    /// What is known of these models. The store is asked behind it about those of which nothing is: the next report has it.
    pub fn report(&self, models: &[ModelName]) -> Vec<ModelReport> {
        let reports: Vec<_> = {
            let locked = self.inner.lock();
            models.iter().map(|model| locked.core.report(model)).collect()
        };
        for (model, report) in models.iter().zip(&reports) {
            if matches!(report.state, Reported::Unknown | Reported::Failed) {
                self.inner.apply(model, Event::Look);
            }
        }
        reports
    }

    /// Every known model, sorted by name.
    pub fn models(&self) -> Vec<ModelView> {
        let mut views = self.inner.lock().core.views(self.inner.now());
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// Names of the known models, in no order.
    pub fn names(&self) -> Vec<ModelName> {
        self.inner.lock().core.names()
    }

    /// These models, as far as they are known, at one moment.
    pub fn details(&self, models: &[ModelName]) -> Vec<(Option<ModelView>, Option<About>)> {
        let (locked, now) = (self.inner.lock(), self.inner.now());
        models.iter().map(|model| (locked.core.view(model, now), locked.core.known_about(model))).collect()
    }

    /// One model, if it is known.
    pub fn model(&self, model: &ModelName) -> Option<ModelView> {
        self.inner.lock().core.view(model, self.inner.now())
    }

    /// Where a model is on its way, and why it is not there; none: nothing is known of it.
    pub fn standing(&self, model: &ModelName) -> Option<(ModelState, Option<ModelError>)> {
        self.inner.lock().core.standing(model)
    }

    /// The versions that a model's artifact holds. Loads and downloads nothing: none if the artifact was not looked into yet, an error
    /// if there is no such model.
    pub async fn numbering(&self, model: &ModelName) -> Result<Option<Arc<Numbering>>, ModelError> {
        let (known, serves, origin) = {
            let core = &self.inner.lock().core;
            (core.numbering(model), core.serves(model), core.origin(model))
        };
        if serves && known.is_some() {
            return Ok(known);
        }
        let _turn = self.inner.looks.acquire().await;
        let on_disk = self.inner.loader.numbering(model, &origin).await?;
        Ok(on_disk.or(known))
    }

    /// Looks at a model if it is in memory, without using it.
    pub fn resident<T>(&self, model: &ModelName, look: impl FnOnce(&LoadedModel) -> T) -> Option<T> {
        self.inner.lock().core.resident(model).map(|loaded| look(loaded))
    }

    /// Looks at every model in memory, in the order of their names.
    pub fn residents<T>(&self, look: impl Fn(&ModelName, &LoadedModel) -> T) -> Vec<T> {
        let locked = self.inner.lock();
        let mut all: Vec<_> = locked.core.residents().collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(name, loaded)| look(name, loaded)).collect()
    }

    /// The copy of a model that would answer a request now, none if it would wait for one, or why it would be refused at once.
    pub fn outlook(&self, model: &ModelName) -> Result<Option<CopyId>, ModelError> {
        self.inner.lock().core.outlook(self.inner.now(), model)
    }

    /// Whether a model is in memory or listed.
    pub fn serves(&self, model: &ModelName) -> bool {
        self.inner.lock().core.serves(model)
    }

    /// Whether the store has a model under the endpoint's prefix. At most as many questions at a time as there are downloads.
    pub async fn looks_up(&self, model: &ModelName) -> Result<bool, StoreError> {
        let _turn = self.inner.looks.acquire().await;
        self.inner.loader.stores().find(model, &Origin::default()).await.map(|found| found.is_some())
    }

    /// Bytes and numbers, at this moment.
    pub fn usage(&self) -> Usage {
        let locked = self.inner.lock();
        let ledger = locked.core.ledger();
        let (models_resident, models_failed) = locked.core.tally();
        Usage {
            budget: ledger.budget(),
            resident: ledger.resident(),
            reserved: ledger.reserved(),
            unloading: ledger.unloading(),
            models_known: locked.core.known(),
            models_resident,
            models_failed,
            counters: locked.core.counters(),
        }
    }
}
