//! A server until it is told to stop.

use super::Failure;
use crate::config::{Config, LogFormat};
use crate::names::ENDINGS;
use crate::server::Server;
use crate::stop::{self, Asked, Signals};
use crate::store::Stores;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Threads for files, downloads and loads.
const BLOCKING_THREADS: usize = 24;
/// Models that the start shows a command for.
const SHOWN: usize = 10;
/// How long the start waits for the list of models before it goes on without.
const LIST_TIME: Duration = Duration::from_secs(10);

pub fn run(config: Config, format: LogFormat) -> Result<(), Failure> {
    log(format);
    // Downloads, loads and unloads are bounded by the cache: more threads would only keep memory of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let runtime = runtime.map_err(|e| format!("cannot start threads: {e}"))?;
    runtime.block_on(serve(config, format))
}

async fn serve(config: Config, format: LogFormat) -> Result<(), Failure> {
    let (limit, delay, endpoint) = (config.drain_limit, config.drain_delay, config.endpoint.clone());
    let mut signals = Signals::new().map_err(|e| e.to_string())?;
    let (models, budget) = (config.models.to_string(), config.policy.memory_budget);
    let server = Server::bind(config).await.map_err(|e| e.to_string())?;
    let address = server.address().map_err(|e| e.to_string())?;
    let admin = server.admin_address().map_err(|e| e.to_string())?;
    tracing::info!(%models, %address, %admin, memory_budget = budget, "serving");
    if format == LogFormat::Text {
        let store = server.app().cache.loader().stores().clone();
        tokio::spawn(async move { greet(&store, endpoint.as_deref(), address).await });
    }
    let (sender, word) = stop::stop();
    let running = tokio::spawn(server.run(word));
    let asked = signals.next().await;
    tracing::info!(limit_seconds = limit.as_secs(), "draining");
    sender.drain();
    if asked == Asked::Terminate {
        // Services and proxies learn late that this pod goes. A second signal means now.
        let _ = tokio::time::timeout(delay, signals.next()).await;
    }
    sender.stop();
    match running.await {
        Ok(true) => {
            tracing::info!("stopped");
            Ok(())
        }
        Ok(false) => {
            Err(format!("some requests did not end within the drain limit of {} s", limit.as_secs()))
        }
        Err(e) => Err(e.to_string()),
    }
}

/// A command to paste for each model, with a request file that fits it where one lies ready.
async fn greet(store: &Stores, endpoint: Option<&str>, address: SocketAddr) {
    let listed = tokio::time::timeout(LIST_TIME, store.list(SHOWN + 1)).await;
    let names = match listed {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => return tracing::warn!(%error, "cannot list the models"),
        Err(_elapsed) => {
            return tracing::warn!("listing the models takes long; they are served all the same");
        }
    };
    if names.is_empty() {
        println!(
            "No model yet. Drop an archive (name.tar.gz) under the prefix; it is served at its first request."
        );
        return;
    }
    let endpoint = endpoint.unwrap_or("berth");
    println!("\nTry:");
    for name in names.iter().take(SHOWN) {
        println!(
            "  curl -sS http://{address}/endpoints/{endpoint}/invocations \\\n    -H 'X-Amzn-SageMaker-Target-Model: {name}' \
             -H 'Content-Type: application/json' \\\n    --data-binary {}\n",
            data(name)
        );
    }
    if names.len() > SHOWN {
        println!("  … and more: every archive under the prefix is a model.\n");
    }
}

fn data(name: &str) -> String {
    let stem = ENDINGS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let file = format!("examples/requests/{stem}/request.json");
    if Path::new(&file).is_file() { format!("@{file}") } else { "'{\"instances\": […]}'".to_owned() }
}

fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BERTH_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,aws=warn,hyper=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
