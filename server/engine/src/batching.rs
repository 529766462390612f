//! Whether requests for one model may be run as one.

/// Whether requests of a signature may be run together: their inputs, equal in all extents but the first, are put behind each other
/// along the first axis, and each request is given its own rows of the answers.
///
/// The rows are those that the request would get alone: integers, truths and texts exactly, floats to rounding, because products
/// of few rows and of many add up in another order. A request has a row at least. A row that makes a run fail (a word that a table
/// does not know, an index out of range) fails it for all: whoever joins requests runs each alone then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batching {
    /// Each row of the answers depends on the same row of the inputs alone, and more rows at once cost less for each.
    Worth,
    /// The same, but a row costs about as much among others as alone.
    Possible,
    /// Answers may depend on other rows than their own, or have none: what tells so.
    Never(String),
}

/// What is known of a signature's rows.
#[derive(Debug, Clone)]
pub struct Batched {
    pub batching: Batching,
    /// More rows in one run bring nothing more, or take too much memory.
    pub most_rows: usize,
}

impl Batched {
    /// Of rows that are not independent.
    pub fn never(why: String) -> Self {
        Self { batching: Batching::Never(why), most_rows: 1 }
    }
}
