//! Variables by the object graph, as TensorFlow itself restores a model: the saved objects and those of the checkpoint are walked side
//! by side, child by child. It names what the restore function does not: saving a Keras 3 model makes a second handle for each
//! variable, and restores that one.

use super::bundle::Bundle;
use super::inline::{Library, split_input};
use super::proto::{MetaGraphDef, SavedObjectGraph, TrackableObjectGraph};
use super::variables::{Place, Variables, variable};
use crate::EngineError;
use prost::Message;
use std::collections::HashMap;

/// Where a checkpoint keeps its objects.
const KEY: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";
/// What a variable's value is called among an object's attributes.
const VALUE: &str = "VARIABLE_VALUE";

/// Adds the variables that are not known yet.
pub fn complete(
    variables: &mut Variables,
    meta: &MetaGraphDef,
    library: &Library<'_>,
    bundle: &Bundle,
) -> Result<(), EngineError> {
    let Some(saved) = &meta.object_graph_def else { return Ok(()) };
    if !bundle.has(KEY) {
        return Ok(());
    }
    let bytes = bundle.texts(KEY)?.into_iter().next().unwrap_or_default();
    let stored = TrackableObjectGraph::decode(bytes.as_slice())
        .map_err(|e| EngineError::broken(format!("the checkpoint's objects are not readable: {e}")))?;
    let keys = keys(saved, &stored);
    // A function says which objects it closes over; its caller gives it their handles, last.
    for node in library.main.nodes() {
        let function = super::attributes::Attributes::function(node, "f");
        let Some(function) = function.and_then(|f| saved.concrete_functions.get(f)) else { continue };
        let handles = node.input.iter().filter(|i| !i.starts_with('^'));
        let handles: Vec<&String> = handles.collect();
        let Some(first) = handles.len().checked_sub(function.bound_inputs.len()) else { continue };
        for (handle, object) in handles[first..].iter().zip(&function.bound_inputs) {
            if let (Some(name), Some(key)) = (variable(&library.main, handle), keys.get(object)) {
                variables.entry(name).or_insert_with(|| Place::whole(key));
            }
        }
    }
    // What only other functions close over: by name, where it is the name of one.
    let mut named: HashMap<&str, Option<&str>> = HashMap::new();
    for (number, object) in saved.nodes.iter().enumerate() {
        let key = i32::try_from(number).ok().and_then(|n| keys.get(&n));
        if let (Some(variable), Some(key)) = (&object.variable, key) {
            named.entry(&variable.name).and_modify(|k| *k = None).or_insert(Some(key));
        }
    }
    for node in library.main.nodes().iter().filter(|n| n.op == "VarHandleOp") {
        let name = super::variables::shared_name(node);
        if let Some(Some(key)) = named.get(split_input(&name).0) {
            variables.entry(name).or_insert_with(|| Place::whole(key));
        }
    }
    Ok(())
}

/// The checkpoint's key of each saved object that has a value there.
fn keys<'s>(saved: &SavedObjectGraph, stored: &'s TrackableObjectGraph) -> HashMap<i32, &'s str> {
    let mut keys = HashMap::new();
    let mut seen = vec![false; saved.nodes.len()];
    let mut open = vec![(0i32, 0i32)];
    while let Some((ours, theirs)) = open.pop() {
        let at = |n: i32| usize::try_from(n).ok();
        let object = at(ours).and_then(|n| Some((saved.nodes.get(n)?, seen.get_mut(n)?)));
        let (Some((object, seen)), Some(other)) = (object, at(theirs).and_then(|n| stored.nodes.get(n)))
        else {
            continue;
        };
        if std::mem::replace(seen, true) {
            continue;
        }
        if let Some(value) = other.attributes.iter().find(|a| a.name == VALUE) {
            keys.insert(ours, value.checkpoint_key.as_str());
        }
        let children: HashMap<&str, i32> =
            other.children.iter().map(|c| (c.local_name.as_str(), c.node_id)).collect();
        open.extend(
            object.children.iter().filter_map(|c| Some((c.node_id, *children.get(c.local_name.as_str())?))),
        );
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::super::proto::{ObjectReference, SavedObject, SerializedTensor, TrackableObject};
    use super::*;

    fn child(node_id: i32, name: &str) -> ObjectReference {
        ObjectReference { node_id, local_name: name.to_owned() }
    }

    #[test]
    fn objects_are_found_by_the_way_to_them() {
        let object = |children| SavedObject { children, variable: None };
        let saved = SavedObjectGraph {
            nodes: vec![
                object(vec![child(1, "a"), child(2, "b"), child(9, "nowhere"), child(-1, "below")]),
                object(vec![child(0, "back")]),
                object(vec![]),
            ],
            concrete_functions: Default::default(),
        };
        let value = |key: &str| SerializedTensor { name: VALUE.to_owned(), checkpoint_key: key.to_owned() };
        let other = |children, attributes| TrackableObject { children, attributes };
        // Numbered otherwise.
        let stored = TrackableObjectGraph {
            nodes: vec![
                other(vec![child(2, "a"), child(1, "b"), child(7, "nowhere"), child(1, "below")], vec![]),
                other(vec![], vec![value("of b")]),
                other(vec![child(0, "back")], vec![value("of a")]),
            ],
        };
        assert_eq!(keys(&saved, &stored), HashMap::from([(1, "of a"), (2, "of b")]));
    }
}
