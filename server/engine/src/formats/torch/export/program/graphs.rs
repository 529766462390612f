//! Graphs in the graph: under a setting, and those of which the request chooses one.

use super::super::super::build::Part;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::schema::{Graph, Node};
use super::{DEEPEST, Lowering, output_names};
use serde_json::Value;

impl Lowering<'_> {
    /// An operation that calls graphs.
    pub fn wrapped(&mut self, name: &str, node: &Node) -> Result<Vec<Val>> {
        if self.depth >= DEEPEST {
            return unsupported("of graphs in graphs, too deep");
        }
        self.depth += 1;
        let results = match name {
            // A setting that matters only in training.
            "wrap_with_set_grad_enabled" | "wrap_with_autocast" | "wrap" | "tag_activation_checkpoint" => {
                self.inner(node)
            }
            "cond" => self.branch(node),
            "while_loop" => self.looped(node),
            "with_effects" => self.in_order(node),
            _ => unsupported(""),
        };
        self.depth -= 1;
        results
    }

    /// The graphs among a node's arguments.
    pub fn graphs(node: &Node) -> Result<Vec<Graph>> {
        let graphs = node.inputs.iter().filter_map(|i| i.arg.get("as_graph")?.get("graph"));
        let read = |graph: &Value| match serde_json::from_value(graph.clone()) {
            Ok(graph) => Ok(graph),
            Err(error) => broken(format!("a graph in the graph: {error}")),
        };
        graphs.map(read).collect()
    }

    fn inner(&mut self, node: &Node) -> Result<Vec<Val>> {
        let [graph] = &Self::graphs(node)?[..] else { return broken("a graph is missing") };
        let at = node.inputs.iter().position(|i| i.arg.get("as_graph").is_some()).unwrap_or(0);
        let given =
            node.inputs[at + 1..].iter().map(|i| self.argument(&i.arg)).collect::<Result<Vec<_>>>()?;
        self.called(graph, given)
    }

    /// An operation that must not change places with others: a token goes in and comes out in front.
    fn in_order(&mut self, node: &Node) -> Result<Vec<Val>> {
        let Some(target) = node.inputs.get(1).and_then(|i| i.arg.get("as_operator")?.as_str()) else {
            return broken("an operation without a name");
        };
        let inputs = node.inputs[2..].to_vec();
        let made = self.node(&Node { target: target.to_owned(), inputs, outputs: Vec::new() })?;
        Ok([vec![Val::None], made].concat())
    }

    /// What a graph gives of these.
    pub fn called(&mut self, graph: &Graph, given: Vec<Val>) -> Result<Vec<Val>> {
        let outer = self.values.clone();
        for (input, value) in graph.inputs.iter().zip(given) {
            for name in output_names(input).unwrap_or_default() {
                self.values.insert(name, value.clone());
            }
        }
        let done = self.nodes(graph);
        let results = done.and_then(|()| graph.outputs.iter().map(|o| self.argument(o)).collect());
        self.values = outer;
        results
    }

    /// What a graph does, to be done if the request says so.
    fn part(&mut self, graph: &Graph, given: Vec<Val>) -> Result<(Part, Vec<Val>)> {
        let start = self.builder.begin();
        let results = self.called(graph, given)?;
        Ok((self.builder.end(start, &results)?, results))
    }

    /// One of two graphs, by a truth.
    fn branch(&mut self, node: &Node) -> Result<Vec<Val>> {
        let [then, other] = &Self::graphs(node)?[..] else {
            return broken("a choice of other than two graphs");
        };
        let (Some(condition), Some(given)) = (node.inputs.first(), node.inputs.get(3)) else {
            return broken("a choice without a condition");
        };
        let condition = self.argument(&condition.arg)?;
        let given = self.argument(&given.arg)?.items().unwrap_or_default();
        if let Some(known) = self.builder.known(&condition) {
            return self.called(if known != 0 { then } else { other }, given);
        }
        let (then, yes) = self.part(then, given.clone())?;
        let (other, no) = self.part(other, given)?;
        if yes.len() != no.len() {
            return broken("a choice whose sides give other numbers of results");
        }
        let pairs: Vec<(Val, Val)> = yes.into_iter().zip(no).collect();
        let chosen: Option<Vec<Val>> =
            self.builder.chosen(&condition, then, other, &pairs)?.into_iter().collect();
        match chosen {
            Some(chosen) if node.outputs.len() == chosen.len() => Ok(chosen),
            Some(chosen) => Ok(vec![Val::list(chosen)]),
            None => unsupported("of sides whose results are of different kinds"),
        }
    }
}
