//! Random numbers, drawn as TensorFlow draws them: by Philox, a function of a key and a counter.

use crate::DType;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that go on from draw to draw, whichever runs and threads draw them.
#[derive(Debug)]
pub struct Stream {
    key: u64,
    start: u64,
    drawn: AtomicU64,
}

impl Stream {
    /// By two seeds; both zero: by chance.
    pub fn new(seed: i64, second: i64) -> Self {
        let chance = || std::hash::RandomState::new().build_hasher().finish();
        let (key, start) = match (seed, second) {
            (0, 0) => (chance(), chance()),
            seeds => (seeds.0.cast_unsigned(), seeds.1.cast_unsigned()),
        };
        Self { key, start, drawn: AtomicU64::new(0) }
    }

    /// Takes so many values of the counter; the key, and the counter's two halves at the first.
    pub fn take(&self, counts: u64) -> (u64, [u64; 2]) {
        (self.key, [self.skip(counts), self.start])
    }

    /// Takes so many values of the counter; how many were taken before.
    pub fn skip(&self, counts: u64) -> u64 {
        self.drawn.fetch_add(counts, Ordering::Relaxed)
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Draw {
    /// shape → from 0 to 1
    Uniform,
    /// shape
    Normal,
    /// shape → the normal distribution between -2 and 2
    Truncated,
    /// shape, least, end
    Between,
    /// shape → any integers of the type
    Any,
    /// x → its slices in another order
    Shuffle,
    /// logits [rows, classes], count → classes
    Categorical,
    /// shape, shapes of the distributions
    Gamma,
    /// shape, rates
    Poisson,
    /// shape, counts, chances
    Binomial,
    /// shape, means, deviations, least, most; they are of the last axes if `last`, else of the first
    Bounded { last: bool },
}

impl Draw {
    /// What numbers are that are said to be of no type.
    pub fn usual(self) -> DType {
        if matches!(self, Self::Between | Self::Any) { DType::I64 } else { DType::F32 }
    }

    /// How many inputs there are beside what the numbers are made of.
    pub fn operands(self) -> usize {
        match self {
            Self::Bounded { .. } => 5,
            Self::Between | Self::Binomial => 3,
            Self::Categorical | Self::Gamma | Self::Poisson => 2,
            _ => 1,
        }
    }
}

/// Where key and counter come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The operation goes on where it was.
    Stream(Arc<Stream>),
    /// They are two more inputs.
    Given,
    /// They are made of one more input.
    Seed,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone)]
pub enum Random {
    /// As [`Draw`] says.
    Draw { draw: Draw, dtype: DType, source: Source },
    /// seed → key, counter
    Key,
    /// state of a generator, count → the state before so many numbers are drawn
    Advance(Arc<Stream>),
    /// an increment → as many times as there were runs before
    Count(Arc<Stream>),
}

impl Random {
    /// Whether each run draws others.
    pub fn varies(&self) -> bool {
        matches!(self, Self::Draw { source: Source::Stream(_), .. } | Self::Advance(_) | Self::Count(_))
    }
}

/// Streams are like none but themselves.
impl PartialEq for Random {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key, Self::Key) => true,
            (Self::Advance(a), Self::Advance(b)) | (Self::Count(a), Self::Count(b)) => Arc::ptr_eq(a, b),
            (
                Self::Draw { draw: a, dtype: x, source: from },
                Self::Draw { draw: b, dtype: y, source: also },
            ) => {
                let same = match (from, also) {
                    (Source::Stream(a), Source::Stream(b)) => Arc::ptr_eq(a, b),
                    (Source::Given, Source::Given) | (Source::Seed, Source::Seed) => true,
                    _ => false,
                };
                a == b && x == y && same
            }
            _ => false,
        }
    }
}
