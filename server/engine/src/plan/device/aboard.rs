//! A plan's part on a device, and its runs.

use super::Opened;
use super::form::{Arg, Form, Task, Tensors, Wrong, fail};
use super::parts::countable;
use super::places::{Places, lay};
use super::slots::Slots;
use super::tensors::{dtype, empty};
use super::uploads::Uploads;
use crate::EngineError;
use crate::graph::Op;
use crate::kernels::{self, elements};
use crate::plan::Plan;
use crate::plan::control::Budget;
use crate::plan::draft::Draft;
use crate::plan::profile::Profile;
use crate::plan::rules::{self, Known};
use crate::plan::run::at;
use crate::plan::weights::Weights;
use crate::report::Place;
use crate::value::{Kind, Value};
use candle_core::{DType, Device, Tensor};
use std::time::Instant;

/// Where an operand of a step comes from.
#[derive(Debug)]
enum Read {
    /// A constant, and its shape in the graph.
    Tensor(Tensor, Known),
    /// A constant that stays on the host.
    Constant(Value),
    /// A value that the request decides, which is to be of this kind.
    Slot(usize, Option<Kind>),
    /// The same, which the host reads.
    Told(usize),
}

/// A step on the device.
#[derive(Debug)]
struct Ready {
    op: Op,
    form: Form,
    reads: Vec<Read>,
    outputs: usize,
    /// What the only result is made of, if there is only one.
    made: Option<DType>,
    /// Bytes of its constants on the device.
    bytes: usize,
}

/// A plan's part on a device.
#[derive(Debug)]
pub struct Aboard {
    opened: Opened,
    /// By step; None: it runs on the host.
    steps: Vec<Option<Ready>>,
    places: Vec<Place>,
}

impl Aboard {
    /// Puts what the steps of a draft need on the device.
    pub fn new(
        draft: &Draft,
        places: &Places,
        weights: &Weights<'_>,
        uploads: &Uploads,
        opened: &Opened,
    ) -> Result<Self, EngineError> {
        let numbers = 0..draft.nodes.len();
        let ready = |number: usize| Ready::new(number, draft, places, weights, uploads);
        let steps = numbers.clone().map(ready).collect::<Result<_, _>>()?;
        Ok(Self { opened: opened.clone(), steps, places: numbers.map(|n| places.place(n)).collect() })
    }

    /// Where a step runs, and the bytes of its constants on the device.
    pub fn place(&self, step: usize) -> (Place, usize) {
        let bytes = self.steps.get(step).and_then(Option::as_ref).map_or(0, |ready| ready.bytes);
        (self.places.get(step).copied().unwrap_or(Place::Fallback), bytes)
    }

    /// The device.
    pub fn name(&self) -> String {
        self.opened.name()
    }

    /// Runs a plan on the values of its inputs.
    pub fn run(
        &self,
        plan: &Plan,
        inputs: Vec<Value>,
        budget: &Budget<'_>,
        profile: Option<&Profile>,
    ) -> Result<Vec<Value>, EngineError> {
        if plan.fit {
            plan.follow(&inputs)?;
        }
        kernels::with_help(|| self.go(plan, inputs, budget, profile))
    }

    fn go(
        &self,
        plan: &Plan,
        inputs: Vec<Value>,
        budget: &Budget<'_>,
        profile: Option<&Profile>,
    ) -> Result<Vec<Value>, EngineError> {
        let device = self.opened.tensors();
        let mut slots = Slots::new(plan.slots, device);
        for (slot, value) in plan.inputs.iter().zip(inputs) {
            slots.put(*slot, value);
        }
        for (number, step) in plan.steps.iter().enumerate() {
            budget.goes_on()?;
            let begun = profile.map(|_| Instant::now());
            let done = match &self.steps[number] {
                Some(ready) => ready.run(&mut slots, device).map(|made| {
                    step.outputs.iter().zip(made).for_each(|(slot, made)| slots.put_aboard(*slot, made));
                }),
                None => slots.run_here(step, budget),
            };
            done.map_err(|e| at(&step.name, e.into_error()))?;
            if let (Some(profile), Some(begun)) = (profile, begun) {
                // What was asked of the device is done only now.
                device.synchronize().map_err(|e| Wrong::from(e).into_error())?;
                let bytes = slots.bytes(step) + self.place(number).1;
                profile.note_bytes(number, step, begun.elapsed(), bytes);
            }
            step.last_uses.iter().for_each(|slot| slots.drop(*slot));
        }
        plan.outputs.iter().map(|source| slots.read(source).map_err(Wrong::into_error)).collect()
    }
}

impl Ready {
    fn new(
        number: usize,
        draft: &Draft,
        places: &Places,
        weights: &Weights<'_>,
        uploads: &Uploads,
    ) -> Result<Option<Self>, EngineError> {
        let Some(form) = places.form(draft, number) else { return Ok(None) };
        let node = &draft.nodes[number];
        let mut reads = Vec::with_capacity(node.inputs.len());
        let mut bytes = 0;
        for (n, value) in node.inputs.iter().enumerate() {
            let stays = form.is_told(n);
            reads.push(match (stays, draft.is_known(*value)) {
                (true, true) => match draft.constants.get(value) {
                    Some(constant) => Read::Constant(constant.clone()),
                    None => Read::Constant(weights.once(&draft.deferred[value])?),
                },
                (true, false) => Read::Told(*value),
                (false, false) => Read::Slot(*value, places.kind(*value)),
                (false, true) => {
                    let tensor = uploads.get(*value, lay(&node.op, n), draft, weights)?;
                    let tensor = tensor.ok_or_else(|| EngineError::broken("a weight is missing"))?;
                    bytes += self::bytes(&tensor);
                    let here = draft.constants.get(value).map(|v| v.dims().to_vec());
                    let dims = here.unwrap_or_else(|| draft.deferred[value].dims.clone());
                    Read::Tensor(tensor, Known::shaped(dims.into_iter().map(Some).collect()))
                }
            });
        }
        let made = match node.outputs[..] {
            [only] => places.kind(only).and_then(dtype),
            _ => None,
        };
        let op = node.op.clone();
        Ok(Some(Self { op, form, reads, outputs: node.outputs.len(), made, bytes }))
    }

    fn run(&self, slots: &mut Slots<'_>, device: &Device) -> Tensors {
        let mut args = Vec::with_capacity(self.reads.len());
        let mut known = Vec::with_capacity(self.reads.len());
        for read in &self.reads {
            let (arg, what) = match read {
                Read::Tensor(tensor, known) => (Arg::Tensor(tensor.clone()), known.clone()),
                Read::Constant(value) => (Arg::Told(value.clone()), Known::constant(value)),
                Read::Told(slot) => {
                    let value = slots.host(*slot)?;
                    let known = Known::constant(&value);
                    (Arg::Told(value), known)
                }
                Read::Slot(slot, kind) => {
                    let tensor = slots.aboard(*slot)?;
                    if kind.and_then(dtype) != Some(tensor.dtype()) {
                        return Err(fail(format!(
                            "a value of {:?} where {kind:?} was foreseen",
                            tensor.dtype()
                        )));
                    }
                    let known = Known::shaped(tensor.dims().iter().copied().map(Some).collect());
                    (Arg::Tensor(tensor), known)
                }
            };
            args.push(arg);
            known.push(what);
        }
        let dims = self.foreseen(&known)?;
        // A device cannot run over nothing.
        if let (Some(dims), Some(dtype)) = (dims.as_ref().filter(|d| d.contains(&0)), self.made) {
            return Ok(vec![empty(dims, dtype, device)?]);
        }
        self.form.run(&Task { args: &args, dims, device })
    }

    /// The shape of the only result. Larger results than values may be are refused before anything is asked of the device.
    fn foreseen(&self, known: &[Known]) -> Result<Option<Vec<usize>>, Wrong> {
        let reads: Vec<&Known> = known.iter().collect();
        let results = rules::results(&self.op, &reads, self.outputs)?;
        let dims: Vec<Option<Vec<usize>>> = results.iter().map(Known::dims).collect();
        for dims in dims.iter().flatten() {
            countable(elements(dims)?)?;
        }
        Ok(if let [only] = &dims[..] { only.clone() } else { None })
    }
}

/// The memory of a tensor's elements.
pub fn bytes(tensor: &Tensor) -> usize {
    tensor.elem_count().saturating_mul(tensor.dtype().size_in_bytes())
}
