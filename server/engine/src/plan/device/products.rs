//! Products of matrices, and dense layers.

use super::activation;
use super::convolution;
use super::elementwise;
use super::form::{Made, Task, Wrong, fail};
use super::moves;
use super::parts::countable;
use super::pooling;
use crate::graph::{Activation, Binary, Pool, Product, Products, Prologue};
use crate::kernels::broadcast_shape;
use candle_core::Tensor;

/// A batch of matrices.
struct Batch {
    /// `[matrices, rows, columns]`
    all: Tensor,
    shape: Vec<usize>,
}

impl Batch {
    fn of(x: &Tensor, turned: bool) -> Result<Self, Wrong> {
        let dims = x.dims().to_vec();
        let [shape @ .., rows, columns] = &dims[..] else {
            return Err(fail(format!("a matrix product of shape {dims:?}")));
        };
        let all = x.reshape((shape.iter().product::<usize>(), *rows, *columns))?;
        let all = if turned { all.transpose(1, 2)? } else { all };
        Ok(Self { all, shape: shape.to_vec() })
    }

    /// As many matrices as another shape has. One that all share is not copied.
    fn spread(&self, shape: &[usize]) -> Made {
        if self.shape == shape {
            return Ok(self.all.clone());
        }
        let (count, rows, columns) = self.all.dims3()?;
        let all: usize = shape.iter().product();
        if count == 1 {
            return Ok(self.all.broadcast_as((all, rows, columns))?);
        }
        countable(all.saturating_mul(rows * columns))?;
        let lead = vec![1; shape.len() - self.shape.len()];
        let own = self.all.reshape([&lead, &self.shape[..], &[rows, columns]].concat())?;
        let spread = own.broadcast_as([shape, &[rows, columns]].concat())?;
        Ok(spread.reshape((all, rows, columns))?)
    }
}

/// A product of matrices, or of batches of them with broadcasting.
pub fn matmul(a: &Tensor, b: &Tensor, transpose_a: bool, transpose_b: bool) -> Made {
    let (a, b) = (Batch::of(a, transpose_a)?, Batch::of(b, transpose_b)?);
    let shape = broadcast_shape(&a.shape, &b.shape)?;
    let made = a.spread(&shape)?.matmul(&b.spread(&shape)?)?;
    let (_, rows, columns) = made.dims3()?;
    Ok(made.reshape([&shape[..], &[rows, columns]].concat())?)
}

/// `x · w` over the last axis of x.
fn rows(x: &Tensor, w: &Tensor) -> Made {
    let Some((inner, outer)) = x.dims().split_last() else {
        return Err(fail("a dense layer of a single number"));
    };
    let flat = x.reshape((outer.iter().product::<usize>(), *inner))?;
    // Of weights that are another's result a device multiplies none that lie in steps.
    let made = flat.matmul(&w.contiguous()?)?;
    Ok(made.reshape([outer, &[w.dim(1)?]].concat())?)
}

/// A dense layer by weights that may be another's result.
pub fn dense(x: &Tensor, w: &Tensor, bias: Option<&Tensor>, f: Activation) -> Made {
    let mut made = rows(x, w)?;
    if let Some(bias) = bias {
        made = made.broadcast_add(bias)?;
    }
    activation::plain(f, &made)
}

/// What a product multiplies: values side by side along their last axis, scaled, shifted and activated.
fn entered(prologue: &Prologue, x: &Tensor, rest: &[&Tensor]) -> Made {
    let missing = || fail("a product lacks what its prologue reads");
    let entry = prologue.entry(x, rest).ok_or_else(missing)?;
    let parts: Vec<Tensor> = entry.parts.into_iter().cloned().collect();
    let mut made = moves::side_by_side(&parts, x.rank().checked_sub(1).ok_or_else(missing)?)?;
    if let Some(scale) = entry.scale {
        made = elementwise::binary(Binary::Mul, &made, scale)?;
    }
    if let Some(shift) = entry.shift {
        made = elementwise::binary(Binary::Add, &made, shift)?;
    }
    activation::activate(prologue.activation, &made)
}

/// A product by constant weights with what comes before and after it.
pub fn product(product: &Product, task: &Task<'_>) -> Made {
    let (x, w) = (task.tensor(0)?, task.tensor(1)?);
    let rest = (product.entry()..task.args.len()).map(|n| task.tensor(n)).collect::<Result<Vec<_>, _>>()?;
    let x = &match &product.prologue {
        Some(prologue) => entered(prologue, x, &rest)?,
        None => x.clone(),
    };
    let bias = if product.bias { Some(task.tensor(2)?) } else { None };
    let residual = if product.residual { Some(task.tensor(2 + usize::from(product.bias))?) } else { None };
    let made = match &product.kind {
        Products::Dense => {
            let made = rows(x, w)?;
            match bias {
                Some(bias) => made.broadcast_add(&bias.flatten_all()?)?,
                None => made,
            }
        }
        Products::Conv(conv) => convolution::conv(x, w, bias, conv)?,
        Products::Depthwise(conv) => convolution::depthwise(x, w, bias, conv)?,
    };
    let made = match residual {
        Some(residual) => elementwise::binary(Binary::Add, &made, residual)?,
        None => made,
    };
    let made = activation::activate(product.activation, &made)?;
    if product.pool { pooling::pool(&made, &Pool::HALVES) } else { Ok(made) }
}
