//! One invocation, whatever protocol it came by: acquire the model, decode, run, encode.

use crate::cache::ModelCache;
use crate::codec::{self, Accept, ContentType};
use crate::compute::Compute;
use crate::config::Config;
use crate::error::InvokeError;
use crate::metrics::Metrics;
use crate::names::ModelName;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Semaphore;

/// What every protocol needs.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The models.
    pub cache: ModelCache,
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

/// A request, protocol taken off.
pub struct Invocation {
    /// The target model.
    pub model: ModelName,
    /// How the body is written.
    pub content_type: ContentType,
    /// How the answer is wanted.
    pub accept: Accept,
    /// The body.
    pub body: Bytes,
}

/// An answer, protocol not yet put on.
pub struct Reply {
    /// How the body is written.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl App {
    /// A server's parts, put together.
    pub fn new(config: Config, cache: ModelCache, compute: Compute, metrics: Arc<Metrics>) -> Self {
        let admission = Semaphore::new(config.max_requests);
        Self { config, cache, compute, metrics, admission, phase: AtomicU8::new(Phase::Starting as u8) }
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

    /// Answers one invocation.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Reply, InvokeError> {
        let lease = self.cache.acquire(&invocation.model, self.config.wait_limit).await?;
        self.compute
            .run(move || {
                let Some(model) = lease.model() else { return Err(InvokeError::Panicked) };
                let engine = model.engine();
                let accept = invocation.accept.or_preferred(engine)?;
                let request = codec::decode(invocation.content_type, &invocation.body, engine)?;
                let request = request.told(accept, engine);
                drop(invocation.body);
                let outputs = engine.run(&request.signature, request.inputs)?;
                codec::encode(accept, request.form, &outputs)
            })
            .await
    }
}
