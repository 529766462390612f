//! Which checkpoint entry each variable is restored from: read off the model's own restore operation.
//!
//! TensorFlow 2 restores in a function called from the main graph: `RestoreV2` gives tensors by name, `AssignVariableOp`
//! puts each into a resource, which is an argument of the function, which is a `VarHandleOp` of the main graph. TensorFlow 1
//! has the same in the main graph itself, with `Assign`.

use super::attributes::Attributes as _;
use super::bundle::Bundle;
use super::inline::{Library, Scope, split_input};
use super::objects;
use super::proto::{MetaGraphDef, NodeDef};
use crate::EngineError;
use std::collections::HashMap;

/// Where each variable's value is, by the variable's name.
pub type Variables = HashMap<String, Place>;

/// A tensor of the checkpoint, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub key: String,
    /// Where the part begins and how long it is, axis by axis.
    pub part: Option<Vec<(usize, usize)>>,
}

impl Place {
    pub fn whole(key: &str) -> Self {
        Self { key: key.to_owned(), part: None }
    }
}

/// Most steps from an assignment back to what it assigns.
const LONGEST_WAY: usize = 16;

/// Finds what the saver would restore, and what the object graph adds to it.
pub fn find(meta: &MetaGraphDef, library: &Library<'_>, bundle: &Bundle) -> Result<Variables, EngineError> {
    let mut variables = restored(meta, library).unwrap_or_default();
    objects::complete(&mut variables, meta, library, bundle)?;
    Ok(variables)
}

fn restored(meta: &MetaGraphDef, library: &Library<'_>) -> Option<Variables> {
    let mut variables = Variables::new();
    let (name, _) = split_input(&meta.saver_def.as_ref()?.restore_op_name);
    let restore = library.main.node(name)?;
    let function = restore.function("f").and_then(|f| library.function(f));
    match function {
        Some(body) => {
            for node in body.nodes() {
                let Some((target, place)) = assignment(body, node) else { continue };
                let argument = body.arguments().iter().position(|a| *a == target);
                let handle = argument.and_then(|n| restore.input.get(n));
                if let Some(variable) = handle.and_then(|h| variable(&library.main, h)) {
                    variables.insert(variable, place);
                }
            }
        }
        None => {
            for node in library.main.nodes() {
                let Some((target, place)) = assignment(&library.main, node) else { continue };
                if let Some(variable) = variable(&library.main, &target) {
                    variables.insert(variable, place);
                }
            }
        }
    }
    Some(variables)
}

/// The name under which a resource is known: several handles with one are one variable.
pub fn shared_name(node: &NodeDef) -> String {
    match node.text("shared_name") {
        Some("") | None => node.name.clone(),
        Some(name) => name.to_owned(),
    }
}

/// Follows a resource back to its variable.
pub fn variable(scope: &Scope<'_>, input: &str) -> Option<String> {
    let mut name = split_input(input).0;
    for _ in 0..LONGEST_WAY {
        let node = scope.node(name)?;
        match node.op.as_str() {
            "VarHandleOp" | "VariableV2" | "Variable" => return Some(shared_name(node)),
            _ => name = split_input(node.input.first()?).0,
        }
    }
    None
}

/// What an assignment restores into, and the place of what it restores.
fn assignment(scope: &Scope<'_>, node: &NodeDef) -> Option<(String, Place)> {
    if !matches!(node.op.as_str(), "AssignVariableOp" | "Assign") {
        return None;
    }
    let target = split_input(node.input.first()?).0.to_owned();
    let (mut name, mut output) = split_input(node.input.get(1)?);
    for _ in 0..LONGEST_WAY {
        let source = scope.node(name)?;
        match source.op.as_str() {
            "RestoreV2" => return Some((target, place(scope, source, output)?)),
            "Identity" | "Cast" | "Reshape" => (name, output) = split_input(source.input.first()?),
            _ => return None,
        }
    }
    None
}

/// What an output of a restoring operation is read from.
pub fn place(scope: &Scope<'_>, restore: &NodeDef, output: usize) -> Option<Place> {
    let text = |n: usize| {
        let texts = &scope.node(split_input(restore.input.get(n)?).0)?.tensor("value")?.string_val;
        // Equal texts may be written once.
        String::from_utf8(texts.get(output).or(texts.last())?.clone()).ok()
    };
    let part = text(2).unwrap_or_default();
    let part = if part.is_empty() { None } else { Some(slice(&part)?) };
    Some(Place { key: text(1)?, part })
}

/// A part as TensorFlow writes it: `64 32 0,16:-`, the whole's extents and then the part's beginning and length on each axis.
fn slice(text: &str) -> Option<Vec<(usize, usize)>> {
    let mut words: Vec<&str> = text.split(' ').collect();
    let parts = words.pop()?.split(':');
    let whole: Option<Vec<usize>> = words.iter().map(|w| w.parse().ok()).collect();
    let part: Option<Vec<(usize, usize)>> = parts
        .zip(whole?)
        .map(|(part, extent)| match part.split_once(',') {
            Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
            None => (part == "-").then_some((0, extent)),
        })
        .collect();
    part.filter(|p| p.len() == words.len())
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn parts_are_read_as_they_are_written() {
        assert_eq!(slice("10 4 5,5:-"), Some(vec![(5, 5), (0, 4)]));
        assert_eq!(slice("3 -"), Some(vec![(0, 3)]));
        for wrong in ["10 4 5,5", "10 x 5,5:-", "10 -1,2", "10 5;5"] {
            assert_eq!(slice(wrong), None, "{wrong}");
        }
    }
}
