//! Prometheus metrics: base units, names that stay.

use crate::cache::ModelCache;
use crate::compute::Compute;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt::Error;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// One label whose values are known when the program is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label(&'static str, &'static str);

impl EncodeLabelSet for Label {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), Error> {
        (self.0, self.1).encode(encoder.encode_label())
    }
}

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    /// Time from the request to the answer.
    pub invocation_seconds: Histogram,
    /// Store → disk.
    pub download_seconds: Histogram,
    /// Disk → memory.
    pub load_seconds: Histogram,
    /// What requests waited for models that were not resident.
    pub load_wait_seconds: Histogram,
    /// Memory → gone.
    pub unload_seconds: Histogram,
    /// What requests waited for a compute thread.
    pub compute_wait_seconds: Histogram,
    /// Rows that ran together.
    pub batch_rows: Histogram,
    invocations: Family<Label, Counter>,
    failures: Family<Label, Counter>,
    compute_refusals: Family<Label, Counter>,
    manifests: Family<Label, Counter>,
    sampled: Sampled,
}

/// What is read off the cache when the metrics are asked for.
#[derive(Default)]
struct Sampled {
    hits: Counter,
    misses: Counter,
    evictions: Counter,
    loads: Counter,
    resident: Gauge,
    failed: Gauge,
    memory_budget: Gauge,
    memory: Family<Label, Gauge>,
    disk_budget: Gauge,
    disk_used: Gauge,
    disk_models: Gauge,
    queue: Gauge,
    queue_bytes: Gauge,
}

fn histogram(first: f64) -> Histogram {
    Histogram::new(exponential_buckets(first, 2.5, 14))
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("berth"),
            invocation_seconds: histogram(0.0001),
            download_seconds: histogram(0.001),
            load_seconds: histogram(0.0005),
            load_wait_seconds: histogram(0.001),
            unload_seconds: histogram(0.0001),
            compute_wait_seconds: histogram(0.00001),
            batch_rows: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            invocations: Family::default(),
            failures: Family::default(),
            compute_refusals: Family::default(),
            manifests: Family::default(),
            sampled: Sampled::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        let s = Unit::Seconds;
        let times = [
            ("invocation", "Time from request to answer", &self.invocation_seconds),
            ("model_download", "Time to get a model from the store to disk", &self.download_seconds),
            ("model_load", "Time to get a model from disk to memory", &self.load_seconds),
            ("model_load_wait", "Time requests waited for models", &self.load_wait_seconds),
            ("model_unload", "Time to give a model's memory back", &self.unload_seconds),
            ("compute_wait", "Time requests waited for a compute thread", &self.compute_wait_seconds),
        ];
        for (name, help, metric) in times {
            r.register_with_unit(name, help, s.clone(), metric.clone());
        }
        r.register("invocations", "Requests, by the reason of their outcome", self.invocations.clone());
        r.register(
            "batch_rows",
            "Rows that ran together, of one request or several",
            self.batch_rows.clone(),
        );
        let refusals = self.compute_refusals.clone();
        r.register("compute_refusals", "Requests that no compute thread took, by reason", refusals);
        r.register("model_failures", "Models that did not load, by reason", self.failures.clone());
        r.register("manifest_reads", "Changed manifests, by what became of them", self.manifests.clone());
        let m = &self.sampled;
        r.register("model_cache_hits", "Requests that found their model in memory", m.hits.clone());
        r.register("model_cache_misses", "Requests that had to wait for their model", m.misses.clone());
        r.register(
            "model_evictions",
            "Models unloaded because others needed the memory",
            m.evictions.clone(),
        );
        r.register("model_loads", "Models loaded", m.loads.clone());
        r.register("models_resident", "Models in memory", m.resident.clone());
        r.register("models_failed", "Models in back-off", m.failed.clone());
        let b = Unit::Bytes;
        r.register_with_unit("memory_budget", "Memory models may use", b.clone(), m.memory_budget.clone());
        r.register_with_unit("memory_used", "Memory of models, by state", b.clone(), m.memory.clone());
        r.register_with_unit("disk_budget", "Disk models may use", b.clone(), m.disk_budget.clone());
        r.register_with_unit(
            "disk_used",
            "Disk used, temporary files included",
            b.clone(),
            m.disk_used.clone(),
        );
        let help = "Requests and their tensors that wait for a compute thread";
        r.register_with_unit("compute_queue", help, b, m.queue_bytes.clone());
        r.register("models_on_disk", "Models on disk", m.disk_models.clone());
        r.register("compute_queue_length", "Requests that wait for a compute thread", m.queue.clone());
        self
    }

    /// A model did not load.
    pub fn failed(&self, reason: &'static str) {
        self.failures.get_or_create(&Label("reason", reason)).inc();
    }

    /// A request was not taken by the compute threads.
    pub fn compute_refused(&self, reason: &'static str) {
        self.compute_refusals.get_or_create(&Label("reason", reason)).inc();
    }

    /// A changed manifest was read.
    pub fn manifest_read(&self, result: &'static str) {
        self.manifests.get_or_create(&Label("result", result)).inc();
    }

    /// A request was answered.
    pub fn invoked(&self, reason: &'static str, seconds: f64) {
        self.invocations.get_or_create(&Label("reason", reason)).inc();
        self.invocation_seconds.observe(seconds);
    }

    /// The exposition text, with the cache's numbers of this moment.
    pub fn text(&self, cache: &ModelCache, compute: &Compute) -> Result<String, Error> {
        self.sample(cache, compute);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn sample(&self, cache: &ModelCache, compute: &Compute) {
        let usage = cache.usage();
        let disk = cache.loader().disk().usage();
        let m = &self.sampled;
        let count = |c: &Counter<u64, AtomicU64>, v: u64| c.inner().store(v, Ordering::Relaxed);
        count(&m.hits, usage.counters.hits);
        count(&m.misses, usage.counters.misses);
        count(&m.evictions, usage.counters.evictions);
        count(&m.loads, usage.counters.loads);
        let set = |g: &Gauge<i64, AtomicI64>, v: u64| g.set(i64::try_from(v).unwrap_or(i64::MAX));
        set(&m.resident, usage.models_resident as u64);
        set(&m.failed, usage.models_failed as u64);
        set(&m.memory_budget, usage.budget);
        for (state, bytes) in
            [("resident", usage.resident), ("reserved", usage.reserved), ("unloading", usage.unloading)]
        {
            set(&m.memory.get_or_create(&Label("state", state)), bytes);
        }
        set(&m.disk_budget, disk.budget);
        set(&m.disk_used, disk.used);
        set(&m.disk_models, disk.entries as u64);
        let (waiting, bytes) = compute.waiting();
        set(&m.queue, waiting as u64);
        set(&m.queue_bytes, bytes);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
