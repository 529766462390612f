//! Layers of transformers as one operation, which `torch.jit.trace` keeps.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::norm::normalised;
use super::pointwise::{choose, with};
use super::product::{linear, matmul};
use super::softmax::along;
use crate::DType;
use crate::graph::{Activation, Binary as B, Op, Unary as U, ValueId};

/// Where the arguments of an attention are.
struct Heads {
    count: i64,
    weights: [ValueId; 4],
    mask: Option<(ValueId, i64)>,
}

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "_native_multi_head_attention" => {
            let q = c.value(b, 0, "query")?;
            if c.first()? != c.tensor(1, "key")? || c.first()? != c.tensor(2, "value")? {
                return unsupported("of queries with keys of their own");
            }
            let heads = heads(b, c, 5, 9, 12)?;
            let (y, weights) = attend(b, q, &heads)?;
            let y = Val::Tensor(b.tensor(y));
            if !c.flag(10, "need_weights", true)? {
                return Ok(Some(vec![y, Val::None]));
            }
            let weights = if c.flag(11, "average_attn_weights", true)? {
                super::reduce::reduced(b, crate::graph::Reduce::Mean, weights, Some(&[1]), false)?
            } else {
                weights
            };
            Ok(Some(vec![y, Val::Tensor(b.tensor(weights))]))
        }
        "_transformer_encoder_layer_fwd" => {
            let (x, kept) = padded(b, c)?;
            let y = layer(b, c, x, kept)?;
            let handle = b.tensor(y);
            b.tensors[handle].nested = kept;
            Ok(Some(vec![Val::Tensor(handle)]))
        }
        "_nested_tensor_from_mask" => {
            let (x, kept) = (c.value(b, 0, "t")?, c.value(b, 1, "mask")?);
            let handle = b.tensor(x);
            b.tensors[handle].nested = Some(kept);
            Ok(Some(vec![Val::Tensor(handle)]))
        }
        // Rows of lengths of their own are another way to the same.
        "_nested_tensor_from_mask_left_aligned" => Ok(Some(vec![Val::Bool(false)])),
        "to_padded_tensor" | "nested_to_padded_tensor" => {
            let (x, Some(kept)) = padded(b, c)? else { return Ok(None) };
            let dtype = b.dtype(x);
            let fill = b.number(c.float_or(1, "padding", 0.0)?, dtype)?;
            let kept = b.expand_dims(kept, 2)?;
            let y = choose(b, kept, x, fill)?;
            b.give(y)
        }
        _ => Ok(None),
    }
}

/// What the first argument is, and which places of its rows count, if they are of lengths of their own.
fn padded(b: &Builder, c: &Call) -> Result<(ValueId, Option<ValueId>)> {
    let handle = c.first()?;
    match b.tensors[handle].nested {
        Some(kept) => Ok((b.tensors[handle].value, Some(kept))),
        None => Ok((b.value(handle)?, None)),
    }
}

fn heads(b: &Builder, c: &Call, weights_at: usize, mask_at: usize, kind_at: usize) -> Result<Heads> {
    let weight = |n: usize, name: &str| c.value(b, weights_at + n, name);
    let weights = [
        weight(0, "qkv_weight")?,
        weight(1, "qkv_bias")?,
        weight(2, "proj_weight")?,
        weight(3, "proj_bias")?,
    ];
    let mask = c.maybe(b, mask_at, "mask")?;
    let kind = c.int_or(b, kind_at, "mask_type", 0)?;
    let count = c.int(b, weights_at - 1, "num_head")?;
    Ok(Heads { count, weights, mask: mask.map(|mask| (mask, kind)) })
}

/// Self-attention: the result, and the weights of each head.
fn attend(b: &mut Builder, x: ValueId, heads: &Heads) -> Result<(ValueId, ValueId)> {
    let [qkv, qkv_bias, out, out_bias] = heads.weights;
    let Some([width, _]) = b.dims(out).and_then(|d| d.first_chunk::<2>().copied()) else {
        return broken("an attention whose weights are no matrix");
    };
    if heads.count < 1 || width as i64 % heads.count != 0 {
        return broken("an attention whose heads do not divide its width");
    }
    let each = width as i64 / heads.count;
    let (batch, places) = (b.extent(x, 0)?, b.extent(x, 1)?);
    let all = linear(b, x, qkv, Some(qkv_bias))?;
    let parts = super::parts::split(b, all, 2, &[width as i64; 3])?;
    let mut split = Vec::new();
    for part in parts {
        let shape = [batch.clone(), places.clone(), Val::Int(heads.count), Val::Int(each)];
        let apart = b.reshape(part, &shape)?;
        split.push(b.transpose(apart, &[0, 2, 1, 3])?);
    }
    let turned = b.transpose(split[1], &[0, 1, 3, 2])?;
    let scores = matmul(b, split[0], turned)?;
    let mut scores = with(b, B::Mul, scores, 1.0 / (each as f64).sqrt())?;
    if let Some((mask, kind)) = heads.mask {
        scores = masked(b, scores, mask, kind)?;
    }
    let weights = along(b, scores, -1, false)?;
    let y = matmul(b, weights, split[2])?;
    let y = b.transpose(y, &[0, 2, 1, 3])?;
    let y = b.reshape(y, &[batch, places, Val::Int(width as i64)])?;
    Ok((linear(b, y, out, Some(out_bias))?, weights))
}

/// What a mask forbids: it is of queries and keys (0), of each item's keys (1), or of all.
fn masked(b: &mut Builder, scores: ValueId, mask: ValueId, kind: i64) -> Result<ValueId> {
    let dtype = b.dtype(scores);
    let mut mask = mask;
    if kind == 1 {
        mask = b.expand_dims(mask, 1)?;
        mask = b.expand_dims(mask, 1)?;
    }
    let mask = if b.dtype(mask) == DType::Bool {
        let (not, allowed) = (b.number(f64::NEG_INFINITY, dtype)?, b.number(0.0, dtype)?);
        choose(b, mask, not, allowed)?
    } else {
        mask
    };
    b.binary(B::Add, scores, mask)
}

fn layer(b: &mut Builder, c: &Call, x: ValueId, kept: Option<ValueId>) -> Result<ValueId> {
    let mut heads = heads(b, c, 3, 18, 19)?;
    if let Some(kept) = kept {
        let kept = b.as_tensor(kept);
        let padding = b.apply("logical_not", &[&kept])?;
        heads.mask = Some((b.of(&padding)?, 1));
    }
    let first = c.flag(8, "norm_first", false)?;
    let epsilon = c.float_or(9, "eps", 1e-5)?;
    let mut norms = Vec::new();
    for (n, name) in ["norm_weight_1", "norm_bias_1", "norm_weight_2", "norm_bias_2"].into_iter().enumerate()
    {
        norms.push(c.value(b, 10 + n, name)?);
    }
    let mut dense = Vec::new();
    for (n, name) in ["ffn_weight_1", "ffn_bias_1", "ffn_weight_2", "ffn_bias_2"].into_iter().enumerate() {
        dense.push(c.value(b, 14 + n, name)?);
    }
    let norm =
        |b: &mut Builder, x, n: usize| normalised(b, x, Some(norms[n]), Some(norms[n + 1]), epsilon, true);
    let dtype = b.dtype(x);
    let inner = if first { norm(b, x, 0)? } else { x };
    let (attended, _) = attend(b, inner, &heads)?;
    let mut x = b.binary(B::Add, x, attended)?;
    if !first {
        x = norm(b, x, 0)?;
    }
    let inner = if first { norm(b, x, 2)? } else { x };
    let hidden = linear(b, inner, dense[0], Some(dense[1]))?;
    let op = if c.flag(7, "use_gelu", false)? { Op::Activate(Activation::Gelu) } else { Op::Unary(U::Relu) };
    let hidden = b.op(op, &[hidden], dtype)?;
    let fed = linear(b, hidden, dense[2], Some(dense[3]))?;
    let x = b.binary(B::Add, x, fed)?;
    if first { Ok(x) } else { norm(b, x, 2) }
}
