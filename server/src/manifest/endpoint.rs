//! What a `MultiModelEndpoint` means for one server: the fields that are not about pods.

use crate::cli::is_endpoint_name;
use crate::config::{CacheMode, ModelsUri, S3Settings};
use berth_crds::endpoint::{CacheMode as CacheModeSpec, Device, MultiModelEndpoint};
use berth_crds::quantity;
use std::path::Path;
use std::time::Duration;

/// An endpoint, as far as one server is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Where the models are.
    pub models: ModelsUri,
    /// How the store is reached.
    pub s3: S3Settings,
    /// Whether models stay.
    pub cache_mode: CacheMode,
    /// Bytes of memory for models.
    pub memory: u64,
    /// Bytes of disk for artifacts.
    pub disk: u64,
    /// How long a request waits for its model.
    pub wait_limit: Duration,
    /// How long requests are taken after the word to stop.
    pub drain_delay: Duration,
}

/// A field and what is wrong with it.
type Wrong = (&'static str, String);

impl Endpoint {
    /// Reads one; relative directories are below `base`.
    pub fn read(object: &MultiModelEndpoint, base: &Path) -> Result<Self, Wrong> {
        let (spec, name) = (&object.spec, object.metadata.name.clone().unwrap_or_default());
        if !is_endpoint_name(&name) {
            let rule = "must be given: 1 to 63 letters, digits and hyphens, and no hyphen at its ends";
            return Err(("metadata.name", rule.to_owned()));
        }
        let models = match ModelsUri::parse(&spec.models.uri).map_err(|e| ("spec.models.uri", e))? {
            ModelsUri::Directory(path) => ModelsUri::Directory(base.join(path)),
            s3 @ ModelsUri::S3 { .. } => s3,
        };
        let (server, cache) = (&spec.server, &spec.cache);
        if server.device == Device::CUDA {
            return Err((
                "spec.server.device",
                "is CUDA, and this program computes on the CPU: set it to CPU".to_owned(),
            ));
        }
        Ok(Self {
            name,
            s3: s3_settings(object, &models)?,
            models,
            cache_mode: match cache.mode {
                CacheModeSpec::Enabled => CacheMode::Enabled,
                CacheModeSpec::Disabled => CacheMode::Disabled,
            },
            memory: memory(object)?,
            disk: at_least_one("spec.cache.disk.size", quantity::bytes(&cache.disk.size))?,
            wait_limit: seconds(
                "spec.server.requestDeadlineSeconds",
                server.request_deadline_seconds,
                1..=3600,
            )?,
            drain_delay: seconds("spec.server.drainSeconds", server.drain_seconds, 0..=600)?,
        })
    }
}

fn s3_settings(object: &MultiModelEndpoint, models: &ModelsUri) -> Result<S3Settings, Wrong> {
    let Some(s3) = &object.spec.models.s3 else { return Ok(S3Settings::default()) };
    if matches!(models, ModelsUri::Directory(_)) {
        return Err(("spec.models.s3", "is for a uri that starts with s3://; remove it".to_owned()));
    }
    if let Some(endpoint) = &s3.endpoint {
        let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        let host = host.map(|h| h.strip_suffix('/').unwrap_or(h)).unwrap_or_default();
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            let rule = "must be http://host[:port] or https://host[:port], without credentials or a path";
            return Err(("spec.models.s3.endpoint", rule.to_owned()));
        }
    }
    Ok(S3Settings { endpoint: s3.endpoint.clone(), region: s3.region.clone() })
}

/// The budget, or what a cluster would make of the container's limit: 80% of it.
fn memory(object: &MultiModelEndpoint) -> Result<u64, Wrong> {
    if let Some(memory) = &object.spec.cache.memory {
        return at_least_one("spec.cache.memory", quantity::bytes(memory));
    }
    const FIELD: &str = "spec.server.resources.limits.memory";
    match object.spec.server.resources.limits.get("memory") {
        Some(limit) => at_least_one(FIELD, quantity::bytes(limit).map(|b| b / 5 * 4)),
        None => {
            Err((FIELD, "must be set, or spec.cache.memory: the models' memory follows from it".to_owned()))
        }
    }
}

fn at_least_one(field: &'static str, bytes: Result<u64, quantity::QuantityError>) -> Result<u64, Wrong> {
    match bytes {
        Ok(0) => Err((field, "must be more than 0".to_owned())),
        Ok(bytes) => Ok(bytes),
        Err(e) => Err((field, e.to_string())),
    }
}

fn seconds(
    field: &'static str,
    value: i32,
    allowed: std::ops::RangeInclusive<i32>,
) -> Result<Duration, Wrong> {
    match u64::try_from(value) {
        Ok(seconds) if allowed.contains(&value) => Ok(Duration::from_secs(seconds)),
        _ => Err((field, format!("must be {} to {} seconds", allowed.start(), allowed.end()))),
    }
}
