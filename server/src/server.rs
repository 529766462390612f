//! A server, put together and run; `serve` on the command line and the tests start it the same way.

use crate::archive::Limits;
use crate::cache::ModelCache;
use crate::compute::Compute;
use crate::config::Config;
use crate::disk::DiskCache;
use crate::http::{admin, listen, sagemaker};
use crate::invoke::App;
use crate::loader::Loader;
use crate::metrics::Metrics;
use crate::stop::Stop;
use crate::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
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
    /// The cache directory does not work.
    #[error("--cache-dir: {0}")]
    Disk(crate::error::ModelError),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
}

/// A server that listens and does not answer yet.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    admin: TcpListener,
}

impl Server {
    /// Opens everything that can fail: the store, the disk cache, the addresses.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let store_error = |error| StartError::Store { uri: config.models.to_string(), error };
        let store = Store::open(&config.models).await.map_err(store_error)?;
        let (dir, budget, name) = (config.cache_dir.clone(), config.disk_budget, config.models.to_string());
        let disk = tokio::task::spawn_blocking(move || DiskCache::open(&dir, budget, &name))
            .await
            .unwrap_or_else(|e| Err(crate::error::ModelError::Disk(e.to_string())))
            .map_err(StartError::Disk)?;
        let limits = Limits { bytes: config.disk_budget.min(Limits::default().bytes), ..Limits::default() };
        let metrics = Arc::new(Metrics::new());
        let loader = Loader::new(store, disk, limits);
        let cache = ModelCache::new(config.policy.clone(), loader, metrics.clone());
        for model in &config.pinned {
            cache.pin(model, true);
        }
        let compute =
            Compute::start(config.compute_threads, config.compute_queue).map_err(StartError::Threads)?;
        let listener = bind(config.listen).await?;
        let admin = bind(config.admin_listen).await?;
        Ok(Self { app: Arc::new(App::new(config, cache, compute, metrics)), listener, admin })
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
        let invocations = sagemaker::routes().fallback(sagemaker::fallback).with_state(self.app.clone());
        let admin_routes = admin::routes().with_state(self.app.clone());
        // The admin port answers until the end: readiness has to say that the server is about to stop.
        let (admin_sender, admin_stop) = crate::stop::stop();
        let admin = tokio::spawn(listen::serve(self.admin, admin_routes, admin_stop, drain));
        let app = self.app.clone();
        let mut draining = stop.clone();
        tokio::spawn(async move {
            draining.wait().await;
            app.drain();
        });
        let drained = listen::serve(self.listener, invocations, stop, drain).await;
        admin_sender.stop();
        let _ = admin.await;
        self.app.cache.loader().disk().persist_use();
        drained
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|e| StartError::Listen(address, e))
}
