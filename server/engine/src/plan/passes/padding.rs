//! A border of zeros around an image becomes the padding of the convolution that reads it.

use crate::EngineError;
use crate::graph::{Op, Padding, Product, Products};
use crate::plan::draft::Draft;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let makers = draft.makers();
    for number in 0..draft.nodes.len() {
        let Op::Product(Product { kind: Products::Conv(conv) | Products::Depthwise(conv), .. }) =
            &draft.nodes[number].op
        else {
            continue;
        };
        let before = match conv.padding {
            Padding::Valid => [0; 4],
            Padding::Explicit(sides) => sides,
            Padding::Same | Padding::SameLower => continue,
        };
        let pad = makers.get(&draft.nodes[number].inputs[0]).map(|n| &draft.nodes[*n]);
        let Some(pad) = pad.filter(|n| n.op == Op::Pad) else { continue };
        let zero = pad.inputs.get(2).is_none_or(|v| draft.number(*v) == Some(0.0));
        let sides = draft.integers(pad.inputs[1]).and_then(border).filter(|_| zero);
        let Some(sides) = sides else { continue };
        let x = pad.inputs[0];
        let node = &mut draft.nodes[number];
        node.inputs[0] = x;
        if let Op::Product(Product { kind: Products::Conv(conv) | Products::Depthwise(conv), .. }) =
            &mut node.op
        {
            conv.padding = Padding::Explicit(std::array::from_fn(|i| before[i] + sides[i]));
        }
    }
    Ok(())
}

/// Top, bottom, left, right, if nothing else is padded.
fn border(paddings: &[i64]) -> Option<[usize; 4]> {
    let [0, 0, top, bottom, left, right, 0, 0] = *paddings else { return None };
    let size = |n: i64| usize::try_from(n).ok().filter(|n| *n < 1 << 16);
    Some([size(top)?, size(bottom)?, size(left)?, size(right)?])
}
