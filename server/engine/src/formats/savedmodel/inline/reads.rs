//! What the inputs of nodes name.

use super::super::lower;
use super::super::proto::NodeDef;
use super::{Scope, Val};
use crate::EngineError;
use std::collections::HashMap;

/// `node`, `node:2` or `node:output:2` → node and number.
pub fn split_input(input: &str) -> (&str, usize) {
    let input = input.strip_prefix('^').unwrap_or(input);
    let name = input.split(':').next().unwrap_or(input);
    let number = input.rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (name, number)
}

/// The number of an output that a function's body names: outputs before it count too.
pub fn output_number(node: &NodeDef, input: &str) -> usize {
    let mut parts = input.split(':').skip(1);
    let (Some(output), Some(number)) = (parts.next(), parts.next()) else { return split_input(input).1 };
    let base = lower::outputs_before(node, output);
    number.parse::<usize>().unwrap_or(0).saturating_add(base)
}

pub fn read_inputs(
    scope: &Scope<'_>,
    known: &HashMap<&str, Vec<Val>>,
    node: &NodeDef,
) -> Result<Vec<Val>, EngineError> {
    node.input.iter().filter(|i| !i.starts_with('^')).map(|i| read_input(scope, known, i)).collect()
}

pub fn read_input(
    scope: &Scope<'_>,
    known: &HashMap<&str, Vec<Val>>,
    input: &str,
) -> Result<Val, EngineError> {
    let name = split_input(input).0;
    let number = scope.node(name).map_or(0, |node| output_number(node, input));
    let values = known.get(name).map(Vec::as_slice).unwrap_or_default();
    match values.get(number) {
        Some(value) => Ok(value.clone()),
        // An operation that is not supported has no outputs.
        None if values.is_empty() => Ok(Val::Missing),
        None => {
            Err(EngineError::broken(format!("node {name:?} has no output {number}, which another one reads")))
        }
    }
}
