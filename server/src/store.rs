//! Where artifacts live: an S3 prefix or a directory.
//!
//! A store finds a model's artifact by name, says its version, and gives its bytes of exactly that version.

pub mod local;
pub mod parts;
pub mod s3;
mod verify;

use crate::catalogue::{Origin, Place, hex};
use crate::config::{ModelsUri, S3Settings};
use crate::error::StoreError;
use crate::names::ModelName;
use local::LocalStore;
use s3::S3Store;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Names one state of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Version {
    /// The store's entity tag, or what stands for it.
    pub tag: String,
    /// [`Origin::id`] of where it was found: the same tag elsewhere, or under other demands, is another version.
    pub origin: String,
    /// Bytes of the archive, or of the files together; none: it is used in place.
    pub bytes: Option<u64>,
    /// The digest that was demanded, in hexadecimal; what is on disk was checked against it.
    pub sha256: Option<String>,
}

impl Version {
    /// A version of a place; [`Stores::find`] adds the origin.
    fn of(tag: String, bytes: Option<u64>) -> Self {
        Self { tag, origin: String::new(), bytes, sha256: None }
    }
}

/// An artifact that is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its version.
    pub version: Version,
    /// Its bytes, as the store has them.
    pub content: Content,
    /// The store that it was found in.
    pub store: Store,
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
    /// Looks for a model's artifact by its name; None: there is none.
    async fn find(&self, model: &ModelName) -> Result<Option<Found>, StoreError> {
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

/// The endpoint's prefix, and every other place that its artifacts may name.
#[derive(Debug, Clone)]
pub struct Stores {
    home: Store,
    settings: S3Settings,
    /// One client for every bucket, made when it is first wanted.
    client: Arc<OnceCell<aws_sdk_s3::Client>>,
}

impl Stores {
    /// Opens the prefix; asks it nothing yet.
    pub async fn open(uri: &ModelsUri, settings: S3Settings) -> Result<Self, StoreError> {
        let client = Arc::new(OnceCell::new());
        let home = match uri {
            ModelsUri::S3 { bucket, prefix } => {
                let client = client.get_or_init(|| s3::connect(&settings)).await.clone();
                Store::S3(S3Store::new(client, bucket, prefix))
            }
            ModelsUri::Directory(path) => Store::Local(LocalStore::open(path)?),
        };
        Ok(Self { home, settings, client })
    }

    /// Names of models under the prefix, at most `most`, sorted.
    pub async fn list(&self, most: usize) -> Result<Vec<String>, StoreError> {
        self.home.list(most).await
    }

    /// Looks for a model's artifact at its origin; None: there is none.
    pub async fn find(&self, model: &ModelName, origin: &Origin) -> Result<Option<Found>, StoreError> {
        let found = match &origin.place {
            Place::Prefix => self.home.find(model).await?,
            Place::S3 { bucket, key } => {
                let client = self.client.get_or_init(|| s3::connect(&self.settings)).await.clone();
                S3Store::new(client, bucket, "").find_key(key).await?
            }
            Place::Path(path) => {
                let path = path.clone();
                blocking(move || local::find_path(&path)).await?
            }
        };
        Ok(found.map(|mut found| {
            found.version.origin = origin.id();
            found.version.sha256 = origin.sha256.as_ref().map(hex);
            found
        }))
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
