//! One invocation, whatever protocol it came by: acquire the model, decode, run, encode.

use crate::cache::ModelCache;
use crate::catalogue::Catalogue;
use crate::compute::Compute;
use crate::config::Config;
use crate::error::InvokeError;
use crate::metrics::Metrics;
use crate::names::ModelName;
use berth_engine::{Model, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use tokio::sync::Semaphore;

/// What every protocol needs.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The models.
    pub cache: ModelCache,
    /// What is asked of single models.
    pub catalogue: Catalogue,
    /// The predicting threads.
    pub compute: Compute,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Requests that may still come in.
    pub admission: Semaphore,
    phase: AtomicU8,
}

/// How far a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It answers, and others should wait: it learns what is listed, and loads what it must hold.
    Starting,
    /// It is ready.
    Serving,
    /// It answers, and others should go elsewhere.
    Draining,
}

/// One request and its answer, as a protocol writes them. Both steps run on a compute thread, with the model in memory: how a
/// request is read depends on the model's signatures.
pub trait Exchange: Send + 'static {
    /// What the protocol makes of the outputs.
    type Answer: Send + 'static;

    /// Reads the request.
    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError>;

    /// Writes the answer.
    fn encode(self, model: &Model, outputs: Vec<(String, Tensor)>) -> Result<Self::Answer, InvokeError>;
}

/// What is to be run.
#[derive(Debug)]
pub struct Call {
    /// The signature.
    pub signature: String,
    /// Tensors by input name.
    pub inputs: Vec<(String, Tensor)>,
}

impl App {
    /// A server's parts, put together.
    pub fn new(
        config: Config,
        cache: ModelCache,
        catalogue: Catalogue,
        compute: Compute,
        metrics: Arc<Metrics>,
    ) -> Self {
        let admission = Semaphore::new(config.max_requests);
        Self {
            config,
            cache,
            catalogue,
            compute,
            metrics,
            admission,
            phase: AtomicU8::new(Phase::Starting as u8),
        }
    }

    /// How far the server is.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.phase() == Phase::Draining
    }

    /// Goes on to a phase; there is no way back.
    pub fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Gives work a place among the requests of this server and counts how it ends. Every protocol's requests go through here,
    /// before their bodies are read.
    pub async fn admit<T>(
        &self,
        work: impl Future<Output = Result<T, InvokeError>>,
    ) -> Result<T, InvokeError> {
        let started = Instant::now();
        let result = match self.admission.try_acquire() {
            Ok(_admitted) => work.await,
            Err(_) => Err(InvokeError::Overloaded(self.config.max_requests)),
        };
        let reason = result.as_ref().map_or_else(InvokeError::reason, |_| "Ok");
        self.metrics.invoked(reason, started.elapsed().as_secs_f64());
        result
    }

    /// Answers one request, whatever protocol it came by.
    pub async fn invoke<E: Exchange>(
        &self,
        model: &ModelName,
        mut exchange: E,
    ) -> Result<E::Answer, InvokeError> {
        let lease = self.cache.acquire(model, self.config.wait_limit).await?;
        self.compute
            .run(move || {
                let Some(model) = lease.model() else { return Err(InvokeError::Panicked) };
                let engine = model.engine();
                let call = exchange.decode(engine)?;
                let outputs = engine.run(&call.signature, call.inputs)?;
                exchange.encode(engine, outputs)
            })
            .await
    }
}
