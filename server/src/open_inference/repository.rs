//! The model repository extension: which models there are, and having them in memory or not.

use super::Named;
use crate::cache::{ModelState, ModelView};
use crate::error::{InvokeError, ModelError};
use crate::grpc::proto::inference::RepositoryIndexResponse;
use crate::grpc::proto::inference::repository_index_response::ModelIndex;
use crate::invoke::App;
use berth_engine::Numbering;
use std::collections::BTreeMap;
use std::time::Duration;

/// Models of the store that an index lists at most, beside those that are known.
const INDEX_MODELS_MAX: usize = 10_000;
/// Why a model is not in memory when nothing is wrong.
const ON_DEMAND: &str = "it is loaded on demand";
/// How long an unload waits for the requests that use the model.
const UNLOAD_TIME: Duration = Duration::from_secs(65);

/// Models that are known, and those of the store; `ready`: only those in memory.
pub async fn index(app: &App, ready: bool) -> Result<RepositoryIndexResponse, InvokeError> {
    let mut known = app.cache.models();
    let mut models: BTreeMap<(String, Option<u64>), ModelIndex> = BTreeMap::new();
    if ready {
        known.retain(|view| view.state == ModelState::Resident);
    } else {
        let stored = app.cache.loader().stores().list(INDEX_MODELS_MAX).await.map_err(ModelError::from)?;
        models.extend(
            stored.into_iter().map(|name| ((name.clone(), None), entry(name, "UNAVAILABLE", ON_DEMAND))),
        );
    }
    models.extend(known.into_iter().map(|view| ((view.name.clone(), view.version), of(view))));
    for (name, number) in app.cache.residents(|name, loaded| (name.clone(), loaded.number())) {
        if let Some(model) = models.get_mut(&(name.as_str().to_owned(), name.version())) {
            model.version = number.to_string();
        }
    }
    Ok(RepositoryIndexResponse { models: models.into_values().collect() })
}

fn of(view: ModelView) -> ModelIndex {
    let (state, reason) = match view.state {
        ModelState::Resident => ("READY", ""),
        ModelState::Queued | ModelState::Downloading | ModelState::Reserving | ModelState::Loading => {
            ("LOADING", "")
        }
        ModelState::Draining => ("UNLOADING", ""),
        ModelState::Standby | ModelState::Failed => ("UNAVAILABLE", ON_DEMAND),
    };
    let index = entry(view.name, state, view.error.as_deref().unwrap_or(reason));
    ModelIndex { version: view.version.unwrap_or(Numbering::ONLY).to_string(), ..index }
}

fn entry(name: String, state: &str, reason: &str) -> ModelIndex {
    ModelIndex {
        name,
        version: Numbering::ONLY.to_string(),
        state: state.to_owned(),
        reason: reason.to_owned(),
    }
}

impl Named<'_> {
    /// Brings the model into memory. `parameters`: what the client wants to be otherwise than the store has it.
    pub async fn load<'p>(
        self,
        app: &App,
        mut parameters: impl Iterator<Item = &'p str>,
    ) -> Result<(), InvokeError> {
        if let Some(name) = parameters.find(|name| *name == "config" || name.starts_with("file:")) {
            return Err(InvokeError::bad(format!(
                "failed to load '{}': the parameter '{name}' is not supported; a model is what lies in the store",
                self.model
            )));
        }
        self.ask(app, |_| ()).await
    }

    /// Takes the model out of memory, with all its versions, once the requests that use it have ended.
    pub async fn unload(self, app: &App) -> Result<(), InvokeError> {
        let model = app.named(self.model).await?;
        let views = app.cache.models().into_iter().filter(|view| view.name == model.as_str());
        for version in views
            .filter_map(|view| view.version)
            .map(|number| model.of_version(number))
            .chain([model.clone()])
        {
            if !app.cache.unload(&version, UNLOAD_TIME).await {
                let model = self.model;
                return Err(InvokeError::bad(format!(
                    "failed to unload '{model}': requests still use it; it goes when they end"
                )));
            }
        }
        Ok(())
    }
}
