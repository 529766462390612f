//! A model's own functions, inlined where they are called.

use super::context::{Context, versions};
use super::proto::{Attribute, Function, Node};
use super::scope::Val;
use crate::EngineError;
use std::borrow::Cow;
use std::collections::HashMap;

impl<'m> Context<'m> {
    /// A function's nodes in the place of its call.
    pub(super) fn inlined(
        &mut self,
        function: &'m Function,
        node: &Node,
        inputs: &[Val],
    ) -> Result<Vec<Val>, EngineError> {
        let mut given: HashMap<&str, &Attribute> =
            function.attribute_proto.iter().map(|a| (a.name.as_str(), a)).collect();
        given.extend(node.attribute.iter().map(|a| (a.name.as_str(), a)));
        let level = self.levels.len() - 1;
        let mut own = versions(&function.opset_import);
        for (domain, version) in versions(&self.model.opset_import) {
            own.entry(domain).or_insert(version);
        }
        self.versions.push(own);
        self.functions_entered.push(function.name.clone());
        self.scopes.push(true);
        for (n, name) in function.input.iter().enumerate() {
            self.scopes.set(name, level, inputs.get(n).copied().unwrap_or(Val::Absent));
        }
        let made = self.deeper(|context| {
            for node in &function.node {
                context.node(&bound(node, &given))?;
            }
            function.output.iter().map(|name| context.find(name)).collect()
        });
        self.scopes.pop();
        self.functions_entered.pop();
        self.versions.pop();
        made
    }
}

/// A function's node with the attributes of its call.
fn bound<'n>(node: &'n Node, given: &HashMap<&str, &Attribute>) -> Cow<'n, Node> {
    let refers = |a: &Attribute| !a.ref_attr_name.is_empty() || a.g.is_some();
    if !node.attribute.iter().any(refers) {
        return Cow::Borrowed(node);
    }
    let mut node = node.clone();
    let mut attributes = Vec::new();
    for mut attribute in std::mem::take(&mut node.attribute) {
        if !attribute.ref_attr_name.is_empty() {
            // One that was not given is left out.
            let Some(found) = given.get(attribute.ref_attr_name.as_str()) else { continue };
            attribute = Attribute { name: attribute.name, ..(*found).clone() };
        } else if let Some(graph) = &mut attribute.g {
            graph.node = graph.node.iter().map(|n| bound(n, given).into_owned()).collect();
        }
        attributes.push(attribute);
    }
    node.attribute = attributes;
    Cow::Owned(node)
}
