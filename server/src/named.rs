//! Which model a name means, for clients that know nothing of archives: `cifar` is `cifar.tar.gz` where no model is called `cifar`.
//!
//! SageMaker's clients name the archive. Those of other servers name a model, and their addresses have no room for endings; but they may
//! ask for one of its versions.

use crate::cache::Lease;
use crate::error::{Class, InvokeError, ModelError, StoreError};
use crate::invoke::App;
use crate::loader::LoadedModel;
use crate::names::{ENDINGS, ModelName};
use berth_engine::Numbering;

/// Which version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The highest.
    Latest,
    /// The one of this number.
    Number(i64),
    /// The one of this label.
    Label(String),
}

impl Wanted {
    /// Its number among an artifact's versions; None: the one that is served.
    pub fn among(&self, versions: &Numbering) -> Result<Option<u64>, InvokeError> {
        match self {
            Self::Latest => Ok(None),
            Self::Number(number) => {
                let found = versions.numbers().iter().find(|n| i64::try_from(**n) == Ok(*number));
                found.map_or_else(
                    || Err(ModelError::NoVersion(number.unsigned_abs()).into()),
                    |n| Ok(Some(*n)),
                )
            }
            Self::Label(label) => versions
                .labelled(label)
                .map(Some)
                .ok_or_else(|| InvokeError::bad(format!("Unrecognized servable version label: {label}"))),
        }
    }
}

impl App {
    /// The model of this name, or the archive. What is in memory or listed is found without the store.
    pub async fn named(&self, text: &str) -> Result<ModelName, InvokeError> {
        let exact = ModelName::new(text).map_err(|e| InvokeError::bad(e.to_string()))?;
        if exact.is_archive() || self.cache.serves(&exact) {
            return Ok(exact);
        }
        let mut candidates = Vec::with_capacity(1 + ENDINGS.len());
        for end in ENDINGS {
            let name =
                ModelName::new(&format!("{exact}{end}")).map_err(|e| InvokeError::bad(e.to_string()))?;
            if self.cache.serves(&name) {
                return Ok(name);
            }
            candidates.push(name);
        }
        candidates.insert(0, exact);
        for name in &candidates {
            match self.cache.looks_up(name).await {
                Ok(true) => return Ok(name.clone()),
                Ok(false) => {}
                Err(error) => return self.without_store(&candidates, error),
            }
        }
        Err(ModelError::NotFound.into())
    }

    /// The model that is meant by a version of another, as far as the cache knows; none: only the artifact says.
    pub fn known_version(&self, name: &ModelName, wanted: &Wanted) -> Option<ModelName> {
        let number = match wanted {
            Wanted::Latest => return Some(name.clone()),
            Wanted::Number(number) => u64::try_from(*number).ok()?,
            Wanted::Label(_) => return None,
        };
        let version = name.of_version(number);
        let serves_it = || self.cache.resident(name, LoadedModel::number) == Some(number);
        if self.cache.serves(&version) { Some(version) } else { serves_it().then(|| name.clone()) }
    }

    /// The model in a version, loaded if need be. Which versions there are, only the artifact says: it is brought first, with the
    /// version that it serves. If that one is broken, the others still serve.
    pub async fn acquire_version(&self, name: &ModelName, wanted: &Wanted) -> Result<Lease, InvokeError> {
        let number = match wanted {
            Wanted::Number(number) => Some(u64::try_from(*number).map_err(|_| ModelError::NoVersion(0))?),
            Wanted::Latest | Wanted::Label(_) => None,
        };
        if let Some(version) = number.map(|number| name.of_version(number))
            && self.cache.serves(&version)
        {
            return self.acquire(&version).await;
        }
        let served = match self.acquire(name).await {
            Err(error) if number.is_some() && matches!(error.class(), Class::Model | Class::NeverFits) => {
                None
            }
            served => Some(served?),
        };
        let number = match served.as_ref().and_then(Lease::model) {
            Some(model) => wanted.among(model.numbering())?.filter(|number| *number != model.number()),
            None => number,
        };
        match (served, number) {
            (Some(served), None) => Ok(served),
            // The served version is not held meanwhile: there may be no room for two.
            (served, number) => {
                drop(served);
                self.acquire(&number.map_or_else(|| name.clone(), |number| name.of_version(number))).await
            }
        }
    }

    /// The store is away: what it had once serves.
    fn without_store(&self, candidates: &[ModelName], error: StoreError) -> Result<ModelName, InvokeError> {
        let disk = self.cache.loader().disk();
        let kept = candidates.iter().find(|name| disk.get(name).is_some());
        kept.cloned().ok_or_else(|| ModelError::Store(error).into())
    }
}
