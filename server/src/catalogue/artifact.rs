//! A `ModelArtifact`, checked: the same rules as the API server's, which a local manifest never meets.

use super::{Origin, Place};
use crate::config::ModelsUri;
use crate::names::ModelName;
use berth_crds::ModelArtifact;
use std::path::Path;

/// Most copies, as in the API.
const MOST_COPIES: i32 = 100;

/// One model of an endpoint, as its owner lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The name that requests use.
    pub model: ModelName,
    /// Where it comes from.
    pub origin: Origin,
    /// Load it before it is asked for.
    pub preload: bool,
    /// Never evict it.
    pub pin: bool,
    /// Pods that preload it.
    pub min_copies: usize,
}

/// Why a `ModelArtifact` is none: the field, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ArtifactError {
    /// Path of the field.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

fn wrong<T>(field: &'static str, message: impl Into<String>) -> Result<T, ArtifactError> {
    Err(ArtifactError { field, message: message.into() })
}

impl Artifact {
    /// Reads one. `base`: the directory that relative paths are below; none: there are no relative paths.
    pub fn read(object: &ModelArtifact, base: Option<&Path>) -> Result<Self, ArtifactError> {
        let spec = &object.spec;
        let field = if spec.target_model.is_some() { "spec.targetModel" } else { "metadata.name" };
        let model = match ModelName::new(object.target_model()) {
            Ok(model) => model,
            Err(e) => return wrong(field, e.to_string()),
        };
        if !(1..=MOST_COPIES).contains(&spec.min_copies) {
            return wrong("spec.minCopies", format!("must be between 1 and {MOST_COPIES}"));
        }
        if spec.min_copies > 1 && !spec.preload {
            return wrong("spec.minCopies", "a number above 1 needs preload: true");
        }
        let mut origin = Origin::default();
        if let Some(source) = &spec.source {
            if let Some(uri) = &source.uri {
                origin.place = place(uri, base)?;
            }
            origin.sha256 = source.sha256.as_deref().map(digest).transpose()?;
            if source.uri.is_none() && source.sha256.is_none() {
                return wrong(
                    "spec.source",
                    "needs uri, sha256 or both; leave it out for the endpoint's prefix",
                );
            }
        }
        let min_copies = usize::try_from(spec.min_copies).unwrap_or(1);
        Ok(Self { model, origin, preload: spec.preload, pin: spec.pin, min_copies })
    }
}

fn place(uri: &str, base: Option<&Path>) -> Result<Place, ArtifactError> {
    const FIELD: &str = "spec.source.uri";
    match ModelsUri::parse(uri) {
        Err(message) => wrong(FIELD, message),
        Ok(ModelsUri::S3 { bucket, prefix }) => match prefix.strip_suffix('/') {
            Some(key) if !uri.ends_with('/') => Ok(Place::S3 { bucket, key: key.to_owned() }),
            _ => wrong(FIELD, "must name one archive, like s3://bucket/key.tar.gz"),
        },
        Ok(ModelsUri::Directory(path)) if path.is_absolute() => Ok(Place::Path(path)),
        Ok(ModelsUri::Directory(path)) => match base {
            Some(base) => Ok(Place::Path(base.join(path))),
            None => wrong(FIELD, "must be s3://bucket/key of one archive, or the absolute path of one"),
        },
    }
}

fn digest(text: &str) -> Result<[u8; 32], ArtifactError> {
    let digits = text.as_bytes();
    let is_digest = digits.len() == 64 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or("");
        *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
    }
    if is_digest {
        Ok(bytes)
    } else {
        wrong("spec.source.sha256", "must be 64 lower-case hexadecimal digits, as sha256sum prints them")
    }
}

#[cfg(test)]
mod tests {
    use super::{Artifact, ModelArtifact, Place};
    use serde_json::json;
    use std::path::Path;

    fn read(spec: &serde_json::Value) -> Result<Artifact, String> {
        let object = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
                            "metadata": {"name": "cifar"}, "spec": spec});
        let object: ModelArtifact = serde_json::from_value(object).unwrap();
        Artifact::read(&object, Some(Path::new("/base"))).map_err(|e| e.to_string())
    }

    #[test]
    fn what_a_listing_says() {
        let plain = read(&json!({"endpoint": "e"})).unwrap();
        assert_eq!(
            (plain.model.as_str(), plain.origin.place, plain.preload),
            ("cifar", Place::Prefix, false)
        );
        let hex = "0f".repeat(32);
        let full =
            read(&json!({"endpoint": "e", "targetModel": "a/b.tar.gz", "preload": true, "minCopies": 2,
                               "source": {"uri": "s3://other/c.tgz", "sha256": hex}}));
        let full = full.unwrap();
        assert_eq!(full.origin.place, Place::S3 { bucket: "other".into(), key: "c.tgz".into() });
        assert_eq!((full.origin.sha256, full.min_copies), (Some([15; 32]), 2));
        let path = read(&json!({"endpoint": "e", "source": {"uri": "x.tar"}})).unwrap();
        assert_eq!(path.origin.place, Place::Path("/base/x.tar".into()));
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (spec, field) in [
            (json!({"endpoint": "e", "targetModel": "../x"}), "spec.targetModel"),
            (json!({"endpoint": "e", "minCopies": 0}), "spec.minCopies"),
            (json!({"endpoint": "e", "minCopies": 3}), "spec.minCopies"),
            (json!({"endpoint": "e", "source": {}}), "spec.source"),
            (json!({"endpoint": "e", "source": {"uri": "s3://b/dir/"}}), "spec.source.uri"),
            (json!({"endpoint": "e", "source": {"uri": "s3://b"}}), "spec.source.uri"),
            (json!({"endpoint": "e", "source": {"uri": "gs://b/x"}}), "spec.source.uri"),
            (json!({"endpoint": "e", "source": {"sha256": "0F".repeat(32)}}), "spec.source.sha256"),
            (json!({"endpoint": "e", "source": {"sha256": "é".repeat(32)}}), "spec.source.sha256"),
        ] {
            let error = read(&spec).unwrap_err();
            assert!(error.starts_with(field), "{spec}: {error}");
        }
    }
}
