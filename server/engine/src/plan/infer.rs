//! Shapes followed through a graph: through a draft before any request comes, to choose how convolutions are computed and to show them;
//! through a plan when the first request of its shapes comes, to refuse it before anything is computed if they cannot fit.

use super::draft::Draft;
use super::rules::{self, Known};
use super::step::{Source, Step};
use crate::EngineError;
use crate::graph::{Product, ValueId};
use crate::value::Value;
use std::borrow::Cow;
use std::collections::HashMap;

pub use super::rules::Extents;

/// The shapes of a draft's values.
#[derive(Debug, Default)]
pub struct Shapes {
    known: HashMap<ValueId, Known>,
    fit: bool,
}

impl Shapes {
    /// Follows the inputs' shapes through the draft.
    pub fn of(draft: &Draft, inputs: &[(ValueId, Option<Extents>)]) -> Self {
        let shaped =
            |(v, shape): &(ValueId, Option<Extents>)| (*v, Known { shape: shape.clone(), numbers: None });
        let mut known: HashMap<ValueId, Known> = inputs.iter().map(shaped).collect();
        known.extend(draft.constants.iter().map(|(v, constant)| (*v, Known::constant(constant))));
        let deferred = |dims: &[usize]| Known::shaped(dims.iter().copied().map(Some).collect());
        known.extend(draft.deferred.iter().map(|(v, weight)| (*v, deferred(&weight.dims))));
        let (nothing, mut fit) = (Known::default(), true);
        for node in &draft.nodes {
            let reads: Vec<&Known> = node.inputs.iter().map(|v| known.get(v).unwrap_or(&nothing)).collect();
            match rules::results(&node.op, &reads, node.outputs.len()) {
                Ok(found) => known.extend(node.outputs.iter().copied().zip(found)),
                // It cannot run for any request: whoever runs it is told.
                Err(_) => fit = false,
            }
        }
        Self { known, fit }
    }

    /// Whether nothing is known to contradict itself.
    pub fn fit(&self) -> bool {
        self.fit
    }

    /// What is known of the shape of what a product multiplies.
    pub fn entered(&self, product: &Product, inputs: &[ValueId]) -> Option<Extents> {
        let nothing = Known::default();
        let known = |value: &ValueId| self.known.get(value).unwrap_or(&nothing);
        let rest: Vec<&Known> = inputs.iter().skip(product.entry()).map(known).collect();
        rules::entered(product.prologue.as_ref(), known(inputs.first()?), &rest).ok()?.shape
    }

    /// What is known of a value's shape.
    pub fn get(&self, value: ValueId) -> Option<&Extents> {
        self.known.get(&value)?.shape.as_ref()
    }
}

/// What values of these shapes make of each slot of a plan; the error names the node that they do not fit.
pub fn follow(
    steps: &[Step],
    slots: usize,
    inputs: &[usize],
    values: &[Value],
) -> Result<Vec<Known>, EngineError> {
    let mut known = vec![Known::default(); slots];
    for (slot, value) in inputs.iter().zip(values) {
        // The numbers may be others in the next request of these shapes.
        known[*slot] = Known { numbers: None, ..Known::constant(value) };
    }
    for step in steps {
        let found = results(step, &known).map_err(|e| refused(&step.name, &e))?;
        for (slot, found) in step.outputs.iter().zip(found) {
            known[*slot] = found;
        }
    }
    Ok(known)
}

fn results(step: &Step, known: &[Known]) -> Result<Vec<Known>, EngineError> {
    let reads: Vec<Cow<'_, Known>> = step.inputs.iter().map(|source| read(source, known)).collect();
    let reads: Vec<&Known> = reads.iter().map(AsRef::as_ref).collect();
    if let Some(op) = step.op() {
        return rules::results(op, &reads, step.outputs.len());
    }
    let Some((product, (x, rest))) = step.product().zip(reads.split_first()) else {
        return Ok(vec![Known::default()]);
    };
    let (other, rest) = rest.split_at(rest.len().min(usize::from(product.takes())));
    let Some(dims) = rules::entered(product.prologue(), x, rest)?.dims() else {
        return Ok(vec![Known::default()]);
    };
    let made = Known::shaped(product.shape(&dims)?.into_iter().map(Some).collect());
    Ok(vec![match other {
        [other] => rules::broadcast(&made, other)?,
        _ => made,
    }])
}

fn read<'k>(source: &Source, known: &'k [Known]) -> Cow<'k, Known> {
    match source {
        Source::Constant(value) => Cow::Owned(Known::constant(value)),
        Source::Slot(slot) => Cow::Borrowed(&known[*slot]),
        Source::Elsewhere(dims) => Cow::Owned(Known::shaped(dims.iter().copied().map(Some).collect())),
    }
}

fn refused(node: &str, error: &EngineError) -> EngineError {
    let why = match error {
        EngineError::Execution(why) => why.clone(),
        other => other.to_string(),
    };
    EngineError::input(format!("the model cannot take inputs of these shapes: node {node:?}: {why}"))
}
