//! What the pieces of a model's calls cost, as measured.

use std::time::Duration;

/// A piece that takes longer keeps a thread from small requests for too long.
const HEAVY: Duration = Duration::from_millis(5);
/// A call that takes no longer is not worth handing over to another thread, and keeps no connection waiting.
const LIGHT: Duration = Duration::from_micros(100);
/// What a piece is taken to cost before there was one.
const UNKNOWN: Duration = Duration::from_micros(100);

/// A moving average. It falls faster than it rises: a model's first run is its slowest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Average(Option<Duration>);

impl Average {
    /// Counts one more.
    pub fn add(&mut self, spent: Duration) {
        self.0 = Some(match self.0 {
            None => spent,
            Some(before) if spent < before => (before + spent) / 2,
            Some(before) => (before * 3 + spent) / 4,
        });
    }

    /// What the next one will cost.
    pub fn expected(self) -> Duration {
        self.0.unwrap_or(UNKNOWN)
    }

    /// Whether it keeps a thread for long.
    pub fn is_heavy(self) -> bool {
        self.0.is_some_and(|spent| spent > HEAVY)
    }
}

/// What a model's calls cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Costs {
    /// Reading one.
    pub decode: Average,
    /// A run, of as many calls as it had.
    pub run: Average,
    /// Each of its calls' part.
    pub share: Average,
    /// Writing one.
    pub encode: Average,
}

impl Costs {
    /// A call as a whole.
    pub fn call(&self) -> Duration {
        self.decode.expected() + self.share.expected() + self.encode.expected()
    }

    /// Whether a call of so many rows is known to be light. Of what a run takes nobody knows which part is for each row.
    pub fn is_light(&self, rows: usize) -> bool {
        let whole = || {
            let run = self.share.0?.checked_mul(u32::try_from(rows).ok()?)?;
            self.decode.0?.checked_add(run)?.checked_add(self.encode.0?)
        };
        whole().is_some_and(|whole| whole <= LIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::{Average, HEAVY, UNKNOWN};
    use std::time::Duration;

    #[test]
    fn a_slow_start_is_soon_forgotten() {
        let mut average = Average::default();
        assert_eq!(average.expected(), UNKNOWN);
        assert!(!average.is_heavy());
        average.add(HEAVY * 4);
        assert!(average.is_heavy());
        for _ in 0..3 {
            average.add(Duration::from_micros(50));
        }
        assert!(!average.is_heavy());
        average.add(HEAVY * 2);
        assert!(!average.is_heavy(), "one that was interrupted makes no heavy model");
    }
}
