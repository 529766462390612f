//! Numbers in a status are written at most once in a while; conditions at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When each object's numbers were last written.
#[derive(Debug, Default)]
pub struct Paced {
    written: Mutex<HashMap<String, Instant>>,
}

impl Paced {
    /// How long a write of numbers still has to wait; zero: not at all.
    pub fn wait(&self, object: &str, interval: Duration, now: Instant) -> Duration {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(object).map_or(Duration::ZERO, |at| (*at + interval).saturating_duration_since(now))
    }

    /// Notes a write.
    pub fn wrote(&self, object: &str, now: Instant) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(object.to_owned(), now);
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
        assert_eq!(paced.wait("a", interval, now), Duration::ZERO);
        paced.wrote("a", now);
        assert_eq!(paced.wait("a", interval, now + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(paced.wait("b", interval, now), Duration::ZERO);
        assert_eq!(paced.wait("a", interval, now + interval), Duration::ZERO);
        paced.wrote("a", now + interval);
        paced.forget("a");
        assert_eq!(paced.wait("a", interval, now + interval), Duration::ZERO);
    }
}
