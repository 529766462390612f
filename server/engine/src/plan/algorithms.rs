//! How each convolution is computed. Winograd's method is faster and takes four times the memory for the filter: what is saved grows
//! with the image, so the largest images come first, until the memory that may be spent on it is used up.

use super::draft::Draft;
use super::infer::Shapes;
use crate::graph::{Op, Product, Products};
use crate::kernels::{Algorithm, choose};
use crate::value::{Kind, Value};
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
    let total: usize = draft.constants.values().map(Value::bytes).sum();
    let mut left = packing_allowance(total as u64);
    let mut choices = HashMap::new();
    let mut candidates = Vec::new();
    for (number, node) in draft.nodes.iter().enumerate() {
        let Op::Product(Product { kind: kind @ Products::Conv(_), .. }) = &node.op else { continue };
        let filter = node.inputs.get(1).and_then(|w| draft.constant(*w, Kind::F32));
        let Some((filter, Ok(dims))) = filter.map(|f| (f, <[usize; 4]>::try_from(f.dims()))) else {
            continue;
        };
        let Some(g) = shapes.geometry(draft, kind, &node.inputs) else { continue };
        let groups = g.channels.checked_div(dims[2]).unwrap_or(0);
        if groups == 0 || groups * dims[2] != g.channels || !dims[3].is_multiple_of(groups) {
            continue;
        }
        choices.insert(number, Choice { algorithm: Algorithm::Direct, groups });
        if choose(&g, dims, groups) == Algorithm::Winograd {
            candidates.push((g.out_height * g.out_width, number, 3 * filter.bytes() as u64));
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
