//! What is printed.

use crate::transport::Outcome;
use std::fmt;
use std::time::Duration;

/// One request's end.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// Time from when it was due.
    pub waited: Duration,
    /// Time from when it was sent.
    pub took: Duration,
}

/// Rates and latencies.
#[derive(Debug)]
pub struct Report {
    seconds: f64,
    answered: Vec<Duration>,
    refused: Vec<Duration>,
    failed: usize,
}

impl Report {
    /// Of all that was measured.
    pub fn new(answers: Vec<Answer>, seconds: f64) -> Self {
        let (mut answered, mut refused, mut failed) = (Vec::new(), Vec::new(), 0);
        for answer in answers {
            match answer.outcome {
                Outcome::Answered => answered.push(answer.waited),
                // How fast the server refuses: what waited for a connection did not wait for the server.
                Outcome::Refused => refused.push(answer.took),
                Outcome::Failed => failed += 1,
            }
        }
        answered.sort_unstable();
        refused.sort_unstable();
        Self { seconds, answered, refused, failed }
    }
}

fn at(times: &[Duration], quantile: f64) -> Duration {
    times.get((times.len() as f64 * quantile) as usize).copied().unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |times: &[Duration]| times.len() as f64 / self.seconds;
        let Self { answered, refused, failed, .. } = self;
        write!(
            f,
            "{:.0} requests/s, {failed} errors, p50 {:?}, p99 {:?}",
            each(answered),
            at(answered, 0.5),
            at(answered, 0.99)
        )?;
        if !refused.is_empty() {
            write!(
                f,
                ", {:.0} refused/s (p50 {:?}, p99 {:?})",
                each(refused),
                at(refused, 0.5),
                at(refused, 0.99)
            )?;
        }
        Ok(())
    }
}
