//! One call, as far as decisions depend on it.

use crate::cache::CopyId;
use std::time::Duration;

/// Names a call; later ones have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits to be read.
    Fresh,
    /// Is read.
    Decoding,
    /// Waits to be run.
    Read,
    /// Runs.
    Running,
    /// Waits for its answer to be written.
    Ran,
    /// Its answer is written.
    Encoding,
}

/// A call, as the core knows it.
#[derive(Debug)]
pub struct Call {
    /// The copy of the model that it is for.
    pub lane: CopyId,
    /// How far it is.
    pub state: State,
    /// What it was expected to cost when it came.
    pub expected: Duration,
    /// Of its request, once it was read of its tensors: counted while it waits.
    pub bytes: u64,
    /// Of the piece that is done for it, or for those that run with it.
    pub work: Option<Work>,
}

#[cfg(test)]
impl Call {
    /// Whether a heavy piece is done for it, other than writing its answer.
    pub fn is_heavy_work(&self) -> bool {
        self.state != State::Encoding && self.work.is_some_and(|work| work.heavy)
    }
}

/// A piece that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// What its lane was charged.
    pub charged: Duration,
    /// It keeps a thread for long.
    pub heavy: bool,
    /// The group and the rows, of a run.
    pub run: Option<(u64, usize)>,
}
