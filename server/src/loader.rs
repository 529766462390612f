//! The path of a model from the store to memory: find, download and unpack, check, load.

mod behind;
mod loaded;
mod prepare;
mod statistics;
mod unpack;

pub use statistics::{Clock, Counted, Snapshot, Statistics};
pub use unpack::{local_dir, open_artifact};

use crate::archive::Limits;
use crate::catalogue::{About, Origin};
use crate::disk::{DiskCache, DiskEntry, Reading};
use crate::error::{ModelError, StoreError};
use crate::names::ModelName;
use crate::store::{Content, Found, Stores, Version};
use crate::tensorflow::{Definitions, warm_up};
use berth_engine::{Chosen, Device, Dim, Numbering, Prepared, Signature, TensorSpec, Versions};
pub use loaded::LoadedModel;
use prepare::{prepare, prepare_kept};
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Source;

/// Attempts when the object is overwritten during the download.
const OVERWRITES: usize = 3;

/// How long an entry waits before it is made to survive a restart.
const COMMIT_AFTER: Duration = Duration::from_millis(500);

/// Bytes of the record, the plan's tables and the allocator's slack, counted for every resident model.
const OVERHEAD: u64 = 16 << 10;

/// Bytes of a model's signatures that are remembered while it is out of memory.
const SIGNATURES_MOST: usize = 16 << 10;

/// Gets models from the store to memory.
#[derive(Clone)]
pub struct Loader {
    stores: Stores,
    disk: DiskCache,
    limits: Limits,
    device: Device,
}

/// An artifact on disk, checked; its weights are not read yet.
pub struct Ready {
    prepared: Prepared,
    version: Version,
    chosen: Chosen,
    /// Keeps the files until they are loaded. None: they are used where they are.
    reading: Option<Reading>,
    /// The store confirmed this version just now.
    pub fresh: bool,
    /// Bytes came from the store for it.
    pub transferred: bool,
}

impl Ready {
    /// Bytes to set aside before the load.
    pub fn resident_bytes(&self) -> u64 {
        self.prepared.resident_bytes() + OVERHEAD
    }

    /// What is known of the artifact.
    pub fn about(&self) -> About {
        let report = self.prepared.report();
        About {
            format: Some(report.format),
            numbering: Some(self.chosen.numbering.clone()),
            signatures: remembered(&report.signatures),
            ..About::version(&self.version)
        }
    }
}

impl Loader {
    /// A loader from `stores` through `disk` to a device.
    pub fn new(stores: Stores, disk: DiskCache, limits: Limits, device: Device) -> Self {
        Self { stores, disk, limits, device }
    }

    /// The stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The disk cache.
    pub fn disk(&self) -> &DiskCache {
        &self.disk
    }

    /// Gets the artifact on disk and checks it. `revalidate`: a version on disk is used only if the store still has it, or
    /// cannot be asked.
    pub async fn download(
        &self,
        model: &ModelName,
        origin: &Origin,
        revalidate: bool,
    ) -> Result<Ready, ModelError> {
        let on_disk = self.disk.get(model).filter(|entry| origin.fits(entry.version()));
        if !revalidate
            && let Some(entry) = &on_disk
            && let Some(ready) = self.use_disk(model, entry, false).await?
        {
            return Ok(ready);
        }
        for _ in 0..OVERWRITES {
            let found = match self.stores.find(model, origin).await {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.discard(model);
                    return Err(ModelError::NotFound);
                }
                Err(error) => return self.without_store(model, on_disk.as_ref(), error).await,
            };
            if let Some(entry) = &on_disk
                && *entry.version() == found.version
                && let Some(ready) = self.use_disk(model, entry, true).await?
            {
                return Ok(ready);
            }
            match self.transfer(model, origin, found).await {
                Err(ModelError::Store(StoreError::Overwritten | StoreError::Gone)) => {}
                other => return other,
            }
        }
        Err(StoreError::Overwritten.into())
    }

    /// Reads the weights. On a blocking thread.
    pub fn load(&self, ready: Ready) -> Result<LoadedModel, ModelError> {
        let engine = ready.prepared.load()?;
        let disk = ready.reading.as_ref().map(|r| r.entry().clone());
        // What is kept beside an artifact is of the version that it serves.
        if let Some(entry) = &disk
            && ready.chosen.is_served()
        {
            entry.set_checked();
            if let Some(unsaved) = engine.unsaved() {
                behind::save(entry.clone(), unsaved);
            }
        }
        let definitions = Definitions::read(&ready.chosen);
        warm_up::run(&engine, &ready.chosen);
        Ok(LoadedModel {
            engine,
            version: ready.version,
            chosen: ready.chosen,
            definitions,
            disk,
            statistics: Statistics::default(),
        })
    }

    /// What the store says about the version in use.
    pub async fn check(&self, model: &ModelName, origin: &Origin, version: &Version) -> Source {
        match self.stores.find(model, origin).await {
            Ok(None) => Source::Gone,
            Ok(Some(found)) if *version == found.version => Source::Unchanged,
            Ok(Some(_)) => Source::Changed,
            Err(error) => {
                tracing::warn!(model = model.as_str(), %error, "cannot ask the store for the newest version");
                Source::Unknown
            }
        }
    }

    /// The versions in a model's artifact, as far as it is on this machine; an error if the store has no such model.
    pub async fn numbering(
        &self,
        model: &ModelName,
        origin: &Origin,
    ) -> Result<Option<Arc<Numbering>>, ModelError> {
        let found = self.stores.find(model, origin).await?.ok_or(ModelError::NotFound)?;
        let reading = match self.disk.get(model) {
            Some(entry) if *entry.version() == found.version => entry.read(),
            _ => None,
        };
        let dir = match (&found.content, &reading) {
            (Content::InPlace(path), _) => path.clone(),
            (_, Some(reading)) => reading.dir(),
            (_, None) => return Ok(None),
        };
        blocking(move || Ok(Some(Arc::new(Versions::find(&dir).numbering()?)))).await
    }

    /// What the store has of a model, without getting it.
    pub async fn look(&self, model: &ModelName, origin: &Origin) -> Result<Option<About>, ModelError> {
        Ok(self.stores.find(model, origin).await?.map(|found| About::version(&found.version)))
    }

    /// Removes a model's artifact from disk.
    pub fn discard(&self, model: &ModelName) {
        self.disk.remove(model);
    }

    /// With the store away, what is on disk goes on serving.
    async fn without_store(
        &self,
        model: &ModelName,
        entry: Option<&Arc<DiskEntry>>,
        error: StoreError,
    ) -> Result<Ready, ModelError> {
        if let Some(entry) = entry
            && let Some(ready) = self.use_disk(model, entry, false).await?
        {
            tracing::warn!(model = entry.model().as_str(), %error, "store not available, using the copy on disk");
            return Ok(ready);
        }
        Err(error.into())
    }

    /// None: the entry is of no use (somebody deleted its files), and is forgotten.
    async fn use_disk(
        &self,
        model: &ModelName,
        entry: &Arc<DiskEntry>,
        fresh: bool,
    ) -> Result<Option<Ready>, ModelError> {
        let Some(reading) = entry.read() else { return Ok(None) };
        entry.touch();
        let version = entry.version().clone();
        match prepare_kept(model, &reading, self.device).await {
            Ok((prepared, chosen)) => {
                let reading = Some(reading);
                Ok(Some(Ready { prepared, version, chosen, reading, fresh, transferred: false }))
            }
            // The store's artifact may have it; if this is the store's, it is certain.
            Err(ModelError::NoVersion(_)) if !fresh => Ok(None),
            Err(error @ ModelError::NoVersion(_)) => Err(error),
            Err(error) => {
                tracing::warn!(model = entry.model().as_str(), %error, "unusable on disk, downloading again");
                self.disk.remove(entry.model());
                Ok(None)
            }
        }
    }

    async fn transfer(&self, model: &ModelName, origin: &Origin, found: Found) -> Result<Ready, ModelError> {
        let version = found.version.clone();
        if origin.sha256.is_some() && !matches!(found.content, Content::Archive(_)) {
            return Err(ModelError::NoDigest);
        }
        if let Content::InPlace(path) = found.content {
            let (prepared, chosen) = prepare(model, path, self.device).await?;
            return Ok(Ready { prepared, version, chosen, reading: None, fresh: true, transferred: false });
        }
        let (this, name, digest) = (self.clone(), model.clone(), origin.sha256);
        let (entry, commit) = blocking(move || this.unpack(&name, &found, digest)).await?;
        let Some(reading) = entry.read() else { return Err(ModelError::DiskBusy) };
        // Behind the load and the first answer, which read the same files from memory meanwhile: a sync takes a core and the disk.
        tokio::spawn(async move {
            tokio::time::sleep(COMMIT_AFTER).await;
            let _ = tokio::task::spawn_blocking(move || commit.run()).await;
        });
        match prepare_kept(model, &reading, self.device).await {
            Ok((prepared, chosen)) => {
                let reading = Some(reading);
                Ok(Ready { prepared, version, chosen, reading, fresh: true, transferred: true })
            }
            Err(error @ ModelError::NoVersion(_)) => Err(error),
            Err(error) => {
                // A broken artifact takes no room; it is downloaded again when the back-off ends.
                self.disk.remove(model);
                Err(error)
            }
        }
    }
}

/// Signatures to be remembered, unless they are large.
fn remembered(signatures: &[Signature]) -> Option<Arc<[Signature]>> {
    let tensor = |spec: &TensorSpec| {
        let dims = spec.shape.as_ref().map_or(0, Vec::len);
        size_of::<TensorSpec>() + spec.name.len() + dims * size_of::<Dim>()
    };
    let one = |s: &Signature| {
        let tensors = s.inputs.iter().chain(&s.outputs).map(tensor).sum::<usize>();
        size_of::<Signature>() + s.name.len() + tensors
    };
    (signatures.iter().map(one).sum::<usize>() <= SIGNATURES_MOST).then(|| signatures.into())
}

/// Blocking work with its panics turned into errors: a hostile file must not take more than its own request.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
) -> Result<T, ModelError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ModelError::Panicked))
}
