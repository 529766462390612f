//! Flags over manifests over defaults, checked against each other.

use super::Serve;
use super::sagemaker::Platform;
use crate::cache::Policy;
use crate::config::{CacheMode, Config, ModelsUri, Switch};
use crate::http::tls::TlsFiles;
use crate::kubernetes;
use crate::manifest::{Endpoint, Manifest, Manifests};
use std::path::PathBuf;
use std::time::Duration;

/// What an answer may take beyond the wait for its model.
const DRAIN_MARGIN: Duration = Duration::from_secs(5);

impl Serve {
    /// Reads the manifests, and checks what single flags cannot say of each other.
    pub fn config(self) -> Result<Config, String> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.check_numbers()?;
        let platform = Platform::of_environment()?;
        let (manifests, manifest) = self.manifest()?;
        let said = manifest.endpoint.as_ref();
        let container_root = self.container_root.clone().or_else(|| platform.root());
        // Where models are registered none need lie anywhere else.
        let alone = || container_root.clone().map(ModelsUri::Directory);
        let models = self.models.clone().or_else(|| said.map(|e| e.models.clone())).or_else(alone).ok_or(
            "where are the models? give --models DIR or s3://bucket/prefix/, or a --manifest with a MultiModelEndpoint",
        )?;
        let endpoint = self.endpoint.clone().or_else(|| said.map(|e| e.name.clone()));
        let policy = self.policy(said, &platform);
        let disk_budget = self.disk_budget.or(said.map(|e| e.disk)).unwrap_or(50 << 30);
        let wait_limit = self.wait_limit.or(said.map(|e| e.wait_limit)).unwrap_or(Duration::from_secs(60));
        let drain_delay = self.drain_delay.or(said.map(|e| e.drain_delay)).unwrap_or_default();
        Ok(Config {
            kubernetes: self.pod(endpoint.as_deref())?,
            cache_dir: self.cache_dir.unwrap_or_else(|| default_cache_dir(&models)),
            s3: said.map(|e| e.s3.clone()).unwrap_or_default(),
            artifacts: manifest.artifacts,
            manifests,
            manifest_endpoint: manifest.endpoint,
            models,
            endpoint,
            listen: self.listen.unwrap_or_else(|| platform.listen()),
            admin_listen: self.admin_listen.unwrap_or_else(|| platform.admin_listen()),
            tls: self.tls_cert.zip(self.tls_key).map(|(cert, key)| TlsFiles { cert, key }),
            max_connections: self.max_connections,
            idle_timeout: self.idle_timeout,
            container_root,
            disk_budget,
            pinned: self.pins,
            max_body: self.max_body.unwrap_or_else(|| platform.max_body()),
            repository_api: self.repository_api,
            max_requests: self.max_requests,
            compute_threads: self.compute_threads.unwrap_or(cores),
            compute_queue: self.compute_queue,
            model_queue: self.model_queue.unwrap_or(self.compute_queue.div_ceil(2)),
            queue_bytes: self.queue_bytes,
            max_queue_wait: self.max_queue_wait,
            batching: self.batching,
            wait_limit,
            drain_delay,
            preload_limit: self.preload_limit,
            drain_limit: self.drain_limit.unwrap_or(wait_limit + DRAIN_MARGIN),
            page: self.page == Switch::On,
            device: self.device,
            policy,
        })
    }

    fn check_numbers(&self) -> Result<(), String> {
        let at_least_one = [
            ("--max-requests", self.max_requests),
            ("--max-connections", self.max_connections),
            ("--compute-threads", self.compute_threads.unwrap_or(1)),
            ("--compute-queue", self.compute_queue),
            ("--model-queue", self.model_queue.unwrap_or(1)),
            ("--max-downloads", self.max_downloads),
            ("--max-loads", self.max_loads),
        ];
        if let Some((flag, _)) = at_least_one.iter().find(|(_, n)| *n == 0) {
            return Err(format!("{flag} must be at least 1"));
        }
        let bytes = [self.memory_budget, self.disk_budget, self.max_body, Some(self.queue_bytes)];
        if bytes.contains(&Some(0)) {
            return Err(
                "--memory-budget, --disk-budget, --max-body and --queue-bytes must be more than 0".to_owned()
            );
        }
        Ok(())
    }

    fn manifest(&self) -> Result<(Option<Manifests>, Manifest), String> {
        if self.manifests.is_empty() {
            return Ok((None, Manifest::default()));
        }
        let manifests = Manifests { paths: self.manifests.clone(), endpoint: self.endpoint.clone() };
        let manifest = manifests.read().map_err(|e| e.to_string())?;
        Ok((Some(manifests), manifest))
    }

    fn policy(&self, said: Option<&Endpoint>, platform: &Platform) -> Policy {
        let mode = self.cache_mode.or(said.map(|e| e.cache_mode)).unwrap_or(CacheMode::Enabled);
        Policy {
            memory_budget: self
                .memory_budget
                .or(said.map(|e| e.memory))
                .or_else(|| platform.memory())
                .unwrap_or(4 << 30),
            keep: mode == CacheMode::Enabled,
            max_downloads: self.max_downloads,
            max_loads: self.max_loads,
            max_waiters: self.max_requests,
            max_known: 100_000,
            revalidate_after: self.revalidate_after,
            backoff_first: Duration::from_secs(1),
            backoff_most: Duration::from_secs(60),
            patience: Duration::from_secs(2),
        }
    }

    fn pod(&self, endpoint: Option<&str>) -> Result<Option<kubernetes::Settings>, String> {
        if !self.kubernetes {
            return Ok(None);
        }
        let endpoint = endpoint.ok_or(
            "--kubernetes: which endpoint? give --endpoint NAME, or a --manifest with a MultiModelEndpoint",
        )?;
        let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let pod_name = self.pod_name.clone().or_else(host).map(|name| name.trim().to_owned());
        let pod_name = pod_name
            .filter(|name| !name.is_empty())
            .ok_or("--kubernetes: which pod is this? give --pod-name NAME (POD_NAME, by the downward API)")?;
        let namespace = self.pod_namespace.clone();
        Ok(Some(kubernetes::Settings { endpoint: endpoint.to_owned(), pod_name, namespace }))
    }
}

/// Servers of different prefixes do not share a directory, so they do not lock each other out.
fn default_cache_dir(models: &ModelsUri) -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    let place = match models {
        ModelsUri::Directory(path) => {
            path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string()
        }
        s3 @ ModelsUri::S3 { .. } => s3.to_string(),
    };
    base.join("berth").join(&crate::disk::hash([place.as_str()])[..16])
}
