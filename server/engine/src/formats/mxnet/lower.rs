//! Operators, one family a file. A family takes a node if it knows its operator; the rest is not supported.

mod activations;
mod boxes;
mod joins;
mod layers;
mod math;
mod names;
mod norms;
mod orders;
mod places;
mod reduce;
mod regions;
mod rnn;
mod scales;
mod sequences;
mod shapes;
mod transformers;

use super::context::Context;
use super::symbol::Node;
use crate::EngineError;
use crate::formats::builder::Builder;
use crate::graph::{Op, Rare, ValueId};
use crate::kernels;

/// Why a node is not lowered.
pub enum Stop {
    /// It is not supported: why.
    Refused(String),
    /// The model is broken.
    Broken(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Broken(error)
    }
}

/// What a family makes of a node; None: it is another family's.
type Outcome = Result<Option<Vec<ValueId>>, Stop>;
/// One value.
type Made = Result<ValueId, Stop>;

/// One node.
pub struct Lowering<'c, 's> {
    context: &'c mut Context<'s>,
    node: &'c Node,
    inputs: Vec<ValueId>,
}

impl<'c, 's> Lowering<'c, 's> {
    pub fn new(context: &'c mut Context<'s>, node: &'c Node, inputs: Vec<ValueId>) -> Self {
        Self { context, node, inputs }
    }

    /// Tries one family after another.
    pub fn run(mut self) -> Result<Vec<ValueId>, Stop> {
        let families: [fn(&mut Self) -> Outcome; 15] = [
            Self::layers,
            Self::norms,
            Self::activations,
            Self::math,
            Self::shapes,
            Self::joins,
            Self::places,
            Self::reduce,
            Self::recurrents,
            Self::boxes,
            Self::regions,
            Self::orders,
            Self::scales,
            Self::transformers,
            Self::sequences,
        ];
        for family in families {
            if let Some(values) = family(&mut self)? {
                return Ok(values);
            }
        }
        Err(Stop::Refused("this operator is not supported".to_owned()))
    }

    fn op(&self) -> &'c str {
        &self.node.op
    }

    fn build(&mut self) -> &mut Builder {
        &mut self.context.build
    }

    fn refuse<T>(reason: impl Into<String>) -> Result<T, Stop> {
        Err(Stop::Refused(reason.into()))
    }

    fn broken(what: impl Into<String>) -> Stop {
        Stop::Broken(EngineError::broken(what))
    }

    fn one(made: Made) -> Outcome {
        made.map(|value| Some(vec![value]))
    }

    fn input(&self, n: usize) -> Made {
        self.inputs.get(n).copied().ok_or_else(|| Self::broken(format!("input {n} is missing")))
    }

    fn add(&mut self, op: Op, inputs: &[ValueId]) -> Made {
        Ok(self.context.build.add(op, inputs)?)
    }

    fn rare(&mut self, op: Rare, inputs: &[ValueId]) -> Made {
        self.add(Op::Rare(Box::new(op)), inputs)
    }

    /// The rank of a value, which has to be known.
    fn rank(&self, value: ValueId) -> Result<usize, Stop> {
        let rank = self.context.build.rank(value);
        rank.ok_or_else(|| {
            Stop::Refused("the number of axes of its input is not known; add model-shapes.json".to_owned())
        })
    }

    /// An axis by its attribute, counted from the start.
    fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, Stop> {
        let axis = self.node.int(name, default)?;
        kernels::axis(axis, rank).map_err(|_| Self::broken(format!("axis {axis} of {rank}")))
    }

    /// Axes counted from the start.
    fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>, Stop> {
        let axis = |axis: &i64| {
            kernels::axis(*axis, rank).map_err(|_| Self::broken(format!("axis {axis} of {rank}")))
        };
        axes.iter().map(axis).collect()
    }

    /// The extent of an axis, if it is known.
    fn extent(&self, value: ValueId, axis: usize) -> Option<usize> {
        self.context.build.shape(value)?.get(axis).copied().flatten()
    }
}
