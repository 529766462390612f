//! From a signature's outputs back to its inputs, through every function that is called on the way: one flat graph.

mod control;
mod counters;
mod frames;
mod generators;
mod merges;
mod scope;

pub use scope::{Library, Scope};

use super::attributes::Attributes as _;
use super::bundle::Bundle;
use super::lower;
use super::proto::NodeDef;
use super::signatures::Names;
use super::tables::Tables;
use super::variables::{Place, Variables, shared_name};
use super::weights::Weights;
use crate::graph::{Graph, Op, Stream, ValueId, Weight};
use crate::{EngineError, Signature, UnsupportedOp};
use std::collections::HashMap;
use std::sync::Arc;

/// Functions in functions. Real exports have five levels.
const DEEPEST: usize = 64;
/// Nodes after inlining: functions that call each other twice could grow without end.
const MOST_NODES: usize = 1 << 20;
/// Kinds of missing operations that are listed.
const MOST_UNSUPPORTED: usize = 200;

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

/// `node`, `node:2` or `node:output:2` → node and number.
pub fn split_input(input: &str) -> (&str, usize) {
    let input = input.strip_prefix('^').unwrap_or(input);
    let name = input.split(':').next().unwrap_or(input);
    let number = input.rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (name, number)
}

/// The number of an output that a function's body names: outputs before it count too.
fn output_number(node: &NodeDef, input: &str) -> usize {
    let mut parts = input.split(':').skip(1);
    let (Some(output), Some(number)) = (parts.next(), parts.next()) else { return split_input(input).1 };
    let base = lower::outputs_before(node, output);
    number.parse::<usize>().unwrap_or(0).saturating_add(base)
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
                        let inputs = read_inputs(scope, &known, node)?;
                        let outputs = self.node(node, inputs, depth)?;
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

    fn node(
        &mut self,
        node: &'a NodeDef,
        mut inputs: Vec<Val>,
        depth: usize,
    ) -> Result<Vec<Val>, EngineError> {
        self.looked_at += 1;
        if self.looked_at > MOST_NODES {
            return Err(EngineError::broken("the graph has too many nodes"));
        }
        match node.op.as_str() {
            "VarHandleOp"
            | "HashTableV2"
            | "HashTable"
            | "MutableHashTableV2"
            | "MutableHashTable"
            | "MutableDenseHashTableV2"
            | "MutableDenseHashTable" => return Ok(vec![Val::Resource(shared_name(node))]),
            "VariableV2" | "Variable" => return Ok(vec![self.weight(&shared_name(node))?]),
            "ReadVariableOp" => {
                return match inputs.into_iter().next() {
                    Some(Val::Resource(name)) => Ok(vec![self.weight(&name)?]),
                    _ => Ok(vec![Val::Missing]),
                };
            }
            "LookupTableFindV2" | "LookupTableFind" | "LookupTableSizeV2" | "LookupTableSize" => {
                return self.table(node, &inputs);
            }
            "StatefulPartitionedCall" | "PartitionedCall" | "BatchFunction" => {
                return self.call(node, inputs, depth);
            }
            "If" | "StatelessIf" | "Case" | "StatelessCase" => return self.branch(node, inputs, depth),
            "While" | "StatelessWhile" => return self.repeat(node, &inputs, depth),
            "Switch" | "RefSwitch" => {
                self.missing(node, Some("outside of a branch or a loop".to_owned()));
                return Ok(Vec::new());
            }
            "TensorArrayV3" => return self.array(node, &inputs),
            _ if generators::generates(node) => return self.generator(node, &inputs),
            // The array is what flows; what it is known by says nothing more.
            op if op.starts_with("TensorArray") && !inputs.is_empty() => {
                inputs.remove(0);
            }
            // A variable that is gathered from or measured is read first.
            "ResourceGather" | "ResourceGatherNd" | "VariableShape" => {
                if let Some(Val::Resource(name)) = inputs.first() {
                    let weight = self.weight(&name.clone())?;
                    inputs[0] = weight;
                }
            }
            _ => {}
        }
        if self.graph.nodes.len() >= MOST_NODES {
            return Err(EngineError::broken("the graph has too many nodes"));
        }
        match lower::lower(&mut self.graph, node, &inputs)? {
            lower::Lowered::Values(values) => Ok(values),
            lower::Lowered::Unsupported(detail) => {
                self.missing(node, detail);
                Ok(Vec::new())
            }
        }
    }

    /// A look into a table, which is a constant.
    fn table(&mut self, node: &NodeDef, inputs: &[Val]) -> Result<Vec<Val>, EngineError> {
        let table = match inputs.first() {
            Some(Val::Resource(name)) => self.tables.get(name),
            _ => None,
        };
        let Some(table) = table else {
            self.missing(node, Some("its table is filled in no way that is known".to_owned()));
            return Ok(Vec::new());
        };
        let (op, values) = if node.op.starts_with("LookupTableSize") {
            let size = crate::graph::Literal::I64(vec![table.len() as i64], Vec::new());
            (Op::Literal(std::sync::Arc::new(size)), Vec::new())
        } else {
            let values: Vec<ValueId> = inputs[1..].iter().filter_map(Val::value).collect();
            if values.len() != 2 {
                return Ok(Vec::new());
            }
            (Op::Lookup(table.clone()), values)
        };
        Ok(vec![Val::Value(self.graph.add(op, values, &node.name)?)])
    }

    /// Every kind of missing operation once, with the first node that needs it.
    fn missing(&mut self, node: &NodeDef, detail: Option<String>) {
        let known = self.unsupported.iter().any(|u| u.op == node.op && u.detail == detail);
        if !known && self.unsupported.len() < MOST_UNSUPPORTED {
            self.unsupported.push(UnsupportedOp {
                op: node.op.clone(),
                node: node.name.clone(),
                function: self.functions.last().cloned(),
                detail,
            });
        }
    }

    fn call(&mut self, node: &'a NodeDef, inputs: Vec<Val>, depth: usize) -> Result<Vec<Val>, EngineError> {
        if depth >= DEEPEST {
            return Err(EngineError::broken("functions call each other too deeply"));
        }
        let name = node.function("f").unwrap_or("");
        let library = self.library;
        let scope = library.function(name).ok_or_else(|| {
            EngineError::broken(format!(
                "node {:?} calls the function {name:?}, which is not there",
                node.name
            ))
        })?;
        let known = scope.arguments.iter().copied().zip(inputs.into_iter().map(|i| vec![i])).collect();
        let wanted: Vec<&'a str> = scope.results.clone();
        self.functions.push(name.to_owned());
        let results = self.evaluate(scope, known, &wanted, depth + 1);
        self.functions.pop();
        results
    }

    fn weight(&mut self, variable: &str) -> Result<Val, EngineError> {
        let number = match self.by_variable.get(variable) {
            Some(number) => *number,
            None => {
                let Some(number) = self.find_weight(variable)? else { return Ok(Val::Missing) };
                self.by_variable.insert(variable.to_owned(), number);
                number
            }
        };
        if let Some(value) = self.weight_values.get(&number) {
            return Ok(Val::Value(*value));
        }
        let value = self.graph.add(Op::Weight(number), Vec::new(), variable)?;
        self.weight_values.insert(number, value);
        Ok(Val::Value(value))
    }

    /// None: its values are nowhere, which is noted.
    fn find_weight(&mut self, variable: &str) -> Result<Option<usize>, EngineError> {
        let own = Place::whole(variable);
        let place = match self.variables.get(variable) {
            Some(place) => place,
            None if self.bundle.has(variable) => &own,
            None => {
                let text = format!("variable {variable:?} is not restored from the checkpoint");
                self.lost.get_or_insert(EngineError::broken(text));
                return Ok(None);
            }
        };
        self.weights.find(self.bundle, place).map(Some)
    }
}

fn read_inputs(
    scope: &Scope<'_>,
    known: &HashMap<&str, Vec<Val>>,
    node: &NodeDef,
) -> Result<Vec<Val>, EngineError> {
    node.input.iter().filter(|i| !i.starts_with('^')).map(|i| read_input(scope, known, i)).collect()
}

fn read_input(scope: &Scope<'_>, known: &HashMap<&str, Vec<Val>>, input: &str) -> Result<Val, EngineError> {
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
