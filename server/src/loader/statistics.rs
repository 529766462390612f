//! Counts and times of what a loaded model did: they go with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Waiting for a thread, reading the request, running the model, writing the answer.
const PARTS: usize = 4;

/// Counters that any thread may add to.
#[derive(Debug, Default)]
pub struct Statistics {
    success: Tally,
    fail: Tally,
    parts: [Tally; PARTS],
    executions: AtomicU64,
    last_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// How often something was done, and the time of it all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Times.
    pub count: u64,
    /// Together.
    pub nanoseconds: u64,
}

/// All counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Snapshot {
    /// Requests that were answered.
    pub success: Counted,
    /// Requests that were not.
    pub fail: Counted,
    /// Of answered requests: waiting for a thread, reading the request, running the model, writing the answer.
    pub parts: [Counted; PARTS],
    /// Runs of the model.
    pub executions: u64,
    /// When the last answer was there, in milliseconds since 1970; 0: never.
    pub last_ms: u64,
}

impl Tally {
    fn add(&self, time: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Counted {
        Counted {
            count: self.count.load(Ordering::Relaxed),
            nanoseconds: self.nanoseconds.load(Ordering::Relaxed),
        }
    }
}

impl Statistics {
    /// Counts a request: as answered if every part of it was done.
    pub fn count(&self, clock: &Clock) {
        let spent = clock.last.duration_since(clock.started);
        if clock.laps < PARTS {
            return self.fail.add(spent);
        }
        self.success.add(spent);
        for (tally, time) in self.parts.iter().zip(clock.times) {
            tally.add(time);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.last_ms.fetch_max(now, Ordering::Relaxed);
    }

    /// The model ran.
    pub fn executed(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    pub fn read(&self) -> Snapshot {
        Snapshot {
            success: self.success.read(),
            fail: self.fail.read(),
            parts: self.parts.each_ref().map(Tally::read),
            executions: self.executions.load(Ordering::Relaxed),
            last_ms: self.last_ms.load(Ordering::Relaxed),
        }
    }
}

/// Times the parts of one request.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    last: Instant,
    laps: usize,
    times: [Duration; PARTS],
}

impl Clock {
    /// Of a request that came just now and waits for a thread.
    pub fn start(started: Instant) -> Self {
        Self { started, last: started, laps: 0, times: Default::default() }
    }

    /// When the request came.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The next part is done.
    pub fn lap(&mut self) {
        let now = Instant::now();
        if let Some(time) = self.times.get_mut(self.laps) {
            *time = now.duration_since(self.last);
        }
        (self.last, self.laps) = (now, self.laps + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Statistics};
    use std::time::Instant;

    #[test]
    fn a_request_that_ends_early_has_failed() {
        let statistics = Statistics::default();
        let mut whole = Clock::start(Instant::now());
        (0..4).for_each(|_| whole.lap());
        statistics.count(&whole);
        let mut cut = Clock::start(Instant::now());
        (0..2).for_each(|_| cut.lap());
        statistics.count(&cut);
        let counted = statistics.read();
        assert_eq!((counted.success.count, counted.fail.count), (1, 1));
        assert!(counted.parts.iter().all(|part| part.count == 1) && counted.last_ms > 0);
        let sum: u64 = counted.parts.iter().map(|part| part.nanoseconds).sum();
        assert_eq!(sum, counted.success.nanoseconds);
    }
}
