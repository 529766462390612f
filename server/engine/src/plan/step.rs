//! One step of a plan: an operation with what it needs made ready.

use super::algorithms::Choice;
use super::control::{Bodies, Budget};
use super::draft::Draft;
use crate::EngineError;
use crate::graph::{Node, Op, ValueId};
use crate::kernels::{self, PackedProduct, PackedRecurrent};
use crate::value::Value;
use std::collections::HashMap;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Constant(Value),
    Slot(usize),
}

impl Source {
    pub fn of(value: ValueId, constants: &HashMap<ValueId, Value>) -> Self {
        match constants.get(&value) {
            Some(value) => Self::Constant(value.clone()),
            None => Self::Slot(value),
        }
    }
}

/// What a step does.
#[derive(Debug)]
enum Work {
    Op(Op),
    /// The weights are in it and no longer among the inputs.
    Product(Box<PackedProduct>),
    /// As above.
    Recurrent(Box<PackedRecurrent>),
    /// A branch or a loop.
    Bodies(Box<Bodies>),
}

/// One operation, and the slots that nobody reads after it.
#[derive(Debug)]
pub struct Step {
    work: Work,
    pub inputs: Vec<Source>,
    pub outputs: Vec<usize>,
    pub last_uses: Vec<usize>,
    pub name: String,
}

impl Step {
    /// Makes a node ready.
    pub fn new(
        node: &Node,
        draft: &Draft,
        last_uses: Vec<usize>,
        choice: Option<Choice>,
    ) -> Result<Self, EngineError> {
        let constants = &draft.constants;
        let source = |v: &ValueId| Source::of(*v, constants);
        let (work, inputs) = match &node.op {
            Op::Product(product) => {
                let constant = |n: usize| node.inputs.get(n).and_then(|v| constants.get(v));
                let missing = || EngineError::broken(format!("node {:?} lacks its weights", node.name));
                let bias = if product.bias { Some(constant(2).ok_or_else(missing)?) } else { None };
                let packed = PackedProduct::new(
                    product,
                    constant(1).ok_or_else(missing)?,
                    bias,
                    choice.map(|c| (c.algorithm, c.groups)),
                )?;
                let rest = node.inputs.iter().skip(2 + usize::from(product.bias));
                (
                    Work::Product(Box::new(packed)),
                    node.inputs.iter().take(1).chain(rest).map(source).collect(),
                )
            }
            Op::Recurrent(op) => {
                let from = 1 + op.cell.states();
                let to = from + op.cell.constants();
                let missing = || EngineError::broken(format!("node {:?} lacks its weights", node.name));
                let weights = node.inputs.get(from..to).ok_or_else(missing)?;
                let weights: Option<Vec<&Value>> = weights.iter().map(|v| constants.get(v)).collect();
                let packed = PackedRecurrent::new(*op, &weights.ok_or_else(missing)?)?;
                let rest = node.inputs[..from].iter().chain(&node.inputs[to..]);
                (Work::Recurrent(Box::new(packed)), rest.map(source).collect())
            }
            Op::Control(control) => {
                let drafts = node.outputs.first().and_then(|o| draft.bodies.get(o));
                let missing = || EngineError::broken(format!("node {:?} lacks its bodies", node.name));
                let bodies = Bodies::new(control, drafts.ok_or_else(missing)?)?;
                (Work::Bodies(Box::new(bodies)), node.inputs.iter().map(source).collect())
            }
            op => (Work::Op(op.clone()), node.inputs.iter().map(source).collect()),
        };
        Ok(Self { work, inputs, outputs: node.outputs.clone(), last_uses, name: node.name.clone() })
    }

    /// The operation, if the step is one of the graph's own.
    pub fn op(&self) -> Option<&Op> {
        match &self.work {
            Work::Op(op) => Some(op),
            Work::Product(_) | Work::Bodies(_) | Work::Recurrent(_) => None,
        }
    }

    /// Whether the shapes of its inputs can decide that of its result.
    pub fn is_regular(&self) -> bool {
        !matches!(self.work, Work::Bodies(_) | Work::Recurrent(_))
    }

    /// Runs it.
    pub fn run(&self, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
        match &self.work {
            Work::Op(op) => kernels::run(op, inputs),
            Work::Product(product) => product.run(inputs).map(|v| vec![v]),
            Work::Recurrent(layer) => layer.run(inputs),
            Work::Bodies(bodies) => bodies.run(inputs.iter().map(|v| (*v).clone()).collect(), &Budget::new()),
        }
    }

    /// Whether it may change its inputs, which are to be handed over then.
    pub fn takes(&self) -> bool {
        matches!(self.work, Work::Bodies(_) | Work::Op(Op::List(_)))
    }

    /// Runs it on values that are handed over.
    pub fn run_taking(&self, inputs: Vec<Value>, budget: &Budget) -> Result<Vec<Value>, EngineError> {
        match &self.work {
            Work::Bodies(bodies) => bodies.run(inputs, budget),
            Work::Op(Op::List(op)) => kernels::listing(op, inputs),
            _ => self.run(&inputs.iter().collect::<Vec<_>>()),
        }
    }

    /// Bytes of what it holds.
    pub fn bytes(&self) -> usize {
        let constants = self.inputs.iter().map(|s| match s {
            Source::Constant(value) => value.bytes(),
            Source::Slot(_) => 0,
        });
        let work = match &self.work {
            Work::Product(product) => product.bytes(),
            Work::Recurrent(layer) => layer.bytes(),
            Work::Bodies(bodies) => bodies.bytes(),
            Work::Op(_) => 0,
        };
        constants.sum::<usize>() + work
    }
}
