//! The names of a program's outputs, where it gives a dictionary or something like one.

use super::schema::Module;
use serde_json::Value;

/// Names in order; none where they have none.
pub fn names(module: &Module) -> Vec<String> {
    found(module).unwrap_or_default()
}

fn found(module: &Module) -> Option<Vec<String>> {
    let whole = module.module_call_graph.iter().find(|m| m.get("fqn").and_then(Value::as_str) == Some(""))?;
    let spec = whole.get("signature")?.get("out_spec")?.as_str()?;
    let spec: Value = serde_json::from_str(spec).ok()?;
    let spec = spec.get(1)?;
    let context = spec.get("context")?.as_str()?;
    let keys: Value = serde_json::from_str(context).ok()?;
    let names: Vec<String> =
        keys.as_array()?.iter().map(|k| k.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    let children = spec.get("children_spec")?.as_array()?;
    // Of what lies deeper the keys alone do not tell.
    let flat = children.iter().all(|child| child.get("type").is_some_and(Value::is_null));
    (flat && children.len() == names.len()).then_some(names)
}
