//! When an object is looked at again: per-object back-off with jitter, and the periods of objects that are well.

use crate::error::Error;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// First delay after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(300);
/// Period in which an object that is well is looked at although nothing told of a change.
pub const RESYNC: Duration = Duration::from_secs(600);
/// Period in which what cannot work is looked at again: what it lacks may be of a kind that is not watched.
pub const RECHECK: Duration = Duration::from_secs(60);

/// Failures in a row of each object that has any.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure and says when to try again.
    pub fn failed(&self, object: &str, error: &Error) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(object.to_owned()).or_insert(0);
        *count = count.saturating_add(1);
        jittered(delay(*count, error), fastrand::f64())
    }

    /// Forgets the failures of an object that is well or gone.
    pub fn succeeded(&self, object: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }
}

/// The one table of requeues: doubled from a second for what may pass, longer for what asking again won't change.
fn delay(failures: u32, error: &Error) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    if error.is_permanent() { doubled.max(RECHECK) } else { doubled }
}

/// A delay shortened by up to a half, so that what failed together does not come back together. `random` is in 0..1.
pub fn jittered(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Duration, Error, LONGEST, RECHECK, delay, jittered};

    fn passing() -> Error {
        Error::TimedOut { doing: "get x".to_owned(), limit: Duration::from_secs(1) }
    }

    fn permanent() -> Error {
        Error::Refused { doing: "apply x".to_owned(), message: String::new() }
    }

    #[test]
    fn delays_double_up_to_five_minutes() {
        let delays: Vec<u64> = (1..=10).map(|n| delay(n, &passing()).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(delay(u32::MAX, &passing()), LONGEST);
        assert_eq!(delay(1, &permanent()), RECHECK);
    }

    #[test]
    fn each_object_counts_for_itself_and_begins_anew_when_it_is_well() {
        let backoff = Backoff::default();
        for _ in 0..9 {
            backoff.failed("a", &passing());
        }
        assert!(backoff.failed("a", &passing()) >= LONGEST / 2);
        assert!(backoff.failed("b", &passing()) <= Duration::from_secs(1));
        backoff.succeeded("a");
        assert!(backoff.failed("a", &passing()) <= Duration::from_secs(1));
    }

    #[test]
    fn jitter_only_shortens_and_at_most_by_half() {
        let whole = Duration::from_secs(10);
        assert_eq!(jittered(whole, 0.0), whole);
        assert_eq!(jittered(whole, 1.0), whole / 2);
    }
}
