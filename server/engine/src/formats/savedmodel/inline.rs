//! From a signature's outputs back to its inputs, through every function that is called on the way: one flat graph.

mod control;
mod counters;
mod frames;
mod generators;
mod merges;
mod nodes;
mod reads;
mod scope;
mod writes;

pub use reads::split_input;
pub use scope::{Library, Scope};

use super::bundle::Bundle;
use super::signatures::Names;
use super::tables::Tables;
use super::variables::Variables;
use super::weights::Weights;
use crate::graph::{Graph, Op, Stream, ValueId, Weight};
use crate::{EngineError, Signature, UnsupportedOp};
use reads::{read_input, read_inputs};
use std::collections::HashMap;
use std::sync::Arc;

/// Functions in functions. Real exports have five levels.
const DEEPEST: usize = 64;
/// Nodes after inlining: functions that call each other twice could grow without end.
const MOST_NODES: usize = 1 << 20;

/// What an input of a node stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Val {
    /// A value of the graph.
    Value(ValueId),
    /// A variable, known by its shared name.
    Resource(String),
    /// The output of an operation that is not supported.
    Missing,
}

impl Val {
    /// The value of the graph, if it is one.
    pub fn value(&self) -> Option<ValueId> {
        if let Self::Value(value) = self { Some(*value) } else { None }
    }
}

/// Lowers programs that share their weights.
pub struct Context<'a> {
    library: &'a Library<'a>,
    variables: &'a Variables,
    tables: &'a Tables,
    bundle: &'a Bundle,
    weights: Weights,
    by_variable: HashMap<String, usize>,
    /// What was taken of each generator of random numbers, for all signatures together.
    generators: HashMap<String, Arc<Stream>>,
    unsupported: Vec<UnsupportedOp>,
    /// The functions that are being inlined, by name.
    functions: Vec<String>,
    /// The first variable whose values are nowhere.
    lost: Option<EngineError>,
    /// Nodes that were looked at, in all functions.
    looked_at: usize,
    graph: Graph,
    weight_values: HashMap<usize, ValueId>,
}

impl<'a> Context<'a> {
    pub fn new(
        library: &'a Library<'a>,
        variables: &'a Variables,
        tables: &'a Tables,
        bundle: &'a Bundle,
    ) -> Self {
        Self {
            library,
            variables,
            tables,
            bundle,
            weights: Weights::default(),
            by_variable: HashMap::new(),
            generators: HashMap::new(),
            unsupported: Vec::new(),
            functions: Vec::new(),
            lost: None,
            looked_at: 0,
            graph: Graph::default(),
            weight_values: HashMap::new(),
        }
    }

    /// The weights, and all that is missing. Only if nothing is, it matters that a variable has no values.
    pub fn finish(self) -> Result<(Vec<Weight>, Vec<UnsupportedOp>), EngineError> {
        match self.lost {
            Some(error) if self.unsupported.is_empty() => Err(error),
            _ => Ok((self.weights.all, self.unsupported)),
        }
    }

    /// The graph of one signature.
    pub fn program(&mut self, signature: &Signature, names: &'a Names) -> Result<Graph, EngineError> {
        self.graph = Graph::default();
        self.weight_values.clear();
        let mut known = HashMap::new();
        for (number, name) in names.inputs.iter().enumerate() {
            let value = self.graph.add(Op::Input(number), Vec::new(), name)?;
            self.graph.inputs.push(value);
            known.insert(split_input(name).0, vec![Val::Value(value)]);
        }
        let wanted: Vec<&str> = names.outputs.iter().map(String::as_str).collect();
        let library = self.library;
        let outputs = self.evaluate(&library.main, known, &wanted, 0)?;
        for (spec, output) in signature.outputs.iter().zip(outputs) {
            match output {
                Val::Value(value) => self.graph.outputs.push(value),
                Val::Missing => {}
                Val::Resource(_) => {
                    let text =
                        format!("output {:?} of signature {:?} is a variable", spec.name, signature.name);
                    return Err(EngineError::broken(text));
                }
            }
        }
        Ok(std::mem::take(&mut self.graph))
    }

    /// The values of `wanted` in a scope. Walks with a stack of its own: graphs are deeper than thread stacks.
    fn evaluate(
        &mut self,
        scope: &Scope<'a>,
        mut known: HashMap<&'a str, Vec<Val>>,
        wanted: &[&'a str],
        depth: usize,
    ) -> Result<Vec<Val>, EngineError> {
        let mut stack: Vec<(&'a str, bool)> =
            wanted.iter().rev().map(|w| (split_input(w).0, false)).collect();
        let mut open: std::collections::HashSet<&str> = std::collections::HashSet::new();
        while let Some((name, ready)) = stack.pop() {
            if known.contains_key(name) {
                continue;
            }
            let node = scope.node(name).ok_or_else(|| {
                EngineError::broken(format!("the graph has no node {name:?}, which another one reads"))
            })?;
            if ready {
                match node.op.as_str() {
                    "Exit" | "RefExit" => self.frame(scope, &mut known, node, depth)?,
                    "Merge" | "RefMerge" => self.merge(scope, &mut known, node, depth)?,
                    "ReadVariableOp" if scope.counters.is_counted(name) => {
                        self.counted(scope, &mut known, node)?;
                    }
                    _ => {
                        let mut inputs = read_inputs(scope, &known, node)?;
                        let outputs = match self.with_written(scope, &known, node, &mut inputs) {
                            true => self.node(node, inputs, depth)?,
                            false => Vec::new(),
                        };
                        known.insert(name, outputs);
                    }
                }
                open.remove(name);
                continue;
            }
            if !open.insert(name) {
                return Err(EngineError::broken(format!("the graph has a cycle through node {name:?}")));
            }
            stack.push((name, true));
            for input in self.sources(scope, node)? {
                let source = split_input(input).0;
                if !known.contains_key(source) {
                    if open.contains(source) {
                        return Err(EngineError::broken(format!(
                            "the graph has a cycle through node {source:?}"
                        )));
                    }
                    stack.push((source, false));
                }
            }
            // Nodes that wait on the stack twice are evaluated once: the second time they are known.
            if stack.len() > MOST_NODES {
                return Err(EngineError::broken("the graph has too many nodes"));
            }
        }
        wanted.iter().map(|w| read_input(scope, &known, w)).collect()
    }
}
