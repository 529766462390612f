//! How many groups of channels each convolution has: its filter tells only together with the image, and it decides how weights are packed.

use super::draft::Draft;
use super::infer::Shapes;
use crate::graph::{Op, Products};
use std::collections::HashMap;

/// Groups by node; a convolution that is not in it has as many as the image turns out to have.
pub fn of_all(draft: &Draft, shapes: &Shapes) -> HashMap<usize, usize> {
    let mut all = HashMap::new();
    for (number, node) in draft.nodes.iter().enumerate() {
        let Op::Product(product) = &node.op else { continue };
        if !matches!(product.kind, Products::Conv(_)) {
            continue;
        }
        let filter = node.inputs.get(1).and_then(|w| draft.weights(*w));
        let Some(Ok(dims)) = filter.map(<[usize; 4]>::try_from) else { continue };
        // The channels of an image are known more often than its size.
        let image = shapes.entered(product, &node.inputs);
        let Some(Some(channels)) = image.and_then(|x| x.get(3).copied()) else { continue };
        let groups = channels.checked_div(dims[2]).unwrap_or(0);
        if groups > 0 && groups * dims[2] == channels && dims[3].is_multiple_of(groups) {
            all.insert(number, groups);
        }
    }
    all
}
