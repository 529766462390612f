//! Graphs that are done again and again.

use super::super::super::build::Part;
use super::super::super::dtypes::of_export;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::schema::{Graph, Node};
use super::{Lowering, output_names};
use crate::DType;
use crate::graph::{Op, ValueId};

impl Lowering<'_> {
    /// One graph as long as another one says so. Both take what goes from turn to turn, and what stays as it is.
    pub fn looped(&mut self, node: &Node) -> Result<Vec<Val>> {
        let [condition, turn] = &Self::graphs(node)?[..] else {
            return broken("a loop of other than two graphs");
        };
        let (Some(carried), Some(kept)) = (node.inputs.get(2), node.inputs.get(3)) else {
            return broken("a loop without values");
        };
        let carried = self.argument(&carried.arg)?.items().unwrap_or_default();
        let kept = self.argument(&kept.arg)?.items().unwrap_or_default();
        let mut values = Vec::new();
        for (value, input) in carried.iter().zip(&turn.inputs) {
            let value = self.single(value)?;
            // Numbers are tensors of one in a turn.
            let (dtype, _) = told(turn, input)?.unwrap_or((self.builder.dtype(value), None));
            values.push(self.builder.cast(value, dtype)?);
        }
        let (turn, next) = self.turn(turn, &values, &kept)?;
        if next.len() != values.len() {
            return broken("a loop whose turns give other values than they take");
        }
        let (test, holds) = self.turn(condition, &values, &kept)?;
        let [holds] = holds[..] else { return broken("a loop that does not say whether it goes on") };
        let made = self.builder.repeated(&values, (turn, next), (test, holds))?;
        let mut results = Vec::new();
        for (made, before) in made.into_iter().zip(&carried) {
            results.push(match before {
                Val::Int(_) | Val::Symbol(_) => Val::Symbol(made),
                _ => Val::Tensor(self.builder.tensor(made)),
            });
        }
        // A list of results is one output of several names.
        if node.outputs.len() == results.len() { Ok(results) } else { Ok(vec![Val::list(results)]) }
    }

    fn single(&mut self, value: &Val) -> Result<ValueId> {
        match value {
            Val::Tensor(handle) => self.builder.value(*handle),
            Val::Bool(_) => self.builder.truth_value(value),
            Val::Float(x) => self.builder.number(*x, DType::F64),
            other => self.builder.scalar(other),
        }
    }

    /// A graph, taken out, of values that the loop brings; and what it gives, of the types of these.
    fn turn(&mut self, graph: &Graph, values: &[ValueId], kept: &[Val]) -> Result<(Part, Vec<ValueId>)> {
        let start = self.builder.begin();
        let mut given = Vec::new();
        for (n, (value, input)) in values.iter().zip(&graph.inputs).enumerate() {
            let dtype = self.builder.dtype(*value);
            let made = self.builder.made(dtype, |to| to.add(Op::Input(n), &[]))?;
            given.push(match told(graph, input)? {
                Some((_, shape)) => {
                    if let Some(shape) = shape {
                        self.builder.shaped(made, shape);
                    }
                    Val::Tensor(self.builder.tensor(made))
                }
                None => {
                    self.builder.shaped(made, Vec::new());
                    Val::Symbol(made)
                }
            });
        }
        given.extend_from_slice(kept);
        let results = self.called(graph, given)?;
        let mut next = Vec::new();
        for (n, result) in results.iter().enumerate() {
            let made = self.single(result)?;
            let dtype =
                if results.len() == values.len() { self.builder.dtype(values[n]) } else { DType::Bool };
            next.push(self.builder.cast(made, dtype)?);
        }
        let part = self.builder.end(start, &[])?;
        if !part.written().is_empty() {
            return unsupported("writing in place in a loop whose end depends on the request");
        }
        Ok((part, next))
    }
}

/// What a graph says of an input, if it is a tensor.
type Told = Option<(DType, Option<Vec<Option<usize>>>)>;

fn told(graph: &Graph, input: &serde_json::Value) -> Result<Told> {
    let Some(name) = output_names(input).and_then(|names| names.into_iter().next()) else {
        return broken("an input of a loop without a name");
    };
    let Some(meta) = graph.tensor_values.get(&name) else { return Ok(None) };
    match of_export(meta.dtype) {
        Some(dtype) => Ok(Some((dtype, Some(meta.shape())))),
        None => unsupported("of a type that is not supported"),
    }
}
