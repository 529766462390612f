//! The bodies of branches and loops, as graphs of their own.

use super::context::{Context, Level};
use super::proto::Graph;
use super::scope::Val;
use crate::EngineError;
use crate::graph::{self, Op, ValueId};
use crate::plan::rules::Extents;

/// A body that was lowered.
pub struct Body {
    /// Its graph, whose outputs are still to be chosen; its inputs are those that were given, then what it reads of the graph around.
    pub level: Level,
    /// Its results.
    pub results: Vec<Val>,
}

/// What a body takes: a value like this one, its shape as far as it is known.
pub struct Given {
    pub like: Val,
    pub shape: Option<Extents>,
}

impl Context<'_> {
    /// Lowers a body where it stands, once, into the graph that is being built.
    pub fn here(&mut self, graph: &Graph, inputs: &[Val]) -> Result<Vec<Val>, EngineError> {
        self.scopes.push(false);
        let made = self.deeper(|context| {
            let level = context.levels.len() - 1;
            for (info, val) in graph.input.iter().zip(inputs) {
                context.scopes.set(&info.name, level, *val);
            }
            context.constants(graph)?;
            context.nodes(&graph.node)?;
            graph.output.iter().map(|o| context.find(&o.name)).collect()
        });
        self.scopes.pop();
        made
    }

    /// Lowers a body. `bind` makes of its inputs, which are these, what the names that it takes stand for.
    pub fn apart(
        &mut self,
        graph: &Graph,
        given: &[Given],
        bind: impl FnOnce(&mut Self, &[Val]) -> Result<Vec<Val>, EngineError>,
    ) -> Result<Body, EngineError> {
        self.levels.push(Level::default());
        self.scopes.push(false);
        let made = self.deeper(|context| {
            let level = context.levels.len() - 1;
            let mut inputs = Vec::new();
            for given in given {
                let value = context.build().input(given.shape.clone())?;
                inputs.push(given.like.renamed(value));
            }
            let bound = bind(context, &inputs)?;
            if graph.input.len() > bound.len() {
                return Err(EngineError::broken(format!("a body takes {} values", graph.input.len())));
            }
            for (info, val) in graph.input.iter().zip(bound) {
                context.scopes.set(&info.name, level, val);
            }
            context.body(graph)
        });
        self.scopes.pop();
        let level = self.levels.pop().unwrap_or_default();
        Ok(Body { level, results: made? })
    }

    /// Lowers a body, which takes nothing, in the place of its node.
    pub fn within(&mut self, graph: &Graph) -> Result<Vec<Val>, EngineError> {
        self.scopes.push(false);
        let made = self.deeper(|context| context.body(graph));
        self.scopes.pop();
        made
    }

    fn body(&mut self, graph: &Graph) -> Result<Vec<Val>, EngineError> {
        self.constants(graph)?;
        self.nodes(&graph.node)?;
        graph.output.iter().map(|o| self.find(&o.name)).collect()
    }
}

impl Body {
    /// What it reads of the graph around.
    pub fn captured(&self) -> Vec<ValueId> {
        self.level.captured.iter().map(|(outside, _)| *outside).collect()
    }

    /// Puts more inputs where they belong: `before` and `after` those that it captured, none of which it reads.
    pub fn surround(&mut self, before: usize, after: usize) -> Result<(), EngineError> {
        let own = self.level.captured.len();
        let first = self.level.build.graph.inputs.len() - own;
        for _ in 0..before + after {
            self.level.build.input(None)?;
        }
        let graph = &mut self.level.build.graph;
        let mut inputs: Vec<ValueId> = graph.inputs[..first].to_vec();
        inputs.extend(&graph.inputs[first + own..first + own + before]);
        inputs.extend(&graph.inputs[first..first + own]);
        inputs.extend(&graph.inputs[first + own + before..]);
        for node in &mut graph.nodes {
            if let Op::Input(number) = &mut node.op {
                let place = inputs.iter().position(|v| Some(v) == node.outputs.first());
                *number = place.unwrap_or(*number);
            }
        }
        graph.inputs = inputs;
        Ok(())
    }

    /// The finished body.
    pub fn function(self, name: &str, outputs: Vec<ValueId>) -> graph::Body {
        let mut graph = self.level.build.graph;
        graph.outputs = outputs;
        graph::Body { name: name.to_owned(), graph }
    }
}
