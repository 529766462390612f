//! Removes what no answer needs.

use crate::EngineError;
use crate::plan::draft::Draft;
use std::collections::HashSet;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let mut needed: HashSet<usize> = draft.outputs.iter().copied().collect();
    let mut kept = Vec::with_capacity(draft.nodes.len());
    for node in std::mem::take(&mut draft.nodes).into_iter().rev() {
        if node.outputs.iter().any(|o| needed.contains(o)) {
            needed.extend(&node.inputs);
            kept.push(node);
        }
    }
    let made: HashSet<usize> = kept.iter().filter_map(|n| n.outputs.first().copied()).collect();
    draft.bodies.retain(|output, _| made.contains(output));
    draft.constants.retain(|value, _| needed.contains(value));
    kept.reverse();
    draft.nodes = kept;
    draft.deferred.retain(|value, _| needed.contains(value));
    Ok(())
}
