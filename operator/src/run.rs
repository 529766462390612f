//! Starts everything, and ends when it is told to or when the leader lease is lost.

use crate::admin;
use crate::backoff::Backoff;
use crate::cli::{Config, LogFormat};
use crate::context::Context;
use crate::controllers::{Controllers, api};
use crate::leader::{Fence, Leader};
use crate::metrics::Metrics;
use crate::paced::Paced;
use crate::survey::Surveys;
use crate::writer::Writer;
use berth_crds::names::CONTROLLER;
use berth_crds::{ModelArtifact, MultiModelEndpoint};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Client, Resource};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log filter cannot be read.
    #[error("--log {filter:?} is no filter; write it like info or berth_operator=debug")]
    Log {
        /// As it was given.
        filter: String,
    },
    /// The process cannot be set up.
    #[error("could not {doing}")]
    Setup {
        /// What failed.
        doing: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no cluster to talk to.
    #[error("found no cluster: run in a pod, or set KUBECONFIG")]
    NoCluster {
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The definitions are not in the cluster.
    #[error("the cluster does not know {kind}: run `berth-operator crds | kubectl apply --server-side -f -`")]
    NoDefinition {
        /// Which.
        kind: String,
    },
    /// The API server did not let us look.
    #[error("could not list {kind}")]
    NotAllowed {
        /// What.
        kind: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// Another process leads.
    #[error("lost the leader lease; ending, so that nothing is written by two")]
    LeaseLost,
    /// The controllers ended by themselves.
    #[error("the controllers ended")]
    Ended,
}

/// Runs to the end.
pub fn run(config: Config) -> Result<(), RunError> {
    log(&config)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|source| RunError::Setup { doing: "start the runtime".to_owned(), source })?;
    let done = runtime.block_on(serve(config));
    // Reconciles of a process that lost its lease are not waited for.
    runtime.shutdown_background();
    done
}

fn log(config: &Config) -> Result<(), RunError> {
    let filter = EnvFilter::try_new(&config.log).map_err(|_| RunError::Log { filter: config.log.clone() })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

async fn serve(config: Config) -> Result<(), RunError> {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?config, "Starting");
    let mut stop = signal(SignalKind::terminate())
        .map_err(|source| RunError::Setup { doing: "listen to signals".to_owned(), source })?;
    let metrics = Arc::new(Metrics::default());
    listen(config.admin_listen, &metrics).await?;
    let client =
        Client::try_default().await.map_err(|source| RunError::NoCluster { source: Box::new(source) })?;
    let namespace = config.namespace.as_deref();
    defined(&api::<MultiModelEndpoint>(&client, namespace)).await?;
    defined(&api::<ModelArtifact>(&client, namespace)).await?;
    let leases: Api<Lease> = Api::namespaced(client.clone(), &config.lease_namespace);
    let identity = format!("{}_{:016x}", config.identity, fastrand::u64(..));
    let mut leader = Leader::new(leases, config.lease_name.clone(), identity, Arc::clone(&metrics));
    let interrupt = tokio::signal::ctrl_c();
    let mut interrupt = std::pin::pin!(interrupt);
    tokio::select! {
        () = leader.acquire() => {}
        _ = stop.recv() => return Ok(()),
        _ = &mut interrupt => return Ok(()),
    }
    let controllers = lead(client, config, leader.fence(), metrics);
    let mut controllers = std::pin::pin!(controllers);
    let ended = tokio::select! {
        () = &mut controllers => Err(RunError::Ended),
        () = leader.keep() => return Err(RunError::LeaseLost),
        _ = stop.recv() => Ok(()),
        _ = &mut interrupt => Ok(()),
    };
    leader.release().await;
    tracing::info!("Stopped");
    ended
}

async fn lead(client: Client, config: Config, fence: Fence, metrics: Arc<Metrics>) {
    let (surveys, changed) = Surveys::new();
    let controllers = Controllers::new(&client, config.namespace.as_deref(), changed);
    let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: Some(config.identity.clone()) };
    let context = Context {
        writer: Writer::new(client.clone(), fence, Arc::clone(&metrics)),
        recorder: Recorder::new(client.clone(), reporter),
        endpoints: controllers.endpoints(),
        artifacts: controllers.artifacts(),
        backoff: Backoff::default(),
        paced: Paced::default(),
        client,
        metrics,
        config,
        surveys,
    };
    controllers.run(Arc::new(context)).await;
}

async fn listen(address: SocketAddr, metrics: &Arc<Metrics>) -> Result<(), RunError> {
    let setup = |source| RunError::Setup { doing: format!("listen on {address}"), source };
    let listener = tokio::net::TcpListener::bind(address).await.map_err(setup)?;
    let bound = listener.local_addr().map_err(setup)?;
    tracing::info!(address = %bound, "Admin port is open");
    let routes = admin::routes(Arc::clone(metrics));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "Admin port ended");
        }
    });
    Ok(())
}

/// Fails with what to do where the definition is missing, instead of retrying a watch for ever.
async fn defined<K>(api: &Api<K>) -> Result<(), RunError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let kind = K::kind(&()).into_owned();
    match api.list(&ListParams::default().limit(1)).await {
        Ok(_) => Ok(()),
        Err(e) if crate::Error::is_not_found(&e) => Err(RunError::NoDefinition { kind }),
        Err(source) => Err(RunError::NotAllowed { kind, source: Box::new(source) }),
    }
}
