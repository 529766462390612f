//! Softmax, normalisation and attention.

use super::form::{Made, fail};
use super::products::matmul;
use crate::graph::{Attention, LayerNorm};
use crate::kernels::axis;
use candle_core::{D, Tensor};

/// Over the last axis, shifted by its maximum so that nothing overflows.
pub fn softmax(x: &Tensor, log: bool) -> Made {
    if x.rank() == 0 {
        return Err(fail("softmax of a scalar"));
    }
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?;
    let powers = shifted.exp()?;
    let sum = powers.sum_keepdim(D::Minus1)?;
    Ok(if log { shifted.broadcast_sub(&sum.log()?)? } else { powers.broadcast_div(&sum)? })
}

/// Rows normalised over one axis.
pub fn layer_norm(norm: &LayerNorm, x: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>) -> Made {
    let along = axis(norm.axis, x.rank())?;
    let centred = if norm.centred { x.broadcast_sub(&x.mean_keepdim(along)?)? } else { x.clone() };
    let variance = centred.sqr()?.mean_keepdim(along)?;
    let mut made = centred.broadcast_div(&variance.affine(1.0, f64::from(norm.epsilon))?.sqrt()?)?;
    if let Some(gamma) = gamma {
        made = made.broadcast_mul(gamma)?;
    }
    if let Some(beta) = beta {
        made = made.broadcast_add(beta)?;
    }
    Ok(made)
}

/// As a model writes it: the scores of a request are there as a whole.
pub fn attention(a: &Attention, [q, k, v]: [&Tensor; 3], mask: Option<&Tensor>) -> Made {
    let turned = |x: &Tensor| {
        if a.interleaved && x.rank() != 4 {
            return Err(fail(format!("attention over a value of shape {:?}", x.dims())));
        }
        Ok(if a.interleaved { x.permute([0, 2, 1, 3])?.contiguous()? } else { x.clone() })
    };
    // The scale goes to the queries, which are fewer than the scores.
    let q = turned(q)?.affine(f64::from(a.scale), 0.0)?;
    let (k, v) = (turned(k)?, turned(v)?);
    let mut scores = matmul(&q, &k, false, true)?;
    if let Some(mask) = mask {
        scores = scores.broadcast_add(mask)?;
    }
    turned(&matmul(&softmax(&scores, false)?, &v, false, false)?)
}
