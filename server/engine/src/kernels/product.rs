//! Dense layers and matrix products, single and batched.

use super::access::{make, with, zeros};
use super::matrix::{Activate, View, product, threads};
use super::{Outcome, Value, elements, fail};
use crate::graph::Activation;
use candle_core::DType;

/// `activation(x · w + bias)` over the last axis of x.
pub fn dense(x: &Value, w: &Value, bias: Option<&Value>, activation: Activation) -> Outcome {
    let (xs, ws) = (x.dims(), w.dims());
    let ([.., inner], [rows, columns]) = (xs, ws) else { return Err(fail("a dense layer needs matrices")) };
    if inner != rows || bias.is_some_and(|b| b.dims() != [*columns]) {
        return Err(fail(format!("a dense layer of {ws:?} on {xs:?}")));
    }
    let batch = elements(&xs[..xs.len() - 1])?;
    let shape = [&xs[..xs.len() - 1], &[*columns]].concat();
    let mut out = zeros::<f32>(&shape)?;
    with(x, |x| {
        with(w, |w| {
            let work = batch.saturating_mul(*rows).saturating_mul(*columns);
            product(&mut out, View::rows(x, batch, *rows), View::rows(w, *rows, *columns), threads(work));
        })
    })??;
    finish(&mut out, *columns, bias, activation)?;
    make(out, &shape)
}

/// Adds the bias and applies the activation.
pub fn finish(
    out: &mut [f32],
    columns: usize,
    bias: Option<&Value>,
    activation: Activation,
) -> Result<(), crate::EngineError> {
    match bias {
        Some(bias) => with(bias, |b| Activate { bias: Some(b), activation }.apply(out, columns)),
        None => {
            Activate { bias: None, activation }.apply(out, columns);
            Ok(())
        }
    }
}

/// A product of matrices, or of batches of them with broadcasting.
pub fn matmul(a: &Value, b: &Value, transpose_a: bool, transpose_b: bool) -> Outcome {
    if a.dtype() != DType::F32 {
        return slow(a, b, transpose_a, transpose_b);
    }
    let (da, db) = (a.dims(), b.dims());
    if da.len() < 2 || db.len() < 2 {
        return Err(fail(format!("a matrix product of {da:?} and {db:?}")));
    }
    let (ba, ma) = da.split_at(da.len() - 2);
    let (bb, mb) = db.split_at(db.len() - 2);
    let batch = super::elementwise::broadcast_shape(ba, bb)?;
    let flip = |m: &[usize], t: bool| if t { (m[1], m[0]) } else { (m[0], m[1]) };
    let ((rows, inner), (inner_b, columns)) = (flip(ma, transpose_a), flip(mb, transpose_b));
    if inner != inner_b {
        return Err(fail(format!("a matrix product of {da:?} and {db:?}")));
    }
    let shape = [batch.as_slice(), &[rows, columns]].concat();
    let mut out = zeros::<f32>(&shape)?;
    let (pa, pb) = (places(ba, &batch, ma[0] * ma[1]), places(bb, &batch, mb[0] * mb[1]));
    with(a, |a| {
        with(b, |b| {
            let size = (rows * columns).max(1);
            for ((out, at), bt) in out.chunks_exact_mut(size).zip(pa).zip(pb) {
                let view = |data, m: &[usize], t| {
                    let view = View::rows(data, m[0], m[1]);
                    if t { view.transposed() } else { view }
                };
                let work = rows.saturating_mul(inner).saturating_mul(columns);
                let (a, b) = (view(&a[at..], ma, transpose_a), view(&b[bt..], mb, transpose_b));
                product(out, a, b, threads(work));
            }
        })
    })??;
    make(out, &shape)
}

/// Where each matrix of a broadcast batch begins.
fn places(own: &[usize], batch: &[usize], size: usize) -> Vec<usize> {
    let steps = super::elementwise::steps(own, batch);
    super::elementwise::offsets(batch, &steps).into_iter().map(|o| o * size).collect()
}

/// Other types are rare: candle's product.
fn slow(a: &Value, b: &Value, transpose_a: bool, transpose_b: bool) -> Outcome {
    let turn = |v: &Value, t: bool| if t { v.t() } else { Ok(v.clone()) };
    let (a, b) = (turn(a, transpose_a)?.contiguous()?, turn(b, transpose_b)?.contiguous()?);
    Ok(a.broadcast_matmul(&b)?)
}
