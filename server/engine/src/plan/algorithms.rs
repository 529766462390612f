//! How each convolution is computed. Winograd's method is faster and takes four times the memory for the filter: what is saved grows
//! with the image, so the largest images come first, until the memory that may be spent on it is used up.

use super::deferred::Deferred;
use super::draft::Draft;
use super::infer::Shapes;
use crate::graph::{Op, Product, Products};
use crate::kernels::{Algorithm, Form, choose};
use crate::value::Value;
use std::collections::HashMap;

/// Of the weights' bytes, the part that packing may add.
const SHARE: u64 = 10;
/// Bytes that packing may add to any model.
const ALLOWANCE: u64 = 12 << 20;

/// Bytes that packing may add to a model whose weights have so many.
pub fn packing_allowance(weights: u64) -> u64 {
    weights / SHARE + ALLOWANCE
}

/// The algorithm and the number of groups of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub algorithm: Algorithm,
    pub groups: usize,
}

/// Choices by node; what is not in it is computed directly, in as many groups as the image turns out to have.
pub fn choose_all(draft: &Draft, shapes: &Shapes) -> HashMap<usize, Choice> {
    let here = draft.constants.values().map(Value::bytes);
    let total: usize = here.chain(draft.deferred.values().map(Deferred::bytes)).sum();
    let mut left = packing_allowance(total as u64);
    let mut choices = HashMap::new();
    let mut candidates = Vec::new();
    for (number, node) in draft.nodes.iter().enumerate() {
        let Op::Product(Product { kind: kind @ Products::Conv(_), .. }) = &node.op else { continue };
        let filter = node.inputs.get(1).and_then(|w| draft.weights(*w));
        let Some(Ok(dims)) = filter.map(<[usize; 4]>::try_from) else { continue };
        // The channels of an image are known more often than its size.
        let image = node.inputs.first().and_then(|x| shapes.get(*x));
        let Some(Some(channels)) = image.and_then(|x| x.get(3).copied()) else { continue };
        let groups = channels.checked_div(dims[2]).unwrap_or(0);
        if groups == 0 || groups * dims[2] != channels || !dims[3].is_multiple_of(groups) {
            continue;
        }
        choices.insert(number, Choice { algorithm: Algorithm::Direct, groups });
        let Some(g) = shapes.geometry(draft, kind, &node.inputs) else { continue };
        if choose(&g, dims, groups) == Algorithm::Winograd {
            let packed = |algorithm| Form::Conv { dims, groups, algorithm }.elements().unwrap_or(usize::MAX);
            let more = packed(Algorithm::Winograd).saturating_sub(packed(Algorithm::Direct));
            candidates.push((g.out_height * g.out_width, number, (more as u64).saturating_mul(4)));
        }
    }
    candidates.sort_by_key(|(pixels, number, _)| (std::cmp::Reverse(*pixels), *number));
    for (_, number, more) in candidates {
        if more <= left {
            left -= more;
            choices.insert(number, Choice { algorithm: Algorithm::Winograd, groups: 1 });
        }
    }
    choices
}
