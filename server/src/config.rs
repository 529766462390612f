//! Everything that can be set, as it is used: parsed, checked, with units in the types.

use crate::cache::Policy;
use crate::catalogue::Artifact;
use crate::http::tls::TlsFiles;
use crate::kubernetes;
use crate::manifest::{Endpoint, Manifests};
use crate::names::ModelName;
use berth_engine::Device;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where the models are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsUri {
    /// `s3://bucket/prefix/`
    S3 {
        /// The bucket.
        bucket: String,
        /// Empty, or ends in a slash.
        prefix: String,
    },
    /// A directory.
    Directory(PathBuf),
}

impl ModelsUri {
    /// Reads what `--models` takes.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(format!("{text:?} names no bucket; write s3://bucket/prefix/"));
            }
            let prefix = prefix.trim_matches('/');
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix });
        }
        if text.contains("://") {
            return Err(format!("{text:?}: models are in a directory or under s3://bucket/prefix/"));
        }
        if text.is_empty() {
            return Err("an empty path; models are in a directory or under s3://bucket/prefix/".to_owned());
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}

impl std::fmt::Display for ModelsUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Directory(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How an S3 store is reached, where the AWS SDK's environment does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Settings {
    /// Address of a store that is not AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// How the logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether models stay after they answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CacheMode {
    /// They stay until others need the room.
    Enabled,
    /// Load, answer, drop.
    Disabled,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the models are.
    pub models: ModelsUri,
    /// How their store is reached.
    pub s3: S3Settings,
    /// What manifests list.
    pub artifacts: Vec<Artifact>,
    /// The manifests, to be read again when they change.
    pub manifests: Option<Manifests>,
    /// The endpoint as they say it, without the flags over it.
    pub manifest_endpoint: Option<Endpoint>,
    /// This pod, if it is one.
    pub kubernetes: Option<kubernetes::Settings>,
    /// The endpoint's name; none: any name is answered.
    pub endpoint: Option<String>,
    /// Address of the invocations.
    pub listen: SocketAddr,
    /// Its certificate and key; none: it is not encrypted.
    pub tls: Option<TlsFiles>,
    /// Connections of it at a time.
    pub max_connections: usize,
    /// How long one may stay without a request.
    pub idle_timeout: Duration,
    /// Directory below which the container contract's platform puts models; none: nobody registers any.
    pub container_root: Option<PathBuf>,
    /// Address of the admin port.
    pub admin_listen: SocketAddr,
    /// Bytes of models on disk.
    pub disk_budget: u64,
    /// Where they are kept.
    pub cache_dir: PathBuf,
    /// Models that are never evicted.
    pub pinned: Vec<ModelName>,
    /// Bytes of a request's body.
    pub max_body: u64,
    /// Whether clients may list, load and unload models.
    pub repository_api: bool,
    /// Requests that are worked on or wait, at a time.
    pub max_requests: usize,
    /// Threads that predict.
    pub compute_threads: usize,
    /// Requests that wait for these threads.
    pub compute_queue: usize,
    /// Requests of one model that wait for them.
    pub model_queue: usize,
    /// Bytes of the requests that wait for them.
    pub queue_bytes: u64,
    /// A request that would wait longer for a thread is refused.
    pub max_queue_wait: Duration,
    /// Whether waiting requests run together where their model gains by it.
    pub batching: bool,
    /// How long a request waits for its model.
    pub wait_limit: Duration,
    /// How long requests are taken after the word to stop, until others have noticed.
    pub drain_delay: Duration,
    /// How long readiness waits for the models that this pod is to hold.
    pub preload_limit: Duration,
    /// How long a stop waits for requests in progress.
    pub drain_limit: Duration,
    /// Whether there is a page for people.
    pub page: bool,
    /// Where models run.
    pub device: Device,
    /// The cache's numbers, the memory budget among them.
    pub policy: Policy,
}

#[cfg(test)]
mod tests {
    use super::ModelsUri;

    #[test]
    fn places_of_models() {
        let s3 = |bucket: &str, prefix: &str| {
            Ok(ModelsUri::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(ModelsUri::parse("s3://b/p/q"), s3("b", "p/q/"));
        assert_eq!(ModelsUri::parse("s3://b"), s3("b", ""));
        assert_eq!(ModelsUri::parse("./models"), Ok(ModelsUri::Directory("./models".into())));
        for bad in ["", "s3:///x", "gs://b/p", "http://x/y"] {
            assert!(ModelsUri::parse(bad).is_err(), "{bad:?}");
        }
    }
}
