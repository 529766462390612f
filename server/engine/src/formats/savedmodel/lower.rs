//! TensorFlow's operations → the graph's.

mod complex;
mod composed;
mod control;
mod einsum;
mod examples;
mod features;
mod formats;
mod functions;
mod gradients;
mod image;
mod imaging;
mod math;
mod outputs;
mod pictures;
mod places;
mod random;
mod rare;
mod rows;
mod sequences;
mod shape;
mod spectra;
mod speech;
mod text;
mod windows;

pub use control::shape_literal;
pub use outputs::outputs_before;
pub use random::draw;

use super::inline::Val;
use super::proto::NodeDef;
use crate::EngineError;
use crate::graph::{Graph, Literal, Op, ValueId};
use std::sync::Arc;

/// What became of a node.
pub enum Lowered {
    /// Its outputs.
    Values(Vec<Val>),
    /// The engine lacks it; perhaps only this use of it.
    Unsupported(Option<String>),
}

/// A node and its inputs, on the way into a graph.
struct Lowering<'g> {
    graph: &'g mut Graph,
    node: &'g NodeDef,
    inputs: Vec<ValueId>,
}

type Outcome = Result<Option<Lowered>, EngineError>;

/// Adds a node's operation to the graph.
pub fn lower(graph: &mut Graph, node: &NodeDef, inputs: &[Val]) -> Result<Lowered, EngineError> {
    match node.op.as_str() {
        // What goes through unchanged, resources too.
        "Identity"
        | "RefIdentity"
        | "StopGradient"
        | "PreventGradient"
        | "CheckNumerics"
        | "CheckNumericsV2"
        | "GuaranteeConst"
        | "Snapshot"
        | "DeepCopy"
        | "Copy"
        | "CopyHost"
        | "Print"
        | "PlaceholderWithDefault" => {
            return Ok(Lowered::Values(inputs.iter().take(1).cloned().collect()));
        }
        "IdentityN" => return Ok(Lowered::Values(inputs.to_vec())),
        "NoOp" | "Assert" => return Ok(Lowered::Values(Vec::new())),
        "Placeholder" => {
            return Err(EngineError::broken(format!(
                "node {:?} is fed by no input of the signature",
                node.name
            )));
        }
        _ => {}
    }
    let values: Option<Vec<ValueId>> = inputs.iter().map(Val::value).collect();
    // Behind something that is missing every operation is looked at all the same, so that all that is missing is found; the
    // values do not matter then.
    let inputs = values.unwrap_or_else(|| {
        let mut stand_in =
            || graph.add(Op::Literal(Arc::new(Literal::F32(vec![0.0], vec![]))), Vec::new(), &node.name);
        inputs.iter().map(|_| stand_in().unwrap_or(0)).collect()
    });
    let mut lowering = Lowering { graph, node, inputs };
    let attempts = [
        Lowering::spectra,
        Lowering::rare,
        Lowering::composed,
        Lowering::sums_of_lists,
        Lowering::gradients,
        Lowering::random,
        Lowering::speech,
        Lowering::rows,
        Lowering::imaging,
        Lowering::math,
        Lowering::shape,
        Lowering::layouts,
        Lowering::image,
        Lowering::text,
        Lowering::listing,
    ];
    for attempt in attempts {
        if let Some(lowered) = attempt(&mut lowering)? {
            return Ok(lowered);
        }
    }
    Ok(Lowered::Unsupported(None))
}

impl Lowering<'_> {
    /// The inputs, at least `least` of them.
    fn want(&self, least: usize) -> Result<&[ValueId], EngineError> {
        if self.inputs.len() >= least {
            return Ok(&self.inputs);
        }
        let (node, op) = (&self.node.name, &self.node.op);
        Err(EngineError::broken(format!("node {node:?} ({op}) has {} of {least} inputs", self.inputs.len())))
    }

    /// The operation on all inputs, of which there are at least `least`.
    fn simple(&mut self, least: usize, op: Op) -> Outcome {
        let inputs = self.want(least)?.to_vec();
        self.emit(op, inputs)
    }

    fn emit(&mut self, op: Op, inputs: Vec<ValueId>) -> Outcome {
        let value = self.graph.add(op, inputs, &self.node.name)?;
        Ok(Some(Lowered::Values(vec![Val::Value(value)])))
    }

    fn emit_many(&mut self, op: Op, inputs: Vec<ValueId>, outputs: usize) -> Outcome {
        let values = self.graph.add_many(op, inputs, outputs, &self.node.name)?;
        Ok(Some(Lowered::Values(values.into_iter().map(Val::Value).collect())))
    }

    fn add(&mut self, op: Op, inputs: Vec<ValueId>) -> Result<ValueId, EngineError> {
        self.graph.add(op, inputs, &self.node.name)
    }

    fn ints(&mut self, values: Vec<i64>) -> Result<ValueId, EngineError> {
        let shape = vec![values.len()];
        self.add(Op::Literal(Arc::new(Literal::I64(values, shape))), Vec::new())
    }

    fn float(&mut self, value: f32) -> Result<ValueId, EngineError> {
        self.add(Op::Literal(Arc::new(Literal::F32(vec![value], Vec::new()))), Vec::new())
    }

    fn value(value: ValueId) -> Outcome {
        Ok(Some(Lowered::Values(vec![Val::Value(value)])))
    }

    fn refuse(why: impl Into<String>) -> Outcome {
        Ok(Some(Lowered::Unsupported(Some(why.into()))))
    }
}
