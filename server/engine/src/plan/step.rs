//! One step of a plan: an operation with what it needs made ready.

use super::algorithms::Choice;
use super::describe;
use super::draft::Draft;
use super::weights::Weights;
use crate::EngineError;
use crate::graph::{Node, Op, Product, ValueId};
use crate::kernels::{self, Form, Made, PackedProduct};
use crate::value::Value;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Constant(Value),
    Slot(usize),
}

/// What is known of a draft's values, and where the rest of it is read.
pub struct Known<'a> {
    pub draft: &'a Draft,
    pub weights: &'a Weights<'a>,
}

impl Known<'_> {
    /// Where a value comes from.
    pub fn source(&self, value: ValueId) -> Result<Source, EngineError> {
        Ok(self.value(value)?.map_or(Source::Slot(value), Source::Constant))
    }

    /// A value that does not depend on the request.
    fn value(&self, value: ValueId) -> Result<Option<Value>, EngineError> {
        match (self.draft.constants.get(&value), self.draft.deferred.get(&value)) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(weight)) => self.weights.plain(weight).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Weights in the form that a product asks for.
    fn made(&self, weights: ValueId, form: Form) -> Result<Option<Made>, EngineError> {
        match (form, self.draft.deferred.get(&weights)) {
            (Form::Plain, _) => Ok(self.value(weights)?.map(Made::Plain)),
            (form, Some(weights)) => Ok(Some(Made::Packed(self.weights.packed(weights, form)?))),
            (form, None) => {
                let value = self.draft.constants.get(&weights);
                value.map(|v| Ok(Made::Packed(form.pack(v.slice()?)))).transpose()
            }
        }
    }
}

impl Source {
    /// Where a constant begins, and its bytes.
    pub fn buffer(&self) -> Option<(usize, usize)> {
        match self {
            Self::Constant(value) => Some((value.place(), value.bytes())),
            Self::Slot(_) => None,
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
        known: &Known<'_>,
        last_uses: Vec<usize>,
        choice: Option<Choice>,
    ) -> Result<Self, EngineError> {
        let (work, rest) = match &node.op {
            Op::Product(product) => {
                let missing = || EngineError::broken(format!("node {:?} lacks its weights", node.name));
                let weights = *node.inputs.get(1).ok_or_else(missing)?;
                let form = form(product, weights, known.draft, choice)?;
                let made = known.made(weights, form)?.ok_or_else(missing)?;
                let bias = match node.inputs.get(2).filter(|_| product.bias) {
                    Some(bias) => Some(known.value(*bias)?.ok_or_else(missing)?),
                    None => None,
                };
                let packed = PackedProduct::new(product, form, made, bias.as_ref())?;
                (Work::Product(Box::new(packed)), rest(product))
            }
            op => (Work::Op(op.clone()), 1),
        };
        let inputs = node.inputs.iter().take(1).chain(node.inputs.iter().skip(rest));
        let inputs = inputs.map(|v| known.source(*v)).collect::<Result<_, _>>()?;
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

    /// Where the buffers begin that it holds, and their bytes.
    pub fn buffers(&self) -> Vec<(usize, usize)> {
        let mut all: Vec<_> = self.inputs.iter().filter_map(Source::buffer).collect();
        if let Work::Product(product) = &self.work {
            all.extend(product.buffers());
        }
        all
    }
}

/// The form of a product's weights.
pub fn form(
    product: &Product,
    weights: ValueId,
    draft: &Draft,
    choice: Option<Choice>,
) -> Result<Form, EngineError> {
    let dims = draft.weights(weights).ok_or_else(|| EngineError::broken("a product lacks its weights"))?;
    Form::of(product, dims, choice.map(|c| (c.algorithm, c.groups)))
}

/// The first of a product's inputs after x that is neither weights nor bias.
fn rest(product: &Product) -> usize {
    2 + usize::from(product.bias)
}
