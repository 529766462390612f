//! What a connection does now, and until when it may go on without doing more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A client that takes longer for a request's line and headers is given up.
const HEADER_TIME: Duration = Duration::from_secs(20);
/// A client that takes nothing of its answer for this long is given up.
const TAKE_TIME: Duration = Duration::from_secs(60);
/// How often a connection is looked at: what it is allowed may have become less since the last look.
const TICK: Duration = Duration::from_secs(5);
/// What the first bytes of HTTP/2 are.
const PREFACE: &[u8] = b"PRI ";

/// Shared by all parts of one connection.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<State>>);

struct State {
    multiplexed: Option<bool>,
    /// A request came.
    asked: bool,
    /// Requests that are not answered to their end.
    open: usize,
    /// Bytes of a request that has not begun yet.
    heading: bool,
    /// Since when no request is open, or its headers come.
    since: Instant,
    /// A request was answered before its body was read to the end.
    unread: bool,
    /// Answers on their way: when each was last asked for more.
    answers: BTreeMap<u64, Instant>,
    next: u64,
    /// Since when the other side takes no bytes.
    stalled: Option<Instant>,
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing was asked for a long time.
    Idle,
    /// It is stuck in the middle of something.
    Stuck,
}

/// An open request; it is over when this is dropped.
pub struct Open {
    activity: Activity,
    answer: Option<u64>,
}

impl Activity {
    /// Of a connection that has just come.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            multiplexed: None,
            asked: false,
            open: 0,
            heading: false,
            since: Instant::now(),
            unread: false,
            answers: BTreeMap::new(),
            next: 0,
            stalled: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests came over HTTP/2. A client that is told to go away before its first one would lose it.
    pub fn has_multiplexed(&self) -> bool {
        let state = self.lock();
        state.multiplexed == Some(true) && state.asked
    }

    /// Bytes came.
    pub fn received(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if state.multiplexed.is_none() {
            state.multiplexed = Some(bytes.starts_with(PREFACE));
        }
        if state.multiplexed == Some(false) && state.open == 0 && !state.heading {
            (state.heading, state.since) = (true, Instant::now());
        }
    }

    /// The other side takes bytes, or does not.
    pub fn takes(&self, takes: bool) {
        let mut state = self.lock();
        if takes {
            state.stalled = None;
        } else if state.stalled.is_none() {
            state.stalled = Some(Instant::now());
        }
    }

    /// A request came.
    pub fn begin(&self) -> Open {
        let mut state = self.lock();
        state.open += 1;
        (state.heading, state.unread, state.asked) = (false, false, true);
        Open { activity: self.clone(), answer: None }
    }

    /// A body is left lying.
    pub fn leave_unread(&self) {
        self.lock().unread = true;
    }

    /// Whether a body is left lying.
    pub fn has_unread(&self) -> bool {
        self.lock().unread
    }

    /// Whether bytes of a request may still come for which nobody waits.
    pub fn expects_bytes(&self) -> bool {
        let state = self.lock();
        state.multiplexed == Some(false) && (state.unread || state.heading || state.open > 0)
    }

    /// Waits until the connection has been idle for `idle`, or stuck for too long.
    pub async fn overdue(&self, idle: Duration) -> Overdue {
        loop {
            let (due, why) = self.lock().due(idle);
            let now = Instant::now();
            if now >= due {
                return why;
            }
            tokio::time::sleep_until(due.min(now + TICK)).await;
        }
    }
}

impl State {
    fn due(&self, idle: Duration) -> (Instant, Overdue) {
        let stuck = self.answers.values().chain(&self.stalled).min();
        match stuck {
            Some(since) => (*since + TAKE_TIME, Overdue::Stuck),
            None if self.open > 0 => (Instant::now() + TICK, Overdue::Stuck),
            None if self.heading => (self.since + HEADER_TIME, Overdue::Stuck),
            None => (self.since + idle, Overdue::Idle),
        }
    }
}

impl Open {
    /// The answer begins, or more of it is asked for.
    pub fn answers(&mut self) {
        let mut state = self.activity.lock();
        let id = *self.answer.get_or_insert(state.next);
        state.next = state.next.max(id + 1);
        state.answers.insert(id, Instant::now());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.activity.lock();
        if let Some(answer) = self.answer {
            state.answers.remove(&answer);
        }
        state.open -= 1;
        if state.open == 0 {
            state.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, HEADER_TIME, Instant, Overdue, TAKE_TIME};
    use std::time::Duration;

    const IDLE: Duration = Duration::from_secs(300);

    /// Why the connection is to end, and after which whole seconds from now.
    fn due(activity: &Activity) -> (Overdue, u64) {
        let (due, why) = activity.lock().due(IDLE);
        (why, (due - Instant::now()).as_secs_f64().round() as u64)
    }

    #[test]
    fn a_connection_ends_when_it_is_idle_and_earlier_when_it_is_stuck() {
        let activity = Activity::new();
        assert_eq!(due(&activity), (Overdue::Idle, IDLE.as_secs()));
        activity.received(b"GET /");
        assert_eq!(due(&activity), (Overdue::Stuck, HEADER_TIME.as_secs()));
        assert!(activity.expects_bytes());
        let mut open = activity.begin();
        let first = activity.lock().due(IDLE).0;
        assert!(activity.lock().due(IDLE).0 >= first, "a request takes as long as it takes");
        open.answers();
        assert_eq!(due(&activity), (Overdue::Stuck, TAKE_TIME.as_secs()));
        drop(open);
        assert_eq!(due(&activity), (Overdue::Idle, IDLE.as_secs()));
        activity.takes(false);
        assert_eq!(due(&activity), (Overdue::Stuck, TAKE_TIME.as_secs()));
        activity.takes(true);
        activity.leave_unread();
        assert!(activity.expects_bytes() && activity.has_unread());
    }

    #[test]
    fn frames_of_http_2_are_no_request() {
        let activity = Activity::new();
        activity.received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(due(&activity), (Overdue::Idle, IDLE.as_secs()));
        assert!(!activity.has_multiplexed() && !activity.expects_bytes());
        drop(activity.begin());
        assert!(activity.has_multiplexed());
    }
}
