//! Which model a name means, for clients that know nothing of archives: `cifar` is `cifar.tar.gz` where no model is called `cifar`.
//!
//! SageMaker's clients name the archive. Those of other servers name a model, and their addresses have no room for endings.

use crate::error::{InvokeError, ModelError, StoreError};
use crate::invoke::App;
use crate::names::{ENDINGS, ModelName};

impl App {
    /// The model of this name, or the archive. What is in memory or listed is found without the store.
    pub async fn named(&self, text: &str) -> Result<ModelName, InvokeError> {
        let exact = ModelName::new(text).map_err(|e| InvokeError::bad(e.to_string()))?;
        if exact.is_archive() || self.cache.serves(&exact) {
            return Ok(exact);
        }
        let candidates = candidates(exact)?;
        if let Some(served) = candidates.iter().find(|name| self.cache.serves(name)) {
            return Ok(served.clone());
        }
        for name in &candidates {
            match self.cache.looks_up(name).await {
                Ok(true) => return Ok(name.clone()),
                Ok(false) => {}
                Err(error) => return self.without_store(&candidates, error),
            }
        }
        Err(ModelError::NotFound.into())
    }

    /// The store is away: what it had once serves.
    fn without_store(&self, candidates: &[ModelName], error: StoreError) -> Result<ModelName, InvokeError> {
        let disk = self.cache.loader().disk();
        let kept = candidates.iter().find(|name| disk.get(name).is_some());
        kept.cloned().ok_or_else(|| ModelError::Store(error).into())
    }
}

/// The name itself, then with each ending.
fn candidates(exact: ModelName) -> Result<Vec<ModelName>, InvokeError> {
    let ended = ENDINGS.map(|end| ModelName::new(&format!("{exact}{end}")));
    let mut all = vec![exact];
    for name in ended {
        all.push(name.map_err(|e| InvokeError::bad(e.to_string()))?);
    }
    Ok(all)
}
