//! Whether to take, renew or wait: pure, by what was seen of the Lease and when.

use super::LEASE_TIME;
use k8s_openapi::api::coordination::v1::Lease;
use std::time::{Duration, Instant};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is free.
    Take,
    /// It is ours.
    Renew,
    /// It is another's.
    Wait,
}

/// What one process saw of the Lease.
#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    /// The resourceVersion last seen, and when first.
    seen: Option<(String, Instant)>,
    held: Option<Lease>,
}

impl Election {
    pub(super) fn new(identity: String) -> Self {
        Self { identity, seen: None, held: None }
    }

    /// Whether the last look found the Lease to be ours.
    pub(super) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Our Lease as it was last written.
    pub(super) fn held(&self) -> Option<&Lease> {
        self.held.as_ref()
    }

    /// We wrote it.
    pub(super) fn wrote(&mut self, lease: Lease, now: Instant) {
        self.note(&lease, now);
        self.held = Some(lease);
    }

    /// What follows from the Lease as it is found.
    pub(super) fn decide(&mut self, found: Option<&Lease>, now: Instant) -> Step {
        let Some(lease) = found else {
            self.held = None;
            return Step::Take;
        };
        self.note(lease, now);
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder == self.identity {
            return Step::Renew;
        }
        self.held = None;
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
        let lasts = seconds.map_or(LEASE_TIME, Duration::from_secs);
        let unchanged = self.seen.as_ref().map_or(Duration::ZERO, |(_, since)| now.duration_since(*since));
        if holder.is_empty() || unchanged > lasts { Step::Take } else { Step::Wait }
    }

    fn note(&mut self, lease: &Lease, now: Instant) {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.seen = Some((version, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Election, Instant, LEASE_TIME, Lease, Step};
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use kube::api::ObjectMeta;

    fn lease(holder: &str, version: &str) -> Lease {
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(15),
                ..LeaseSpec::default()
            }),
        }
    }

    #[test]
    fn a_lease_that_is_missing_or_given_back_is_taken() {
        let mut election = Election::new("me".to_owned());
        assert_eq!(election.decide(None, Instant::now()), Step::Take);
        assert_eq!(election.decide(Some(&lease("", "1")), Instant::now()), Step::Take);
    }

    #[test]
    fn ours_is_renewed_and_lost_when_another_has_it() {
        let (mut election, now) = (Election::new("me".to_owned()), Instant::now());
        election.wrote(lease("me", "1"), now);
        assert_eq!(election.decide(Some(&lease("me", "1")), now), Step::Renew);
        assert!(election.holds());
        assert_eq!(election.decide(Some(&lease("other", "2")), now), Step::Wait);
        assert!(!election.holds());
    }

    #[test]
    fn anothers_is_taken_only_after_it_stood_still_for_its_duration() {
        let (mut election, start) = (Election::new("me".to_owned()), Instant::now());
        let tick = Duration::from_secs(1);
        assert_eq!(election.decide(Some(&lease("other", "1")), start), Step::Wait);
        assert_eq!(election.decide(Some(&lease("other", "1")), start + LEASE_TIME), Step::Wait);
        // Renewed in the last moment: the time begins anew.
        assert_eq!(election.decide(Some(&lease("other", "2")), start + LEASE_TIME + tick), Step::Wait);
        assert_eq!(election.decide(Some(&lease("other", "2")), start + LEASE_TIME * 2), Step::Wait);
        assert_eq!(
            election.decide(Some(&lease("other", "2")), start + LEASE_TIME * 2 + tick * 2),
            Step::Take
        );
    }
}
