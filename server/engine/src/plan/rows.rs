//! Whether the rows of a request are independent of each other, told from a plan's steps: then several requests can be run as one.
//!
//! Every value is followed from the inputs: what it depends on ([`fact::Of`]), and its shape with the number of rows left open
//! ([`size::Size`]). Each operation has a rule that says what it makes of such values; what is not known to keep rows apart mixes them.
//! The rules hold for any number of rows, one included, and whatever the values are.

mod arrays;
mod blocks;
mod elements;
mod fact;
mod images;
mod layers;
mod moves;
mod numbers;
mod parts;
mod rare;
mod sequences;
mod size;
mod slices;
mod sparse;
#[cfg(test)]
mod tests;
pub mod worth;

use super::Plan;
use super::step::{Source, Step};
use crate::graph::{Op, Text};
use crate::{Signature, TensorSpec};
use fact::{Fact, Found, Of, Reads, Why};
use size::{Names, Size};
use std::rc::Rc;

/// What is known of each slot of a plan; or why its rows are not independent.
type Slots = Vec<Result<Rc<Fact>, Rc<str>>>;

/// What is known of a plan whose rows are independent of each other.
pub struct Independent(Slots);

impl Independent {
    /// The rows of a signature, if each row of the answers depends on the same row of the inputs alone; else why not.
    pub fn of(plan: &Plan, signature: &Signature) -> Result<Self, Why> {
        let rows = Self(follow(plan, signature)?);
        let tokens = has_tokens(plan);
        for (source, spec) in plan.outputs.iter().zip(&signature.outputs) {
            answer(source, &rows.0, tokens).map_err(|why| format!("output {:?}: {why}", spec.name))?;
        }
        Ok(rows)
    }

    /// What is known of a slot.
    fn get(&self, slot: usize) -> Option<&Fact> {
        self.0.get(slot)?.as_deref().ok()
    }
}

/// Of each output, why it has not the rows of the inputs, if that is so.
pub fn mixed(plan: &Plan, signature: &Signature) -> Vec<Option<Why>> {
    match follow(plan, signature) {
        Ok(slots) => {
            let tokens = has_tokens(plan);
            plan.outputs.iter().map(|source| answer(source, &slots, tokens).err()).collect()
        }
        Err(why) => vec![Some(why); plan.outputs.len()],
    }
}

/// All values of a plan.
fn follow(plan: &Plan, signature: &Signature) -> Result<Slots, Why> {
    let names = Names::default();
    let unread = || Err(Rc::from("a value is read before it is made"));
    let mut slots: Slots = (0..plan.slots).map(|_| unread()).collect();
    for (slot, spec) in plan.inputs.iter().zip(&signature.inputs) {
        slots[*slot] = Ok(Rc::new(input(spec, &names)?));
    }
    for step in &plan.steps {
        let found = results(step, &slots, &names);
        let found = found.unwrap_or_else(|why| vec![Err(why); step.outputs.len()]);
        for (slot, found) in step.outputs.iter().zip(found) {
            slots[*slot] = found;
        }
    }
    Ok(slots)
}

/// An input must have as many rows as its request has.
fn input(spec: &TensorSpec, names: &Names) -> Result<Fact, Why> {
    let name = &spec.name;
    match spec.shape.as_deref() {
        None => Err(format!("input {name:?} may have any rank")),
        Some([]) => Err(format!("input {name:?} has no rows")),
        Some([Some(rows), ..]) => Err(format!("input {name:?} takes {rows} rows, no more and no less")),
        Some([None, rest @ ..]) => {
            let size = |d: &Option<usize>| d.map_or_else(|| names.fresh(), Size::extent);
            Fact::rows(std::iter::once(Size::rows()).chain(rest.iter().map(size)).collect(), 0)
        }
    }
}

/// Whether texts become tokens, as many as the longest of those that are run together has.
fn has_tokens(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.op(), Some(Op::Text(Text::Tokenize(_)))))
}

/// An answer must have a row for each row of the inputs. `tokens`: what is not known of its shape may be as long as the longest text.
fn answer(source: &Source, slots: &Slots, tokens: bool) -> Result<(), Why> {
    let Source::Slot(slot) = source else { return Err("it is the same for all requests".to_owned()) };
    let fact = slots.get(*slot).ok_or("it is not made")?.as_ref().map_err(ToString::to_string)?;
    let first = fact.shape.as_ref().and_then(|s| s.first());
    match fact.of {
        Of::Rows(0) if tokens && fact.dims()?.iter().skip(1).any(|size| size.known().is_none()) => {
            Err("it is as wide as the longest text".to_owned())
        }
        Of::Rows(0) if first == Some(&Size::rows()) => Ok(()),
        Of::Rows(0) => Err("it has several rows for each row of the inputs".to_owned()),
        Of::Rows(_) => Err("its rows are along an inner axis".to_owned()),
        Of::Same | Of::Count => Err("it does not have the rows of the inputs".to_owned()),
        _ => Err("how many rows it has depends on values".to_owned()),
    }
}

/// What a step makes.
fn results(step: &Step, slots: &Slots, names: &Names) -> Result<Slots, Rc<str>> {
    let read = |source: &Source| match source {
        Source::Constant(value) => Ok(Rc::new(Fact::constant(value))),
        Source::Slot(slot) => slots[*slot].clone(),
        Source::Elsewhere(dims) => {
            Ok(Rc::new(Fact::same(Some(dims.iter().map(|d| Size::extent(*d)).collect()))))
        }
    };
    let facts = step.inputs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let all: Vec<&Fact> = facts.iter().map(AsRef::as_ref).collect();
    let reads = Reads { all: &all, outputs: step.outputs.len(), names };
    let at = |why: &str| Rc::from(format!("node {:?} ({}): {why}", step.name, step.title()));
    let made = of_step(step, &reads).map_err(|why| at(&why))?;
    let each = |fact: Fact| match fact.of {
        Of::Together => Err(at("several rows make it together")),
        _ => Ok(Rc::new(fact)),
    };
    Ok(made.into_iter().map(each).collect())
}

fn of_step(step: &Step, reads: &Reads<'_>) -> Found {
    if let Some(op) = step.op() {
        let found = blocks::alike(Some(op), reads, |reads| of_op(op, reads));
        return match op {
            Op::BatchToSpace if reads.same_from(0).is_err() => blocks::join(reads),
            op => found.unwrap_or_else(|| of_op(op, reads)),
        };
    }
    if reads.same_from(0).is_ok() {
        return Ok(vec![Fact::same(None); reads.outputs]);
    }
    if let Some(product) = step.product() {
        let found = blocks::alike(None, reads, |reads| layers::product(product, reads));
        return found.unwrap_or_else(|| layers::product(product, reads));
    }
    match step.recurrent() {
        Some(layer) => {
            let (op, units) = layer.op();
            sequences::recurrent(op, units, reads)
        }
        None => Err("how often it runs may depend on all rows".to_owned()),
    }
}

fn of_op(op: &Op, reads: &Reads<'_>) -> Found {
    if op.varies() {
        return Err("each run draws others".to_owned());
    }
    let same = reads.same_from(0).is_ok();
    match numbers::find(op, reads) {
        Some(found) if found.is_ok() || !same => return found,
        _ => {}
    }
    if same {
        return Ok(same_shapes(op, reads).into_iter().map(Fact::same).collect());
    }
    match op {
        Op::Unary(_) | Op::Activate(_) | Op::Lookup(_) => elements::each(reads),
        Op::Cast(_) => elements::cast(op, reads),
        Op::Binary(_) | Op::Compare(_) | Op::Chain(_) => elements::broadcast(reads),
        Op::Select => elements::select(reads),
        Op::Softmax { .. } => layers::along(reads, &[-1]),
        Op::LayerNorm(norm) => layers::along(reads, &[norm.axis]),
        Op::Reverse => layers::along(reads, &reads.at(1)?.integers()?),
        Op::Reduce { keep, .. } => layers::reduce(reads, *keep),
        Op::ArgExtreme { .. } => layers::reduce(reads, false),
        Op::TopK => layers::top(op, reads),
        Op::MatMul { transpose_a, transpose_b } => layers::matmul(reads, *transpose_a, *transpose_b),
        Op::Dense(_) => layers::dense(reads, reads.at(1)?.dims()?.last().cloned().unwrap_or(Size::Other)),
        Op::Conv(_) | Op::Depthwise(_) | Op::Pool(_) | Op::Resize(_) => layers::items(op, reads),
        Op::ConvTranspose(_) => layers::transposed(op, reads),
        Op::Attention(attention) => sequences::attention(attention, reads),
        Op::Forest(_) | Op::CutForest(_) | Op::Neighbours(_) => rare::of_rows(op, reads),
        Op::Text(text) => rare::text(text, reads),
        Op::Rare(how) => rare::rare(op, how, reads),
        _ => moved(op, reads),
    }
}

/// The shapes of what is the same for all requests, as far as they are known.
fn same_shapes(op: &Op, reads: &Reads<'_>) -> Vec<Option<Vec<Size>>> {
    let mut shapes = reads.shapes(op);
    if let [shape @ None] = &mut shapes[..] {
        *shape = match moves::axes_of(op, reads) {
            Ok(shape) => Some(shape),
            Err(_) => slices::slice(op, reads).ok().and_then(|mut made| made.pop()?.shape),
        };
    }
    shapes
}

/// Operations that compute nothing but places and shapes.
fn moved(op: &Op, reads: &Reads<'_>) -> Found {
    match op {
        Op::Reshape => moves::reshape(reads),
        Op::BroadcastTo => moves::broadcast_to(reads.at(0)?, reads.at(1)?, reads),
        Op::Fill => moves::broadcast_to(reads.at(1)?, reads.at(0)?, reads),
        Op::Transpose => moves::transpose(reads),
        Op::ExpandDims | Op::Squeeze(_) => moves::change_axes(op, reads),
        Op::Range => moves::range(reads),
        Op::Tile => moves::tile(reads),
        Op::Pad | Op::MirrorPad { .. } => moves::pad(reads),
        Op::OneHot(at) => moves::one_hot(reads, *at),
        Op::SpaceToBatch => blocks::cut(reads),
        Op::Concat => parts::concat(reads),
        Op::Pack(at) => parts::pack(reads, *at),
        Op::Split(_) | Op::SplitSizes(_) | Op::Unpack(..) => parts::split(op, reads),
        Op::Gather { batch_dims } => parts::gather(reads, *batch_dims),
        Op::StridedSlice(_) | Op::Slice => slices::slice(op, reads),
        _ => Err(rare::NO_RULE.to_owned()),
    }
}
