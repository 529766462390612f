//! Where artifacts live: an S3 prefix or a directory.
//!
//! A store finds a model's artifact by name, says its version, and gives its bytes of exactly that version.

pub mod local;
pub mod parts;
pub mod s3;
mod verify;

use crate::config::ModelsUri;
use crate::error::StoreError;
use crate::names::ModelName;
use local::LocalStore;
use s3::S3Store;
use std::io::Read;
use std::path::PathBuf;

/// Names one state of an artifact: the store's ETag, or what stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Version(pub String);

/// An artifact that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its version.
    pub version: Version,
    /// Its bytes, as the store has them.
    pub content: Content,
}

/// What an artifact consists of.
#[derive(Debug, Clone)]
pub enum Content {
    /// One archive.
    Archive(Object),
    /// The files of an unpacked model, in the store.
    Files(Vec<(String, Object)>),
    /// An unpacked model in a directory of this machine: used where it is.
    InPlace(PathBuf),
}

/// One object of a store, or one file.
#[derive(Debug, Clone)]
pub struct Object {
    /// Key in the bucket, or path.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Version that is read; another one is an error.
    pub etag: Option<String>,
    /// Checksum of the whole object, if the store has one.
    pub checksum: Option<verify::Checksum>,
}

/// A store.
#[derive(Debug, Clone)]
pub enum Store {
    /// An S3 bucket's prefix.
    S3(S3Store),
    /// A directory.
    Local(LocalStore),
}

impl Store {
    /// Opens a store; asks it nothing yet.
    pub async fn open(uri: &ModelsUri) -> Result<Self, StoreError> {
        match uri {
            ModelsUri::S3 { bucket, prefix } => Ok(Self::S3(S3Store::open(bucket, prefix).await)),
            ModelsUri::Directory(path) => Ok(Self::Local(LocalStore::open(path)?)),
        }
    }

    /// Looks for a model's artifact; None: there is none.
    pub async fn find(&self, model: &ModelName) -> Result<Option<Found>, StoreError> {
        match self {
            Self::S3(store) => store.find(model).await,
            Self::Local(store) => {
                let (store, model) = (store.clone(), model.clone());
                blocking(move || store.find(&model)).await
            }
        }
    }

    /// Names of models, at most `most`, sorted.
    pub async fn list(&self, most: usize) -> Result<Vec<String>, StoreError> {
        match self {
            Self::S3(store) => store.list(most).await,
            Self::Local(store) => {
                let store = store.clone();
                blocking(move || store.list(most)).await
            }
        }
    }

    /// The bytes of one object, to be read on a blocking thread while they arrive.
    pub fn read(&self, object: &Object) -> Result<Box<dyn Read + Send>, StoreError> {
        match self {
            Self::S3(store) => Ok(store.read(object)),
            Self::Local(store) => store.read(object),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_panic) => Err(StoreError::Io("the store failed inside the server".to_owned())),
    }
}
