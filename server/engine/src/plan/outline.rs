//! A plan before its large weights are read: what it will do, how each weight will lie in memory, how many bytes that takes.

use super::device::{Aboard, Id, Opened, Places, Uploads};
use super::draft::{self, Draft, Held};
use super::groups;
use super::infer::{Extents, Shapes};
use super::schedule::Schedules;
use super::step::{self, Known, Step};
use super::weights::Weights;
use super::{Plan, STEP_BYTES, passes};
use crate::EngineError;
use crate::graph::{Graph, Node, Op, Product, ValueId};
use crate::kernels::Form;
use crate::packed_file::Key;
use crate::value::{Kind, Value};
use rayon::prelude::*;
use std::collections::HashMap;

/// A plan without its large weights.
#[derive(Debug)]
pub struct Outline {
    draft: Draft,
    inputs: Vec<ValueId>,
    /// Groups of channels of the convolutions whose images' channels are known.
    groups: HashMap<usize, usize>,
    /// The shape of each node's first result, as far as it is known before any request.
    shapes: Vec<Option<Extents>>,
    /// Some request may be answered, as far as is known.
    fit: bool,
    wanted: Vec<usize>,
    /// The device that the plan is for, and what of it runs there.
    places: Option<(Opened, Places)>,
}

/// A buffer that a plan will hold; plans that share it count it once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Buffer {
    /// A constant that is in memory already.
    Place(usize),
    /// A weight in some form.
    Weight(Key),
    /// A constant that is in memory already, packed.
    Packed(usize, Form),
    /// Of one node of one outline alone.
    Own(usize, usize),
}

impl Outline {
    /// Folds and fuses. `shapes` are those of the graph's inputs, as far as they are known.
    pub fn new(graph: &Graph, held: &[Held], shapes: &[Option<Extents>]) -> Result<Self, EngineError> {
        let mut draft = draft::fold(graph, held)?;
        passes::prune(&mut draft)?;
        let wanted = draft.wanted();
        passes::run(&mut draft)?;
        Ok(Self::of(draft, wanted, &graph.inputs, shapes))
    }

    /// Of a draft that needs no passes.
    pub fn of(draft: Draft, wanted: Vec<usize>, inputs: &[ValueId], shapes: &[Option<Extents>]) -> Self {
        let shapes: Vec<_> = inputs.iter().copied().zip(shapes.iter().cloned()).collect();
        let known = Shapes::of(&draft, &shapes);
        let groups = groups::of_all(&draft, &known);
        let first = |n: &Node| n.outputs.first().and_then(|v| known.get(*v)).cloned();
        let shapes = draft.nodes.iter().map(first).collect();
        Self { draft, inputs: inputs.to_vec(), groups, shapes, fit: known.fit(), wanted, places: None }
    }

    /// Weights that the graph cannot be folded without: with their elements the outline would be another.
    pub fn wanted(&self) -> &[usize] {
        &self.wanted
    }

    /// Makes it one for a device; the inputs are of these kinds.
    pub fn place(&mut self, opened: &Opened, kinds: &[Kind]) {
        let inputs: Vec<(ValueId, Kind)> = self.inputs.iter().copied().zip(kinds.iter().copied()).collect();
        self.places = Some((opened.clone(), opened.places(&self.draft, &inputs)));
    }

    /// What the plan will hold on its device, with the bytes of each.
    pub fn uploads(&self, weights: &Weights<'_>) -> HashMap<Id, usize> {
        self.places.as_ref().map(|(_, places)| places.buffers(&self.draft, weights)).unwrap_or_default()
    }

    /// The places, if a node runs on the device.
    fn aboard(&self, node: usize) -> Option<&Places> {
        self.places.as_ref().map(|(_, places)| places).filter(|places| places.is_aboard(node))
    }

    /// All buffers that the plan will hold on the host, with their bytes. `number` tells the outline from others.
    pub fn buffers(
        &self,
        number: usize,
        weights: &Weights<'_>,
    ) -> Result<HashMap<Buffer, usize>, EngineError> {
        let mut all = HashMap::new();
        of_bodies(&self.draft, weights, &mut all);
        for (n, node) in self.draft.nodes.iter().enumerate() {
            if let Some(places) = self.aboard(n) {
                let stays = node.inputs.iter().enumerate().filter(|(operand, _)| places.stays(n, *operand));
                all.extend(stays.filter_map(|(_, v)| self.plain(*v, weights)));
                continue;
            }
            let rest = match &node.op {
                Op::Product(product) => {
                    self.weights_of(node, product, [number, n], weights, &mut all)?;
                    // The bias lies as it is.
                    2
                }
                op => {
                    all.extend(op.table().map(|(place, bytes)| (Buffer::Place(place), bytes)));
                    1
                }
            };
            let plain = node.inputs.iter().take(1).chain(node.inputs.iter().skip(rest));
            all.extend(plain.filter_map(|v| self.plain(*v, weights)));
        }
        all.extend(self.draft.outputs.iter().filter_map(|v| self.plain(*v, weights)));
        Ok(all)
    }

    fn plain(&self, value: ValueId, weights: &Weights<'_>) -> Option<(Buffer, usize)> {
        let here = self.draft.constants.get(&value).map(|v| (Buffer::Place(v.place()), Value::bytes(v)));
        let weight = || self.draft.deferred.get(&value);
        here.or_else(|| weight().map(|w| (Buffer::Weight(weights.key(w, None)), w.bytes())))
    }

    fn weights_of(
        &self,
        node: &Node,
        product: &Product,
        place: [usize; 2],
        weights: &Weights<'_>,
        all: &mut HashMap<Buffer, usize>,
    ) -> Result<(), EngineError> {
        let Some(value) = node.inputs.get(1) else { return Ok(()) };
        let form = step::form(product, *value, &self.draft, self.groups.get(&place[1]).copied())?;
        let own = Buffer::Own(place[0], place[1]);
        if form == Form::Plain {
            all.extend(self.plain(*value, weights));
            // A filter whose groups are not known yet is packed beside it by the first request.
            let dims = self.draft.weights(*value).map(<[usize; 4]>::try_from);
            if let (crate::graph::Products::Conv(_), Some(Ok(dims))) = (&product.kind, dims) {
                all.insert(own, Form::Conv { dims, groups: 1 }.bytes());
            }
            return Ok(());
        }
        let deferred = self.draft.deferred.get(value).map(|w| Buffer::Weight(weights.key(w, Some(form))));
        let here = || self.draft.constants.get(value).map(|v| Buffer::Packed(v.place(), form));
        all.insert(deferred.or_else(here).unwrap_or(own), form.bytes());
        Ok(())
    }

    /// Bytes of the plan beside its buffers.
    pub fn tables(&self) -> usize {
        nodes(&self.draft) * STEP_BYTES
    }

    /// The plan, with its weights.
    pub fn finish(&self, weights: &Weights<'_>) -> Result<Plan, EngineError> {
        self.finish_with(weights, None)
    }

    /// The plan, with its weights on the device that it is for.
    pub fn finish_with(&self, weights: &Weights<'_>, uploads: Option<&Uploads>) -> Result<Plan, EngineError> {
        let draft = &self.draft;
        let known = Known { draft, weights };
        let mut last_reader: HashMap<ValueId, usize> = HashMap::new();
        for (number, node) in draft.nodes.iter().enumerate() {
            last_reader.extend(node.inputs.iter().map(|v| (*v, number)));
        }
        // Answers read their values after everything else.
        for output in &draft.outputs {
            last_reader.remove(output);
        }
        // Packing is most of the work of a load.
        let step = |(number, node): (usize, &Node)| {
            let mut last_uses: Vec<usize> =
                node.inputs.iter().copied().filter(|v| last_reader.get(v) == Some(&number)).collect();
            last_uses.sort_unstable();
            last_uses.dedup();
            match self.aboard(number) {
                Some(places) => Step::elsewhere(node, &known, last_uses, |n| places.stays(number, n)),
                None => Step::new(node, &known, last_uses, self.groups.get(&number).copied()),
            }
        };
        let steps = draft.nodes.par_iter().enumerate().map(step).collect::<Result<Vec<_>, _>>()?;
        let outputs = draft.outputs.iter().map(|v| known.source(*v)).collect::<Result<_, _>>()?;
        let schedules = Schedules::new(&steps, &self.inputs);
        let aboard = match (&self.places, uploads) {
            (Some((opened, places)), Some(uploads)) => {
                Some(Aboard::new(draft, places, weights, uploads, opened)?)
            }
            _ => None,
        };
        Ok(Plan {
            steps,
            slots: draft.values,
            inputs: self.inputs.clone(),
            outputs,
            shapes: self.shapes.clone(),
            fit: self.fit,
            schedules,
            aboard,
        })
    }
}

/// Nodes of a draft and of the bodies in it.
fn nodes(draft: &Draft) -> usize {
    draft.nodes.len() + draft.bodies.values().flatten().map(nodes).sum::<usize>()
}

/// What bodies of branches and loops hold; packing is left out, which is small there.
fn of_bodies(draft: &Draft, weights: &Weights<'_>, all: &mut HashMap<Buffer, usize>) {
    for body in draft.bodies.values().flatten() {
        all.extend(body.constants.values().map(|v| (Buffer::Place(v.place()), v.bytes())));
        all.extend(body.deferred.values().map(|w| (Buffer::Weight(weights.key(w, None)), w.bytes())));
        of_bodies(body, weights, all);
    }
}
