//! What depends on constants only is computed once, when the plan is made.

use super::Draft;
use crate::EngineError;
use crate::graph::{Graph, Op};
use crate::kernels::{self, Value, literal};
use std::collections::HashMap;

/// A result this much larger than what it is made of is made anew by each run: it would cost memory for ever.
const LARGEST_GROWTH: usize = 1 << 20;

/// Separates what is known from what is left to run.
pub fn fold(graph: &Graph, weights: &[Value]) -> Result<Draft, EngineError> {
    let mut constants: HashMap<usize, Value> = HashMap::new();
    let mut nodes = Vec::new();
    for node in &graph.nodes {
        match &node.op {
            Op::Input(_) => continue,
            Op::Literal(value) => {
                constants.insert(node.outputs[0], literal(value)?);
                continue;
            }
            Op::Weight(number) => {
                let weight =
                    weights.get(*number).ok_or_else(|| EngineError::broken("a weight is missing"))?;
                constants.insert(node.outputs[0], weight.clone());
                continue;
            }
            _ => {}
        }
        let inputs: Option<Vec<&Value>> = node.inputs.iter().map(|v| constants.get(v)).collect();
        // What cannot be computed now is left to fail when it is run, if it ever is.
        let made = inputs.and_then(|inputs| {
            let made = kernels::run(&node.op, &inputs).ok()?;
            let size = |values: &mut dyn Iterator<Item = &Value>| values.map(|v| v.bytes()).sum::<usize>();
            let (before, after) = (size(&mut inputs.iter().copied()), size(&mut made.iter()));
            (after <= before.saturating_add(LARGEST_GROWTH)).then_some(made)
        });
        match made {
            Some(made) => constants.extend(node.outputs.iter().copied().zip(made)),
            None => nodes.push(node.clone()),
        }
    }
    Ok(Draft { nodes, constants, outputs: graph.outputs.clone(), values: graph.values })
}
