//! Which checkpoint entry each variable is restored from: read off the model's own restore operation.
//!
//! TensorFlow 2 restores in a function called from the main graph: `RestoreV2` gives tensors by name, `AssignVariableOp`
//! puts each into a resource, which is an argument of the function, which is a `VarHandleOp` of the main graph. TensorFlow 1
//! has the same in the main graph itself, with `Assign`.

use super::attributes::Attributes as _;
use super::inline::{Library, Scope, split_input};
use super::proto::{MetaGraphDef, NodeDef};
use crate::EngineError;
use std::collections::HashMap;

/// Checkpoint keys by variable.
pub type Variables = HashMap<String, String>;

/// Most steps from an assignment back to what it assigns.
const LONGEST_WAY: usize = 16;

/// Finds what the saver would restore.
pub fn find(meta: &MetaGraphDef, library: &Library<'_>) -> Result<Variables, EngineError> {
    let mut variables = Variables::new();
    let Some(saver) = &meta.saver_def else { return Ok(variables) };
    let (name, _) = split_input(&saver.restore_op_name);
    let Some(restore) = library.main.node(name) else { return Ok(variables) };
    let function = restore.function("f").and_then(|f| library.function(f));
    match function {
        Some(body) => {
            for node in body.nodes() {
                let Some((target, key)) = assignment(body, node) else { continue };
                let argument = body.arguments().iter().position(|a| *a == target);
                let handle = argument.and_then(|n| restore.input.get(n));
                if let Some(variable) = handle.and_then(|h| variable(&library.main, h)) {
                    variables.insert(variable, key);
                }
            }
        }
        None => {
            for node in library.main.nodes() {
                let Some((target, key)) = assignment(&library.main, node) else { continue };
                if let Some(variable) = variable(&library.main, &target) {
                    variables.insert(variable, key);
                }
            }
        }
    }
    Ok(variables)
}

/// The name under which a resource is known: several handles with one are one variable.
pub fn shared_name(node: &NodeDef) -> String {
    match node.text("shared_name") {
        Some("") | None => node.name.clone(),
        Some(name) => name.to_owned(),
    }
}

/// Follows a resource back to its variable.
fn variable(scope: &Scope<'_>, input: &str) -> Option<String> {
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

/// What an assignment restores into, and the checkpoint's name of what it restores.
fn assignment(scope: &Scope<'_>, node: &NodeDef) -> Option<(String, String)> {
    if !matches!(node.op.as_str(), "AssignVariableOp" | "Assign") {
        return None;
    }
    let target = split_input(node.input.first()?).0.to_owned();
    let (mut name, mut output) = split_input(node.input.get(1)?);
    for _ in 0..LONGEST_WAY {
        let source = scope.node(name)?;
        match source.op.as_str() {
            "RestoreV2" => {
                let names = scope.node(split_input(source.input.get(1)?).0)?;
                let key = names.tensor("value")?.string_val.get(output)?;
                return Some((target, String::from_utf8(key.clone()).ok()?));
            }
            "Identity" | "Cast" | "Reshape" => (name, output) = split_input(source.input.first()?),
            _ => return None,
        }
    }
    None
}
