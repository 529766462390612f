//! One step of a plan: an operation with what it needs made ready.

use super::algorithms::Choice;
use super::describe;
use crate::EngineError;
use crate::graph::{Node, Op, ValueId};
use crate::kernels::{self, PackedProduct};
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
        constants: &HashMap<ValueId, Value>,
        last_uses: Vec<usize>,
        choice: Option<Choice>,
    ) -> Result<Self, EngineError> {
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
            op => (Work::Op(op.clone()), node.inputs.iter().map(source).collect()),
        };
        Ok(Self { work, inputs, outputs: node.outputs.clone(), last_uses, name: node.name.clone() })
    }

    /// The operation, if the step is one of the graph's own.
    pub fn op(&self) -> Option<&Op> {
        match &self.work {
            Work::Op(op) => Some(op),
            Work::Product(_) => None,
        }
    }

    /// The product by packed weights, if the step is one.
    pub fn product(&self) -> Option<&PackedProduct> {
        match &self.work {
            Work::Op(_) => None,
            Work::Product(product) => Some(product),
        }
    }

    /// What it does, and how.
    pub fn title(&self) -> String {
        match &self.work {
            Work::Op(op) => describe::title(op),
            Work::Product(product) => product.to_string(),
        }
    }

    /// Runs it.
    pub fn run(&self, inputs: &[&Value]) -> Result<Vec<Value>, EngineError> {
        match &self.work {
            Work::Op(op) => kernels::run(op, inputs),
            Work::Product(product) => product.run(inputs).map(|v| vec![v]),
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
            Work::Op(_) => 0,
        };
        constants.sum::<usize>() + work
    }
}
