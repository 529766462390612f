//! Vectors among which the nearest ones are looked for.
//!
//! [`Neighbours`] are made once and never change. Making them checks what a search relies on: every list lies within its items, every
//! code within its quantiser, and nothing is asked for an extent that is not there.

mod lists;
mod vectors;

pub use lists::{CODES, Codes, Items, Lists};
pub use vectors::Vectors;

use crate::EngineError;
use std::fmt::Debug;

/// What makes a vector near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The square of the distance is small.
    Squared,
    /// The inner product is large.
    Product,
}

impl Metric {
    /// What is given for a neighbour that is not there.
    pub fn nowhere(self) -> f32 {
        match self {
            Self::Squared => f32::MAX,
            Self::Product => -f32::MAX,
        }
    }
}

/// What is searched.
pub enum Search {
    /// All vectors.
    All(Vectors),
    /// Some lists.
    Lists(Lists),
}

/// An index.
pub struct Neighbours {
    metric: Metric,
    search: Search,
    /// What items are called; none: by their number.
    names: Option<Vec<i64>>,
}

impl Neighbours {
    /// Puts an index together.
    pub fn new(metric: Metric, search: Search, names: Option<Vec<i64>>) -> Result<Self, EngineError> {
        let index = Self { metric, search, names: None };
        if names.as_ref().is_some_and(|names| names.len() != index.len()) || index.len() > u32::MAX as usize {
            return Err(EngineError::broken(format!(
                "{} vectors have {} names",
                index.len(),
                names.map_or(0, |names| names.len())
            )));
        }
        Ok(Self { names, ..index })
    }

    /// Other names: `names` of what was called by its number.
    pub fn renamed(self, names: &[i64]) -> Result<Self, EngineError> {
        let name = |n: usize| {
            let of = self.names.as_ref().map_or(n as i64, |own| own[n]);
            let found = usize::try_from(of).ok().and_then(|of| names.get(of)).copied();
            found.ok_or_else(|| EngineError::broken(format!("vector {of} has no name")))
        };
        let names = (0..self.len()).map(name).collect::<Result<_, _>>()?;
        Self::new(self.metric, self.search, Some(names))
    }

    /// The vectors, if all of them are searched and have no names.
    pub fn into_vectors(self) -> Option<Vectors> {
        match (self.search, self.names) {
            (Search::All(vectors), None) => Some(vectors),
            _ => None,
        }
    }

    /// What makes a vector near.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// What is searched.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// What an item is called.
    pub fn name(&self, item: u32) -> i64 {
        self.names.as_ref().map_or(i64::from(item), |names| names[item as usize])
    }

    /// The least name that is larger than all, as far as names are numbers.
    pub fn end(&self) -> i64 {
        let largest = self.names.as_ref().map(|names| names.iter().copied().max().unwrap_or(-1));
        largest.map_or(self.len() as i64, |largest| largest.saturating_add(1))
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        match &self.search {
            Search::All(vectors) => vectors.len(),
            Search::Lists(lists) => lists.items().len(),
        }
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        match &self.search {
            Search::All(vectors) => vectors.width(),
            Search::Lists(lists) => lists.centroids().0.width(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let names = self.names.as_ref().map_or(0, |names| size_of_val(&names[..]));
        names
            + match &self.search {
                Search::All(vectors) => vectors.bytes(),
                Search::Lists(lists) => lists.bytes(),
            }
    }
}

/// An index is like none but itself: it is shared, and too large to be compared.
impl PartialEq for Neighbours {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Debug for Neighbours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Neighbours among {} vectors of {}", self.len(), self.width())
    }
}
