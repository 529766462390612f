//! Where each operation of a plan runs, decided when the plan is made, from the operations and the kinds of their operands alone.
//!
//! Floats live on the device. Shapes, indices, texts and what is computed of them stay on the host, on purpose: they are small, the
//! host decides by them, and nothing of them has to come back. What follows from floats is on the device too, truths and places of
//! extremes included. An operation that has no form in the [`super::table`] falls back: what it reads comes to the host, what it makes
//! goes to the device again.

use super::form::{Form, Operand};
use super::uploads::{Id, Lay};
use super::{kinds, table};
use crate::graph::{Node, Op, Product, Products, ValueId};
use crate::plan::draft::Draft;
use crate::plan::weights::Weights;
use crate::report::Place;
use crate::value::{Kind, Value};
use std::collections::{HashMap, HashSet};

/// Where the nodes of a draft run.
#[derive(Debug, Clone)]
pub struct Places {
    /// Of each node.
    all: Vec<Place>,
    /// Of each node on the device, the operands that stay on the host.
    told: HashMap<usize, Vec<usize>>,
    kinds: HashMap<ValueId, Kind>,
}

impl Places {
    /// `inputs` are the values that requests bring, with what they are made of.
    pub fn of(draft: &Draft, inputs: &[(ValueId, Kind)]) -> Self {
        let mut places =
            Self { all: Vec::new(), told: HashMap::new(), kinds: inputs.iter().copied().collect() };
        let mut aboard: HashSet<ValueId> = HashSet::new();
        for (number, node) in draft.nodes.iter().enumerate() {
            let operands = places.operands(draft, node);
            let kinds: Vec<Option<Kind>> = operands.iter().map(|o| o.kind).collect();
            let made = kinds::results(&node.op, &kinds, node.outputs.len());
            let is_aboard = |value: &ValueId| aboard.contains(value);
            let place = if stays(node, &made, is_aboard) {
                Place::Host
            } else {
                match table::find(&node.op, &operands) {
                    None => Place::Fallback,
                    Some(form) => {
                        let told: Vec<usize> = (0..operands.len()).filter(|n| form.is_told(*n)).collect();
                        let asks = told.iter().any(|n| is_aboard(&node.inputs[*n]));
                        places.told.insert(number, told);
                        if asks { Place::DeviceAsking } else { Place::Device }
                    }
                }
            };
            if places.told.contains_key(&number) {
                aboard.extend(&node.outputs);
            }
            places.all.push(place);
            let found = node.outputs.iter().zip(made).filter_map(|(v, kind)| Some((*v, kind?)));
            places.kinds.extend(found);
        }
        places
    }

    fn operands<'d>(&self, draft: &'d Draft, node: &Node) -> Vec<Operand<'d>> {
        let one = |value: &ValueId| {
            let constant = draft.constants.get(value);
            let kind = constant.map(Value::kind).or_else(|| draft.deferred.get(value).map(|d| d.kind));
            Operand { kind: kind.or_else(|| self.kind(*value)), constant }
        };
        node.inputs.iter().map(one).collect()
    }

    /// What a value is made of, as far as it was foreseen.
    pub fn kind(&self, value: ValueId) -> Option<Kind> {
        self.kinds.get(&value).copied()
    }

    pub fn place(&self, node: usize) -> Place {
        self.all.get(node).copied().unwrap_or(Place::Fallback)
    }

    /// Whether a node runs on the device.
    pub fn is_aboard(&self, node: usize) -> bool {
        self.told.contains_key(&node)
    }

    /// Whether an operand of a node on the device stays on the host.
    pub fn stays(&self, node: usize, operand: usize) -> bool {
        self.told.get(&node).is_some_and(|told| told.contains(&operand))
    }

    /// The form of a node on the device.
    pub fn form(&self, draft: &Draft, node: usize) -> Option<Form> {
        let node = draft.nodes.get(node).filter(|_| self.is_aboard(node))?;
        table::find(&node.op, &self.operands(draft, node))
    }

    /// What the device will hold, with the bytes of each.
    pub fn buffers(&self, draft: &Draft, weights: &Weights<'_>) -> HashMap<Id, usize> {
        let mut all = HashMap::new();
        for number in self.told.keys() {
            let node = &draft.nodes[*number];
            for (n, value) in node.inputs.iter().enumerate().filter(|(n, _)| !self.stays(*number, *n)) {
                all.extend(Id::of(*value, lay(&node.op, n), draft, weights));
            }
        }
        all
    }
}

/// Whether a node runs on the host on purpose: it asks for a shape or is about texts, or all that it reads is there and nothing that it
/// makes is a float.
fn stays(node: &Node, made: &[Option<Kind>], is_aboard: impl Fn(&ValueId) -> bool) -> bool {
    if matches!(node.op, Op::Shape | Op::Size | Op::Rank) {
        return true;
    }
    let whole = |kind: &Option<Kind>| matches!(kind, Some(Kind::I64 | Kind::Bool | Kind::Text));
    let texts = || made.iter().all(|kind| *kind == Some(Kind::Text));
    matches!(node.op, Op::Text(_) | Op::Lookup(_))
        || texts()
        || (!node.inputs.iter().any(is_aboard) && made.iter().all(whole))
}

/// How an operand of a node lies on the device.
pub fn lay(op: &Op, operand: usize) -> Lay {
    match op {
        Op::Product(Product { kind: Products::Conv(_), .. }) if operand == 1 => Lay::Filter,
        _ => Lay::Plain,
    }
}
