//! The main graph and the functions that it may call, their nodes by name.

use super::super::proto::{FunctionDef, GraphDef, NodeDef};
use super::{counters, frames, writes};
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
    /// Nodes that may write a variable, by the input that it is.
    pub(super) writers: HashMap<&'a str, Vec<&'a NodeDef>>,
    /// All of its nodes run that change anything, as a function's do. Of the main graph only those run that an answer needs.
    pub(super) runs_whole: bool,
}

impl<'a> Scope<'a> {
    fn new(nodes: &'a [NodeDef], arguments: Vec<&'a str>, results: Vec<&'a str>, runs_whole: bool) -> Self {
        let by_name = nodes.iter().map(|n| (n.name.as_str(), n)).collect();
        Self {
            nodes,
            by_name,
            arguments,
            results,
            frames: frames::find(nodes),
            counters: counters::find(nodes),
            writers: writes::find(nodes),
            runs_whole,
        }
    }

    fn of_function(function: &'a FunctionDef) -> Option<(&'a str, Self)> {
        let signature = function.signature.as_ref()?;
        let arguments = signature.input_arg.iter().map(|a| a.name.as_str()).collect();
        let results: Option<Vec<&str>> =
            signature.output_arg.iter().map(|o| function.ret.get(&o.name).map(String::as_str)).collect();
        Some((&signature.name, Self::new(&function.node_def, arguments, results?, true)))
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
            main: Scope::new(&graph.node, Vec::new(), Vec::new(), false),
            functions: functions.filter_map(Scope::of_function).collect(),
        }
    }

    pub fn function(&self, name: &str) -> Option<&Scope<'a>> {
        self.functions.get(name)
    }
}
