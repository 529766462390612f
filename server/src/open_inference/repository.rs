//! The model repository extension: which models there are, and having them in memory or not.

use super::Named;
use crate::cache::{ModelState, ModelView};
use crate::codec::v2::ONLY_VERSION;
use crate::error::{InvokeError, ModelError};
use crate::grpc::proto::inference::RepositoryIndexResponse;
use crate::grpc::proto::inference::repository_index_response::ModelIndex;
use crate::invoke::App;
use std::collections::BTreeMap;
use std::time::Duration;

/// Models of the store that an index lists at most, beside those that are known.
const INDEX_MODELS_MAX: usize = 10_000;
/// How long an unload waits for the requests that use the model.
const UNLOAD_TIME: Duration = Duration::from_secs(65);

/// Models that are known, and those of the store; `ready`: only those in memory.
pub async fn index(app: &App, ready: bool) -> Result<RepositoryIndexResponse, InvokeError> {
    let known = app.cache.models();
    if ready {
        let models = known.iter().filter(|view| view.state == ModelState::Resident).map(entry);
        return Ok(RepositoryIndexResponse { models: models.collect() });
    }
    let stored = app.cache.loader().stores().list(INDEX_MODELS_MAX).await.map_err(ModelError::from)?;
    let mut models: BTreeMap<String, ModelIndex> =
        stored.into_iter().map(|name| (name.clone(), unavailable(name, "it is loaded on demand"))).collect();
    models.extend(known.iter().map(|view| (view.name.clone(), entry(view))));
    Ok(RepositoryIndexResponse { models: models.into_values().collect() })
}

fn entry(view: &ModelView) -> ModelIndex {
    let state = match view.state {
        ModelState::Resident => "READY",
        ModelState::Queued | ModelState::Downloading | ModelState::Reserving | ModelState::Loading => {
            "LOADING"
        }
        ModelState::Draining => "UNLOADING",
        ModelState::Standby | ModelState::Failed => {
            let reason = view.error.as_deref().unwrap_or("it is loaded on demand");
            return unavailable(view.name.clone(), reason);
        }
    };
    ModelIndex {
        name: view.name.clone(),
        version: ONLY_VERSION.to_owned(),
        state: state.to_owned(),
        reason: view.error.clone().unwrap_or_default(),
    }
}

fn unavailable(name: String, reason: &str) -> ModelIndex {
    let (version, state) = (ONLY_VERSION.to_owned(), "UNAVAILABLE".to_owned());
    ModelIndex { name, version, state, reason: reason.to_owned() }
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

    /// Takes the model out of memory, once the requests that use it have ended.
    pub async fn unload(self, app: &App) -> Result<(), InvokeError> {
        let model = self.find(app).await?;
        if app.cache.unload(&model, UNLOAD_TIME).await {
            return Ok(());
        }
        let model = self.model;
        Err(InvokeError::bad(format!(
            "failed to unload '{model}': requests still use it; it goes when they end"
        )))
    }
}
