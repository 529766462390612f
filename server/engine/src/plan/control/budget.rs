//! What loops and branches may do in one run.

use crate::EngineError;
use std::cell::Cell;

/// Nodes that a run may execute in the bodies of loops and branches. A recogniser of ten thousand steps needs an eighth of them; a loop
/// that has no end and does nothing comes to this one in about a second.
pub const MOST_NODES: usize = 1 << 21;

/// What is left to a run, and who says whether it is to go on.
pub struct Budget<'w> {
    nodes: Cell<usize>,
    watch: &'w dyn Fn() -> bool,
}

impl<'w> Budget<'w> {
    pub fn new() -> Self {
        Self::watched(&|| true)
    }

    /// Of a run that ends as soon as the answer of `watch` is no.
    pub fn watched(watch: &'w dyn Fn() -> bool) -> Self {
        Self { nodes: Cell::new(MOST_NODES), watch }
    }

    /// An error if the run is to end.
    pub fn goes_on(&self) -> Result<(), EngineError> {
        if (self.watch)() { Ok(()) } else { Err(EngineError::Cancelled) }
    }

    pub fn spend(&self, nodes: usize) -> Result<(), EngineError> {
        let left = self.nodes.get().checked_sub(nodes.saturating_add(1));
        self.nodes.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| {
            EngineError::Execution(format!(
                "its loops have executed {MOST_NODES} operations and have not come to an end"
            ))
        })
    }
}
