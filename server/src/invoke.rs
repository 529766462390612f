//! One invocation, whatever protocol it came by: acquire the model, decode, run, encode.

use crate::cache::{Lease, ModelCache};
use crate::catalogue::Catalogue;
use crate::compute::Compute;
use crate::config::Config;
use crate::deadline;
use crate::error::InvokeError;
use crate::metrics::Metrics;
use crate::names::ModelName;
use berth_engine::{Data, Model, Tensor};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

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
    phase: watch::Sender<Phase>,
}

/// How far a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Bytes of the request, before it is read.
    fn bytes(&self) -> usize;

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

impl Call {
    /// Bytes of its tensors.
    pub fn bytes(&self) -> u64 {
        let bytes = |tensor: &Tensor| match tensor.data() {
            Data::F32(values) => size_of_val(values.as_slice()),
            Data::F64(values) => size_of_val(values.as_slice()),
            Data::I64(values) => size_of_val(values.as_slice()),
            Data::Bool(values) => size_of_val(values.as_slice()),
            Data::String(values) => {
                size_of_val(values.as_slice()) + values.iter().map(Vec::len).sum::<usize>()
            }
        };
        self.inputs.iter().map(|(_, tensor)| bytes(tensor) as u64).sum()
    }
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
        let phase = watch::Sender::new(Phase::Starting);
        Self { config, cache, catalogue, compute, metrics, admission, phase }
    }

    /// How far the server is.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.phase() == Phase::Draining
    }

    /// Goes on to a phase; there is no way back.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| phase > std::mem::replace(now, phase.max(*now)));
    }

    /// How far the server is, now and later.
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
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

    /// Whether a request would be refused now by what is known before its body came: which model it is for, if that is known, and how long
    /// it is. Nothing is kept for whoever is not refused: it may still be when it is there.
    pub fn look(&self, model: Option<&ModelName>, bytes: u64) -> Result<(), InvokeError> {
        let deadline = deadline::current()?;
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Err(InvokeError::DeadlineExceeded);
        }
        let copy = model.map_or(Ok(None), |model| self.cache.outlook(model))?;
        self.compute.look(copy, bytes, deadline)
    }

    /// Refuses, and counts, what comes while every request would be refused.
    pub fn look_at_all(&self) -> Result<(), InvokeError> {
        let looked = match self.admission.available_permits() {
            0 => Err(InvokeError::Overloaded(self.config.max_requests)),
            _ => self.look(None, 0),
        };
        looked.inspect_err(|error| self.metrics.invoked(error.reason(), 0.0))
    }

    /// Answers one request, whatever protocol it came by, within the deadline that it brings.
    pub async fn invoke<E: Exchange>(
        &self,
        model: &ModelName,
        exchange: E,
    ) -> Result<E::Answer, InvokeError> {
        let lease = self.acquire(model).await?;
        self.run(lease, exchange).await
    }

    /// A lease on the model, loaded if need be, within the request's deadline.
    pub async fn acquire(&self, model: &ModelName) -> Result<Lease, InvokeError> {
        let left = deadline::current()?.map(|at| at.saturating_duration_since(Instant::now()));
        let patience = left.unwrap_or(self.config.wait_limit).min(self.config.wait_limit);
        match self.cache.acquire(model, patience).await {
            Err(InvokeError::NotReady) if left == Some(patience) => Err(InvokeError::DeadlineExceeded),
            lease => lease,
        }
    }

    /// Answers with a model that was acquired.
    pub async fn run<E: Exchange>(&self, lease: Lease, exchange: E) -> Result<E::Answer, InvokeError> {
        self.compute.invoke(lease, exchange, deadline::current()?).await
    }
}
