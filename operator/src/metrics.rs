//! The operator's metrics. Labels are enums or fixed words, so that their number is bounded.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// A kind and a word about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    /// The kind of the object.
    pub kind: &'static str,
    /// Verb of a write, or reason of a failure.
    pub what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconcile_seconds: Family<KindLabel, Histogram>,
    reconcile_failures: Family<Labels, Counter>,
    writes: Family<Labels, Counter>,
    survey_failures: Counter,
    leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("berth_operator");
        let reconcile_seconds = Family::<KindLabel, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 4.0, 8))
        });
        let (reconcile_failures, writes) = (Family::default(), Family::default());
        let (survey_failures, leader) = (Counter::default(), Gauge::default());
        let help = "Time of a reconcile";
        registry.register_with_unit("reconcile", help, Unit::Seconds, reconcile_seconds.clone());
        registry.register("reconcile_failures", "Failed reconciles by reason", reconcile_failures.clone());
        registry.register("api_writes", "Writes to the API server by kind and verb", writes.clone());
        registry.register("survey_failures", "Pods that did not answer when asked", survey_failures.clone());
        registry.register("leader", "1 while this process is the leader", leader.clone());
        Self { registry, reconcile_seconds, reconcile_failures, writes, survey_failures, leader }
    }
}

impl Metrics {
    /// A reconcile ended.
    pub fn reconciled(&self, kind: &'static str, took: Duration) {
        self.reconcile_seconds.get_or_create(&KindLabel { kind }).observe(took.as_secs_f64());
    }

    /// A reconcile failed.
    pub fn failed(&self, kind: &'static str, reason: &'static str) {
        self.reconcile_failures.get_or_create(&Labels { kind, what: reason }).inc();
    }

    /// Something was written.
    pub fn wrote(&self, kind: &'static str, verb: &'static str) {
        self.writes.get_or_create(&Labels { kind, what: verb }).inc();
    }

    /// A pod did not answer.
    pub fn survey_failed(&self) {
        self.survey_failures.inc();
    }

    /// Whether this process is the leader.
    pub fn lead(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// As Prometheus reads them.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
