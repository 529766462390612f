//! Attention by scaled products.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Stop, Val, unsupported};
use super::Outcome;
use super::pointwise::{against, choose, with};
use super::product::matmul;
use super::reduce::reduced;
use super::softmax::along;
use crate::DType;
use crate::graph::{Binary as B, Compare, Reduce, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "scaled_dot_product_attention" => {
            let y = attend(b, c, 3, [4, 5], 6)?;
            b.give(y)
        }
        "_scaled_dot_product_flash_attention_for_cpu" => {
            let y = attend(b, c, 5, [3, 4], 6)?;
            let y = Val::Tensor(b.tensor(y));
            Ok(Some(vec![y, Val::None]))
        }
        "_scaled_dot_product_attention_math" => {
            let y = attend(b, c, 3, [4, 5], 7)?;
            let y = Val::Tensor(b.tensor(y));
            Ok(Some(vec![y, Val::None]))
        }
        _ => Ok(None),
    }
}

/// `softmax(q kᵀ · scale + mask) v`, as the passes of the plan know it.
fn attend(
    b: &mut Builder,
    c: &Call,
    mask_at: usize,
    [drop_at, causal_at]: [usize; 2],
    scale_at: usize,
) -> Result<ValueId> {
    let (q, mut k) = (c.value(b, 0, "query")?, c.value(b, 1, "key")?);
    let mut v = c.value(b, 2, "value")?;
    if c.float_or(drop_at, "dropout_p", 0.0)? != 0.0 {
        return unsupported("with dropout; call eval() on the model before it is exported");
    }
    if c.flag(7, "enable_gqa", false)? {
        (k, v) = (shared_heads(b, q, k)?, shared_heads(b, q, v)?);
    }
    let scale = match c.float(scale_at, "scale")? {
        Some(scale) => scale,
        None => match b.shape(q).and_then(|s| s.last().copied().flatten()) {
            Some(width) => 1.0 / (width as f64).sqrt(),
            None => return unsupported("of heads whose width is not known"),
        },
    };
    let rank = match b.rank(k) {
        Err(Stop::Rank(..)) | Ok(0 | 1) => return unsupported("of keys whose axes are not known"),
        other => other?,
    };
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 1, rank - 2);
    let turned = b.transpose(k, &order)?;
    let scores = matmul(b, q, turned)?;
    let mut scores = with(b, B::Mul, scores, scale)?;
    let dtype = b.dtype(scores);
    let mut open = None;
    if let Some(mask) = c.maybe(b, mask_at, "attn_mask")? {
        let mask = additive(b, mask, dtype)?;
        let highest = reduced(b, Reduce::Max, mask, Some(&[-1]), true)?;
        open = Some(against(b, Compare::Greater, highest, f64::NEG_INFINITY)?);
        scores = b.binary(B::Add, scores, mask)?;
    }
    if c.flag(causal_at, "is_causal", false)? {
        let allowed = super::moves::triangle_mask(b, scores, true, 0)?;
        let mask = additive(b, allowed, dtype)?;
        scores = b.binary(B::Add, scores, mask)?;
    }
    let weights = along(b, scores, -1, false)?;
    let made = matmul(b, weights, v)?;
    // A query that may look at nothing finds zeros.
    match open {
        Some(open) => {
            let zero = b.number(0.0, dtype)?;
            choose(b, open, made, zero)
        }
        None => Ok(made),
    }
}

/// A mask as it is added: what is not allowed is infinitely far below.
fn additive(b: &mut Builder, mask: ValueId, dtype: DType) -> Result<ValueId> {
    if b.dtype(mask) != DType::Bool {
        return b.cast(mask, dtype);
    }
    let (allowed, not) = (b.number(0.0, dtype)?, b.number(f64::NEG_INFINITY, dtype)?);
    choose(b, mask, allowed, not)
}

/// Heads of keys or values that several heads of queries share.
fn shared_heads(b: &mut Builder, q: ValueId, k: ValueId) -> Result<ValueId> {
    let rank = b.rank(k)?;
    let heads = |b: &Builder, v| b.shape(v).and_then(|s| s.len().checked_sub(3).and_then(|at| s[at]));
    let (Some(of_queries), Some(own)) = (heads(b, q), heads(b, k)) else {
        return unsupported("of heads whose number is not known");
    };
    if own == 0 || of_queries == own {
        return Ok(k);
    }
    let repeats = (of_queries / own) as i64;
    let arguments =
        vec![(None, Val::Tensor(b.tensor(k))), (None, Val::Int(repeats)), (None, Val::Int(rank as i64 - 3))];
    let call = Call { name: "repeat_interleave".to_owned(), overload: String::new(), arguments };
    match super::moves::lower(b, &call)?.as_deref() {
        Some([Val::Tensor(handle)]) => b.value(*handle),
        _ => unsupported("of shared heads"),
    }
}
