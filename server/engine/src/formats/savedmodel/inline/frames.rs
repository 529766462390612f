//! Loops as TensorFlow 1 writes them. Each value of a loop goes round: `Enter` → `Merge` → `Switch`, which lets it out by `Exit` or
//! into the body, and from there by `NextIteration` back to the `Merge`. What does not change only enters. All `Enter` nodes of a
//! loop bear the name of its frame.

use super::super::attributes::Attributes as _;
use super::super::proto::NodeDef;
use super::reads::{read_input, split_input};
use super::{Context, DEEPEST, Scope, Val};
use crate::EngineError;
use std::collections::HashMap;
use std::rc::Rc;

/// The loops of a scope, by the names of their `Exit` nodes.
pub(super) type Frames<'a> = HashMap<&'a str, Rc<Frame<'a>>>;

/// A value that goes round.
#[derive(Debug)]
struct Round<'a> {
    enter: &'a NodeDef,
    merge: &'a str,
    switch: Option<&'a str>,
    /// What `NextIteration` reads.
    next: &'a str,
    exits: Vec<&'a str>,
}

/// A loop.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    name: &'a str,
    rounds: Vec<Round<'a>>,
    /// What only enters.
    constants: Vec<&'a NodeDef>,
    /// What `LoopCond` reads.
    condition: &'a str,
}

impl<'a> Frame<'a> {
    fn enters(&self) -> impl Iterator<Item = &'a NodeDef> + '_ {
        self.rounds.iter().map(|r| r.enter).chain(self.constants.iter().copied())
    }

    /// What the loop reads from outside.
    pub(super) fn sources(&self) -> Vec<&'a str> {
        self.enters().filter_map(|e| e.input.first().map(String::as_str)).collect()
    }
}

/// An operation, of values or of references to variables.
fn is(node: &NodeDef, op: &str) -> bool {
    node.op == op || node.op.strip_prefix("Ref") == Some(op)
}

/// Finds the loops among nodes that see each other. One that is not whole is left out: its `Exit` says so when it is needed.
pub(super) fn find(nodes: &[NodeDef]) -> Frames<'_> {
    let mut frames = Frames::new();
    if !nodes.iter().any(|n| is(n, "Enter")) {
        return frames;
    }
    let by_name: HashMap<&str, &NodeDef> = nodes.iter().map(|n| (n.name.as_str(), n)).collect();
    let source = |node: &NodeDef, n: usize| by_name.get(split_input(node.input.get(n)?).0).copied();
    let mut switches: HashMap<&str, &NodeDef> = HashMap::new();
    let mut exits: HashMap<&str, Vec<&str>> = HashMap::new();
    for node in nodes {
        if is(node, "Switch")
            && let (Some(from), Some(by)) = (source(node, 0), source(node, 1))
            && is(from, "Merge")
            && by.op == "LoopCond"
        {
            switches.insert(&from.name, node);
        }
        if is(node, "Exit")
            && let Some(from) = source(node, 0)
        {
            exits.entry(&from.name).or_default().push(&node.name);
        }
    }
    let mut rounds: HashMap<&str, Vec<Round<'_>>> = HashMap::new();
    let mut conditions: HashMap<&str, &str> = HashMap::new();
    let mut turning: std::collections::HashSet<&str> = std::collections::HashSet::new();
    for merge in nodes.iter().filter(|n| is(n, "Merge")) {
        let (Some(enter), Some(back)) = (source(merge, 0), source(merge, 1)) else { continue };
        let (enter, back) = if is(back, "Enter") { (back, enter) } else { (enter, back) };
        let (Some(frame), Some(next)) = (enter.text("frame_name"), back.input.first()) else { continue };
        if !is(enter, "Enter") || !is(back, "NextIteration") {
            continue;
        }
        let switch = switches.get(merge.name.as_str());
        if let Some(condition) = switch.and_then(|s| source(s, 1)).and_then(|c| c.input.first()) {
            conditions.insert(frame, condition);
        }
        turning.insert(&enter.name);
        rounds.entry(frame).or_default().push(Round {
            enter,
            merge: &merge.name,
            switch: switch.map(|s| s.name.as_str()),
            next,
            exits: switch.and_then(|s| exits.remove(s.name.as_str())).unwrap_or_default(),
        });
    }
    for (name, rounds) in rounds {
        let Some(condition) = conditions.get(name).copied() else { continue };
        let enters = nodes.iter().filter(|n| is(n, "Enter") && n.text("frame_name") == Some(name));
        let constants = enters.filter(|n| !turning.contains(n.name.as_str())).collect();
        let frame = Rc::new(Frame { name, rounds, constants, condition });
        for exit in frame.rounds.iter().flat_map(|r| &r.exits) {
            frames.insert(exit, frame.clone());
        }
    }
    frames
}

impl<'a> Context<'a> {
    /// A loop that a node leaves: what comes out of it at all its exits.
    pub(super) fn frame(
        &mut self,
        scope: &Scope<'a>,
        known: &mut HashMap<&'a str, Vec<Val>>,
        exit: &'a NodeDef,
        depth: usize,
    ) -> Result<(), EngineError> {
        if depth >= DEEPEST {
            return Err(EngineError::broken("loops lie in each other too deeply"));
        }
        let Some(frame) = scope.frames.get(exit.name.as_str()).cloned() else {
            self.missing(exit, Some("out of a loop that is not whole".to_owned()));
            known.insert(&exit.name, Vec::new());
            return Ok(());
        };
        let inputs: Vec<Val> =
            frame.sources().iter().map(|s| read_input(scope, known, s)).collect::<Result<_, _>>()?;
        if inputs.len() != frame.enters().count() {
            return Err(EngineError::broken(format!("loop {:?} is entered with nothing", frame.name)));
        }
        let test = self.apart(&inputs, frame.name, |c, inputs| {
            c.evaluate(scope, inside(&frame, inputs), &[frame.condition], depth + 1)
        })?;
        let made = self.apart(&inputs, frame.name, |c, inputs| {
            let wanted: Vec<&'a str> = frame.rounds.iter().map(|r| r.next).collect();
            let constants: Vec<Val> = inputs.iter().skip(wanted.len()).cloned().collect();
            let mut next = c.evaluate(scope, inside(&frame, inputs), &wanted, depth + 1)?;
            next.extend(constants);
            Ok(next)
        })?;
        let name = frame.name.to_owned();
        let after = self.looped(exit, &inputs, (name.clone(), test), (name, made))?;
        for (n, round) in frame.rounds.iter().enumerate() {
            for exit in &round.exits {
                known.insert(exit, after.get(n).cloned().into_iter().collect());
            }
        }
        Ok(())
    }
}

/// What is known in a loop.
fn inside<'a>(frame: &Frame<'a>, inputs: Vec<Val>) -> HashMap<&'a str, Vec<Val>> {
    let mut known = HashMap::new();
    let mut inputs = inputs.into_iter();
    for (round, input) in frame.rounds.iter().zip(&mut inputs) {
        known.insert(round.enter.name.as_str(), vec![input.clone()]);
        known.insert(round.merge, vec![input.clone()]);
        if let Some(switch) = round.switch {
            known.insert(switch, vec![input.clone(), input]);
        }
    }
    known.extend(frame.constants.iter().zip(inputs).map(|(e, v)| (e.name.as_str(), vec![v])));
    known
}
