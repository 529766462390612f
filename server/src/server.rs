//! A server, put together and run; `serve` on the command line and the tests start it the same way.

use crate::archive::Limits;
use crate::cache::ModelCache;
use crate::catalogue::{Catalogue, Side};
use crate::compute::{self, Compute};
use crate::config::Config;
use crate::disk::DiskCache;
use crate::http::tls::{TlsError, TlsWatch};
use crate::http::{admin, listen};
use crate::invoke::{App, Phase};
use crate::kubernetes::{Cluster, NoCluster};
use crate::loader::Loader;
use crate::manifest::{self, Manifest};
use crate::metrics::Metrics;
use crate::routing::Peers;
use crate::stop::Stop;
use crate::store::Stores;
use berth_engine::EngineError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The models cannot be reached.
    #[error("--models {uri}: {error}")]
    Store {
        /// What was given.
        uri: String,
        /// What the store says.
        error: crate::error::StoreError,
    },
    /// The device cannot be used.
    #[error("--device: {0}")]
    Device(EngineError),
    /// The cache directory does not work.
    #[error("--cache-dir: {0}")]
    Disk(crate::error::ModelError),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
    /// The certificate or its key is of no use.
    #[error("--tls-cert, --tls-key: {0}")]
    Tls(#[from] TlsError),
    /// There is no cluster.
    #[error(transparent)]
    Kubernetes(#[from] NoCluster),
}

/// Connections of the admin port at a time, and how long each may be idle.
const ADMIN: (usize, Duration) = (1024, Duration::from_secs(300));

/// How long a start waits for the Kubernetes API before it goes on with the manifest alone.
const API_TIME: Duration = Duration::from_secs(10);

/// A server that listens and does not answer yet.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    admin: TcpListener,
    catalogue: Catalogue,
    cluster: Option<Cluster>,
    port: listen::Port,
    tls: Option<TlsWatch>,
}

impl Server {
    /// Opens everything that can fail: the store, the disk cache, the addresses.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        // A device that is not there is no reason to fail each load.
        let device = config.device;
        tokio::task::spawn_blocking(move || device.open())
            .await
            .unwrap_or_else(|e| Err(EngineError::Device(e.to_string())))
            .map_err(StartError::Device)?;
        let store_error = |error| StartError::Store { uri: config.models.to_string(), error };
        let stores = Stores::open(&config.models, config.s3.clone()).await.map_err(store_error)?;
        let (dir, budget, name) = (config.cache_dir.clone(), config.disk_budget, config.models.to_string());
        let disk = tokio::task::spawn_blocking(move || DiskCache::open(&dir, budget, &name))
            .await
            .unwrap_or_else(|e| Err(crate::error::ModelError::Disk(e.to_string())))
            .map_err(StartError::Disk)?;
        let limits = Limits { bytes: config.disk_budget.min(Limits::default().bytes), ..Limits::default() };
        let metrics = Arc::new(Metrics::new());
        let loader = Loader::new(stores, disk, limits, config.device);
        let cache = ModelCache::new(config.policy.clone(), loader, metrics.clone());
        let cluster = match config.kubernetes.clone() {
            Some(settings) => Some(Cluster::configured(settings).await?),
            None => None,
        };
        for model in &config.pinned {
            cache.pin(model, true);
        }
        let limits = compute::Limits {
            threads: config.compute_threads,
            queue: config.compute_queue,
            model_queue: config.model_queue,
            queue_bytes: config.queue_bytes,
            max_wait: config.max_queue_wait,
        };
        let compute =
            Compute::start(limits, config.batching, metrics.clone()).map_err(StartError::Threads)?;
        let listener = bind(config.listen).await?;
        let admin = bind(config.admin_listen).await?;
        // In a cluster nothing is held until the peers are known: alone this pod would hold everything.
        let peers = match &config.kubernetes {
            Some(pod) => Peers::unknown(pod.pod_name.as_str()),
            None => Peers::alone("local"),
        };
        let catalogue = Catalogue::new(cache.clone(), peers);
        catalogue.list(Side::Manifest, config.artifacts.clone());
        let (tls, tls_watch) = config.tls.clone().map(crate::http::tls::TlsFiles::open).transpose()?.unzip();
        let port = listen::Port { connections: config.max_connections, idle: config.idle_timeout, tls };
        let app = Arc::new(App::new(config, cache, catalogue.clone(), compute, metrics));
        Ok(Self { app, listener, admin, catalogue, cluster, port, tls: tls_watch })
    }

    /// Address of the invocations.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Address of the admin port.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// What the protocols work on.
    pub fn app(&self) -> Arc<App> {
        self.app.clone()
    }

    /// Answers until told to stop, then drains. False: some requests did not end within the drain limit.
    pub async fn run(self, stop: Stop) -> bool {
        let drain = self.app.config.drain_limit;
        let invocations = crate::http::routes(&self.app);
        let admin_routes = admin::routes().with_state(self.app.clone());
        // The admin port answers until the end: readiness has to say that the server is about to stop.
        let (admin_sender, admin_stop) = crate::stop::stop();
        let port = listen::Port { connections: ADMIN.0, idle: ADMIN.1, tls: None };
        let admin = tokio::spawn(listen::serve(self.admin, admin_routes, port, admin_stop, drain));
        let app = self.app.clone();
        let mut draining = stop.clone();
        tokio::spawn(async move {
            draining.draining().await;
            app.enter(Phase::Draining);
        });
        let mut background = tokio::task::JoinSet::new();
        if let Some(tls) = self.tls {
            background.spawn(tls.run());
        }
        prepare(&self.app, &self.catalogue, self.cluster, &mut background);
        let drained = listen::serve(self.listener, invocations, self.port, stop, drain).await;
        background.shutdown().await;
        admin_sender.stop();
        let _ = admin.await;
        self.app.cache.loader().disk().persist_use();
        drained
    }
}

/// Everything that goes on beside the requests, and readiness once it is time for it.
fn prepare(
    app: &Arc<App>,
    catalogue: &Catalogue,
    cluster: Option<Cluster>,
    background: &mut tokio::task::JoinSet<()>,
) {
    if let Some(manifests) = app.config.manifests.clone() {
        let now = Manifest {
            endpoint: app.config.manifest_endpoint.clone(),
            artifacts: app.config.artifacts.clone(),
        };
        background.spawn(manifest::watch(manifests, now, catalogue.clone(), app.metrics.clone()));
    }
    if cluster.is_none() && app.cache.held().coming == 0 {
        app.enter(Phase::Serving);
        return;
    }
    let first_answer = cluster.as_ref().map(Cluster::first_answer);
    if let Some(cluster) = cluster {
        background.spawn(cluster.watch(catalogue.clone()));
    }
    let (app, catalogue) = (app.clone(), catalogue.clone());
    background.spawn(async move {
        if let Some(mut answer) = first_answer
            && tokio::time::timeout(API_TIME, answer.wait()).await.is_err()
        {
            tracing::warn!("the Kubernetes API is away: serving by the manifest until it answers");
            catalogue.go_on_alone();
        }
        if tokio::time::timeout(app.config.preload_limit, app.cache.hold()).await.is_err() {
            tracing::warn!(coming = app.cache.held().coming, "ready before every model to hold is there");
        }
        app.enter(Phase::Serving);
        tracing::info!("ready");
    });
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|e| StartError::Listen(address, e))
}
