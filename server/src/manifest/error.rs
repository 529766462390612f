//! Why a manifest is refused, and where in it.

use std::path::{Path, PathBuf};

/// A document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: PathBuf,
    /// The document's number in it, from 1; empty documents do not count.
    pub document: usize,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, document {}", self.file.display(), self.document)
    }
}

/// Why manifests are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A file or directory cannot be read.
    #[error("{}: cannot be read: {message}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        message: String,
    },
    /// A directory without manifests.
    #[error("{}: holds no .yaml, .yml or .json file", .0.display())]
    Empty(PathBuf),
    /// A file beyond all reason.
    #[error("{}: is larger than {limit} bytes; split it", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A directory beyond all reason.
    #[error("{}: holds more than {limit} manifests", file.display())]
    TooMany {
        /// The directory.
        file: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// Not YAML.
    #[error("{}: is not YAML: {message}", file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Line and column, and what is wrong there.
        message: String,
    },
    /// Something else than what is served.
    #[error("{spot}: kind {found} is neither MultiModelEndpoint nor ModelArtifact of berth.dev/v1alpha1")]
    Kind {
        /// Where.
        spot: Spot,
        /// Kind and version that are there.
        found: String,
    },
    /// A field that the kind does not have.
    #[error("{spot}: {field}: there is no such field; check its spelling and indentation")]
    UnknownField {
        /// Where.
        spot: Spot,
        /// The field's path.
        field: String,
    },
    /// A field with a wrong value.
    #[error("{spot}: {field}: {message}")]
    Field {
        /// Where.
        spot: Spot,
        /// The field's path.
        field: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A server serves one endpoint.
    #[error("{second}: kind: a second MultiModelEndpoint; the first is in {first}, and a server serves one")]
    TwoEndpoints {
        /// The first.
        first: Spot,
        /// The second.
        second: Spot,
    },
    /// Two artifacts for one name.
    #[error("{second}: spec.targetModel: {model:?} is listed already, in {first}")]
    Duplicate {
        /// The first.
        first: Spot,
        /// The second.
        second: Spot,
        /// The target model.
        model: String,
    },
}

impl ManifestError {
    pub(super) fn field(spot: &Spot, field: &str, message: impl Into<String>) -> Self {
        Self::Field { spot: spot.clone(), field: field.to_owned(), message: message.into() }
    }

    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self::Unreadable { file: file.to_owned(), message: error.to_string() }
    }
}
