//! Branches as TensorFlow 1 writes them: `Switch` lets a value into one of two branches, `Merge` takes what comes out of the one that
//! ran. Which condition a `Merge` belongs to is not written anywhere: it is the one whose `Switch` nodes lead to one input of the
//! `Merge` by their one side and to the other by the other. Those of branches inside lead to an input by both sides or by
//! one of an inner `Merge`; those of branches around lead to both inputs by the same side.

use super::super::proto::NodeDef;
use super::generators::generates;
use super::reads::{output_number, read_input, split_input};
use super::{Context, DEEPEST, MOST_NODES, Scope, Val};
use crate::EngineError;
use crate::graph::{Literal, Op};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What an input of a `Merge` comes from.
#[derive(Debug, Default)]
struct Way<'a> {
    /// By condition: whether the way leads through its false and its true side.
    sides: BTreeMap<&'a str, [bool; 2]>,
    nodes: HashSet<&'a str>,
}

/// A condition and what it decides of a `Merge`.
struct Fork<'a> {
    /// What the `Switch` nodes read.
    condition: &'a str,
    /// Whether the first input is what comes when the condition holds.
    first_if_true: bool,
    /// The `Switch` nodes.
    switches: Vec<&'a NodeDef>,
}

fn is(node: &NodeDef, op: &str) -> bool {
    node.op == op || node.op.strip_prefix("Ref") == Some(op)
}

/// The node behind `Identity` nodes, whose name is the condition's.
fn canonical<'a>(scope: &Scope<'a>, input: &'a str) -> &'a str {
    let mut name = split_input(input).0;
    for _ in 0..64 {
        match scope.node(name) {
            Some(node) if node.op == "Identity" => match node.input.first() {
                Some(next) => name = split_input(next).0,
                None => break,
            },
            _ => break,
        }
    }
    name
}

fn condition<'a>(scope: &Scope<'a>, switch: &'a NodeDef) -> Option<&'a str> {
    Some(canonical(scope, switch.input.get(1)?))
}

/// Whether a `Switch` is a loop's.
fn turns(scope: &Scope<'_>, switch: &NodeDef) -> bool {
    let by = switch.input.get(1).and_then(|i| scope.node(split_input(i).0));
    by.is_some_and(|n| n.op == "LoopCond")
}

impl<'a> Context<'a> {
    /// What must be known before a node: its inputs, or those of the branch or the loop that ends in it.
    pub(super) fn sources(
        &mut self,
        scope: &Scope<'a>,
        node: &'a NodeDef,
    ) -> Result<Vec<&'a str>, EngineError> {
        if is(node, "Exit")
            && let Some(frame) = scope.frames.get(node.name.as_str())
        {
            return Ok(frame.sources());
        }
        if is(node, "Merge") {
            let Some(fork) = self.fork(scope, node)? else { return Ok(Vec::new()) };
            let mut sources: Vec<&'a str> =
                fork.switches.iter().filter_map(|s| s.input.first().map(String::as_str)).collect();
            sources.extend(fork.switches.first().and_then(|s| s.input.get(1)).map(String::as_str));
            return Ok(sources);
        }
        if scope.counters.is_counted(&node.name) {
            let before = |i: &'a String| match i.strip_prefix('^') {
                Some(control) => scope.counters.before(control),
                None => Some(i.as_str()),
            };
            return Ok(node.input.iter().filter_map(before).collect());
        }
        // Draws by one generator come in an order that only control inputs tell.
        let draws = |name: &str| scope.node(name).is_some_and(generates);
        let read = |i: &&str| !i.starts_with('^') || generates(node) && draws(split_input(i).0);
        let mut sources: Vec<&'a str> = node.input.iter().map(String::as_str).filter(read).collect();
        sources.extend(self.behind(scope, node));
        Ok(sources)
    }

    /// Walks back from an input of a `Merge`. `until`: not beyond the `Switch` nodes of this condition.
    fn way(&mut self, scope: &Scope<'a>, from: &'a str, until: Option<&str>) -> Result<Way<'a>, EngineError> {
        let mut way = Way::default();
        let mut stack = vec![from];
        while let Some(input) = stack.pop() {
            let name = split_input(input).0;
            let Some(node) = scope.node(name) else { continue };
            let switch = is(node, "Switch");
            if switch && turns(scope, node) {
                continue;
            }
            let by = if switch { condition(scope, node) } else { None };
            if let (Some(by), false) = (by, input.starts_with('^')) {
                way.sides.entry(by).or_default()[output_number(node, input).min(1)] = true;
            }
            if !way.nodes.insert(name) || is(node, "Enter") || (by.is_some() && by == until) {
                continue;
            }
            self.looked_at += 1;
            if self.looked_at > MOST_NODES {
                return Err(EngineError::broken("the graph has too many nodes"));
            }
            match scope.frames.get(name) {
                Some(frame) => stack.extend(frame.sources()),
                None => stack.extend(node.input.iter().map(String::as_str)),
            }
        }
        Ok(way)
    }

    /// The condition of a `Merge`. None: it is not clear.
    fn fork(&mut self, scope: &Scope<'a>, merge: &'a NodeDef) -> Result<Option<Fork<'a>>, EngineError> {
        let inputs: Vec<&'a str> =
            merge.input.iter().map(String::as_str).filter(|i| !i.starts_with('^')).collect();
        let [first, second] = inputs[..] else { return Ok(None) };
        let ways = [self.way(scope, first, None)?, self.way(scope, second, None)?];
        let mut found = ways[0].sides.iter().filter_map(|(by, a)| match (a, ways[1].sides.get(by)?) {
            ([true, false], [false, true]) => Some((*by, false)),
            ([false, true], [true, false]) => Some((*by, true)),
            _ => None,
        });
        let (Some((condition_name, first_if_true)), None) = (found.next(), found.next()) else {
            return Ok(None);
        };
        let mut switches = Vec::new();
        let mut seen = HashSet::new();
        for input in [first, second] {
            let way = self.way(scope, input, Some(condition_name))?;
            let mut names: Vec<&str> = way.nodes.into_iter().filter(|n| seen.insert(*n)).collect();
            names.sort_unstable();
            switches.extend(
                names
                    .into_iter()
                    .filter_map(|n| scope.node(n))
                    .filter(|n| is(n, "Switch") && condition(scope, n) == Some(condition_name)),
            );
        }
        Ok(Some(Fork { condition: condition_name, first_if_true, switches }))
    }

    /// A `Merge` that ends a branch.
    pub(super) fn merge(
        &mut self,
        scope: &Scope<'a>,
        known: &mut HashMap<&'a str, Vec<Val>>,
        merge: &'a NodeDef,
        depth: usize,
    ) -> Result<(), EngineError> {
        if depth >= DEEPEST {
            return Err(EngineError::broken("branches lie in each other too deeply"));
        }
        let Some(fork) = self.fork(scope, merge)? else {
            self.missing(merge, Some("of branches whose condition is not clear".to_owned()));
            known.insert(&merge.name, Vec::new());
            return Ok(());
        };
        let outputs = self.forked(scope, known, merge, &fork, depth)?;
        known.insert(&merge.name, outputs);
        Ok(())
    }

    fn forked(
        &mut self,
        scope: &Scope<'a>,
        known: &HashMap<&'a str, Vec<Val>>,
        merge: &'a NodeDef,
        fork: &Fork<'a>,
        depth: usize,
    ) -> Result<Vec<Val>, EngineError> {
        let ends: Vec<&'a str> =
            merge.input.iter().map(String::as_str).filter(|i| !i.starts_with('^')).collect();
        let Some(choice) = fork.switches.first().and_then(|s| s.input.get(1)) else { return Ok(Vec::new()) };
        let choice = read_input(scope, known, choice)?;
        // What the branches read: through switches, and directly.
        let (mut names, mut inputs) = (Vec::new(), Vec::new());
        for switch in &fork.switches {
            let data = switch.input.first().map_or(Ok(Val::Missing), |d| read_input(scope, known, d))?;
            names.push((switch.name.as_str(), 2));
            inputs.push(data);
        }
        for end in &ends {
            let way = self.way(scope, end, Some(fork.condition))?;
            let mut direct: Vec<&str> = way.nodes.into_iter().collect();
            direct.sort_unstable();
            for name in direct {
                if let (Some([value]), false) =
                    (known.get(name).map(Vec::as_slice), names.iter().any(|(n, _)| *n == name))
                {
                    names.push((name, 1));
                    inputs.push(value.clone());
                }
            }
        }
        // By truth: what comes when the condition does not hold is the first branch.
        let order = if fork.first_if_true { [1, 0] } else { [0, 1] };
        let mut made = Vec::new();
        for number in order {
            let body = self.apart(&inputs, &merge.name, |c, inputs| {
                let inside = names.iter().zip(inputs).map(|((n, count), v)| (*n, vec![v; *count])).collect();
                let mut results = c.evaluate(scope, inside, &[ends[number]], depth + 1)?;
                let index = Op::Literal(Arc::new(Literal::I64(vec![number as i64], Vec::new())));
                results.push(Val::Value(c.graph.add(index, Vec::new(), &merge.name)?));
                Ok(results)
            })?;
            made.push((merge.name.clone(), body));
        }
        self.choose(merge, &choice, &inputs, made, true)
    }
}
