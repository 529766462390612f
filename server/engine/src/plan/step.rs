//! One step of a plan: an operation with what it needs made ready.

use super::control::{Bodies, Budget};
use super::describe;
use super::draft::Draft;
use super::weights::Weights;
use crate::EngineError;
use crate::graph::{Node, Op, Product, ValueId};
use crate::kernels::{self, Form, Made, PackedProduct, PackedRecurrent};
use crate::value::Value;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Source {
    Constant(Value),
    Slot(usize),
    /// A constant of this shape that is on a device alone.
    Elsewhere(Vec<usize>),
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
            (form, Some(weights)) => Ok(Some(match self.weights.stored(weights, form)? {
                Some(stored) => Made::Stored(stored),
                None => Made::Packed(self.weights.packed(weights, form)?),
            })),
            (form, None) => {
                let value = self.draft.constants.get(&weights);
                value.map(|v| Ok(Made::Packed(self.weights.packed_constant(v, form)?))).transpose()
            }
        }
    }
}

impl Source {
    /// Where a constant begins, and its bytes.
    pub fn buffer(&self) -> Option<(usize, usize)> {
        match self {
            Self::Constant(value) => Some((value.place(), value.bytes())),
            Self::Slot(_) | Self::Elsewhere(_) => None,
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
        known: &Known<'_>,
        last_uses: Vec<usize>,
        groups: Option<usize>,
    ) -> Result<Self, EngineError> {
        let missing = || EngineError::broken(format!("node {:?} lacks its weights or bodies", node.name));
        let (work, own) = match &node.op {
            Op::Product(product) => {
                let weights = *node.inputs.get(1).ok_or_else(missing)?;
                let form = form(product, weights, known.draft, groups)?;
                let made = known.made(weights, form)?.ok_or_else(missing)?;
                let bias = match node.inputs.get(2).filter(|_| product.bias) {
                    Some(bias) => Some(known.value(*bias)?.ok_or_else(missing)?),
                    None => None,
                };
                let packed = PackedProduct::new(product, form, made, bias.as_ref())?;
                (Work::Product(Box::new(packed)), 1..rest(product))
            }
            Op::Recurrent(op) => {
                let from = 1 + op.cell.states();
                let own = from..from + op.cell.constants();
                let weights = node.inputs.get(own.clone()).ok_or_else(missing)?;
                let value = |v: &ValueId| known.value(*v)?.ok_or_else(missing);
                let weights = weights.iter().map(value).collect::<Result<Vec<_>, _>>()?;
                let packed = PackedRecurrent::new(*op, &weights.iter().collect::<Vec<_>>())?;
                (Work::Recurrent(Box::new(packed)), own)
            }
            Op::Control(control) => {
                let drafts = node.outputs.first().and_then(|o| known.draft.bodies.get(o));
                let bodies = Bodies::new(control, drafts.ok_or_else(missing)?, known.weights)?;
                (Work::Bodies(Box::new(bodies)), 0..0)
            }
            op => (Work::Op(op.clone()), 0..0),
        };
        let inputs = node.inputs.iter().take(own.start).chain(node.inputs.iter().skip(own.end));
        let inputs = inputs.map(|v| known.source(*v)).collect::<Result<_, _>>()?;
        Ok(Self { work, inputs, outputs: node.outputs.clone(), last_uses, name: node.name.clone() })
    }

    /// A step that runs on a device, which has its weights and constants but for those operands that stay.
    pub fn elsewhere(
        node: &Node,
        known: &Known<'_>,
        last_uses: Vec<usize>,
        stays: impl Fn(usize) -> bool,
    ) -> Result<Self, EngineError> {
        let draft = known.draft;
        let (work, own) = match &node.op {
            Op::Product(product) => {
                let weights = node.inputs.get(1).and_then(|v| draft.weights(*v));
                let weights = weights.ok_or_else(|| EngineError::broken("a product lacks its weights"))?;
                (Work::Product(Box::new(PackedProduct::elsewhere(product, weights))), 1..rest(product))
            }
            op => (Work::Op(op.clone()), 0..0),
        };
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for (n, value) in node.inputs.iter().enumerate().filter(|(n, _)| !own.contains(n)) {
            inputs.push(match draft.dims(*value) {
                Some(dims) if !stays(n) => Source::Elsewhere(dims.to_vec()),
                _ => known.source(*value)?,
            });
        }
        Ok(Self { work, inputs, outputs: node.outputs.clone(), last_uses, name: node.name.clone() })
    }

    /// The operation, if the step is one of the graph's own.
    pub fn op(&self) -> Option<&Op> {
        match &self.work {
            Work::Op(op) => Some(op),
            Work::Product(_) | Work::Bodies(_) | Work::Recurrent(_) => None,
        }
    }

    /// The product by packed weights, if the step is one.
    pub fn product(&self) -> Option<&PackedProduct> {
        match &self.work {
            Work::Product(product) => Some(product),
            _ => None,
        }
    }

    /// The recurrent layer, if the step is one.
    pub fn recurrent(&self) -> Option<&PackedRecurrent> {
        match &self.work {
            Work::Recurrent(layer) => Some(layer),
            _ => None,
        }
    }

    /// What it does, and how.
    pub fn title(&self) -> String {
        match &self.work {
            Work::Op(op) => describe::title(op),
            Work::Product(product) => product.to_string(),
            Work::Recurrent(layer) => layer.to_string(),
            Work::Bodies(bodies) => bodies.to_string(),
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
            Work::Product(product) => {
                let (x, rest) = inputs.split_first().ok_or_else(input_missing)?;
                let (other, rest) = rest.split_at(rest.len().min(usize::from(product.takes())));
                product.run(x, other.first().map(|v| (*v).clone()), rest).map(|v| vec![v])
            }
            Work::Recurrent(layer) => layer.run(inputs),
            Work::Bodies(bodies) => bodies.run(inputs.iter().map(|v| (*v).clone()).collect(), &Budget::new()),
        }
    }

    /// Whether it may change its inputs, which are to be handed over then.
    pub fn takes(&self) -> bool {
        match &self.work {
            Work::Bodies(_) | Work::Op(Op::List(_)) => true,
            Work::Product(product) => product.takes(),
            _ => false,
        }
    }

    /// Runs it on values that are handed over.
    pub fn run_taking(&self, mut inputs: Vec<Value>, budget: &Budget) -> Result<Vec<Value>, EngineError> {
        match &self.work {
            Work::Product(product) if inputs.len() > 1 && product.takes() => {
                let other = inputs.remove(1);
                let (x, rest) = inputs.split_first().ok_or_else(input_missing)?;
                product.run(x, Some(other), &rest.iter().collect::<Vec<_>>()).map(|v| vec![v])
            }
            Work::Bodies(bodies) => bodies.run(inputs, budget),
            Work::Op(Op::List(op)) => kernels::listing(op, inputs),
            _ => self.run(&inputs.iter().collect::<Vec<_>>()),
        }
    }

    /// Where the buffers begin that it holds, and their bytes.
    pub fn buffers(&self) -> Vec<(usize, usize)> {
        let mut all: Vec<_> = self.inputs.iter().filter_map(Source::buffer).collect();
        match &self.work {
            Work::Op(op) => all.extend(op.table()),
            Work::Product(product) => all.extend(product.buffers()),
            Work::Recurrent(layer) => all.push((std::ptr::from_ref(&**layer).addr(), layer.bytes())),
            Work::Bodies(bodies) => all.extend(bodies.buffers()),
        }
        all
    }

    /// Bytes of the tables of the bodies that it runs.
    pub fn tables(&self) -> usize {
        match &self.work {
            Work::Bodies(bodies) => bodies.tables(),
            _ => 0,
        }
    }
}

fn input_missing() -> EngineError {
    EngineError::broken("a product lacks its input")
}

/// The form of a product's weights.
pub fn form(
    product: &Product,
    weights: ValueId,
    draft: &Draft,
    groups: Option<usize>,
) -> Result<Form, EngineError> {
    let dims = draft.weights(weights).ok_or_else(|| EngineError::broken("a product lacks its weights"))?;
    Form::of(product, dims, groups)
}

/// The first of a product's inputs after x that is neither weights nor bias.
fn rest(product: &Product) -> usize {
    2 + usize::from(product.bias)
}
