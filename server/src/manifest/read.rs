//! Files → documents → objects, every error with its file, document and field.

use super::{Endpoint, Manifest, ManifestError, Spot};
use crate::catalogue::Artifact;
use crate::names::ModelName;
use berth_crds::{GROUP, ModelArtifact, MultiModelEndpoint, VERSION};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of one file.
const LARGEST: u64 = 16 << 20;
/// Files of one directory.
const MOST_FILES: usize = 1000;

/// Reads every file. `endpoint`: what artifacts must name where no document says it.
pub fn read(paths: &[PathBuf], endpoint: Option<&str>) -> Result<Manifest, ManifestError> {
    let mut reading = Reading::default();
    for file in files(paths)? {
        let text = text(&file)?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
            .map_err(|e| ManifestError::Yaml { file: file.clone(), message: e.to_string() })?;
        for (at, document) in documents.into_iter().enumerate() {
            reading.document(&Spot { file: file.clone(), document: at + 1 }, document)?;
        }
    }
    reading.finish(endpoint)
}

/// The files that are meant, in a fixed order.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ManifestError> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |e: std::io::Error| ManifestError::unreadable(path, &e);
        if !path.metadata().map_err(unreadable)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut below = Vec::new();
        for entry in path.read_dir().map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let hidden = file.file_name().is_none_or(|n| n.as_encoded_bytes().starts_with(b"."));
            let named = file.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
            if named && !hidden && file.is_file() {
                below.push(file);
            }
            if below.len() > MOST_FILES {
                return Err(ManifestError::TooMany { file: path.clone(), limit: MOST_FILES });
            }
        }
        if below.is_empty() {
            return Err(ManifestError::Empty(path.clone()));
        }
        below.sort();
        files.extend(below);
    }
    Ok(files)
}

fn text(file: &Path) -> Result<String, ManifestError> {
    let unreadable = |e: std::io::Error| ManifestError::unreadable(file, &e);
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(ManifestError::TooLarge { file: file.to_owned(), limit: LARGEST });
    }
    Ok(text)
}

#[derive(Default)]
struct Reading {
    endpoint: Option<(Spot, Endpoint)>,
    artifacts: Vec<(Spot, String, Artifact)>,
    names: HashMap<ModelName, Spot>,
}

impl Reading {
    fn document(&mut self, spot: &Spot, document: Value) -> Result<(), ManifestError> {
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or("(none)").to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let own = version == format!("{GROUP}/{VERSION}");
        let base = spot.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match kind.as_str() {
            "MultiModelEndpoint" if own => {
                if let Some((first, _)) = &self.endpoint {
                    let (first, second) = (first.clone(), spot.clone());
                    return Err(ManifestError::TwoEndpoints { first, second });
                }
                let object: MultiModelEndpoint = object(spot, document)?;
                let endpoint = Endpoint::read(&object, base);
                let endpoint = endpoint.map_err(|(field, why)| ManifestError::field(spot, field, why))?;
                self.endpoint = Some((spot.clone(), endpoint));
            }
            "ModelArtifact" if own => {
                let object: ModelArtifact = object(spot, document)?;
                let artifact = Artifact::read(&object, Some(base))
                    .map_err(|e| ManifestError::field(spot, e.field, e.message))?;
                if let Some(first) = self.names.insert(artifact.model.clone(), spot.clone()) {
                    let model = artifact.model.as_str().to_owned();
                    return Err(ManifestError::Duplicate { first, second: spot.clone(), model });
                }
                self.artifacts.push((spot.clone(), object.spec.endpoint, artifact));
            }
            _ => {
                let found = format!("{kind} of {version}").chars().take(200).collect();
                return Err(ManifestError::Kind { spot: spot.clone(), found });
            }
        }
        Ok(())
    }

    fn finish(self, endpoint: Option<&str>) -> Result<Manifest, ManifestError> {
        let own = self.endpoint.as_ref().map(|(_, e)| e.name.as_str()).or(endpoint);
        let mut artifacts = Vec::new();
        for (spot, names, artifact) in self.artifacts {
            if let Some(own) = own
                && own != names
            {
                let why = format!("{names:?} is another endpoint; this server is {own:?}");
                return Err(ManifestError::field(&spot, "spec.endpoint", why));
            }
            artifacts.push(artifact);
        }
        Ok(Manifest { endpoint: self.endpoint.map(|(_, endpoint)| endpoint), artifacts })
    }
}

/// A document as an object of its kind. The API server would drop unknown fields with a warning: here they are errors.
fn object<T: DeserializeOwned>(spot: &Spot, mut document: Value) -> Result<T, ManifestError> {
    // Read already; the types know their own.
    for key in ["apiVersion", "kind"] {
        document.as_object_mut().and_then(|fields| fields.remove(key));
    }
    let mut unknown = None;
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string());
    };
    let mut track = serde_path_to_error::Track::new();
    let inner = serde_path_to_error::Deserializer::new(document, &mut track);
    let read = T::deserialize(serde_ignored::Deserializer::new(inner, &mut note));
    match (read, unknown) {
        (Err(e), _) => Err(ManifestError::field(spot, &track.path().to_string(), e.to_string())),
        (Ok(_), Some(field)) => {
            // Optional fields are marked in the path; a reader has no use for that.
            let field = field.replace(".?", "");
            Err(ManifestError::UnknownField { spot: spot.clone(), field })
        }
        (Ok(object), None) => Ok(object),
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, read};
    use crate::catalogue::Place;
    use crate::config::{CacheMode, ModelsUri};
    use std::time::Duration;

    const ENDPOINT: &str = "apiVersion: berth.dev/v1alpha1\nkind: MultiModelEndpoint\nmetadata: {name: vision}\n\
                            spec: {models: {uri: s3://b/p}, cache: {memory: 1Gi}}\n";
    const ARTIFACT: &str = "apiVersion: berth.dev/v1alpha1\nkind: ModelArtifact\nmetadata: {name: cifar}\n\
                            spec: {endpoint: vision}\n";

    fn of(files: &[(&str, String)]) -> Result<Manifest, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let root = dir.path().display().to_string();
        read(&[dir.path().to_owned()], None).map_err(|e| e.to_string().replace(&format!("{root}/"), ""))
    }

    #[test]
    fn several_documents_and_files_are_one_manifest() {
        let both = of(&[
            ("b.yaml", format!("---\n{ENDPOINT}---\n---\n{ARTIFACT}")),
            ("a.yml", ARTIFACT.replace("cifar", "iris").replace("spec: {", "spec: {source: {uri: x.tar}, ")),
            ("c.txt", "not: read".to_owned()),
            (".hidden.yaml", "not: read".to_owned()),
        ])
        .unwrap();
        let endpoint = both.endpoint.unwrap();
        assert_eq!(endpoint.models, ModelsUri::S3 { bucket: "b".into(), prefix: "p/".into() });
        assert_eq!((endpoint.memory, endpoint.disk), (1 << 30, 10 << 30));
        assert_eq!((endpoint.cache_mode, endpoint.wait_limit), (CacheMode::Enabled, Duration::from_secs(60)));
        let names: Vec<_> = both.artifacts.iter().map(|a| a.model.as_str()).collect();
        assert_eq!(names, ["iris", "cifar"]);
        assert!(
            matches!(&both.artifacts[0].origin.place, Place::Path(p) if p.ends_with("x.tar") && p.is_absolute())
        );
    }

    #[test]
    fn memory_follows_from_the_limit_as_in_a_cluster() {
        let text = ENDPOINT.replace(", cache: {memory: 1Gi}", "");
        let endpoint = of(&[("a.yaml", text)]).unwrap().endpoint.unwrap();
        assert_eq!(endpoint.memory, (4u64 << 30) / 5 * 4);
    }

    #[test]
    fn each_mistake_names_file_document_and_field() {
        let endpoint = |from: &str, to: &str| ENDPOINT.replace(from, to);
        let artifact = |from: &str, to: &str| format!("{ENDPOINT}---\n{}", ARTIFACT.replace(from, to));
        for (text, says) in [
            (format!("{ENDPOINT}---\n{ENDPOINT}"), &["a.yaml, document 2: kind", "second", "document 1"][..]),
            (endpoint("MultiModelEndpoint", "Deployment"), &["a.yaml, document 1", "kind Deployment"]),
            (endpoint("v1alpha1", "v2"), &["document 1", "berth.dev/v2"]),
            ("- a\n- b\n".to_owned(), &["document 1", "(none)"]),
            (endpoint("uri:", "url:"), &["document 1: spec.models", "missing field `uri`"]),
            (
                endpoint("cache: {", "cache: {memmory: 2Gi, "),
                &["document 1: spec.cache.memmory", "no such field"],
            ),
            (endpoint("metadata: {", "metadata: {lables: {a: b}, "), &["document 1: metadata.lables"]),
            (endpoint("1Gi", "lots"), &["document 1: spec.cache.memory", "512Mi"]),
            (endpoint("1Gi", "0"), &["spec.cache.memory", "more than 0"]),
            (endpoint("name: vision", "name: -x"), &["metadata.name"]),
            (endpoint("s3://b/p", "gs://b/p"), &["spec.models.uri"]),
            (endpoint("uri: s3://b/p", "uri: /m, s3: {region: x}"), &["spec.models.s3"]),
            (
                endpoint("uri: s3://b/p", "uri: s3://b, s3: {endpoint: 'http://u@h/'}"),
                &["spec.models.s3.endpoint"],
            ),
            (
                endpoint("spec: {", "spec: {server: {drainSeconds: 601}, "),
                &["spec.server.drainSeconds", "0 to 600"],
            ),
            (
                endpoint("spec: {", "spec: {server: {device: CUDA}, "),
                &["spec.server.device", "set it to CPU"],
            ),
            (endpoint("spec: {", "spec: {replicas: many, "), &["document 1: spec.replicas", "invalid type"]),
            (artifact("endpoint: vision", "endpoint: other"), &["document 2: spec.endpoint", "other"]),
            (
                artifact("endpoint: vision", "endpoint: vision, preload: yes please"),
                &["document 2: spec.preload"],
            ),
            (artifact("endpoint: vision", "endpoint: vision, source: {sha256: x}"), &["spec.source.sha256"]),
            (format!("{ENDPOINT}---\n{ARTIFACT}---\n{ARTIFACT}"), &["document 3", "cifar", "document 2"]),
            ("a: [".to_owned(), &["a.yaml: is not YAML"]),
            (String::from("a: 1\na: 2\n"), &["a.yaml: is not YAML"]),
        ] {
            let error = of(&[("a.yaml", text.clone())]).expect_err(&text);
            assert!(says.iter().all(|s| error.contains(s)), "{text}\n{error}\nmust say {says:?}");
        }
        assert!(of(&[]).unwrap_err().contains("holds no .yaml"));
        assert!(read(&["/nowhere/x.yaml".into()], None).unwrap_err().to_string().contains("cannot be read"));
    }
}
