//! Views and writing in place. Values of the graph never change: a tensor that is written to is another value from then on, and what it
//! is a view of is made anew with it in its place.

use super::build::Builder;
use super::value::{Handle, Result, Val, unsupported};
use crate::graph::{Masks, Op, Rare, ValueId};

/// Tensors that are views of each other in a row.
const DEEPEST: usize = 64;

/// What a tensor shows of another one.
#[derive(Debug, Clone)]
pub struct View {
    base: Handle,
    how: Shown,
    /// How often the other one had been written to when this was made.
    writes: usize,
}

/// How a view shows the elements.
#[derive(Debug, Clone)]
pub enum Shown {
    /// All, in the same order.
    Reshaped,
    /// All, the axes in another order.
    Permuted(Vec<usize>),
    /// One place of an axis.
    Selected(usize, Val),
    /// Places of an axis: begin, end, step.
    Sliced(usize, [Val; 3]),
    /// In a way that cannot be written through.
    Other,
}

impl Builder {
    /// A tensor that shows another one.
    pub fn view(&mut self, base: Handle, value: ValueId, how: Shown) -> Handle {
        let handle = self.tensor(value);
        let writes = self.tensors[base].writes;
        self.tensors[handle].view = Some(View { base, how, writes });
        handle
    }

    /// What a tensor is now.
    pub fn value(&self, handle: Handle) -> Result<ValueId> {
        if self.tensors[handle].complex {
            return unsupported("of complex numbers");
        }
        if self.tensors[handle].nested.is_some() {
            return unsupported("of rows of lengths of their own");
        }
        if !self.is_fresh(handle) {
            return unsupported("of a view of a tensor that was written to since");
        }
        Ok(self.tensors[handle].value)
    }

    /// Whether nothing that a tensor shows was written to since.
    pub fn is_fresh(&self, handle: Handle) -> bool {
        let mut at = handle;
        while let Some(view) = &self.tensors[at].view {
            if self.tensors[view.base].writes != view.writes {
                return false;
            }
            at = view.base;
        }
        true
    }

    /// Writes to a tensor, and through it to what it shows.
    pub fn write(&mut self, handle: Handle, value: ValueId) -> Result<()> {
        let (mut at, mut value) = (handle, value);
        for _ in 0..DEEPEST {
            let Some(View { base, how, .. }) = self.tensors[at].view.clone() else {
                self.tensors[at].value = value;
                self.tensors[at].writes += 1;
                return self.refreshed(handle);
            };
            self.tensors[at].value = value;
            self.tensors[at].writes += 1;
            value = self.shown_in(self.tensors[base].value, &how, value)?;
            at = base;
        }
        unsupported("of a view of views, many times over")
    }

    /// The views through which was written are up to date.
    fn refreshed(&mut self, handle: Handle) -> Result<()> {
        let mut at = handle;
        while let Some(base) = self.tensors[at].view.as_ref().map(|v| v.base) {
            let writes = self.tensors[base].writes;
            if let Some(view) = &mut self.tensors[at].view {
                view.writes = writes;
            }
            at = base;
        }
        Ok(())
    }

    /// The other tensor with what a view shows replaced.
    fn shown_in(&mut self, base: ValueId, how: &Shown, value: ValueId) -> Result<ValueId> {
        let dtype = self.dtype(base);
        match how {
            Shown::Reshaped => {
                let shape = self.op(Op::Shape, &[base], crate::DType::I64)?;
                self.op(Op::Reshape, &[value, shape], dtype)
            }
            Shown::Permuted(order) => {
                let mut back = vec![0; order.len()];
                order.iter().enumerate().for_each(|(n, at)| back[*at] = n);
                self.transpose(value, &back)
            }
            Shown::Selected(axis, index) => {
                let end = match index {
                    Val::Int(-1) => Val::Int(i64::MAX),
                    Val::Int(n) => Val::Int(n + 1),
                    // Such a place is a number of turns or of rows.
                    other => super::aten::combined(self, "add", other, &Val::Int(1))?,
                };
                let value = self.expand_dims(value, *axis as i64)?;
                self.replaced(base, *axis, &[index.clone(), end, Val::Int(1)], value)
            }
            Shown::Sliced(axis, places) => self.replaced(base, *axis, places, value),
            Shown::Other => unsupported("writing through a view"),
        }
    }

    fn replaced(&mut self, base: ValueId, axis: usize, places: &[Val; 3], value: ValueId) -> Result<ValueId> {
        let dtype = self.dtype(base);
        let mut inputs = vec![base];
        for (place, whole) in places.iter().zip([0, 0, 1]) {
            let mut all = vec![Val::Int(whole); axis];
            all.push(place.clone());
            inputs.push(self.vector(&all)?);
        }
        inputs.push(value);
        let before = (1i64 << axis.min(62)) - 1;
        let masks = Masks { begin: before, end: before, ..Masks::default() };
        let made = self.op(Op::Rare(Box::new(Rare::StridedSliceUpdate(masks))), &inputs, dtype)?;
        Ok(match self.shape(base).map(<[_]>::to_vec) {
            Some(shape) => self.shaped(made, shape),
            None => made,
        })
    }
}
