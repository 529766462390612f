//! Manifests on this machine: the YAML that a cluster takes, read without one.
//!
//! Files hold a `MultiModelEndpoint` and any number of `ModelArtifact`s, several to a file. They are read by the API's own
//! types; what these do not know is an error here, because no API server is there to warn.

mod endpoint;
mod error;
mod read;
mod watch;

pub use endpoint::Endpoint;
pub use error::{ManifestError, Spot};
pub use watch::watch;

use crate::catalogue::Artifact;
use std::path::PathBuf;

/// What manifests say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The endpoint; none: flags say all.
    pub endpoint: Option<Endpoint>,
    /// What is listed.
    pub artifacts: Vec<Artifact>,
}

/// Where manifests are.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// Files, and directories whose `.yaml`, `.yml` and `.json` files are meant.
    pub paths: Vec<PathBuf>,
    /// The endpoint that artifacts must name where no `MultiModelEndpoint` says it; none: any.
    pub endpoint: Option<String>,
}

impl Manifests {
    /// Reads all of them.
    pub fn read(&self) -> Result<Manifest, ManifestError> {
        read::read(&self.paths, self.endpoint.as_deref())
    }
}
