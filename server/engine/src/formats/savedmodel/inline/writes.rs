//! Variables that a function writes. What reads one behind an assignment, as control inputs say, reads what was assigned. What a loop, a
//! branch or another function wrote is not known, and what goes on from request to request is no model's: both are refused.

use super::super::attributes::Attributes as _;
use super::super::proto::NodeDef;
use super::reads::split_input;
use super::{Context, Scope, Val};
use crate::EngineError;
use crate::graph::{Binary, Op};
use std::collections::{HashMap, HashSet};

/// Nodes that are looked at on the way back from a read.
const MOST_STEPS: usize = 1 << 12;

/// Functions in functions that are looked at.
const DEEPEST: usize = 8;

/// Whether an operation of its own changes the variable or the table that it names first.
fn writes_first(op: &str) -> bool {
    (op.starts_with("Assign") && op.ends_with("VariableOp"))
        || ["ResourceScatter", "ResourceApply", "ResourceSparseApply"].iter().any(|name| op.starts_with(name))
        || matches!(op, "ResourceStridedSliceAssign" | "ResourceCountUpTo")
        || matches!(op, "LookupTableInsertV2" | "LookupTableRemoveV2" | "LookupTableImportV2")
}

/// What an assignment makes of the value before and of its own; none: it is known in no way what.
fn assigned(op: &str) -> Option<Option<Binary>> {
    match op {
        "AssignVariableOp" => Some(None),
        "AssignAddVariableOp" => Some(Some(Binary::Add)),
        "AssignSubVariableOp" => Some(Some(Binary::Sub)),
        _ => None,
    }
}

/// What a node reads that was written before.
pub(super) enum Before<'a> {
    /// Nobody writes it in this function.
    Never,
    /// It is written, but behind the node.
    Later,
    By(&'a NodeDef),
}

/// Functions by their parts of a node.
fn bodies(node: &NodeDef) -> Vec<(&str, usize)> {
    let named = |names: &[&str], skipped| {
        names.iter().filter_map(|name| node.function(name)).map(|name| (name, skipped)).collect()
    };
    match node.op.as_str() {
        "StatefulPartitionedCall" | "PartitionedCall" => named(&["f"], 0),
        "While" | "StatelessWhile" => named(&["cond", "body"], 0),
        "If" | "StatelessIf" => named(&["then_branch", "else_branch"], 1),
        "Case" | "StatelessCase" => node.functions("branches").into_iter().map(|name| (name, 1)).collect(),
        _ => Vec::new(),
    }
}

impl<'a> Context<'a> {
    /// Whether a node writes the variable that one of its inputs is.
    fn writes(&self, node: &'a NodeDef, input: &str, depth: usize) -> bool {
        let at = |n: &usize| node.input.get(*n).is_some_and(|own| own == input);
        if writes_first(&node.op) {
            return at(&0);
        }
        let read_only = node.ints("_read_only_resource_inputs");
        let own: Vec<usize> = (0..node.input.len()).filter(at).collect();
        bodies(node).into_iter().any(|(name, skipped)| {
            own.iter().filter(|n| !read_only.contains(&(**n as i64))).any(|n| {
                let scope = self.library.function(name);
                let argument =
                    scope.zip(n.checked_sub(skipped)).and_then(|(s, n)| s.arguments.get(n).copied());
                let (Some(scope), Some(argument)) = (scope, argument) else { return false };
                depth < DEEPEST
                    && scope.writers.contains_key(argument)
                    && scope.writers[argument].iter().any(|w| self.writes(w, argument, depth + 1))
            })
        })
    }

    /// The last write of what an input of a node is.
    pub(super) fn before(&self, scope: &Scope<'a>, node: &'a NodeDef, input: &str) -> Before<'a> {
        let Some(writers) = scope.writers.get(input) else { return Before::Never };
        let writers: HashSet<&str> =
            writers.iter().filter(|w| self.writes(w, input, 0)).map(|w| w.name.as_str()).collect();
        let controls = |node: &'a NodeDef| node.input.iter().filter_map(|i| i.strip_prefix('^'));
        let mut waiting: std::collections::VecDeque<&'a str> = controls(node).collect();
        let mut seen = HashSet::new();
        while let Some(name) = waiting.pop_front().filter(|_| seen.len() < MOST_STEPS) {
            let Some(found) = scope.node(name).filter(|_| seen.insert(name)) else { continue };
            if writers.contains(name) {
                return Before::By(found);
            }
            waiting.extend(controls(found));
        }
        let others = scope.runs_whole && writers.iter().any(|name| *name != node.name);
        if others { Before::Later } else { Before::Never }
    }

    /// The writes that a node comes behind, of all that it reads.
    pub(super) fn behind(&self, scope: &Scope<'a>, node: &'a NodeDef) -> Vec<&'a str> {
        if scope.writers.is_empty() {
            return Vec::new();
        }
        let write = |input: &'a String| match self.before(scope, node, input) {
            Before::By(write) if assigned(&write.op).is_some() => Some(write.name.as_str()),
            _ => None,
        };
        node.input.iter().filter_map(write).collect()
    }

    /// Puts what was assigned in the place of variables; false: it is not known.
    pub(super) fn with_written(
        &mut self,
        scope: &Scope<'a>,
        known: &HashMap<&'a str, Vec<Val>>,
        node: &'a NodeDef,
        inputs: &mut [Val],
    ) -> bool {
        if scope.writers.is_empty() || scope.counters.counts(&node.name) {
            return true;
        }
        let data = node.input.iter().filter(|i| !i.starts_with('^'));
        for (input, val) in data.zip(inputs) {
            if !matches!(val, Val::Resource(_)) {
                continue;
            }
            let why = match self.before(scope, node, input) {
                Before::Never => continue,
                // A plain assignment reads nothing.
                Before::Later if node.op == "AssignVariableOp" => continue,
                Before::Later => "a variable that goes on from request to request",
                Before::By(write) => match (assigned(&write.op), known.get(write.name.as_str())) {
                    (Some(_), Some(made)) => {
                        *val = made.first().cloned().unwrap_or(Val::Missing);
                        continue;
                    }
                    _ => "a variable that is changed in a way that is not followed",
                },
            };
            self.missing(node, Some(why.to_owned()));
            return false;
        }
        true
    }

    /// The value behind an assignment; none: the node is none.
    pub(super) fn assign(
        &mut self,
        node: &'a NodeDef,
        inputs: &[Val],
    ) -> Result<Option<Vec<Val>>, EngineError> {
        let Some(with) = assigned(&node.op) else { return Ok(None) };
        let [before, Val::Value(own)] = inputs else { return Ok(Some(Vec::new())) };
        let made = match (with, before) {
            (None, _) => *own,
            (Some(op), Val::Value(before)) => {
                self.graph.add(Op::Binary(op), vec![*before, *own], &node.name)?
            }
            (Some(_), _) => {
                self.missing(node, Some("a variable that goes on from request to request".to_owned()));
                return Ok(Some(Vec::new()));
            }
        };
        Ok(Some(vec![Val::Value(made)]))
    }
}

/// Nodes that may write a variable, by the input that it is.
pub(super) fn find(nodes: &[NodeDef]) -> HashMap<&str, Vec<&NodeDef>> {
    let mut writers: HashMap<&str, Vec<&NodeDef>> = HashMap::new();
    for node in nodes {
        let read_only = node.ints("_read_only_resource_inputs");
        let calls = !bodies(node).is_empty();
        for (n, input) in node.input.iter().enumerate().filter(|(_, i)| !i.starts_with('^')) {
            let writes = writes_first(&node.op) && n == 0 || calls && !read_only.contains(&(n as i64));
            if writes && split_input(input).1 == 0 {
                writers.entry(input).or_default().push(node);
            }
        }
    }
    writers
}
