//! Einstein's summation where it is a dense layer: as a matrix product, which later becomes one with its bias and activation.

use super::super::attributes::Attributes as _;
use super::{Lowering, Outcome};
use crate::graph::{Op, Rare, Reduce, ValueId};
use crate::{DType, EngineError};

/// How many letters of each kind a layer's equation has.
struct Layer {
    kept: usize,
    summed: usize,
    made: usize,
}

/// `kept summed, summed made -> kept made`, every letter once in each.
fn layer(equation: &str) -> Option<Layer> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (terms, out) = equation.split_once("->")?;
    let (x, w) = terms.split_once(',')?;
    let all: Vec<char> = [x, w, out].concat().chars().collect();
    if !all.iter().all(char::is_ascii_alphabetic) {
        return None;
    }
    let kept = x.chars().zip(out.chars()).take_while(|(a, b)| a == b).count();
    let summed = x.len().checked_sub(kept)?;
    let made = out.len().checked_sub(kept)?;
    let fits = kept > 0 && summed > 0 && made > 0 && w.len() == summed + made;
    let distinct: std::collections::BTreeSet<char> = all.iter().copied().collect();
    let same = fits && x[kept..] == w[..summed] && out[kept..] == w[summed..];
    (same && distinct.len() == kept + summed + made).then_some(Layer { kept, summed, made })
}

impl Lowering<'_> {
    pub(super) fn einsum(&mut self, equation: String) -> Outcome {
        let float = matches!(self.node.dtype("T"), Some(DType::F32 | DType::F16 | DType::BF16));
        if let (Some(layer), [x, w], true) = (layer(&equation), &self.inputs[..], float) {
            let value = self.dense_layer(&layer, *x, *w)?;
            return Self::value(value);
        }
        self.wrapping(self.inputs.len(), Rare::Einsum(equation))
    }

    fn dense_layer(&mut self, layer: &Layer, x: ValueId, w: ValueId) -> Result<ValueId, EngineError> {
        let Layer { kept, summed, made } = *layer;
        let (mut rows, mut matrix) = (x, w);
        if summed > 1 {
            // Said by the weight: of no rows at all, -1 would be none.
            let (outer, inner) = (self.extents(x, 0, kept)?, self.product_of_extents(w, 0, summed)?);
            let shape = self.joined(outer, inner)?;
            rows = self.add(Op::Reshape, vec![x, shape])?;
        }
        if summed > 1 || made > 1 {
            let columns = self.product_of_extents(w, summed, made)?;
            let rest = self.ints(vec![-1])?;
            let shape = self.joined(rest, columns)?;
            matrix = self.add(Op::Reshape, vec![w, shape])?;
        }
        let product = Op::MatMul { transpose_a: false, transpose_b: false };
        let y = self.add(product, vec![rows, matrix])?;
        if made == 1 {
            return Ok(y);
        }
        let (outer, inner) = (self.extents(x, 0, kept)?, self.extents(w, summed, made)?);
        let shape = self.joined(outer, inner)?;
        self.add(Op::Reshape, vec![y, shape])
    }

    /// Some extents of a value's shape. Those of a weight are known when the plan is made.
    fn extents(&mut self, value: ValueId, first: usize, count: usize) -> Result<ValueId, EngineError> {
        let shape = self.add(Op::Shape, vec![value])?;
        let (begin, size) = (self.ints(vec![first as i64])?, self.ints(vec![count as i64])?);
        self.add(Op::Slice, vec![shape, begin, size])
    }

    /// The product of some extents, as a list of one.
    fn product_of_extents(
        &mut self,
        value: ValueId,
        first: usize,
        count: usize,
    ) -> Result<ValueId, EngineError> {
        let extents = self.extents(value, first, count)?;
        let axis = self.ints(vec![0])?;
        self.add(Op::Reduce { kind: Reduce::Prod, keep: true }, vec![extents, axis])
    }

    fn joined(&mut self, first: ValueId, second: ValueId) -> Result<ValueId, EngineError> {
        let axis = self.ints(vec![0])?;
        self.add(Op::Concat, vec![first, second, axis])
    }
}
