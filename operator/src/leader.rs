//! The leader's Lease, and the fence that stops a leader that was.
//!
//! The rules are client-go's: a Lease is free when nothing about it changed for its duration *as seen by this process's
//! own clock*, so that clocks need not agree; every change carries the resourceVersion it follows, so that two cannot
//! take it at once. The holder renews every 2 s. When it could not for 10 s its [`Fence`] closes, which no write
//! passes, and the process ends; others take the Lease after 15 s. A process that was stopped (SIGSTOP) and goes on
//! finds its fence closed, because the fence is a time, not a flag that somebody has to set.

mod election;

use crate::error::Error;
use crate::metrics::Metrics;
use election::{Election, Step};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a Lease holds after its last renewal.
pub const LEASE_TIME: Duration = Duration::from_secs(15);
/// How long the holder acts after its last renewal.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the Lease.
pub const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// Time of one request.
const REQUEST_TIME: Duration = Duration::from_secs(3);

/// Open while this process may act as the leader.
#[derive(Debug, Clone)]
pub struct Fence {
    start: Instant,
    /// Milliseconds from `start`.
    closes: Arc<AtomicU64>,
}

impl Default for Fence {
    fn default() -> Self {
        Self { start: Instant::now(), closes: Arc::new(AtomicU64::new(0)) }
    }
}

impl Fence {
    /// Whether this process may act now.
    pub fn is_open(&self) -> bool {
        self.is_open_at(Instant::now())
    }

    fn is_open_at(&self, now: Instant) -> bool {
        self.millis(now) < self.closes.load(Ordering::Acquire)
    }

    /// The Lease was renewed by a request that began at `began`.
    fn renewed(&self, began: Instant) {
        self.closes.store(self.millis(began + RENEW_DEADLINE), Ordering::Release);
    }

    fn close(&self) {
        self.closes.store(0, Ordering::Release);
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Takes, renews and gives back the Lease.
pub struct Leader {
    api: Api<Lease>,
    name: String,
    identity: String,
    election: Election,
    fence: Fence,
    metrics: Arc<Metrics>,
}

impl Leader {
    pub(crate) fn new(api: Api<Lease>, name: String, identity: String, metrics: Arc<Metrics>) -> Self {
        let election = Election::new(identity.clone());
        Self { api, name, identity, election, fence: Fence::default(), metrics }
    }

    /// The fence that this leader keeps open.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Returns when this process leads.
    pub async fn acquire(&mut self) {
        tracing::info!(lease = %self.name, identity = %self.identity, "Waiting for the leader lease");
        while !self.try_once().await {
            // A little apart from the others that wait.
            let apart = Duration::from_millis(fastrand::u64(0..500));
            tokio::time::sleep(RETRY_PERIOD + apart).await;
        }
        self.metrics.lead(true);
        tracing::info!(lease = %self.name, identity = %self.identity, "Leading");
    }

    /// Renews; returns when the Lease is lost.
    pub async fn keep(&mut self) {
        while self.fence.is_open() {
            tokio::time::sleep(RETRY_PERIOD).await;
            if !self.try_once().await && !self.election.holds() {
                break;
            }
        }
        self.fence.close();
        self.metrics.lead(false);
    }

    /// Gives the Lease back, so that the next one need not wait for its end.
    pub async fn release(&mut self) {
        self.fence.close();
        self.metrics.lead(false);
        let Some(mut lease) = self.election.held().cloned() else { return };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
        }
        let parameters = PostParams::default();
        let put = self.api.replace(&self.name, &parameters, &lease);
        match tokio::time::timeout(REQUEST_TIME, put).await {
            Ok(Ok(_)) => tracing::info!("Gave the leader lease back"),
            Ok(Err(_)) | Err(_) => tracing::warn!("Could not give the leader lease back; it ends by itself"),
        }
    }

    /// One look at the Lease and what follows; whether this process holds it afterwards.
    async fn try_once(&mut self) -> bool {
        let began = Instant::now();
        match tokio::time::timeout(REQUEST_TIME, self.step()).await {
            Ok(Ok(true)) => {
                self.fence.renewed(began);
                true
            }
            Ok(Ok(false)) => false,
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "Could not renew or take the leader lease");
                false
            }
            Err(_) => {
                tracing::warn!("Could not renew or take the leader lease: no answer");
                false
            }
        }
    }

    async fn step(&mut self) -> Result<bool, kube::Error> {
        let found = match self.api.get(&self.name).await {
            Ok(lease) => Some(lease),
            Err(e) if Error::is_not_found(&e) => None,
            Err(e) => return Err(e),
        };
        let step = self.election.decide(found.as_ref(), Instant::now());
        let written = match (step, found) {
            (Step::Wait, _) => return Ok(false),
            (Step::Take | Step::Renew, Some(found)) => {
                let next = self.next(found, step);
                self.api.replace(&self.name, &PostParams::default(), &next).await
            }
            (Step::Take | Step::Renew, None) => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let next = self.next(Lease { metadata, spec: None }, Step::Take);
                self.api.create(&PostParams::default(), &next).await
            }
        };
        match written {
            Ok(lease) => {
                self.election.wrote(lease, Instant::now());
                Ok(true)
            }
            // Another one was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The Lease as this process's.
    fn next(&self, mut lease: Lease, step: Step) -> Lease {
        let now = MicroTime(Timestamp::now());
        let old = lease.spec.take().unwrap_or_default();
        let taken = step == Step::Take;
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_TIME.as_secs()).ok(),
            acquire_time: if taken { Some(now.clone()) } else { old.acquire_time },
            lease_transitions: Some(old.lease_transitions.unwrap_or(0).saturating_add(i32::from(taken))),
            renew_time: Some(now),
            ..LeaseSpec::default()
        });
        lease
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Fence, Instant, LEASE_TIME, RENEW_DEADLINE};

    #[test]
    fn the_fence_closes_by_itself_before_the_lease_ends() {
        let (fence, began) = (Fence::default(), Instant::now());
        assert!(!fence.is_open_at(began));
        fence.renewed(began);
        assert!(fence.is_open_at(began + RENEW_DEADLINE - Duration::from_millis(5)));
        assert!(!fence.is_open_at(began + RENEW_DEADLINE + Duration::from_millis(5)));
        const { assert!(RENEW_DEADLINE.as_secs() + 4 < LEASE_TIME.as_secs()) };
        fence.close();
        assert!(!fence.is_open_at(began));
    }
}
