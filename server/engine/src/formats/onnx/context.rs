//! A model on its way into a graph: node by node, functions inlined.

use super::lower::{self, Lowering, Stop};
use super::proto::{Function, Graph, Model, Node, Opset, Tensor};
use super::scope::{Scopes, Val};
use super::signature;
use super::tensors;
use super::weights::{Constant, Weights};
use crate::formats::builder::Builder;
use crate::formats::stored::Stored;
use crate::graph::{Op, ValueId, Weight};
use crate::plan::rules::Extents;
use crate::{EngineError, Signature, UnsupportedOp};
use std::collections::HashMap;

/// Functions and bodies in each other.
const DEEPEST: usize = 64;
/// Nodes after inlining.
const MOST_NODES: usize = 1 << 20;
/// Unsupported operations that are listed.
const MOST_UNSUPPORTED: usize = 256;

pub(super) type Versions<'m> = HashMap<&'m str, i64>;

/// A graph that is being built, and what it reads of the one around it.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub build: Builder,
    /// Values of the graph around it that it has as inputs, in the order of these, and what they are here.
    pub captured: Vec<(ValueId, ValueId)>,
    constants: HashMap<ValueId, ValueId>,
    weights: HashMap<usize, ValueId>,
}

/// All that lowering needs.
pub struct Context<'m> {
    pub(super) model: &'m Model,
    functions: HashMap<(&'m str, &'m str), &'m Function>,
    pub(super) versions: Vec<Versions<'m>>,
    pub(super) levels: Vec<Level>,
    pub(super) scopes: Scopes,
    weights: Weights,
    unsupported: Vec<UnsupportedOp>,
    pub(super) functions_entered: Vec<String>,
    /// What the main graph says of its values' ranks.
    told: HashMap<String, Extents>,
    nodes: usize,
    depth: usize,
}

pub(super) fn versions(opsets: &[Opset]) -> Versions<'_> {
    opsets.iter().map(|o| (lower::domain(&o.domain), o.version)).collect()
}

impl<'m> Context<'m> {
    pub fn new(model: &'m Model, weights: Weights) -> Self {
        let functions = model.functions.iter().map(|f| ((lower::domain(&f.domain), f.name.as_str()), f));
        Self {
            model,
            functions: functions.collect(),
            versions: vec![versions(&model.opset_import)],
            levels: vec![Level::default()],
            scopes: Scopes::default(),
            weights,
            unsupported: Vec::new(),
            functions_entered: Vec::new(),
            told: HashMap::new(),
            nodes: 0,
            depth: 0,
        }
    }

    /// The graph that is being built.
    pub fn build(&mut self) -> &mut Builder {
        let last = self.levels.len() - 1;
        &mut self.levels[last].build
    }

    /// The whole model.
    pub fn program(&mut self, graph: &Graph) -> Result<Signature, EngineError> {
        self.scopes.push(true);
        self.constants(graph)?;
        let mut inputs = Vec::new();
        for info in &graph.input {
            // Older models list their constants among the inputs.
            if self.scopes.get(&info.name).is_none() {
                let (spec, elem, shape) = signature::input(info)?;
                let value = self.build().input(shape)?;
                self.scopes.set(&info.name, 0, Val::Tensor(value, elem));
                inputs.push(spec);
            }
        }
        self.told = graph.value_info.iter().filter_map(signature::told).collect();
        self.nodes(&graph.node)?;
        let outputs = self.answers(graph)?;
        self.scopes.pop();
        if graph.output.is_empty() {
            return Err(EngineError::broken("its graph has no output"));
        }
        Ok(Signature { name: "serving_default".to_owned(), inputs, outputs })
    }

    /// The graph, its weights, where they are, and what is not supported.
    pub fn finish(mut self) -> (crate::graph::Graph, Vec<Weight>, Stored, Vec<UnsupportedOp>) {
        let graph = self.levels.remove(0).build.graph;
        let (weights, stored) = self.weights.finish();
        (graph, weights, stored, self.unsupported)
    }

    /// The initialisers of a graph by name.
    pub(super) fn constants(&mut self, graph: &Graph) -> Result<(), EngineError> {
        for tensor in &graph.initializer {
            let val = self.tensor(tensor)?;
            self.scopes.set(&tensor.name, self.levels.len() - 1, val);
        }
        for sparse in &graph.sparse_initializer {
            let (literal, elem) = tensors::dense(sparse)?;
            let value = self.build().literal(literal)?;
            let name = sparse.values.as_ref().map_or("", |v| v.name.as_str());
            self.scopes.set(name, self.levels.len() - 1, Val::Tensor(value, elem));
        }
        Ok(())
    }

    /// A constant as a value of the graph that is being built.
    pub fn tensor(&mut self, tensor: &Tensor) -> Result<Val, EngineError> {
        Ok(match self.weights.constant(tensor)? {
            Constant::Literal(literal, elem) => Val::Tensor(self.build().literal(literal)?, elem),
            Constant::Weight(number, elem) => Val::Tensor(self.weight(number)?, elem),
        })
    }

    fn weight(&mut self, number: usize) -> Result<ValueId, EngineError> {
        let level = self.levels.len() - 1;
        let level = &mut self.levels[level];
        if let Some(value) = level.weights.get(&number) {
            return Ok(*value);
        }
        let value = level.build.weight(number, &self.weights.all[number])?;
        level.weights.insert(number, value);
        Ok(value)
    }

    /// What a name stands for, in the graph that is being built.
    pub fn find(&mut self, name: &str) -> Result<Val, EngineError> {
        if name.is_empty() {
            return Ok(Val::Absent);
        }
        let found = self.scopes.get(name);
        let (level, val) = found.ok_or_else(|| {
            EngineError::broken(format!("the value {name:?} is read before anything makes it"))
        })?;
        Ok(match val.id() {
            Some(value) => val.renamed(self.brought(level, value)?),
            None => val,
        })
    }

    /// A value of a graph further out as one of the graph that is being built.
    fn brought(&mut self, level: usize, mut value: ValueId) -> Result<ValueId, EngineError> {
        for inner in level + 1..self.levels.len() {
            let (outside, inside) = self.levels.split_at_mut(inner);
            let (outside, inside) = (&outside[inner - 1].build, &mut inside[0]);
            if let Some((_, known)) = inside.captured.iter().find(|(from, _)| *from == value) {
                value = *known;
                continue;
            }
            if let Some(known) = inside.constants.get(&value) {
                value = *known;
                continue;
            }
            let from = value;
            value = match outside.maker(from) {
                Some(Op::Literal(literal)) => {
                    let made = inside.build.add(Op::Literal(literal.clone()), &[])?;
                    inside.constants.insert(from, made);
                    made
                }
                Some(Op::Weight(number)) => {
                    let made = inside.build.weight(*number, &self.weights.all[*number])?;
                    inside.constants.insert(from, made);
                    made
                }
                _ => {
                    let made = inside.build.input(outside.shape(from).cloned())?;
                    inside.captured.push((from, made));
                    made
                }
            };
        }
        Ok(value)
    }

    /// Nodes, each after those that it reads.
    pub(super) fn nodes(&mut self, nodes: &[Node]) -> Result<(), EngineError> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<(), EngineError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(EngineError::broken(format!("it has more than {MOST_NODES} nodes")));
        }
        let inputs = node.input.iter().map(|name| self.find(name)).collect::<Result<Vec<_>, _>>()?;
        let made = if inputs.contains(&Val::Unknown) {
            vec![Val::Unknown; node.output.len()]
        } else {
            self.lowered(node, inputs)?
        };
        let level = self.levels.len() - 1;
        for (n, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let val = made.get(n).copied().unwrap_or(Val::Unknown);
            let told = self.told.get(name).filter(|_| level == 0 && self.functions_entered.is_empty());
            if let (Val::Tensor(value, _), Some(shape)) = (val, told.cloned()) {
                self.build().tell(value, shape);
            }
            self.scopes.set(name, level, val);
        }
        Ok(())
    }

    fn lowered(&mut self, node: &Node, inputs: Vec<Val>) -> Result<Vec<Val>, EngineError> {
        let domain = lower::domain(&node.domain);
        if let Some(function) = self.functions.get(&(domain, node.op_type.as_str())).copied() {
            return self.inlined(function, node, &inputs);
        }
        let version = self.versions.last().and_then(|v| v.get(domain)).copied().unwrap_or(1);
        let name = if node.name.is_empty() { node.output.first().cloned() } else { Some(node.name.clone()) };
        let name = name.unwrap_or_default();
        self.build().name.clone_from(&name);
        let outcome = Lowering::new(self, node, inputs, version).run();
        match outcome {
            Ok(vals) => Ok(vals),
            Err(Stop::Refused(reason)) => {
                let op = if domain.is_empty() {
                    node.op_type.clone()
                } else {
                    format!("{domain}.{}", node.op_type)
                };
                self.refuse(&op, &name, &reason);
                Ok(vec![Val::Unknown; node.output.len()])
            }
            Err(Stop::Broken(EngineError::BrokenArtifact(what))) => {
                Err(EngineError::broken(format!("node {name:?} ({}): {what}", node.op_type)))
            }
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    pub(super) fn refuse(&mut self, op: &str, node: &str, reason: &str) {
        if self.unsupported.len() < MOST_UNSUPPORTED {
            self.unsupported.push(UnsupportedOp {
                op: op.to_owned(),
                node: node.to_owned(),
                function: self.functions_entered.last().cloned(),
                detail: Some(reason.to_owned()),
            });
        }
    }

    /// Goes one deeper: functions and bodies that are in each other without end are an error.
    pub(super) fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if self.depth >= DEEPEST {
            return Err(EngineError::broken("functions and bodies are too deep in each other"));
        }
        self.depth += 1;
        let made = work(self);
        self.depth -= 1;
        made
    }
}
