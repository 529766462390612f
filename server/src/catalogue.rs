//! What the endpoint's owner says of single models: where each comes from and what is asked of it.
//!
//! A model that nobody lists lies under the endpoint's prefix and has no demands: [`Origin::default`]. There is one way for
//! both: whatever brings a model is told its origin.

mod artifact;
mod merge;

pub use artifact::{Artifact, ArtifactError};
pub use merge::{Catalogue, Side};

use crate::store::Version;
use berth_engine::{Numbering, Signature};
use std::path::PathBuf;
use std::sync::Arc;

/// Where a model's artifact is, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Where it is.
    pub place: Place,
    /// The SHA-256 digest that the archive must have; none: any.
    pub sha256: Option<[u8; 32]>,
}

/// Where an artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Under the endpoint's prefix, by the model's name.
    #[default]
    Prefix,
    /// An object of any bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// An archive or an unpacked model of this machine.
    Path(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix => f.write_str("prefix"),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Origin {
    /// Names the origin, so that versions of different origins are never taken for each other. Empty: the default.
    pub fn id(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let digest = self.sha256.as_ref().map(hex).unwrap_or_default();
        crate::disk::hash([self.place.to_string().as_str(), digest.as_str()])
    }

    /// Whether a version was found here, under the same demands.
    pub fn fits(&self, version: &Version) -> bool {
        version.origin == self.id()
    }
}

/// What is asked of one model on this pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Where it comes from.
    pub origin: Arc<Origin>,
    /// Bring it into memory before it is asked for.
    pub hold: bool,
    /// Never evict it.
    pub pin: bool,
}

/// What is known of a model's artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Bytes of the archive, or of the files together; none: it is used in place.
    pub bytes: Option<u64>,
    /// `sha256:…` where the digest was demanded, so checked; otherwise the store's entity tag.
    pub digest: String,
    /// What it is, once it was read.
    pub format: Option<&'static str>,
    /// The versions that it holds, once it was read.
    pub numbering: Option<Arc<Numbering>>,
    /// The ways to call it, once it was read; none also where there are too many to remember for every model.
    pub signatures: Option<Arc<[Signature]>>,
}

impl About {
    /// What a version says.
    pub fn version(version: &Version) -> Self {
        // HTTP puts entity tags between quotation marks.
        let tag = || version.tag.trim_matches('"').to_owned();
        let digest = version.sha256.as_ref().map_or_else(tag, |hex| format!("sha256:{hex}"));
        Self { bytes: version.bytes, digest, ..Self::default() }
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}
