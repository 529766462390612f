//! The main graph and the functions that it may call, their nodes by name.

use super::super::proto::{FunctionDef, GraphDef, NodeDef};
use super::{counters, frames};
use std::collections::HashMap;

/// Nodes that see each other: the main graph, or a function's body.
pub struct Scope<'a> {
    nodes: &'a [NodeDef],
    by_name: HashMap<&'a str, &'a NodeDef>,
    pub(super) arguments: Vec<&'a str>,
    pub(super) results: Vec<&'a str>,
    /// The loops of TensorFlow 1.
    pub(super) frames: frames::Frames<'a>,
    /// Variables that are counted up.
    pub(super) counters: counters::Counters<'a>,
}

impl<'a> Scope<'a> {
    fn new(nodes: &'a [NodeDef], arguments: Vec<&'a str>, results: Vec<&'a str>) -> Self {
        let by_name = nodes.iter().map(|n| (n.name.as_str(), n)).collect();
        Self {
            nodes,
            by_name,
            arguments,
            results,
            frames: frames::find(nodes),
            counters: counters::find(nodes),
        }
    }

    fn of_function(function: &'a FunctionDef) -> Option<(&'a str, Self)> {
        let signature = function.signature.as_ref()?;
        let arguments = signature.input_arg.iter().map(|a| a.name.as_str()).collect();
        let results: Option<Vec<&str>> =
            signature.output_arg.iter().map(|o| function.ret.get(&o.name).map(String::as_str)).collect();
        Some((&signature.name, Self::new(&function.node_def, arguments, results?)))
    }

    pub fn node(&self, name: &str) -> Option<&'a NodeDef> {
        self.by_name.get(name).copied()
    }

    pub fn nodes(&self) -> &'a [NodeDef] {
        self.nodes
    }

    pub fn arguments(&self) -> &[&'a str] {
        &self.arguments
    }
}

/// The main graph and the functions that it may call.
pub struct Library<'a> {
    pub main: Scope<'a>,
    functions: HashMap<&'a str, Scope<'a>>,
}

impl<'a> Library<'a> {
    pub fn new(graph: &'a GraphDef) -> Self {
        let functions = graph.library.iter().flat_map(|l| &l.function);
        Self {
            main: Scope::new(&graph.node, Vec::new(), Vec::new()),
            functions: functions.filter_map(Scope::of_function).collect(),
        }
    }

    pub fn function(&self, name: &str) -> Option<&Scope<'a>> {
        self.functions.get(name)
    }
}
