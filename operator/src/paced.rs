//! What is remembered of the last write of each status: numbers are written at most once in a while, conditions at once,
//! and neither by looking at an object from before our own last write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When each object's status was last written, and over which version of it.
#[derive(Debug, Default)]
pub struct Paced {
    written: Mutex<HashMap<String, Written>>,
}

#[derive(Debug)]
struct Written {
    at: Instant,
    /// The version that the write replaced; none if it left the object as it was.
    over: Option<String>,
}

impl Paced {
    /// How long a write of numbers still has to wait; zero: not at all.
    pub fn wait(&self, object: &str, interval: Duration, now: Instant) -> Duration {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(object).map_or(Duration::ZERO, |last| (last.at + interval).saturating_duration_since(now))
    }

    /// Whether a version is the one that our last write replaced: the watch has not told of that write yet.
    pub fn is_outdated(&self, object: &str, version: Option<&str>) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(object).is_some_and(|last| last.over.is_some() && last.over.as_deref() == version)
    }

    /// Notes a write that made the version `after` of the version `before`.
    pub fn wrote(&self, object: &str, before: Option<&str>, after: Option<&str>, now: Instant) {
        let over = before.filter(|before| after != Some(before)).map(str::to_owned);
        let last = Written { at: now, over };
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(object.to_owned(), last);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, object: &str) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, Paced};

    #[test]
    fn a_second_write_waits_for_the_rest_of_the_interval() {
        let (paced, now, interval) = (Paced::default(), Instant::now(), Duration::from_secs(10));
        let wrote = |now| paced.wrote("a", None, None, now);
        assert_eq!(paced.wait("a", interval, now), Duration::ZERO);
        wrote(now);
        assert_eq!(paced.wait("a", interval, now + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(paced.wait("b", interval, now), Duration::ZERO);
        assert_eq!(paced.wait("a", interval, now + interval), Duration::ZERO);
        wrote(now + interval);
        paced.forget("a");
        assert_eq!(paced.wait("a", interval, now + interval), Duration::ZERO);
    }

    #[test]
    fn the_version_that_was_written_over_is_outdated_and_no_other() {
        let (paced, now) = (Paced::default(), Instant::now());
        assert!(!paced.is_outdated("a", Some("1")));
        paced.wrote("a", Some("1"), Some("2"), now);
        assert!(paced.is_outdated("a", Some("1")) && !paced.is_outdated("a", Some("2")));
        assert!(!paced.is_outdated("b", Some("1")));
        // A write that changed nothing is followed by no event: the version stays.
        paced.wrote("a", Some("2"), Some("2"), now);
        assert!(!paced.is_outdated("a", Some("2")) && !paced.is_outdated("a", None));
        paced.wrote("a", None, Some("3"), now);
        assert!(!paced.is_outdated("a", None));
    }
}
