//! A border of zeros around an image becomes the padding of the convolution that reads it; or of the largest of each window, where no
//! number of the image is less than zero.

use crate::EngineError;
use crate::graph::{Op, Padding, Pool, Product, Products, Unary};
use crate::plan::draft::Draft;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let makers = draft.makers();
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        let Some(before) = sides(&node.op) else { continue };
        let pad = makers.get(&node.inputs[0]).map(|n| &draft.nodes[*n]);
        let Some(pad) = pad.filter(|n| n.op == Op::Pad) else { continue };
        let zero = pad.inputs.get(2).is_none_or(|v| draft.number(*v) == Some(0.0));
        let added = draft.integers(pad.inputs[1]).and_then(border).filter(|_| zero);
        let Some(added) = added else { continue };
        let x = pad.inputs[0];
        let maker = makers.get(&x).map(|n| &draft.nodes[*n].op);
        if let Op::Pool(pool) = &node.op
            && !is_lost(pool, before, added, maker)
        {
            continue;
        }
        let node = &mut draft.nodes[number];
        node.inputs[0] = x;
        if let Some(padding) = padding(&mut node.op) {
            *padding = Padding::Explicit(std::array::from_fn(|i| before[i] + added[i]));
        }
    }
    Ok(())
}

/// The padding of an operation that windows slide in, if it has one.
fn padding(op: &mut Op) -> Option<&mut Padding> {
    match op {
        Op::Product(Product { kind: Products::Conv(conv) | Products::Depthwise(conv), .. }) => {
            Some(&mut conv.padding)
        }
        Op::Pool(pool) => Some(&mut pool.padding),
        _ => None,
    }
}

/// The sides of its padding, where they do not depend on the image.
fn sides(op: &Op) -> Option<[usize; 4]> {
    match *padding(&mut op.clone())? {
        Padding::Valid => Some([0; 4]),
        Padding::Explicit(sides) => Some(sides),
        Padding::Same | Padding::SameLower => None,
    }
}

/// Whether zeros around what `maker` makes are never the largest of a window alone: pooling then may leave them out.
fn is_lost(pool: &Pool, before: [usize; 4], added: [usize; 4], maker: Option<&Op>) -> bool {
    let [top, bottom, left, right] = added;
    // Every window has a pixel of the image.
    let met = top.max(bottom) < pool.window[0] && left.max(right) < pool.window[1];
    let positive = matches!(maker, Some(Op::Unary(Unary::Relu | Unary::Relu6)));
    pool.max && before == [0; 4] && met && positive
}

/// Top, bottom, left, right, if nothing else is padded.
fn border(paddings: &[i64]) -> Option<[usize; 4]> {
    let [0, 0, top, bottom, left, right, 0, 0] = *paddings else { return None };
    let size = |n: i64| usize::try_from(n).ok().filter(|n| *n < 1 << 16);
    Some([size(top)?, size(bottom)?, size(left)?, size(right)?])
}
