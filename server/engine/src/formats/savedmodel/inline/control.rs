//! Branches and loops: each body becomes a graph of its own, whose inputs are the node's.
//!
//! Variables go into bodies by their names and no value is made of them outside; a body that reads one has the weight itself.

use super::super::attributes::Attributes as _;
use super::super::lower::shape_literal;
use super::super::proto::NodeDef;
use super::{Context, DEEPEST, Scope, Val};
use crate::EngineError;
use crate::graph::{Body as Function, Control, Graph, Listing, Op, ValueId};
use std::sync::Arc;

/// What a body came to: its graph, the outputs of which are still to be chosen, and its results.
pub(super) type Made = (Graph, Vec<Val>);

type Vals = Result<Vec<Val>, EngineError>;

impl<'a> Context<'a> {
    /// Lowers into a graph of its own, whose inputs are those that are values.
    pub(super) fn apart(
        &mut self,
        inputs: &[Val],
        name: &str,
        work: impl FnOnce(&mut Self, Vec<Val>) -> Vals,
    ) -> Result<Made, EngineError> {
        let outside = std::mem::take(&mut self.graph);
        let weights = std::mem::take(&mut self.weight_values);
        let inside = inputs.iter().map(|input| {
            let Val::Value(_) = input else { return Ok(input.clone()) };
            let number = self.graph.inputs.len();
            let value = self.graph.add(Op::Input(number), Vec::new(), name)?;
            self.graph.inputs.push(value);
            Ok(Val::Value(value))
        });
        let inside: Vals = inside.collect();
        let results = inside.and_then(|inside| work(self, inside));
        let graph = std::mem::replace(&mut self.graph, outside);
        self.weight_values = weights;
        Ok((graph, results?))
    }

    fn scope(&self, node: &NodeDef, name: &str, depth: usize) -> Result<&'a Scope<'a>, EngineError> {
        if depth >= DEEPEST {
            return Err(EngineError::broken("functions call each other too deeply"));
        }
        let library = self.library;
        library.function(name).ok_or_else(|| {
            EngineError::broken(format!(
                "node {:?} calls the function {name:?}, which is not there",
                node.name
            ))
        })
    }

    /// A function's results for these arguments.
    fn results(&mut self, scope: &'a Scope<'a>, arguments: Vec<Val>, depth: usize) -> Vals {
        let known = scope.arguments.iter().copied().zip(arguments.into_iter().map(|a| vec![a])).collect();
        let wanted: Vec<&'a str> = scope.results.clone();
        self.evaluate(scope, known, &wanted, depth + 1)
    }

    /// `If` and `Case`.
    pub(super) fn branch(&mut self, node: &'a NodeDef, mut inputs: Vec<Val>, depth: usize) -> Vals {
        if inputs.is_empty() {
            return Err(EngineError::broken(format!("node {:?} lacks its inputs", node.name)));
        }
        let choice = inputs.remove(0);
        let by_truth = node.op.ends_with("If");
        let names: Vec<&'a str> = if by_truth {
            ["else_branch", "then_branch"].iter().map(|b| node.function(b).unwrap_or("")).collect()
        } else {
            node.functions("branches")
        };
        let mut made = Vec::new();
        for name in names {
            let scope = self.scope(node, name, depth)?;
            let body = self.apart(&inputs, name, |c, inputs| c.results(scope, inputs, depth))?;
            made.push((name.to_owned(), body));
        }
        self.choose(node, &choice, &inputs, made, by_truth)
    }

    /// The outputs of a branch whose bodies are there.
    pub(super) fn choose(
        &mut self,
        node: &NodeDef,
        choice: &Val,
        inputs: &[Val],
        made: Vec<(String, Made)>,
        by_truth: bool,
    ) -> Vals {
        let Some(count) = made.iter().map(|(_, (_, results))| results.len()).min() else {
            return Err(EngineError::broken(format!("node {:?} has no branches", node.name)));
        };
        let Val::Value(choice) = *choice else { return Ok(Vec::new()) };
        let all: Vec<Vec<Val>> = made.iter().map(|(_, (_, results))| results.clone()).collect();
        let is_value = |n: &usize| all.iter().all(|results| matches!(results[*n], Val::Value(_)));
        let values: Vec<usize> = (0..count).filter(is_value).collect();
        let branches = made.into_iter().map(|(name, (mut graph, results))| {
            graph.outputs = values.iter().filter_map(|n| value(&results[*n])).collect();
            Function { name, graph }
        });
        let control = Control::Branch { branches: branches.collect(), by_truth };
        let mut reads = vec![choice];
        reads.extend(inputs.iter().filter_map(value));
        let mut outputs = self.control(control, reads, values.len(), node)?.into_iter();
        let mut vals = Vec::new();
        for n in 0..count {
            let same = all.iter().all(|results| results[n] == all[0][n]);
            vals.push(match &all[0][n] {
                _ if values.contains(&n) => outputs.next().map_or(Val::Missing, Val::Value),
                Val::Resource(name) if same => Val::Resource(name.clone()),
                Val::Value(_) | Val::Resource(_) if !all.iter().any(|r| r[n] == Val::Missing) => {
                    self.missing(node, Some("a branch that chooses between variables".to_owned()));
                    Val::Missing
                }
                _ => Val::Missing,
            });
        }
        Ok(vals)
    }

    /// `While`.
    pub(super) fn repeat(&mut self, node: &'a NodeDef, inputs: &[Val], depth: usize) -> Vals {
        let [condition, body] = ["cond", "body"].map(|b| node.function(b).unwrap_or(""));
        let (first, second) = (self.scope(node, condition, depth)?, self.scope(node, body, depth)?);
        let test = self.apart(inputs, condition, |c, inputs| c.results(first, inputs, depth))?;
        let made = self.apart(inputs, body, |c, inputs| c.results(second, inputs, depth))?;
        self.looped(node, inputs, (condition.to_owned(), test), (body.to_owned(), made))
    }

    /// The outputs of a loop whose bodies are there.
    pub(super) fn looped(
        &mut self,
        node: &NodeDef,
        inputs: &[Val],
        (test_name, (mut test, go_on)): (String, Made),
        (body_name, (mut body, next)): (String, Made),
    ) -> Vals {
        if next.len() != inputs.len() {
            let text = format!("loop {:?} has {} values and makes {}", node.name, inputs.len(), next.len());
            return Err(EngineError::broken(text));
        }
        let is_missing = |v: &Val| *v == Val::Missing;
        let go_on = go_on.first().and_then(value);
        let (Some(go_on), false) = (go_on, inputs.iter().chain(&next).any(is_missing)) else {
            return Ok(Vec::new());
        };
        for (before, after) in inputs.iter().zip(&next) {
            let fits = match (before, after) {
                (Val::Value(_), Val::Value(_)) => true,
                (before, after) => before == after,
            };
            if !fits {
                self.missing(node, Some("a loop that changes a variable".to_owned()));
                return Ok(Vec::new());
            }
        }
        test.outputs = vec![go_on];
        body.outputs = next.iter().filter_map(value).collect();
        let control = Control::Loop {
            condition: Function { name: test_name, graph: test },
            body: Function { name: body_name, graph: body },
        };
        let reads: Vec<ValueId> = inputs.iter().filter_map(value).collect();
        let count = reads.len();
        let mut outputs = self.control(control, reads, count, node)?.into_iter();
        let after = inputs.iter().map(|input| match input {
            Val::Value(_) => outputs.next().map_or(Val::Missing, Val::Value),
            other => other.clone(),
        });
        Ok(after.collect())
    }

    fn control(
        &mut self,
        control: Control,
        reads: Vec<ValueId>,
        outputs: usize,
        node: &NodeDef,
    ) -> Result<Vec<ValueId>, EngineError> {
        if outputs == 0 {
            return Ok(Vec::new());
        }
        self.graph.add_many(Op::Control(Arc::new(control)), reads, outputs, &node.name)
    }

    /// An array of TensorFlow 1: what it is known by, and what it holds.
    pub(super) fn array(&mut self, node: &NodeDef, inputs: &[Val]) -> Vals {
        let Some(Val::Value(size)) = inputs.first() else { return Ok(Vec::new()) };
        let shape = Op::Literal(Arc::new(shape_literal(node.attribute("element_shape"))));
        let shape = self.graph.add(shape, Vec::new(), &node.name)?;
        let list = self.graph.add(Op::List(Listing::Reserve), vec![shape, *size], &node.name)?;
        Ok(vec![Val::Resource(format!("array {}", node.name)), Val::Value(list)])
    }
}

fn value(val: &Val) -> Option<ValueId> {
    match val {
        Val::Value(value) => Some(*value),
        _ => None,
    }
}
