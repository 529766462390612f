//! Variables that a function counts up as it reads them, which is how Keras makes seeds: what is read is what the checkpoint has, and an
//! increment for each time that it was counted up since. Assignments are known by the control inputs that put them behind a read.

use super::super::attributes::Attributes as _;
use super::super::constants;
use super::super::proto::NodeDef;
use super::reads::{read_input, split_input};
use super::{Context, Scope, Val};
use crate::EngineError;
use crate::graph::{Binary, Op, Random, Rare, Stream};
use std::collections::HashMap;
use std::sync::Arc;

/// The assignments that count up.
#[derive(Default)]
pub struct Counters<'a> {
    /// By the reads that come before them.
    by_read: HashMap<&'a str, &'a str>,
    /// The increment, and a read that comes before, by assignment.
    assignments: HashMap<&'a str, (&'a NodeDef, &'a str)>,
}

impl<'a> Counters<'a> {
    /// A read that comes before an assignment, which a node comes behind.
    pub fn before(&self, control: &str) -> Option<&'a str> {
        self.assignments.get(split_input(control).0).map(|(_, read)| *read)
    }

    /// Whether a node reads a variable that is counted up, or counts it up.
    pub fn counts(&self, node: &str) -> bool {
        self.by_read.contains_key(node) || self.assignments.contains_key(node)
    }

    pub fn is_counted(&self, read: &str) -> bool {
        self.by_read.contains_key(read)
    }
}

/// Finds them among nodes that see each other.
pub fn find(nodes: &[NodeDef]) -> Counters<'_> {
    let mut counters = Counters::default();
    if !nodes.iter().any(|n| n.op.starts_with("Assign")) {
        return counters;
    }
    let by_name: HashMap<&str, &NodeDef> = nodes.iter().map(|n| (n.name.as_str(), n)).collect();
    let source = |input: &String| by_name.get(split_input(input).0).copied();
    for node in nodes {
        let [resource, value, controls @ ..] = &node.input[..] else { continue };
        let reads = |n: &NodeDef| n.op == "ReadVariableOp" && n.input.first() == Some(resource);
        let increment = match (node.op.as_str(), source(value)) {
            ("AssignAddVariableOp", increment) => increment,
            ("AssignVariableOp", Some(sum)) if matches!(sum.op.as_str(), "Add" | "AddV2") => {
                match (sum.input.first().and_then(source), sum.input.get(1).and_then(source)) {
                    (Some(read), other) if reads(read) => other,
                    (other, Some(read)) if reads(read) => other,
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(increment) = increment.filter(|i| i.op == "Const") else { continue };
        for read in controls.iter().filter_map(source).filter(|n| reads(n)) {
            counters.by_read.entry(&read.name).or_insert(&node.name);
            counters.assignments.entry(&node.name).or_insert((increment, &read.name));
        }
    }
    counters
}

impl<'a> Context<'a> {
    /// A variable as it is where it is counted up next.
    pub(super) fn counted(
        &mut self,
        scope: &Scope<'a>,
        known: &mut HashMap<&'a str, Vec<Val>>,
        node: &'a NodeDef,
    ) -> Result<(), EngineError> {
        let found = node.input.first().map(|input| read_input(scope, known, input)).transpose()?;
        let Some(Val::Resource(name)) = found else {
            known.insert(&node.name, vec![Val::Missing]);
            return Ok(());
        };
        let start = self.weight(&name)?;
        let assignment = scope.counters.by_read.get(node.name.as_str()).copied().unwrap_or_default();
        let increment = scope.counters.assignments.get(assignment).and_then(|(i, _)| i.tensor("value"));
        let increment = increment.map(constants::literal).transpose()?.flatten();
        let (Val::Value(start), Some(increment)) = (start, increment) else {
            known.insert(&node.name, vec![Val::Missing]);
            return Ok(());
        };
        let counted = match known.get(assignment).map(Vec::as_slice) {
            Some([Val::Value(counted)]) => *counted,
            _ => {
                let stream = self.generators.entry(name).or_insert_with(|| Arc::new(Stream::new(1, 0)));
                let op = Op::Rare(Box::new(Rare::Random(Random::Count(stream.clone()))));
                let increment = self.graph.add(Op::Literal(Arc::new(increment)), Vec::new(), &node.name)?;
                let counted = self.graph.add(op, vec![increment], &node.name)?;
                known.insert(assignment, vec![Val::Value(counted)]);
                counted
            }
        };
        let sum = self.graph.add(Op::Binary(Binary::Add), vec![start, counted], &node.name)?;
        known.insert(&node.name, vec![Val::Value(sum)]);
        Ok(())
    }
}
