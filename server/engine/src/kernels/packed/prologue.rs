//! What a product multiplies, where something becomes of it first.

use super::super::gemm::{Part, Prologued};
use super::super::{Outcome, activate, elements, elementwise, fail, moves};
use crate::EngineError;
use crate::graph::{Activation, Binary, Entry, Prologue};
use crate::value::{Kind, Value};

/// Values, and what becomes of them.
pub struct Entered<'v> {
    entry: Entry<'v, Value>,
    activation: Activation,
}

impl<'v> Entered<'v> {
    pub fn new(prologue: &Prologue, x: &'v Value, rest: &[&'v Value]) -> Result<Self, EngineError> {
        let entry = prologue.entry(x, rest).ok_or_else(|| fail("a product lacks what its prologue reads"))?;
        Ok(Self { entry, activation: prologue.activation })
    }

    /// The shape of all of it, and its rows of so many columns, to be made on the way; None: that cannot be done on the way.
    pub fn rows(&self, columns: usize) -> Result<Option<(Vec<usize>, Prologued<'v>)>, EngineError> {
        let first = self.entry.parts[0].dims();
        let Some((_, outer)) = first.split_last() else { return Ok(None) };
        let rows = elements(outer)?;
        let mut parts = Vec::with_capacity(self.entry.parts.len());
        for part in &self.entry.parts {
            match part.dims().split_last() {
                Some((width, own)) if own == outer && part.kind() == Kind::F32 => {
                    parts.push(Part { data: part.slice()?, width: *width });
                }
                _ => return Ok(None),
            }
        }
        let shape = [outer, &[columns]].concat();
        let scale = self.entry.scale.map(|scale| (scale, rows_each(scale.dims(), &shape)));
        let (scale, each) = match scale {
            Some((scale, Some(each))) if scale.kind() == Kind::F32 => (Some(scale.slice()?), each),
            Some(_) => return Ok(None),
            None => (None, rows),
        };
        let shift = match self.entry.shift {
            Some(shift) if shift.kind() == Kind::F32 && rows_each(shift.dims(), &shape) == Some(rows) => {
                Some(shift.slice()?)
            }
            Some(_) => return Ok(None),
            None => None,
        };
        let made = Prologued::new(parts, rows, (scale, each), shift, self.activation);
        Ok(made.filter(|made| made.columns() == columns).map(|made| (shape, made)))
    }

    /// All of it in memory.
    pub fn value(&self) -> Outcome {
        let first = self.entry.parts[0];
        let mut made = match self.entry.parts.len() {
            1 => first.clone(),
            _ => moves::cat(&self.entry.parts, first.rank().saturating_sub(1))?,
        };
        if let Some(scale) = self.entry.scale {
            made = elementwise::binary(Binary::Mul, &made, scale)?;
        }
        if let Some(shift) = self.entry.shift {
            made = elementwise::binary(Binary::Add, &made, shift)?;
        }
        match self.activation {
            Activation::None => Ok(made),
            activation => activate::value(activation, &made),
        }
    }
}

/// For how many rows in turn an operand has the same numbers, one for each column: for all, or for those of each item of the first axis.
fn rows_each(own: &[usize], shape: &[usize]) -> Option<usize> {
    let (columns, outer) = shape.split_last()?;
    let (last, rest) = own.split_last()?;
    if last != columns || own.len() > shape.len() {
        return None;
    }
    if rest.iter().all(|n| *n == 1) {
        return Some(outer.iter().product());
    }
    let (items, inner) = outer.split_first()?;
    let by_item = own.len() == shape.len() && rest[0] == *items && rest[1..].iter().all(|n| *n == 1);
    by_item.then(|| inner.iter().product())
}
