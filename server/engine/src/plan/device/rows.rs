//! Softmax, normalisation and attention.

use super::form::{Made, Wrong, fail};
use super::parts::{AT_ONCE, in_parts};
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

/// As a model writes it, with the scores of as many rows of a request at a time as there is room for.
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
    turned(&attended([&q, &k, &v], mask, AT_ONCE)?)
}

/// `softmax(q · kᵀ + mask) · v`, with no more than so many scores at a time.
fn attended([q, k, v]: [&Tensor; 3], mask: Option<&Tensor>, most: usize) -> Made {
    let rank = q.rank();
    if rank < 3 || [k, v].iter().any(|x| x.rank() != rank || x.dims()[0] != q.dims()[0]) {
        return scored([q, k, v], mask);
    }
    let rows = q.dims()[0];
    // Of each row: heads that keys may have more of, queries, keys.
    let heads = q.dims()[1..rank - 2].iter().zip(&k.dims()[1..rank - 2]).map(|(q, k)| (*q).max(*k));
    let sizes = heads.chain([q.dims()[rank - 2], k.dims()[rank - 2]]);
    let each = sizes.fold(1, usize::saturating_mul);
    in_parts(rows, each, most, |from, count| {
        let part = |x: &Tensor| -> Result<Tensor, Wrong> {
            // A mask may be the same for all rows.
            let own = x.rank() == rank && x.dims()[0] == rows;
            Ok(if own { x.narrow(0, from, count)? } else { x.clone() })
        };
        let mask = mask.map(part).transpose()?;
        scored([&part(q)?, &part(k)?, &part(v)?], mask.as_ref())
    })
}

fn scored([q, k, v]: [&Tensor; 3], mask: Option<&Tensor>) -> Made {
    let mut scores = matmul(q, k, false, true)?;
    if let Some(mask) = mask {
        scores = scores.broadcast_add(mask)?;
    }
    matmul(&softmax(&scores, false)?, v, false, false)
}

#[cfg(test)]
mod tests {
    use super::attended;
    use candle_core::{Device, Tensor};

    #[test]
    fn rows_in_parts_are_attended_as_at_once() {
        let filled = |dims: &[usize], step: f32| {
            let count: usize = dims.iter().product();
            let numbers: Vec<f32> = (0..count).map(|n| (n as f32 * step).sin()).collect();
            Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
        };
        let (q, k, v) = (filled(&[5, 2, 3, 4], 0.7), filled(&[5, 2, 6, 4], 1.3), filled(&[5, 2, 6, 4], 2.1));
        let masks = [
            None,
            Some(filled(&[5, 1, 1, 6], 0.9)),
            Some(filled(&[1, 1, 3, 6], 0.4)),
            Some(filled(&[3, 6], 0.3)),
        ];
        for mask in masks {
            let wanted = attended([&q, &k, &v], mask.as_ref(), usize::MAX).unwrap();
            for most in [1, 80, 150] {
                let made = attended([&q, &k, &v], mask.as_ref(), most).unwrap();
                assert_eq!(made.dims(), wanted.dims());
                let far = made.sub(&wanted).unwrap().abs().unwrap().max_all().unwrap();
                assert!(far.to_scalar::<f32>().unwrap() < 1e-6, "{far:?}");
            }
        }
    }
}
